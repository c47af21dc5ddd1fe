#include "core/sharing/orphaned_jobs.h"

#include <string>
#include <utility>

namespace gateway {

namespace {

constexpr Milliseconds kOrphanLook{5'000};

}  // namespace

OrphanedJobs::OrphanedJobs(Parts parts)
    : parts_(std::move(parts)),
      alarm_(parts_.loop.make_alarm([this] { look(); }, TimerKind::idle)) {
    alarm_->set(Milliseconds(0));
}

void OrphanedJobs::look() {
    if (parts_.is_leaving()) {
        return;
    }
    alarm_->set(kOrphanLook);
    if (task_ != nullptr) {
        return;  // the makings of an answer that is dropped would be lost
    }
    task_ = parts_.records.take_over(
        [this](std::vector<OrphanedJob> jobs) { on_taken(std::move(jobs)); });
}

void OrphanedJobs::on_taken(std::vector<OrphanedJob> jobs) {
    task_.reset();
    if (jobs.empty()) {
        return;
    }
    alarm_->set(Milliseconds(0));  // there may be more
    size_t count = 0;
    for (const OrphanedJob &job : jobs) {
        if (resume(job)) {
            ++count;
        } else {
            interrupt(job);
        }
    }
    parts_.log.write(LogLevel::warn, "image gateway: takes over " + std::to_string(count) +
                                         " makings of dead workers; " +
                                         std::to_string(jobs.size() - count) +
                                         " others cannot go on");
}

// A making that was taken over must end, whatever happens.
bool OrphanedJobs::resume(const OrphanedJob &job) {
    try {
        const auto place = parts_.place(place_of_making(job.making));
        auto making = place ? read_making(job.making, *place, parts_.models, parts_.accounts,
                                          parts_.memory, parts_.clock)
                            : std::nullopt;
        if (!making) {
            return false;
        }
        SharingTerms terms;
        terms.id = job.id;
        terms.kind = job.kind;
        terms.order = job.order;
        terms.has_record = true;
        terms.goes_on = job.kind != RecordKind::shared;
        terms.record_request = job.request_id;
        terms.keep = job.keep;
        terms.owner = job.owner;
        terms.hosting = place->hosting;
        parts_.running.begin(std::move(making->order), std::move(terms))
            ->resume(std::move(making->resumption));
        return true;
    } catch (...) {
        return false;
    }
}

// What was reserved for it counts as spent when the ledger is swept.
void OrphanedJobs::interrupt(const OrphanedJob &job) noexcept {
    RecordEnd end;
    end.id = job.id;
    end.expires = parts_.clock.unix_seconds() + job.keep;
    parts_.records.finish(std::move(end));
}

}  // namespace gateway
