#include "core/exchange/job_requests.h"

#include <charconv>
#include <utility>

#include "core/request_id.h"
#include "core/sharing/joining.h"

namespace gateway {

namespace {

constexpr int kNoContent = 204;
constexpr Milliseconds kLookAgain{200};
constexpr int kMaxLooks = 15;

ApiError error_no_job() {
    return ApiError::of(404, "job_not_found", "There is no such job, or it has expired.");
}

ApiError error_jobs_unavailable() {
    return ApiError::for_now(503, "jobs_unavailable",
                             "The gateway currently cannot read the records of jobs.");
}

ApiError error_wrong_query(const std::string &name, const char *what) {
    return ApiError::of(400, "invalid_value", name + " must be " + what + ".", name);
}

Answer answer_of(Bytes body, bool is_running) {
    Answer answer;
    answer.body = std::move(body);
    if (is_running) {
        answer.headers.emplace_back("Retry-After", "2");
    }
    return answer;
}

// "limit=N&after=ID&status=WORD"
tl::expected<JobQuery, ApiError> read_query(std::string_view text) {
    constexpr size_t kDefault = 20;
    constexpr size_t kMax = 100;
    JobQuery query;
    query.limit = kDefault;
    while (!text.empty()) {
        const size_t end = text.find('&');
        const std::string_view part = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const size_t equals = part.find('=');
        const std::string_view name = part.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
        if (name == "limit") {
            const auto [stop, error] =
                std::from_chars(value.data(), value.data() + value.size(), query.limit);
            if (error != std::errc() || stop != value.data() + value.size() || query.limit < 1 ||
                query.limit > kMax) {
                return tl::unexpected(error_wrong_query("limit", "a number from 1 to 100"));
            }
        } else if (name == "after") {
            if (!is_job_id(value)) {
                return tl::unexpected(error_wrong_query("after", "the id of a job"));
            }
            query.after = value;
        } else if (name == "status") {
            if (value != "queued" && value != "in_progress" && value != "completed" &&
                value != "failed" && value != "cancelled") {
                return tl::unexpected(error_wrong_query(
                    "status", "queued, in_progress, completed, failed or cancelled"));
            }
            query.status = value;
        }
    }
    return query;
}

}  // namespace

JobContext JobRequests::context() const {
    return {policy_.hosting.get(), ports_.clock.unix_seconds()};
}

void JobRequests::answer(const JobRequest &request, std::function<void(Answered)> then) {
    then_ = std::move(then);
    switch (request.what) {
        case JobRequest::What::show:
        case JobRequest::What::show_bifrost: show(request); return;
        case JobRequest::What::list: list(request.query); return;
        case JobRequest::What::remove: remove(request.id); return;
    }
}

void JobRequests::find(const std::string &id, std::function<void(const Found &)> then) {
    JobQuery query;
    query.tenant = tenant_;
    query.id = id;
    task_ = records().find_jobs(
        std::move(query),
        [then = std::move(then)](const std::optional<std::vector<JobRecord>> &found) {
            if (!found) {
                then(tl::unexpected(error_jobs_unavailable()));
            } else if (found->empty()) {
                then(tl::unexpected(error_no_job()));
            } else {
                then(found->front());
            }
        });
}

void JobRequests::show(const JobRequest &request) {
    const bool as_bifrost = request.what == JobRequest::What::show_bifrost;
    find(request.id, [this, as_bifrost, operation = request.operation](const Found &job) {
        if (!job) {
            end(tl::unexpected(job.error()));
            return;
        }
        if (as_bifrost && job->about.operation != operation) {
            end(tl::unexpected(error_no_job()));
            return;
        }
        const bool is_running = job->state == JobState::running;
        Answer answer =
            answer_of(as_bifrost ? write_bifrost_job(*job, context()) : write_job(*job, context()),
                      is_running);
        if (as_bifrost && is_running) {
            answer.status = kJobAccepted;
        }
        end(std::move(answer));
    });
}

void JobRequests::list(std::string_view text) {
    auto query = read_query(text);
    if (!query) {
        end(tl::unexpected(std::move(query.error())));
        return;
    }
    if (tenant_.empty()) {
        end(answer_of(write_job_list({}, false), false));  // nobody knows whose jobs to list
        return;
    }
    const size_t limit = query->limit++;  // one more says whether there are more
    query->tenant = tenant_;
    task_ = records().find_jobs(std::move(*query),
                                [this, limit](std::optional<std::vector<JobRecord>> found) {
                                    if (!found) {
                                        end(tl::unexpected(error_jobs_unavailable()));
                                        return;
                                    }
                                    const bool has_more = found->size() > limit;
                                    found->resize(std::min(found->size(), limit));
                                    end(answer_of(write_job_list(*found, has_more), false));
                                });
}

void JobRequests::remove(const std::string &id) {
    JobQuery query;
    query.tenant = tenant_;
    query.id = id;
    task_ = records().remove_job(std::move(query),
                                 [this](const std::optional<JobRecord> &job) { on_removed(job); });
}

void JobRequests::on_removed(const std::optional<JobRecord> &job) {
    if (!job) {
        end(tl::unexpected(error_no_job()));
        return;
    }
    if (job->state != JobState::running) {
        Answer answer;
        answer.status = kNoContent;
        end(std::move(answer));
        return;
    }
    if (const auto making = ports_.sharing->running.find(job_record(job->about.id))) {
        making->cancel();
    }
    look_again(job->about.id);
}

// The job may be in another worker, which looks for this wish now and then.
void JobRequests::look_again(const std::string &id) {
    find(id, [this, id](const Found &job) {
        if (!job) {
            end(tl::unexpected(error_no_job()));
            return;
        }
        const bool is_running = job->state == JobState::running;
        if (is_running && ++looks_ < kMaxLooks) {
            timer_ = ports_.loop.start_timer(kLookAgain, [this, id] { look_again(id); });
            return;
        }
        Answer answer = answer_of(write_job(*job, context()), is_running);
        answer.status = is_running ? kJobAccepted : answer.status;
        end(std::move(answer));
    });
}

void JobRequests::end(Answered answered) {
    const auto then = std::move(then_);
    then(std::move(answered));
}

}  // namespace gateway
