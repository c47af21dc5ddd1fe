#include "core/providers/dialects/fal_result.h"

#include <string>
#include <utility>

#include "core/providers/dialects/fal_input.h"
#include "core/providers/error_response.h"
#include "core/providers/image_value.h"
#include "core/request/geometry.h"
#include "core/words.h"

namespace gateway {

namespace {

// By the type of a model's error, or the error_type of fal's own.
constexpr ErrorRule kErrors[] = {
    {ErrorRule::code, "content_policy_violation", OutcomeType::refused_by_policy},
    // Failures of fal and its suppliers are not billed, whatever their status.
    {ErrorRule::code, "internal_server_error", OutcomeType::broken},
    {ErrorRule::code, "internal_error", OutcomeType::broken},
    {ErrorRule::code, "generation_timeout", OutcomeType::broken},
    {ErrorRule::code, "request_timeout", OutcomeType::broken},
    {ErrorRule::code, "startup_timeout", OutcomeType::broken},
    {ErrorRule::code, "downstream_service_error", OutcomeType::broken},
    {ErrorRule::code, "downstream_service_unavailable", OutcomeType::broken},
    {ErrorRule::code, "runner_scheduling_failure", OutcomeType::broken},
    {ErrorRule::code, "runner_connection_timeout", OutcomeType::broken},
    {ErrorRule::code, "runner_connection_refused", OutcomeType::broken},
    {ErrorRule::code, "runner_connection_error", OutcomeType::broken},
    {ErrorRule::code, "runner_disconnected", OutcomeType::broken},
    {ErrorRule::code, "runner_incomplete_response", OutcomeType::broken},
    {ErrorRule::code, "runner_server_error", OutcomeType::broken},
    // It was cancelled, and it is not known how far it got.
    {ErrorRule::code, "client_disconnected", OutcomeType::unknown},
    {ErrorRule::code, "client_cancelled", OutcomeType::unknown},
};

// ---- errors

// The published name of the field in ["body", "image_size", "width"].
std::string param_at(JsonValue place) {
    for (const JsonValue step : place) {
        if (step.is(JsonKind::string) && step.string() != "body") {
            return std::string(published_name_of(step.string()));
        }
    }
    return "";
}

// A model's error is a list of problems. One about content policy comes before all others.
ProviderError read_problems(JsonValue problems) {
    ProviderError told;
    for (const JsonValue problem : problems) {
        const std::string type = told_text(problem["type"]);
        if (told.code.empty() || type == "content_policy_violation") {
            told.code = type;
            told.message = told_text(problem["msg"]);
            told.param = param_at(problem["loc"]);
        }
    }
    return told;
}

// ---- images

// The safety checker blacks an image out, and sets a flag: in a list with one flag for each image,
// or one flag for all. Read in parallel with the images.
class BlackFlags {
 public:
    explicit BlackFlags(JsonValue flags)
        : is_list_(flags.is(JsonKind::array)),
          all_(flags),
          next_(flags.begin()),
          end_(flags.end()) {}

    // The flag of the next image.
    bool take() {
        if (!is_list_) {
            return all_.boolean().value_or(false);
        }
        if (!(next_ != end_)) {
            return false;
        }
        const bool black = (*next_).boolean().value_or(false);
        ++next_;
        return black;
    }

 private:
    bool is_list_;
    JsonValue all_;
    JsonValue::Iterator next_;
    JsonValue::Iterator end_;
};

std::optional<Image> read_image(JsonValue file) {
    auto image = read_image_link(file["url"]);
    return image ? std::move(image) : read_base64_image(file["url"]);  // a data: URL
}

std::string size_of(JsonValue file) {
    const Pixels size{file["width"].integer().value_or(0), file["height"].integer().value_or(0)};
    return size.width > 0 && size.height > 0 ? size_text(size) : "";
}

std::string format_of(JsonValue file) {
    std::string_view type = file["content_type"].string();
    constexpr std::string_view kImage = "image/";
    type.remove_prefix(type.starts_with(kImage) ? kImage.size() : type.size());
    return is_one_of(type, "png jpeg webp gif") ? std::string(type) : "";
}

class ResultReader {
 public:
    explicit ResultReader(JsonValue root)
        : root_(root),
          seed_(root["seed"].integer()),
          concepts_(root["has_nsfw_concepts"]),
          content_(root["nsfw_content_detected"]) {}

    void read() {
        const JsonValue files = root_["images"];
        for (const JsonValue file : files) {
            take(file);
        }
        if (files.size() == 0) {
            take(root_["image"]);
        }
    }
    [[nodiscard]] bool is_empty() const { return result_.images.empty(); }
    [[nodiscard]] bool is_refused() const { return is_empty() && black_ > 0; }
    ImageResult result() && { return std::move(result_); }

 private:
    void take(JsonValue file) {
        const bool concepts = concepts_.take();
        if (content_.take() || concepts) {
            ++black_;
            return;
        }
        auto image = read_image(file);
        if (!image) {
            return;
        }
        // One seed for the whole call, which makes all its images again.
        image->seed = seed_;
        if (result_.images.empty()) {
            result_.size = size_of(file);
            result_.output_format = format_of(file);
        }
        result_.images.push_back(std::move(*image));
    }

    JsonValue root_;
    std::optional<int64_t> seed_;
    BlackFlags concepts_;
    BlackFlags content_;
    ImageResult result_;
    int black_ = 0;
};

}  // namespace

Outcome read_fal_error(const HttpResponse &response, JsonValue root) {
    const JsonValue detail = root["detail"];
    std::optional<ProviderError> told;
    if (detail.is(JsonKind::array) && detail.size() > 0) {
        told = read_problems(detail);
    } else if (const std::string message = told_text(detail); !message.empty()) {
        told.emplace().message = message;
        told->code = told_text(root["error_type"]);
        if (told->code.empty()) {
            told->code = response.header("x-fal-error-type");
        }
    }
    Outcome outcome = read_error(response, std::move(told), kErrors);
    constexpr std::string_view kNoBalance = "Exhausted balance";
    if (response.status == 403 && outcome.error.message.find(kNoBalance) != std::string::npos) {
        judge_by_word(outcome, kNoBalance, OutcomeType::out_of_quota);
    }
    return outcome;
}

Outcome read_fal_failure(const HttpResponse &response, JsonValue root, OutcomeType state) {
    ProviderError told;
    told.code = told_text(root["error_type"]);
    told.message = told_text(root["error"]);
    Outcome outcome = read_error(response, std::move(told), kErrors);
    if (outcome.type == OutcomeType::unknown) {
        outcome.type = state;
    }
    return outcome;
}

Outcome read_fal_result(const HttpResponse &response, JsonValue root) {
    if (response.status != 200) {
        return read_fal_error(response, root);
    }
    if (response.body.outline_too_large || !root) {
        return unreadable(response, "the response does not have the expected form");
    }
    ResultReader reader(root);
    reader.read();
    Outcome outcome;
    if (reader.is_refused()) {
        outcome.type = OutcomeType::refused_by_policy;
        outcome.error = {response.status, "", "content_policy_violation",
                         "The provider's safety checker blacked out every image.", ""};
        return outcome;
    }
    if (reader.is_empty()) {
        return root["detail"] ? read_fal_error(response, root)
                              : unreadable(response, "the response contains no image");
    }
    outcome.type = OutcomeType::made;
    outcome.result = std::move(reader).result();
    return outcome;
}

}  // namespace gateway
