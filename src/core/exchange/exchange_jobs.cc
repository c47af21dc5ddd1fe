// The steps of an exchange whose client asks for the result later, or asks about jobs.
#include <charconv>
#include <utility>

#include "core/exchange/exchange.h"
#include "core/request_id.h"
#include "core/routing/failure.h"
#include "core/webhooks/message.h"

namespace gateway {

namespace {

ApiError error_no_webhooks(bool is_job) {
    const std::string name(kWebhookHeader);
    return ApiError::of(400, "invalid_value",
                        is_job ? name + " cannot be used: this gateway sends no messages."
                               : name +
                                     " is only for jobs, which a request becomes by \"Prefer: "
                                     "respond-async\" where the gateway has jobs.",
                        name);
}

// Whose messages take turns with those of others: a caller, or all without identity at an address.
std::string party_of(const Order &order) {
    if (!order.caller.id().empty()) {
        return std::string(order.caller.id());
    }
    std::string party("address ");
    for (const char byte : order.address) {
        party += std::to_string(static_cast<uint8_t>(byte)) + ".";
    }
    return party;
}

ApiError error_too_many_wait() {
    ApiError error =
        ApiError::of(429, "too_many_jobs",
                     "The job cannot begin yet, and this caller or the gateway has as many waiting "
                     "jobs as it may have. Repeat the request later.");
    error.retry_after = 10;
    return error;
}

}  // namespace

// How long the job's result is kept, in seconds. Nothing if the request is not a job.
std::optional<int64_t> Exchange::job_keep() const {
    const JobRules &rules = policy_.sharing.jobs;
    const bool can = rules.on && ports_.sharing != nullptr && ports_.sharing->records != nullptr;
    if (!can || (job_form_ == JobForm::none && !wishes_.respond_async)) {
        return std::nullopt;
    }
    int64_t wished = 0;
    const std::string_view text = job_form_ == JobForm::bifrost ? head_.job_keep : "";
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), wished);
    const bool is_valid = error == std::errc() && stop == text.data() + text.size() && wished > 0;
    return is_valid ? std::min(wished, rules.keep) : rules.keep;
}

// Without a URL, if the client asks for no message.
tl::expected<WebhookTarget, ApiError> Exchange::read_webhook(bool is_job) const {
    WebhookTarget target;
    if (head_.webhook.empty()) {
        return target;
    }
    if (!is_job || policy_.webhooks == nullptr) {
        return tl::unexpected(error_no_webhooks(is_job));
    }
    if (auto checked = check_receiver(head_.webhook, *policy_.webhooks->addresses); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    target.url = head_.webhook;
    target.message_id = new_message_id(ports_.random);
    target.party = party_of(*order_);
    target.rules = policy_.webhooks->name;
    return target;
}

// ---- a job that waits: see core/sharing/job_queue

bool Exchange::may_wait() const {
    return job_keep() && policy_.sharing.jobs.waiting > 0 && ports_.sharing->queue != nullptr;
}

// Against a place under `concurrent`, waiting helps. All other limits refuse at once.
bool Exchange::may_wait_for(const ApiError &refusal) const {
    return refusal.limited.limit == "concurrent" && may_wait() && order_->funds.lets_wait();
}

Milliseconds Exchange::longest_claim() const {
    return may_wait() ? allowed_ + JobQueue::kLongestWait : allowed_;
}

// Enters all limits but `concurrent`. So who may not wait is refused before the body is read.
Exchange::Entered Exchange::enter_waiting(ApiError refusal) {
    Order &order = *order_;
    waiting_place_ = ports_.sharing->queue->take_place(order, policy_.sharing.jobs.waiting);
    if (waiting_place_ == nullptr) {
        ApiError error = error_too_many_wait();
        error.limited = refusal.limited;
        return tl::unexpected(std::move(error));
    }
    Entered entered;
    order.funds.enter_waiting(
        parties_of(order.caller, order.end_user, order.address, policy_.limits), longest_claim(),
        [&entered](Entered answer) { entered = std::move(answer); });
    return entered;
}

void Exchange::start_job() {
    job_.about = joining_->job();
    job_.created = ports_.clock.unix_seconds();
    JobQueue *queue = may_wait() ? ports_.sharing->queue : nullptr;
    if (queue == nullptr || (waiting_place_ == nullptr && queue->may_begin_now(*order_))) {
        begin_job();
        return;
    }
    if (waiting_place_ == nullptr) {
        waiting_place_ = queue->take_place(*order_, policy_.sharing.jobs.waiting);
    }
    if (waiting_place_ != nullptr && queue->may_hold(*order_)) {
        ask_to_wait();
        return;
    }
    joining_->let_go();
    forget_shared();
    fail(error_too_many_wait());
}

// The reply says that it waits, and so must the record by then.
void Exchange::ask_to_wait() {
    order_->funds.step_back();
    job_note_ =
        ports_.sharing->records->note_waiting(joining_->terms().id, true, [this](WaitNoted noted) {
            job_note_.reset();
            if (noted != WaitNoted::unavailable) {
                job_.status = "queued";
                begin_job();
                return;
            }
            joining_->let_go();
            forget_shared();
            fail(ApiError::for_now(503, "jobs_unavailable",
                                   "The gateway currently cannot write the records of jobs."));
        });
}

// It starts, or it begins to wait.
void Exchange::begin_job() {
    SharingTerms terms = joining_->terms();
    terms.is_patient = may_wait();
    shared_ = ports_.sharing->running.begin(order_, std::move(terms));
    joining_->hand_over();
    phase_ = Phase::making;
    deadline_timer_.reset();  // the shared making has the order's deadline
    handed_over_ = true;
    const std::chrono::seconds wait = wishes_.wait.value_or(std::chrono::seconds(0));
    const bool is_waited_for = wait.count() > 0 && job_form_ != JobForm::bifrost;
    if (is_waited_for) {
        shared_->attach(*this);
        job_wait_ = ports_.loop.start_timer(wait, [this] {
            shared_->leave(*this);
            job_.status = shared_->waits() ? "queued" : "";
            accept_job(job_);
        });
    }
    if (waiting_place_ != nullptr) {
        shared_->wait([this] { ports_.sharing->queue->add(shared_, std::move(waiting_place_)); });
    } else {
        shared_->start();
    }
    if (!is_waited_for) {
        accept_job(job_);
    }
}

// The client waits for a job that was cancelled, or refused after it has waited.
void Exchange::fail_job(const ApiError &refusal) {
    if (refusal.code == "cancelled") {
        outcome_ = "cancelled";
        fail(ApiError::of(409, "cancelled", "The job was cancelled."));
    } else {
        fail(refusal);
    }
}

void Exchange::accept_job(const JobRecord &job) {
    const JobContext context{policy_.hosting.get(), ports_.clock.unix_seconds()};
    const bool as_bifrost = job_form_ == JobForm::bifrost;
    Answer answer;
    answer.status = kJobAccepted;
    answer.body = as_bifrost ? write_bifrost_job(job, context) : write_job(job, context);
    if (!as_bifrost) {
        answer.headers.emplace_back("Location", head_.base_url + "/images/jobs/" + job.about.id);
        answer.headers.emplace_back("Preference-Applied", "respond-async");
    }
    answer.headers.emplace_back("Retry-After", "2");
    outcome_ = "accepted";
    job_wait_.reset();
    settle(kJobAccepted);
    complete_head(answer);
    phase_ = Phase::replied;
    answer_(std::move(answer));
}

// A repeated request with the same Idempotency-Key.
void Exchange::show_existing_job() {
    by_key_ = true;
    job_requests_ = std::make_unique<JobRequests>(ports_, policy_, joining_->job().tenant);
    job_requests_->find(joining_->job().id, [this](const JobRequests::Found &found) {
        found ? accept_job(*found) : fail(error_overloaded("the records of jobs cannot be read"));
    });
}

void Exchange::answer_about_jobs(const JobRequest &request, std::function<void(Answer)> answer) {
    answer_ = std::move(answer);
    const auto wishes = read_wishes(head_);
    if (!wishes) {
        fail(wishes.error());
        return;
    }
    order_->end_user = head_.on_behalf_of;
    job_requests_ = std::make_unique<JobRequests>(ports_, policy_, tenant_of(*order_));
    job_requests_->answer(request, [this](JobRequests::Answered answered) {
        if (!answered) {
            fail(answered.error());
            return;
        }
        complete_head(*answered);
        phase_ = Phase::replied;
        answer_(std::move(*answered));
    });
}

}  // namespace gateway
