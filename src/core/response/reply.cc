#include "core/response/reply.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/routing/failure.h"

namespace gateway {

void Reply::fail(const ApiError &error, const AnswerFacts &facts) {
    if (has_begun()) {
        break_off(error, facts);
        return;
    }
    stop();
    send_document(error_answer(error, facts));
}

AnswerFacts Reply::facts_of(const Result &result) const {
    AnswerFacts facts = context_.facts();
    facts.maker = &result.maker;
    facts.adjustments = &result.adjustments;
    facts.cost = facts.cost ? facts.cost : std::optional(result.bill.cost);
    facts.usage_counted = result.bill.counted;
    facts.raw_request = result.raw_request;
    facts.raw_response = result.raw_response;
    return facts;
}

void Reply::send_document(Answer answer) {
    context_.on_last(answer.status);
    context_.complete_head(answer);
    context_.send(std::move(answer));
}

void Reply::send_images(const Result &result) {
    Answer answer;
    answer.body = write_images(result, facts_of(result), context_.order.form.format);
    send_document(std::move(answer));
}

Answer error_answer(const ApiError &error, const AnswerFacts &facts) {
    static const History kNothing;
    Answer answer;
    answer.status = error.status;
    if (error.retry_after) {
        answer.headers.emplace_back("Retry-After", std::to_string(std::max(1, *error.retry_after)));
    }
    const History &history = facts.history == nullptr ? kNothing : *facts.history;
    if (const auto retry = should_retry(error, history, facts.billed)) {
        answer.headers.emplace_back("x-should-retry", *retry ? "true" : "false");
    }
    if (error.status == 401) {
        const bool of_a_token = error.code == "invalid_token" || error.code == "expired_token";
        answer.headers.emplace_back("WWW-Authenticate",
                                    of_a_token ? "Bearer error=\"invalid_token\"" : "Bearer");
    }
    answer.body = Bytes::own(write_error(error, facts));
    return answer;
}

}  // namespace gateway
