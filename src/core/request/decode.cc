#include "core/request/decode.h"

#include <algorithm>
#include <utility>

#include "core/json/text.h"
#include "core/json/writer.h"
#include "core/request/fields.h"

namespace gateway {

namespace {

constexpr size_t kMostFallbacks = 16;
constexpr size_t kLongestModel = 256;

// Collects problems; the first one becomes the error.
class Decoder {
 public:
    explicit Decoder(ImageRequest &request) : request_(request) {}

    void decode(JsonValue root) {
        for (const JsonValue member : root) {
            decode_member(member);
        }
        for (const Field &field : fields()) {
            if (field.required && !request_.params.has(field.param) &&
                !complained_about(field.name)) {
                problem(field.name, "missing_required_parameter",
                        "Missing required parameter: '" + std::string(field.name) + "'.");
            }
        }
        if (request_.params[Param::stream] == ParamValue(true)) {
            problem("stream", "unsupported_parameter",
                    "Streaming is not offered by this gateway yet.");
        }
    }

    std::vector<Problem> problems() && { return std::move(problems_); }

 private:
    void decode_member(JsonValue member) {
        const std::string_view name = member.key();
        const auto all = fields();
        const auto field = std::find_if(all.begin(), all.end(),
                                        [=](const Field &row) { return row.name == name; });
        if (field != all.end()) {
            if (!member.is(JsonKind::null)) {
                decode_field(*field, member);
            }
        } else if (name == "model") {
            decode_model(member);
        } else if (name == "fallbacks") {
            decode_fallbacks(member);
        } else if ((name == "image" || name == "images" || name == "mask") &&
                   !member.is(JsonKind::null)) {
            problem(
                name, "unsupported_parameter",
                "Pictures as input are not supported: this is for generating images from text.");
        } else {
            drop(member);
        }
    }

    void decode_field(const Field &field, JsonValue value) {
        switch (field.type) {
            case FieldType::integer: decode_integer(field, value); return;
            case FieldType::number:
                if (const auto number = value.number()) {
                    request_.params[field.param] = *number;
                } else {
                    wrong_type(field.name, "a number", value);
                }
                return;
            case FieldType::boolean:
                if (const auto truth = value.boolean()) {
                    request_.params[field.param] = *truth;
                } else {
                    wrong_type(field.name, "a boolean", value);
                }
                return;
            default: break;
        }
        if (!value.is(JsonKind::string)) {
            wrong_type(field.name, "a string", value);
        } else {
            decode_text(field, value.string());
        }
    }

    void decode_integer(const Field &field, JsonValue value) {
        const auto integer = value.integer();
        if (!integer) {
            wrong_type(field.name, "an integer", value);
        } else if (*integer < field.min) {
            problem(
                field.name, "integer_below_min_value",
                std::string(field.name) + " must be at least " + std::to_string(field.min) + ".");
        } else if (*integer > field.max) {
            problem(
                field.name, "integer_above_max_value",
                std::string(field.name) + " must be at most " + std::to_string(field.max) + ".");
        } else {
            request_.params[field.param] = *integer;
        }
    }

    void decode_text(const Field &field, std::string_view text) {
        Pixels pixels;
        if (field.type == FieldType::choice && !is_one_of(text, field.choices)) {
            problem(
                field.name, "invalid_value",
                std::string(field.name) + " must be one of: " + std::string(field.choices) + ".");
        } else if (field.type == FieldType::size && text != "auto" && !parse_size(text, pixels)) {
            problem(field.name, "invalid_value",
                    "size must be 'auto' or WIDTHxHEIGHT in pixels, such as 1024x1024.");
        } else if (field.type == FieldType::ratio && !is_ratio(text)) {
            problem(field.name, "invalid_value",
                    "aspect_ratio must be of the form W:H, such as 16:9.");
        } else if (field.type == FieldType::text && !fits_length(field, text)) {
            return;
        } else {
            request_.params[field.param] = text;
        }
    }

    bool fits_length(const Field &field, std::string_view text) {
        const auto length = static_cast<int64_t>(count_characters(text));
        if (length < field.min) {
            problem(field.name, "string_below_min_length",
                    std::string(field.name) + " must not be empty.");
            return false;
        }
        if (length > field.max) {
            problem(field.name, "string_above_max_length",
                    std::string(field.name) + " has " + std::to_string(length) +
                        " characters; the most is " + std::to_string(field.max) + ".");
            return false;
        }
        return true;
    }

    void decode_model(JsonValue value) {
        if (value.is(JsonKind::null)) {
            return;
        }
        if (!value.is(JsonKind::string)) {
            wrong_type("model", "a string", value);
        } else if (!is_model_name(value.string())) {
            problem("model", "invalid_value",
                    "model must be a name of 1 to 256 visible ASCII characters.");
        } else {
            request_.model = value.string();
        }
    }

    void decode_fallbacks(JsonValue value) {
        if (value.is(JsonKind::null)) {
            return;
        }
        if (!value.is(JsonKind::array)) {
            wrong_type("fallbacks", "an array", value);
            return;
        }
        if (value.size() > kMostFallbacks) {
            problem("fallbacks", "array_above_max_length",
                    "fallbacks may have at most " + std::to_string(kMostFallbacks) + " entries.");
            return;
        }
        size_t index = 0;
        for (const JsonValue item : value) {
            decode_fallback("fallbacks[" + std::to_string(index++) + "]", item);
        }
    }

    void decode_fallback(const std::string &name, JsonValue item) {
        std::string model(item.string());
        if (item.is(JsonKind::object)) {
            model =
                std::string(item["provider"].string()) + "/" + std::string(item["model"].string());
            if (item["provider"].string().empty() || item["model"].string().empty()) {
                model.clear();
            }
        }
        if (!is_model_name(model)) {
            problem(name, "invalid_value",
                    name + " must be \"provider/model\" or {\"provider\": …, \"model\": …}.");
        } else {
            request_.fallbacks.push_back(std::move(model));
        }
    }

    void drop(JsonValue member) {
        JsonWriter requested;
        requested.copy(member, 2);
        request_.adjustments.push_back({std::string(front_of(member.key(), 128)),
                                        std::move(requested).finish_text(), "null",
                                        "not a parameter of this API"});
    }

    void wrong_type(std::string_view name, std::string_view expected, JsonValue value) {
        std::string_view found = name_of(value.kind());
        if (value.is(JsonKind::number) && expected == "an integer") {
            found = "a fraction or a number too large to be exact";
        } else if (value.is(JsonKind::number) && expected == "a number") {
            found = "one too large";
        }
        problem(name, "invalid_type",
                std::string(name) + " must be " + std::string(expected) + ", not " +
                    std::string(found) + ".");
    }

    void problem(std::string_view param, std::string code, std::string message) {
        problems_.push_back({std::string(param), std::move(code), std::move(message)});
    }

    [[nodiscard]] bool complained_about(std::string_view name) const {
        return std::any_of(problems_.begin(), problems_.end(),
                           [=](const Problem &problem) { return problem.param == name; });
    }

    ImageRequest &request_;
    std::vector<Problem> problems_;
};

}  // namespace

bool is_model_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestModel && is_visible_ascii(name);
}

tl::expected<ImageRequest, ApiError> decode_request(std::string_view body) {
    if (body.empty()) {
        return tl::unexpected(ApiError::of(400, "invalid_json", "The request has no body."));
    }
    auto read = JsonDocument::read(body, kCallersJson);
    if (!read) {
        return tl::unexpected(ApiError::of(400, "invalid_json",
                                           "The body is not valid JSON, near byte " +
                                               std::to_string(read.error().offset) + ": " +
                                               read.error().message + "."));
    }
    ImageRequest request;
    auto document = std::make_shared<const JsonDocument>(std::move(*read));
    request.document = document;
    if (!document->root().is(JsonKind::object)) {
        return tl::unexpected(ApiError::of(400, "invalid_type", "The body must be a JSON object."));
    }
    Decoder decoder(request);
    decoder.decode(document->root());
    std::vector<Problem> problems = std::move(decoder).problems();
    if (!problems.empty()) {
        const Problem &first = problems.front();
        ApiError error = ApiError::of(400, first.code, first.message, first.param);
        error.details = std::move(problems);
        return tl::unexpected(std::move(error));
    }
    return request;
}

}  // namespace gateway
