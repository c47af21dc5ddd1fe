#include "core/providers/error_response.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/http_date.h"

namespace gateway {

namespace {

std::optional<std::chrono::milliseconds> read_wait(std::string_view header,
                                                   double unit_milliseconds) {
    double number = 0;
    const auto [stop, problem] =
        std::from_chars(header.data(), header.data() + header.size(), number);
    constexpr double kLongest = 24.0 * 3600 * 1000;
    if (header.empty() || problem != std::errc() || stop != header.data() + header.size() ||
        !(number >= 0) || !std::isfinite(number)) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(
        static_cast<int64_t>(std::min(number * unit_milliseconds, kLongest)));
}

// An error object is the provider's own statement that nothing was made. Without one, a proxy may
// have answered while the provider went on.
OutcomeType judge_status(int status, bool has_envelope) {
    switch (status) {
        case 401:
        case 403: return OutcomeType::our_credentials;
        case 402: return OutcomeType::out_of_quota;
        case 404:
        case 410: return OutcomeType::not_here;
        case 408:
        case 409:
        case 425: return has_envelope ? OutcomeType::broken : OutcomeType::unknown;
        case 429: return OutcomeType::throttled;
        case 500:
        case 503: return has_envelope ? OutcomeType::broken : OutcomeType::unknown;
        default: break;
    }
    if (status >= 400 && status < 500) {
        return OutcomeType::callers_fault;
    }
    return OutcomeType::unknown;
}

bool mentions(std::string_view text, std::string_view lower_case_word) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    return std::search(text.begin(), text.end(), lower_case_word.begin(), lower_case_word.end(),
                       [=](char c, char word) { return lower(c) == word; }) != text.end();
}

bool matches(const ErrorRule &row, const ProviderError &error) {
    switch (row.where) {
        case ErrorRule::code: return row.word == error.code;
        case ErrorRule::type: return row.word == error.type;
        case ErrorRule::message: return mentions(error.message, row.word);
        case ErrorRule::status: return row.word == std::to_string(error.status);
    }
    return false;
}

bool is_any(OutcomeType /*type*/) {
    return true;
}

// The first matching row of this kind whose outcome satisfies `is_one`.
const ErrorRule *find_row(const ProviderError &error, std::span<const ErrorRule> rules,
                          ErrorRule::Where where, bool (*is_one)(OutcomeType) = is_any) {
    const auto row = std::find_if(rules.begin(), rules.end(), [&](const ErrorRule &row) {
        return row.where == where && is_one(row.outcome) && matches(row, error);
    });
    return row == rules.end() ? nullptr : &*row;
}

// The last text of ["body", "width"], which is the field's name.
std::string field_at(JsonValue place) {
    std::string field;
    for (const JsonValue step : place) {
        if (step.is(JsonKind::string)) {
            field = step.string();
        }
    }
    return field;
}

}  // namespace

Outcome read_error(const HttpResponse &response, JsonValue error,
                   std::span<const ErrorRule> rules) {
    std::optional<ProviderError> told;
    if (error.is(JsonKind::object)) {
        told = {response.status, told_text(error["type"]), told_text(error["code"]),
                told_text(error["message"]), told_text(error["param"])};
    }
    return read_error(response, std::move(told), rules);
}

Outcome read_error(const HttpResponse &response, std::optional<ProviderError> told,
                   std::span<const ErrorRule> rules) {
    const bool has_envelope = told.has_value();
    Outcome outcome;
    outcome.error = std::move(told).value_or(ProviderError());
    ProviderError &error = outcome.error;
    error.status = error.status >= 400 ? error.status : response.status;
    outcome.retry_after = read_retry_after(response);
    const ErrorRule *of_status = find_row(error, rules, ErrorRule::status);
    const OutcomeType by_status =
        of_status != nullptr ? of_status->outcome : judge_status(response.status, has_envelope);
    const ErrorRule *rule = find_rule(error, rules);
    outcome.type = rule != nullptr ? rule->outcome : by_status;
    outcome.reach = rule != nullptr ? rule->reach : Reach::model;
    if (rule != nullptr && rule->where == ErrorRule::message) {
        const ErrorRule *milder =
            by_status == OutcomeType::unknown
                ? nullptr
                : find_row(error, rules, ErrorRule::message, concerns_one_request);
        outcome.from_words.type = rule->word;
        outcome.from_words.without_words = milder != nullptr ? milder->outcome : by_status;
    }
    if (error.status == 401) {
        outcome.reach = Reach::key;
    }
    error.status = response.status;
    if (!has_envelope) {
        outcome.error.message =
            "status " + std::to_string(response.status) + " without a readable error message";
    }
    return outcome;
}

const ErrorRule *find_rule(const ProviderError &error, std::span<const ErrorRule> rules) {
    for (const auto where :
         {ErrorRule::code, ErrorRule::type, ErrorRule::message, ErrorRule::status}) {
        if (const ErrorRule *rule = find_row(error, rules, where)) {
            return rule;
        }
    }
    return nullptr;
}

void judge_by_word(Outcome &outcome, std::string_view word, OutcomeType type) {
    outcome.from_words.type = word;
    outcome.from_words.without_words = outcome.type;
    outcome.type = type;
}

std::optional<ProviderError> read_detail(const HttpResponse &response, JsonValue root) {
    ProviderError error;
    error.status = response.status;
    error.message = told_text(root["detail"]);
    for (const JsonValue problem : root["detail"]) {
        const std::string message = told_text(problem["msg"]);
        error.message += (error.message.empty() || message.empty() ? "" : "; ") + message;
        if (error.param.empty()) {
            error.type = told_text(problem["type"]);
            error.param = field_at(problem["loc"]);
        }
    }
    for (const char *name : {"message", "title", "error"}) {
        if (error.message.empty()) {
            error.message = told_text(root[name]);
        }
    }
    return error.message.empty() ? std::nullopt : std::optional(std::move(error));
}

Outcome read_detail_error(const HttpResponse &response, JsonValue root,
                          std::span<const ErrorRule> rules) {
    return read_error(response, read_detail(response, root), rules);
}

std::string told_text(JsonValue value) {
    // Some servers write their codes as numbers.
    constexpr size_t kLongest = size_t{64} * 1024;
    return value.is(JsonKind::number) ? std::string(value.number_text())
                                      : value.long_string(kLongest);
}

Outcome unreadable(const HttpResponse &response, std::string why) {
    Outcome outcome;
    outcome.type = OutcomeType::unknown;
    outcome.error = {response.status, "", "unreadable_answer", std::move(why), ""};
    return outcome;
}

std::optional<std::chrono::milliseconds> read_retry_after(const HttpResponse &response,
                                                          std::optional<int64_t> now) {
    if (const auto wait = read_wait(response.header("retry-after-ms"), 1)) {
        return wait;
    }
    const std::string_view header = response.header("retry-after");
    if (const auto wait = read_wait(header, 1000)) {
        return wait;
    }
    const auto until = parse_http_date(header);
    const auto dated = until ? parse_http_date(response.header("date")) : std::nullopt;
    const auto sent = dated ? dated : now;
    if (!until || !sent) {
        return std::nullopt;
    }
    return std::chrono::seconds(std::clamp<int64_t>(*until - *sent, 0, 24 * 3600));
}

Outcome judge_transfer_end(const HttpResponse &response) {
    Outcome outcome;
    outcome.type = OutcomeType::unknown;
    outcome.error.status = response.status;
    outcome.error.message = response.problem;
    outcome.is_our_doing = response.delayed || response.end == TransferEnd::too_large ||
                           response.end == TransferEnd::no_connection ||
                           response.end == TransferEnd::not_read;
    switch (response.end) {
        case TransferEnd::not_sent:
            outcome.type = OutcomeType::broken;
            outcome.error.code = "not_sent";
            break;
        case TransferEnd::no_connection:
            outcome.type = OutcomeType::broken;
            outcome.error.code = kNoConnectionCode;
            break;
        case TransferEnd::not_read:
            outcome.type = OutcomeType::broken;
            outcome.error.code = "input_not_read";
            break;
        case TransferEnd::timed_out: outcome.error.code = kTimedOutCode; break;
        case TransferEnd::too_large: outcome.error.code = "answer_too_large"; break;
        default: outcome.error.code = "connection_lost"; break;
    }
    return outcome;
}

}  // namespace gateway
