#include "core/sharing/shared_making.h"

#include <algorithm>
#include <utility>

#include "core/image_ports.h"
#include "core/making/settlement.h"
#include "core/routing/observer.h"
#include "core/sharing/making_register.h"

namespace gateway {

namespace {

constexpr int kNobodyWaits = 499;
constexpr Milliseconds kLongestKeeping{60'000};
constexpr Milliseconds kEndLook{500};
constexpr int64_t kForWaiting = 60;    // seconds that a result is kept for waiting requests
constexpr int64_t kSeenByWaiting = 5;  // seconds in which they see that there is none
constexpr Milliseconds kNoteAgain{1'000};
constexpr Milliseconds kTimeToBegin{500};

// The first request was answered, but its result could not be written down.
KeptResult error_not_kept(const KeptResult &kept) {
    KeptResult error;
    error.request_id = kept.request_id;
    error.created = kept.created;
    error.latency = kept.latency;
    error.status = 507;
    error.billed = true;
    error.result.error = ApiError::of(
        error.status, "result_not_kept",
        "The request was served, but the gateway could not keep its result. The images are not "
        "made again for the same Idempotency-Key or job.");
    error.result.history = kept.result.history;
    return error;
}

ApiError error_cancelled() {
    ApiError error = ApiError::of(kNobodyWaits, "cancelled", "The job was cancelled.");
    error.type = "invalid_request_error";
    return error;
}

}  // namespace

SharedMaking::SharedMaking(std::shared_ptr<Order> order, Health &health, MakingHome &home,
                           SharingTerms terms, MakingRegister &running)
    : order_(std::move(order)),
      request_id_(terms.record_request.empty() ? order_->request_id : terms.record_request),
      terms_(std::move(terms)),
      running_(running),
      own_(home.open(*this)),
      began_(own_->ports().clock.now()),
      has_span_(begin_making(order_->trace, own_->ports().random)),
      abandon_(own_->ports().loop.make_alarm([this] { abandon(); }, TimerKind::holds_exit)),
      making_(order_, health, own_->ports(), this, [this] { on_end(); }) {
    places_.reserve(1);  // so that the leader always has its place
}

SharedMaking::~SharedMaking() {
    stop();
}

// ---- followers

void SharedMaking::lead(Follower &leader) {
    places_.push_back({&leader, nullptr});
    leader_ = &leader;
    start();
}

void SharedMaking::wait(const std::function<void()> &enter_queue) {
    run_for(static_cast<CallbackOwner &>(*this), [&] {
        waits_ = true;
        end_look_ = own_->ports().loop.make_alarm([this] { look_for_end(); }, TimerKind::idle);
        end_look_->set(kEndLook);
        enter_queue();
    });
}

bool SharedMaking::has_time_to_begin() const {
    const auto left = own_->ports().loop.time_to_live();
    return !left || *left >= kTimeToBegin;
}

void SharedMaking::begin_after_waiting() {
    run_for(static_cast<CallbackOwner &>(*this), [this] {
        deadline_ = own_->ports().loop.start_timer(kLongestKeeping, [this] {
            refuse(ApiError::for_now(503, "jobs_unavailable",
                                     "The gateway cannot write down that the job begins. Nothing "
                                     "was made or billed."));
        });
        note_beginning();
    });
}

// Before a provider is asked. Else, a job whose worker is killed now would look as if it waited.
void SharedMaking::note_beginning() {
    question_ = own_->records()->note_waiting(terms_.id, false, [this](WaitNoted noted) {
        question_.reset();
        if (noted == WaitNoted::yes) {
            end_waiting();
        } else if (noted == WaitNoted::cancelled) {
            cancel();
        } else {
            note_again_ = own_->ports().loop.start_timer(kNoteAgain, [this] { note_beginning(); });
        }
    });
}

void SharedMaking::end_waiting() {
    waits_ = false;
    began_ = own_->ports().clock.now();
    order_->deadline = began_ + order_->allowed;
    start();
}

void SharedMaking::start() {
    begin([this] { making_.start(); });
}

void SharedMaking::resume(Resumption resumption) {
    taken_ = resumption.calls;
    begin([this, &resumption] { making_.resume(std::move(resumption)); });
    if (!terms_.goes_on) {
        abandon_->set(Milliseconds(0));  // unless others wait for it
    }
}

// What throws ends the making, not only the request that begins it: else it would never end.
void SharedMaking::begin(const std::function<void()> &start_making) {
    run_for(static_cast<CallbackOwner &>(*this), [&] {
        started_ = true;
        const Ports &ports = own_->ports();
        const Milliseconds left = order_->deadline - ports.clock.now();
        deadline_ =
            ports.loop.start_timer(std::max(left, Milliseconds(0)), [this] { making_.expire(); });
        if (terms_.kind == RecordKind::job) {
            if (end_look_ == nullptr) {
                end_look_ = ports.loop.make_alarm([this] { look_for_end(); }, TimerKind::idle);
            }
            end_look_->set(kEndLook);
        }
        if (terms_.has_record) {
            making_.watch_calls(this);
        }
        if (terms_.is_patient) {
            making_.be_patient();
        }
        start_making();
    });
}

// Another worker may have got the request to cancel the job, or the time of this one is over.
void SharedMaking::look_for_end() {
    if (phase_ != Phase::running) {
        return;  // its result is being written, which does not take long
    }
    const auto left = own_->ports().loop.time_to_live();
    if (left && *left <= Milliseconds(0)) {
        end_with_process();
        return;
    }
    end_look_->set(kEndLook);
    if (question_ != nullptr) {
        return;  // the records are slow: a new question would drop the answer
    }
    question_ = own_->records()->is_cancelled(terms_.id, [this](bool cancelled) {
        question_.reset();
        if (cancelled) {
            cancel();
        }
    });
}

void SharedMaking::attach(Follower &follower) {
    const size_t place = places_.size();
    places_.push_back({&follower, nullptr});
    if (phase_ != Phase::running) {
        places_[place].told =
            own_->ports().loop.start_timer(Milliseconds(0), [this, place] { tell_late(place); });
        return;
    }
    making_.hold(false);  // a slow client holds up nobody else
    give_early(follower);
}

void SharedMaking::give_early(Follower &follower) {
    for (const Early &early : early_) {
        follower.image(making_.result().maker, early.words, early.image, early.adjustments);
    }
}

void SharedMaking::tell_late(size_t place) noexcept {
    places_[place].told.reset();
    if (Follower *late = places_[place].follower) {
        run_for(late->owner(), [this, late] {
            give_early(*late);
            late->on_shared_end();
        });
    }
}

bool SharedMaking::leave(const Follower &follower) noexcept {
    for (Place &place : places_) {
        if (place.follower == &follower) {
            place.follower = nullptr;
            place.told.reset();
        }
    }
    const bool led = leader_ == &follower && phase_ == Phase::running;
    leader_ = leader_ == &follower ? nullptr : leader_;
    if (phase_ == Phase::running && followers() == 0 && !waits_ && !(terms_.goes_on && started_)) {
        abandon_->set(Milliseconds(0));  // later: this may be a callback of the making
    }
    return led;
}

size_t SharedMaking::followers() const {
    return static_cast<size_t>(std::count_if(places_.begin(), places_.end(),
                                             [](const Place &place) { return place.follower; }));
}

void SharedMaking::hold(bool held) {
    if (phase_ == Phase::running && followers() == 1) {
        making_.hold(held);
    }
}

// A follower may leave, and others may come, while they are told.
template <typename Tell>
void SharedMaking::tell_all(Tell tell) noexcept {
    for (size_t i = 0; i < places_.size(); ++i) {
        if (Follower *follower = places_[i].follower) {
            run_for(follower->owner(), [&] { tell(*follower); });
        }
    }
}

void SharedMaking::preview(const Maker &maker, const Preview &preview) {
    tell_all([&](Follower &follower) { follower.preview(maker, preview); });
}

void SharedMaking::image(const Maker &maker, const ImageWords &words, const Image &image,
                         const std::vector<Adjustment> &adjustments) {
    early_.push_back({words, image, adjustments});
    tell_all([&](Follower &follower) { follower.image(maker, words, image, adjustments); });
}

// ---- what another process needs to know if this one dies

void SharedMaking::on_call(const Candidate &candidate) {
    if (terms_.unasked != nullptr) {
        terms_.unasked->remove(candidate);
    }
}

void SharedMaking::on_job(TakenCall call) {
    taken_.push_back(std::move(call));
    note_jobs();
}

void SharedMaking::on_job_end(size_t number) {
    std::erase_if(taken_, [=](const TakenCall &call) { return call.number == number; });
    note_jobs();
}

void SharedMaking::note_jobs() {
    if (!terms_.has_record || phase_ != Phase::running || order_->place.empty()) {
        return;
    }
    auto text =
        taken_.empty() ? std::nullopt : write_making(*order_, making_, taken_, own_->ports().clock);
    if (!text) {
        taken_.clear();
    }
    own_->records()->note(terms_.id, std::move(text).value_or(""));
}

// False if nobody can go on with it.
bool SharedMaking::leave_to_heir() noexcept {
    if (phase_ == Phase::over || taken_.empty() || !terms_.has_record) {
        return false;
    }
    deadline_.reset();
    question_.reset();
    write_.reset();
    making_.leave_jobs();
    order_->funds.leave();
    terms_.has_record = false;
    conclude();
    return true;
}

void SharedMaking::end_with_process() noexcept {
    if (waits()) {
        try {
            refuse(*lost_in_queue({}).result.error);
            return;
        } catch (...) {  // then nobody knows that nothing was made
        }
    }
    if (!leave_to_heir()) {
        stop();
    }
}

// ---- the end

bool SharedMaking::is_billed() const {
    return making_.images_answered() > 0 || making_.images_lost() > 0 ||
           making_.result().withheld_cost.has_value() || !order_->plan.before.candidates.empty();
}

void SharedMaking::on_end() {
    const Ports &ports = own_->ports();
    phase_ = Phase::ended;
    // Also lets a worker that was told to quit wait until the result is written.
    deadline_ = ports.loop.start_timer(kLongestKeeping, [this] { stop(); });
    created_ = ports.clock.unix_seconds();
    latency_ = (ports.clock.now() - (order_->deadline - order_->allowed)).count();
    end_span();
    tell_end();
    // A job is settled when its result is written down: until then, another process may go on.
    if (terms_.kind != RecordKind::job) {
        settle_end();
    }
    keep();
}

void SharedMaking::settle_end() noexcept {
    if (leader_ == nullptr) {
        const Result &result = making_.result();
        const int status = result.error ? result.error->status : 200;
        settle(terms_.kind == RecordKind::job ? status : kNobodyWaits,
               result.outcome ? name_of(*result.outcome) : "refused");
    }
}

void SharedMaking::settle(int status, std::string_view outcome) noexcept {
    settle_order(*order_, &making_, own_->ports(),
                 {status, outcome, order_->deadline - order_->allowed});
}

// Once. Without an outcome, it is that of the making.
void SharedMaking::end_span(std::string_view outcome) noexcept {
    if (!std::exchange(has_span_, false)) {
        return;
    }
    const Result &result = making_.result();
    const auto &attempts = result.history.attempts();
    SharedMakingEnd end{.trace = *order_->trace};
    end.request_id = order_->request_id;
    end.requested_model = order_->requested_model;
    end.has_failed = result.error.has_value() || !outcome.empty();
    end.outcome = !outcome.empty() ? outcome
                  : result.outcome ? name_of(*result.outcome)
                                   : "refused";
    end.provider = attempts.empty() ? std::string_view() : attempts.back().provider;
    end.model = attempts.empty() ? std::string_view() : attempts.back().model;
    end.images = making_.images_answered();
    end.latency = (own_->ports().clock.now() - began_).count();
    tell_shared_making_end(own_->ports().observers, end);
}

// The last client in this worker has left. If others wait in another worker, it goes on for them.
void SharedMaking::abandon() {
    if (phase_ != Phase::running || followers() != 0) {
        return;
    }
    if (terms_.kind != RecordKind::shared || !terms_.has_record || !started_) {
        stop();
        return;
    }
    question_ = own_->records()->is_wanted(terms_.id, request_id_, [this](bool wanted) {
        terms_.has_record = wanted;
        terms_.goes_on = wanted;
        if (!wanted && phase_ == Phase::running && followers() == 0) {
            stop();
        }
    });
}

void SharedMaking::stop() noexcept {
    if (phase_ == Phase::over) {
        return;
    }
    const bool was_running = phase_ == Phase::running;
    deadline_.reset();
    question_.reset();
    write_.reset();
    making_.drop();
    end_span("client_gone");
    if (was_running && leader_ == nullptr) {
        settle(kNobodyWaits, "client_gone");
    }
    if (terms_.kind == RecordKind::job || terms_.kind == RecordKind::keyed ||
        (was_running && is_billed())) {
        end_record({});  // nobody knows what the provider made, or the result was not written yet
    } else {
        forget_record();
    }
    conclude();
}

void SharedMaking::cancel() noexcept {
    if (phase_ != Phase::running) {
        return;
    }
    try {
        end_early(error_cancelled(), "cancelled");
    } catch (...) {
        stop();  // it ends as interrupted
    }
}

void SharedMaking::refuse(ApiError error) noexcept {
    if (waits()) {
        end_early(std::move(error), "failed");
    }
}

void SharedMaking::end_early(ApiError error, const char *status) noexcept {
    const std::string_view outcome =
        waits_ && error.status != kNobodyWaits ? "refused" : "cancelled";
    making_.drop();
    end_span(outcome);
    phase_ = Phase::ended;
    deadline_.reset();
    note_again_.reset();
    question_.reset();
    created_ = own_->ports().clock.unix_seconds();
    std::string facts;
    try {
        KeptResult kept = kept_result();
        kept.status = error.status;
        kept.result.error = error;
        facts = keep_result(kept, {}).facts;
        refusal_ = std::move(error);
    } catch (...) {
        facts.clear();  // then it ends as interrupted
    }
    failed_ = !refusal_;
    tell_end();
    if (leader_ == nullptr) {
        settle(refusal_ ? refusal_->status : kNobodyWaits, outcome);
    }
    end_record(std::move(facts), status);
    conclude();
}

void SharedMaking::end_by_exception(const char *what) noexcept {
    try {
        own_->ports().log.write(
            LogLevel::error,
            std::string("image gateway: an exception ended a shared making: ") + what);
        if (waits()) {
            refuse(ApiError::of(500));
            return;
        }
    } catch (...) {  // a line that there is no memory for
    }
    const bool is_result_kept = phase_ == Phase::ended && told_;
    failed_ = !told_;
    if (failed_) {
        making_.withhold();
    }
    making_.drop();
    end_span("internal_error");
    phase_ = Phase::ended;
    tell_end();
    if (leader_ == nullptr) {
        settle(500, "internal_error");  // has no effect if it was settled
    }
    is_billed() || is_result_kept || terms_.kind == RecordKind::job ? end_record({})
                                                                    : forget_record();
    conclude();
}

// Once.
void SharedMaking::tell_end() noexcept {
    if (!std::exchange(told_, true)) {
        tell_all([](Follower &follower) { follower.on_shared_end(); });
    }
}

// ---- keeping the result

bool SharedMaking::must_be_kept() const {
    return terms_.has_record &&
           (!making_.result().error || is_billed() || terms_.kind == RecordKind::job);
}

// Only what the provider made as it was asked to.
std::optional<RecordId> SharedMaking::cache_id() const {
    const Result &result = making_.result();
    const bool whole = !result.error && result.missing.empty() &&
                       static_cast<int64_t>(result.images.size()) == result.requested;
    for (size_t i = 0; whole && i < terms_.cache_ids.size(); ++i) {
        const Candidate &candidate = order_->plan.candidates[i];
        if (candidate.provider->name != result.maker.provider ||
            candidate.model != result.maker.model) {
            continue;
        }
        const auto &prepared =
            order_->plan.prepared(i, order_->preparation(own_->ports().clock.unix_seconds()));
        const bool as_asked =
            prepared && result.adjustments.size() == order_->request.adjustments.size() +
                                                         prepared->fitted.adjustments.size();
        return as_asked ? terms_.cache_ids[i] : std::nullopt;
    }
    return std::nullopt;
}

void SharedMaking::keep() {
    const auto cache = cache_id();
    if (!must_be_kept()) {
        forget_record();
        cache ? write(false, cache) : conclude();
        return;
    }
    if (terms_.kind != RecordKind::shared) {
        write(true, cache);
        return;
    }
    question_ = own_->records()->is_wanted(terms_.id, request_id_, [this, cache](bool wanted) {
        question_.reset();
        terms_.has_record = wanted;
        wanted || cache ? write(wanted, cache) : conclude();
    });
}

// Images of a stream that were sent early have no content in the result.
KeptResult SharedMaking::kept_result() const {
    KeptResult kept;
    kept.result = making_.result();
    for (Image &image : kept.result.images) {
        const auto early = std::find_if(early_.begin(), early_.end(), [&](const Early &one) {
            return one.image.index == image.index;
        });
        if (image.content.empty() && early != early_.end()) {
            image.content = early->image.content;
        }
    }
    kept.request_id = order_->request_id;
    kept.created = created_;
    kept.latency = latency_;
    kept.status = kept.result.error ? kept.result.error->status : 200;
    kept.billed = is_billed();
    kept.inputs = facts_of_inputs(order_->inputs);
    return kept;
}

void SharedMaking::write(bool for_record, const std::optional<RecordId> &cache_id) {
    const Ports &ports = own_->ports();
    const KeptResult kept = kept_result();
    Keeping keeping = keep_result(kept, order_->form.base_url);
    const int64_t now = ports.clock.unix_seconds();
    if (terms_.hosting == nullptr && keeping.bytes > 0) {
        record_end_.emplace();  // for note_written()
        note_written(false);
        return;
    }
    RecordEnd end;
    end.facts = std::move(keeping.facts);
    end.file_bytes = keeping.images.size();
    end.bytes = keeping.bytes + end.facts.size();
    end.model = kept.result.maker.provider + "/" + kept.result.maker.model;
    end.request_id = request_id_;
    end.owner = terms_.owner;
    end.status = kept.result.error ? "failed" : "completed";
    for (const std::string &name : keeping.names) {
        end.images += image_path(*terms_.hosting, name) + "\n";
    }
    if (cache_id) {
        cache_end_ = end;
        cache_end_->id = *cache_id;
        cache_end_->expires = now + terms_.cache_ttl;
    }
    if (for_record) {
        const bool shared = terms_.kind == RecordKind::shared;
        record_end_ = std::move(end);
        record_end_->id = terms_.id;
        record_end_->expires = now + (shared ? kForWaiting : terms_.keep);
    }
    if (keeping.images.empty() && keeping.names.empty()) {
        note_written(true);
        return;
    }
    KeptFiles files;
    files.may_go = !record_end_;
    files.expires =
        std::max(record_end_ ? record_end_->expires : 0, cache_end_ ? cache_end_->expires : 0);
    for (const std::string &name : keeping.names) {
        files.images.push_back(image_path(*terms_.hosting, name));
    }
    if (!keeping.images.empty()) {
        files.path = image_path(*terms_.hosting, new_result_name(ports.random));
        files.base64 = std::move(keeping.images);
        for (auto *one : {&record_end_, &cache_end_}) {
            if (*one) {
                (*one)->file = files.path;
            }
        }
    }
    write_ = ports.files.keep(std::move(files), [this](const Written &written) {
        if (written.result != Written::whole) {
            own_->ports().log.write(LogLevel::error,
                                    "image gateway: cannot keep a result: " + written.problem);
        }
        note_written(written.result == Written::whole);
    });
    if (write_ == nullptr) {
        note_written(false);
    }
}

void SharedMaking::note_written(bool written) {
    if (cache_end_ && written) {
        own_->records()->put(std::move(*cache_end_));
    }
    if (record_end_ && written) {
        own_->records()->finish(std::move(*record_end_));
    } else if (record_end_ && terms_.kind != RecordKind::shared) {
        end_record(keep_result(error_not_kept(kept_result()), {}).facts, "failed");
    } else if (record_end_) {
        forget_record();
    }
    terms_.has_record = false;
    conclude();
}

// Without facts, the record says that the request was interrupted.
void SharedMaking::end_record(std::string facts, const char *status) noexcept {
    if (!terms_.has_record) {
        return;
    }
    terms_.has_record = false;
    RecordEnd end;
    end.id = terms_.id;
    end.facts = std::move(facts);
    const bool shared = terms_.kind == RecordKind::shared;
    end.expires = own_->ports().clock.unix_seconds() + (shared ? kSeenByWaiting : terms_.keep);
    end.request_id = std::move(request_id_);
    end.status = status;  // short: no allocation
    own_->records()->finish(std::move(end));
}

void SharedMaking::forget_record() noexcept {
    if (terms_.has_record) {
        terms_.has_record = false;
        own_->records()->forget(terms_.id, std::move(request_id_));
    }
}

void SharedMaking::conclude() noexcept {
    if (phase_ == Phase::over) {
        return;
    }
    phase_ = Phase::over;
    terms_.key_in_use.reset();
    deadline_.reset();
    abandon_->unset();
    if (end_look_ != nullptr) {
        end_look_->unset();
    }
    if (terms_.kind == RecordKind::job) {
        settle_end();  // has no effect if it was settled
    }
    for (size_t i = 0; i < places_.size(); ++i) {
        if (places_[i].told != nullptr) {
            tell_late(i);
        }
    }
    making_.release_images();
    early_.clear();
    running_.remove(terms_.id);
}

}  // namespace gateway
