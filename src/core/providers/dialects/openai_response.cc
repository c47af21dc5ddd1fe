#include "core/providers/dialects/openai_response.h"

#include <charconv>
#include <string>

#include "core/providers/error_response.h"
#include "core/providers/image_value.h"

namespace gateway {

namespace {

// Some servers write a status as the code, also in a response with status 200. 0 if it is not one.
int status_in(std::string_view code) {
    int status = 0;
    const char *const end = code.data() + code.size();
    const auto [stop, problem] = std::from_chars(code.data(), end, status);
    return problem == std::errc() && stop == end && status >= 400 && status < 600 ? status : 0;
}

}  // namespace

std::optional<Image> read_openai_image(JsonValue item) {
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

JsonValue items_of(JsonValue root) {
    return root["data"].size() > 0 ? root["data"] : root["images"];
}

bool is_withheld(JsonValue item) {
    return item["respect_moderation"].boolean() == false;
}

bool is_filtered(JsonValue item) {
    for (const char *name : {"content_filter_results", "prompt_filter_results"}) {
        for (const JsonValue filter : item[name]) {
            if (filter["filtered"].boolean() == true) {
                return true;
            }
        }
    }
    return false;
}

std::optional<Usage> read_openai_usage(JsonValue value) {
    if (!value.is(JsonKind::object)) {
        return std::nullopt;
    }
    // An implausible count is taken for none.
    const auto count = [](JsonValue number) {
        const auto tokens = number.integer();
        constexpr int64_t kMax = 1'000'000'000;
        return tokens && *tokens >= 0 && *tokens <= kMax ? tokens : std::nullopt;
    };
    // OpenRouter uses the names of chat completions.
    const auto out =
        count(value["output_tokens"] ? value["output_tokens"] : value["completion_tokens"]);
    const auto in = count(value["input_tokens"] ? value["input_tokens"] : value["prompt_tokens"]);
    if (!out && !count(value["total_tokens"])) {
        return std::nullopt;  // without output tokens it is not the usage of an image
    }
    Usage usage;
    usage.input_tokens = in.value_or(0);
    usage.output_tokens = out.value_or(0);
    usage.total_tokens =
        count(value["total_tokens"]).value_or(usage.input_tokens + usage.output_tokens);
    usage.input_image_tokens = count(value["input_tokens_details"]["image_tokens"]).value_or(0);
    usage.input_text_tokens = count(value["input_tokens_details"]["text_tokens"])
                                  .value_or(usage.input_tokens - usage.input_image_tokens);
    usage.output_image_tokens = count(value["output_tokens_details"]["image_tokens"]);
    usage.output_text_tokens = count(value["output_tokens_details"]["text_tokens"]);
    return usage;
}

std::optional<ProviderError> read_openai_error(const HttpResponse &response, JsonValue root) {
    ProviderError told;
    told.status = response.status;
    JsonValue error = root["error"];
    if (error.is(JsonKind::object)) {
        // The error of the provider behind a broker is a text in the metadata.
        const std::string raw = told_text(error["metadata"]["raw"]);
        told.type = told_text(error["type"]);
        told.code = told_text(error["code"]);
        told.param = told_text(error["param"]);
        told.message = told_text(error["message"]) + (raw.empty() ? "" : ": " + raw);
        if (const int status = status_in(told.code); status != 0) {
            told.status = status;
        }
        if (error["metadata"]["reasons"].is(JsonKind::array)) {
            told.code = kModeratedCode;
        }
        for (const char *inner : {"inner_error", "innererror"}) {
            if (error[inner]["code"].is(JsonKind::string)) {
                told.code = error[inner]["code"].string();
            }
        }
        return told;
    }
    if (error.is(JsonKind::string) && !error.string().empty()) {
        told.code = told_text(root["code"]);
        told.message = told_text(root["message"]);
        told.message = told.message.empty() ? told_text(error) : told.message;
        return told;
    }
    if (response.status >= 400 && root["message"].is(JsonKind::string)) {
        told.code = told_text(root["code"]);
        told.message = told_text(root["message"]);
        return told;
    }
    if (response.status >= 400 && root.is(JsonKind::string) && !root.string().empty()) {
        told.message = told_text(root);
        return told;
    }
    if (response.status >= 400 && root["detail"]) {
        return read_detail(response, root);
    }
    return std::nullopt;
}

}  // namespace gateway
