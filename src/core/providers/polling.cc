#include "core/providers/polling.h"

#include <algorithm>
#include <utility>

#include "core/providers/error_response.h"
#include "core/providers/response_document.h"
#include "core/words.h"

namespace gateway {

namespace {

constexpr Milliseconds kShortestWait{50};
constexpr Milliseconds kLongestWait{30'000};
constexpr Milliseconds kFirstPauseAfterFailure{1'000};
constexpr Milliseconds kLongestPauseAfterFailure{10'000};
constexpr int kMaxRefusals = 3;

bool equal_but_for_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [=](char x, char y) { return lower(x) == lower(y); });
}

// Whether it is a network error or a busy provider: the job goes on meanwhile.
bool is_passing(const HttpResponse &response) {
    return response.end != TransferEnd::answered || response.status < 400 ||
           response.status >= 500 || response.status == 408 || response.status == 425 ||
           response.status == 429;
}

// Whether it is an error about the poll itself, which says nothing about the job.
bool is_about_asking(const HttpResponse &response, OutcomeType type) {
    switch (type) {
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota:
        case OutcomeType::throttled: return true;
        case OutcomeType::unknown: return response.status >= 400;
        default: return false;
    }
}

}  // namespace

std::optional<OutcomeType> state_of(JsonValue root, const PollRules &rules) {
    for (const std::string_view field : rules.state_fields) {
        const JsonValue value = root[field];
        if (!value.is(JsonKind::string)) {
            continue;
        }
        for (const PollState &state : rules.states) {
            if (equal_but_for_case(state.name, value.string())) {
                return state.outcome;
            }
        }
        return OutcomeType::pending;
    }
    return std::nullopt;
}

Poller::Poller(const Ports &ports, const PollRules &rules, std::optional<Milliseconds> wait,
               Ask ask, Read read, std::function<void(const HttpResponse &, Outcome)> on_end,
               Ask fetch)
    : ports_(ports),
      rules_(rules),
      ask_(std::move(ask)),
      fetch_(std::move(fetch)),
      read_(std::move(read)),
      on_end_(std::move(on_end)),
      began_(ports.clock.now()),
      interval_(rules.first) {
    this->wait(wait.value_or(interval_));
}

void Poller::wait(Milliseconds time) {
    timer_ =
        ports_.loop.start_timer(std::clamp(time, kShortestWait, kLongestWait), [this] { poll(); });
}

void Poller::poll() {
    call_ = ports_.upstream.start(done_ ? fetch_() : ask_(),
                                  [this](const HttpResponse &response) { on_response(response); });
}

void Poller::on_response(const HttpResponse &response) {
    answered_ = std::move(call_);
    was_delayed_ = response.delayed;
    if (response.end == TransferEnd::too_large) {
        end(response, judge_transfer_end(response));  // a repeated poll would get the same
        return;
    }
    if (response.end != TransferEnd::answered) {
        fail_again(response);
        return;
    }
    const ResponseDocument document(response.body);
    done_ ? on_result(response, document.root()) : on_state(response, document.root());
}

void Poller::on_state(const HttpResponse &response, JsonValue root) {
    const auto state = state_of(root, rules_);
    if (!state) {
        fail_again(response);
        return;
    }
    const bool not_yet_found =
        *state == OutcomeType::not_here && ports_.clock.now() - began_ < rules_.grace;
    if (*state == OutcomeType::pending || not_yet_found) {
        again(response);
    } else if (*state == OutcomeType::made && fetch_ != nullptr) {
        done_ = true;
        failures_ = 0;
        poll();
    } else {
        end(response, read_(response, root, *state));
    }
}

void Poller::on_result(const HttpResponse &response, JsonValue root) {
    Outcome outcome = read_(response, root, OutcomeType::made);
    if (outcome.type == OutcomeType::pending) {
        again(response);
    } else if (is_about_asking(response, outcome.type)) {
        fail_again(response);
    } else {
        end(response, std::move(outcome));
    }
}

void Poller::end(const HttpResponse &response, Outcome outcome) {
    const auto on_end = std::move(on_end_);
    on_end(response, std::move(outcome));
}

void Poller::again(const HttpResponse &response) {
    seen_running_ = true;
    failures_ = 0;
    interval_ = std::min(rules_.longest, interval_ * rules_.growth_percent / 100);
    wait(read_retry_after(response, ports_.clock.unix_seconds()).value_or(interval_));
}

// The response says nothing about the job, which may go on and be billed.
void Poller::fail_again(const HttpResponse &response) {
    const bool young = ports_.clock.now() - began_ < rules_.grace;
    if (!is_passing(response) && !young && ++refusals_ >= kMaxRefusals) {
        Outcome outcome;
        outcome.type = OutcomeType::unknown;
        outcome.error.status = response.status;
        outcome.error.code = "poll_refused";
        outcome.error.message = "the provider accepted the job, but refuses to report its state";
        end(response, std::move(outcome));
        return;
    }
    const Milliseconds pause = std::min(kLongestPauseAfterFailure,
                                        kFirstPauseAfterFailure * (1 << std::min(failures_, 5)));
    ++failures_;
    wait(std::max(
        pause, read_retry_after(response, ports_.clock.unix_seconds()).value_or(Milliseconds(0))));
}

}  // namespace gateway
