// Any response of a provider: the first bytes choose the status and what is lifted, then headers up
// to an empty line, then the body. Whatever a dialect makes of it can be told to a caller.
#pragma once

#include <utility>

#include "core/bytes/base64.h"
#include "core/images/check_images.h"
#include "core/providers/dialect.h"
#include "core/providers/redact.h"
#include "core/response/answer.h"
#include "fuzz.h"

namespace gateway {

inline constexpr int kStatuses[] = {200, 400, 401, 403, 404, 429, 500, 502, 503, 302};

// With `takes_image`, a success that is no JSON is an image's own bytes, as for HttpCall.
inline HttpResponse response_of(Input input, bool takes_image = false) {
    HttpResponse response;
    response.end = TransferEnd::answered;
    response.status = kStatuses[input.byte() % std::size(kStatuses)];
    const Lifter::Limits limits{input.byte(), 1024U * input.byte()};
    std::string_view text = input.rest();
    if (const size_t end = text.find("\n\n"); end != std::string_view::npos) {
        response.headers = text.substr(0, end);
        text.remove_prefix(end + 2);
    }
    if (takes_image && response.status == 200 &&
        !response.header("content-type").starts_with("application/json")) {
        response.image = Bytes::own(encode_base64(text));
        return response;
    }
    static const auto pool = BlockPool::create(16);
    Lifter lifter(pool, limits);
    lifter.feed(text);
    response.body = std::move(lifter).finish();
    return response;
}

inline void tell_images(const Outcome &outcome) {
    promise(!outcome.result.images.empty(), "made means that there are images");
    for (const std::string_view form : {"url", "b64_json"}) {
        const std::string answer = write_images(outcome.result, {}, form).copy();
        promise_json(answer, "an answer is JSON");
        const auto document = JsonDocument::read(answer, kOperatorsJson);
        for (const JsonValue image : document->root()["data"]) {
            const std::string_view url = image["url"].string();
            promise(!url.empty() || !image["b64_json"].string().empty(), "an image is there");
            promise(url.empty() || url.starts_with("https://") || url.starts_with("http://") ||
                        url.starts_with("data:image/"),
                    "a link is a link", url);
        }
    }
}

inline void tell_error(const Outcome &outcome) {
    promise(outcome.type <= OutcomeType::too_late, "an outcome has a name");
    ApiError error = ApiError::of(400, outcome.error.code, outcome.error.message);
    error.type = outcome.error.type;
    error.param = outcome.error.param;
    promise_json(write_error(error, {}), "an error can be told");
    promise(for_log(outcome.error.message).find('\n') == std::string::npos, "a log line is one");
    promise(!outcome.retry_after || outcome.retry_after->count() >= 0, "no wait is negative");
}

inline void tell_outcome(const HttpResponse &response, Outcome outcome) {
    if (!response.image.empty()) {
        check_images(outcome, 10);
    }
    if (outcome.type == OutcomeType::made) {
        promise(response.status / 100 == 2, "only a success makes images");
        tell_images(outcome);
    } else {
        tell_error(outcome);
    }
}

// The response as the answer to a call, and where the dialect polls, as one to a poll.
inline void read_and_tell(const Dialect &dialect, const HttpResponse &response) {
    Outcome first = dialect.read(response);
    if (first.type == OutcomeType::pending) {
        promise(dialect.jobs() != nullptr, "a job can be asked for");
        promise(!first.job.poll_url.empty(), "somewhere");
        promise(first.job.cost.value_or(1) > 0, "a cost that is told is one");
    }
    tell_outcome(response, std::move(first));
    if (dialect.jobs() == nullptr) {
        return;
    }
    const auto document =
        JsonDocument::read(response.body.outline, kProvidersJson, &response.body.strings);
    const JsonValue root = document ? document->root() : JsonValue();
    const auto state = state_of(root, dialect.jobs()->rules());
    if (state && *state != OutcomeType::pending) {
        Outcome ended = dialect.jobs()->read_job(response, root, *state);
        promise(ended.type != OutcomeType::made || *state == OutcomeType::made,
                "only a success makes images");
        tell_outcome(response, std::move(ended));
    }
}

}  // namespace gateway
