#include "core/providers/openai.h"

#include <algorithm>
#include <utility>

#include "core/json/writer.h"
#include "core/providers/error_reply.h"
#include "core/providers/image_value.h"
#include "core/request/profile.h"

namespace gateway {

namespace {

// Classified by code first, then by type, then by status.
constexpr ErrorRule kErrors[] = {
    {ErrorRule::code, "moderation_blocked", OutcomeType::refused_by_policy},
    {ErrorRule::code, "content_policy_violation", OutcomeType::refused_by_policy},
    // A spend cap, told with status 400.
    {ErrorRule::code, "billing_hard_limit_reached", OutcomeType::out_of_quota},
    {ErrorRule::code, "insufficient_quota", OutcomeType::out_of_quota},
    {ErrorRule::code, "credit_balance_exhausted", OutcomeType::out_of_quota},
    {ErrorRule::code, "organization_spend_limit_exceeded", OutcomeType::out_of_quota},
    {ErrorRule::code, "project_spend_limit_exceeded", OutcomeType::out_of_quota},
    {ErrorRule::code, "organization_usage_limit_exceeded", OutcomeType::out_of_quota},
    {ErrorRule::code, "invalid_api_key", OutcomeType::our_credentials},
    {ErrorRule::code, "unsupported_country_region_territory", OutcomeType::our_credentials},
    {ErrorRule::code, "model_not_found", OutcomeType::not_here},
    {ErrorRule::code, "rate_limit_exceeded", OutcomeType::throttled},
    {ErrorRule::code, "slow_down", OutcomeType::throttled},
    {ErrorRule::code, "server_is_overloaded", OutcomeType::broken},
    {ErrorRule::code, "image_generation_failed", OutcomeType::broken},
    {ErrorRule::type, "insufficient_quota", OutcomeType::out_of_quota},
    {ErrorRule::type, "billing_limit_user_error", OutcomeType::out_of_quota},
    {ErrorRule::type, "rate_limit_error", OutcomeType::throttled},
    {ErrorRule::type, "image_generation_user_error", OutcomeType::callers_fault},
};

std::optional<Usage> read_usage(JsonValue value) {
    if (!value.is(JsonKind::object)) {
        return std::nullopt;
    }
    // What is no sane count is none.
    const auto count = [](JsonValue number) {
        const auto tokens = number.integer();
        constexpr int64_t kMost = 1'000'000'000;
        return tokens && *tokens >= 0 && *tokens <= kMost ? tokens : std::nullopt;
    };
    if (!count(value["output_tokens"]) && !count(value["total_tokens"])) {
        return std::nullopt;  // nothing that a picture could have cost
    }
    Usage usage;
    usage.input_tokens = count(value["input_tokens"]).value_or(0);
    usage.output_tokens = count(value["output_tokens"]).value_or(0);
    usage.total_tokens =
        count(value["total_tokens"]).value_or(usage.input_tokens + usage.output_tokens);
    usage.input_image_tokens = count(value["input_tokens_details"]["image_tokens"]).value_or(0);
    usage.input_text_tokens = count(value["input_tokens_details"]["text_tokens"])
                                  .value_or(usage.input_tokens - usage.input_image_tokens);
    usage.output_image_tokens = count(value["output_tokens_details"]["image_tokens"]);
    usage.output_text_tokens = count(value["output_tokens_details"]["text_tokens"]);
    return usage;
}

std::optional<Image> read_image(JsonValue item) {
    // Compatible servers write an empty string where there is nothing.
    std::optional<Image> image = read_base64_image(item["b64_json"]);
    if (!image) {
        image = read_image_link(item["url"]);
    }
    if (image) {
        constexpr size_t kLongestPrompt = size_t{256} * 1024;
        image->revised_prompt = item["revised_prompt"].long_string(kLongestPrompt);
    }
    return image;
}

}  // namespace

bool OpenAi::passes(std::string_view field) const {
    // All that it writes has a published name.
    return !is_published_field(field);
}

Work OpenAi::begin(const ProviderRequest &request) const {
    JsonWriter body;
    body.open_object();
    body.key("model").string(request.model);
    for (const Param param : all_params()) {
        const ParamValue &value = request.params[param];
        // Fitting left only what this model takes; a form of answer it does not know, it is not
        // asked for.
        if (std::holds_alternative<std::monostate>(value)) {
            continue;
        }
        body.key(name_of(param));
        if (const auto *text = std::get_if<std::string_view>(&value)) {
            body.string(*text);
        } else if (const auto *integer = std::get_if<int64_t>(&value)) {
            body.number(*integer);
        } else if (const auto *number = std::get_if<double>(&value)) {
            body.number(*number);
        } else {
            body.boolean(std::get<bool>(value));
        }
    }
    for (const JsonValue field : request.passed) {
        body.key(field.key()).exact(field);
    }
    body.close_object();

    HttpCall call;
    call.url = request.provider.url + "/images/generations";
    call.body = std::move(body).finish_text();
    call.headers.reserve(6);
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) {
            std::string &line = call.headers.emplace_back();
            line.reserve(name.size() + value.size());
            line.append(name).append(value);
        }
    };
    add("Content-Type: ", "application/json");
    add("Accept: ", "application/json");
    add("Authorization: Bearer ", request.key == nullptr ? "" : request.key->secret);
    add("X-Client-Request-Id: ", request.request_id);
    add("Idempotency-Key: ", request.idempotency_key);
    add("traceparent: ", request.traceparent);
    return call;
}

Outcome OpenAi::read(const HttpReply &reply) const {
    if (reply.body.outline_too_large) {
        return unreadable(reply, "the answer is not of the expected form");
    }
    const auto document =
        JsonDocument::read(reply.body.outline, kProvidersJson, &reply.body.strings);
    const JsonValue root = document ? document->root() : JsonValue();
    if (reply.status != 200 || root["error"].is(JsonKind::object)) {
        return read_error(reply, root["error"], kErrors);
    }
    if (!document) {
        return unreadable(reply, "the answer is not JSON: " + document.error().message);
    }
    Outcome outcome;
    outcome.type = OutcomeType::made;
    for (const JsonValue item : root["data"]) {
        if (auto image = read_image(item)) {
            outcome.result.images.push_back(std::move(*image));
        }
    }
    if (outcome.result.images.empty()) {
        return unreadable(reply, "the answer holds no image");
    }
    outcome.result.size = root["size"].string();
    outcome.result.quality = root["quality"].string();
    outcome.result.background = root["background"].string();
    outcome.result.output_format = root["output_format"].string();
    outcome.result.usage = read_usage(root["usage"]);
    return outcome;
}

}  // namespace gateway
