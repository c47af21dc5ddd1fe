#include "core/request/decode.h"

#include <algorithm>
#include <bitset>
#include <utility>

#include "core/json/text.h"
#include "core/json/writer.h"
#include "core/request/decode_images.h"
#include "core/request/geometry.h"
#include "core/request/read_value.h"
#include "core/words.h"

namespace gateway {

namespace {

constexpr size_t kMaxFallbacks = 16;
constexpr size_t kLongestModel = 256;
constexpr size_t kLongestNameShown = 128;
constexpr size_t kMaxFields = 32;  // of a profile

// Collects all problems. The first one becomes the error.
class Decoder {
 public:
    Decoder(ImageRequest &request, const BodyText &body, const Contract &contract)
        : request_(request),
          contract_(contract),
          read_{body.is_form},
          images_(body.is_form ? 0 : body.files.size(), contract.max_images) {
        request.operation = contract.operation;
        if (body.is_form) {
            add_files(body.files);
        }
    }

    void decode(JsonValue root) {
        for (const JsonValue member : root) {
            decode_member(member);
        }
        take_images();
        for (const Field &field : contract_.profile.fields) {
            if (!seen_.test(index_of(field))) {
                complete(field);
            }
        }
        prefer_png();
        find_contradictions();
    }

    std::vector<Problem> problems() && { return std::move(problems_); }

 private:
    [[nodiscard]] size_t index_of(const Field &field) const {
        return static_cast<size_t>(&field - contract_.profile.fields.data());
    }

    void decode_member(JsonValue member) {
        const std::string_view name = member.key();
        const Field *field = contract_.profile.field(name);
        if (field != nullptr) {
            if (!member.is(JsonKind::null) || !field->nullable) {
                seen_.set(index_of(*field));
                decode_field(*field, member);
            }
        } else if (is_input_image_field(name)) {
            decode_image(name, member);
        } else {
            decode_unknown(member);
        }
    }

    // ---- input images

    void add_files(std::span<const FoundImage> files) {
        for (size_t i = 0; i < files.size(); ++i) {
            const std::string &field = files[i].field;
            const bool is_mask = field == kMaskField;
            if (!is_mask && field.substr(0, field.find('[')) != kImageField) {
                problem(field, "unsupported_parameter",
                        "This API has no field '" +
                            std::string(front_of(field, kLongestNameShown)) + "' for a file.");
                continue;
            }
            (is_mask ? images_.masks : images_.images)
                .push_back({field, ImageReference::Kind::file, i, {}});
        }
    }

    void decode_image(std::string_view name, JsonValue value) {
        const bool makes_from_text = contract_.operation == Operation::generate;
        const bool is_mask = name == kMaskField;
        const std::string_view fields = contract_.profile.generation_images;
        if (value.is(JsonKind::null)) {
            return;
        }
        if (makes_from_text && (is_mask ? fields.empty() : !is_one_of(name, fields))) {
            problem(name, "unsupported_parameter",
                    "This endpoint has no field '" + std::string(name) +
                        "'. Send input images to /images/edits.");
        } else if (read_.is_form && value.is(JsonKind::string) && !is_url(value.string())) {
            problem(name, "invalid_type",
                    std::string(name) + " must be a file or a URL in multipart/form-data.");
        } else {
            images_.read(name, value);
        }
    }

    void take_images() {
        ImageFieldReader &read = images_;
        problems_.insert(problems_.end(), std::make_move_iterator(read.problems.begin()),
                         std::make_move_iterator(read.problems.end()));
        if (read.images.size() > contract_.max_images) {
            problem(kImageField, "array_above_max_length",
                    "The request has " + std::to_string(read.images.size()) +
                        " input images; at most " + std::to_string(contract_.max_images) +
                        " are allowed.");
        } else if (read.masks.size() > 1) {
            problem(kMaskField, "invalid_value", "A request has at most one mask.");
        } else if (read.problems.empty()) {
            check_images_fit(read);
        }
        if (contract_.operation == Operation::generate && !read.images.empty()) {
            request_.operation = Operation::edit;
        }
        request_.images = std::move(read.images);
        request_.masks = std::move(read.masks);
    }

    void check_images_fit(const ImageFieldReader &read) {
        const bool from_text = contract_.operation == Operation::generate;
        if (from_text && read.images.empty() && !read.masks.empty()) {
            problem(kMaskField, "invalid_value", "mask needs an input image: 'image'.");
        } else if (!from_text && read.images.empty()) {
            problem(kImageField, "missing_required_parameter",
                    "Missing required parameter: 'image'.");
        }
        if (contract_.operation == Operation::variation) {
            if (read.images.size() > 1) {
                problem(kImageField, "array_above_max_length",
                        "A variation has exactly one input image.");
            }
            if (!read.masks.empty()) {
                problem(kMaskField, "unsupported_parameter", "A variation has no mask.");
            }
        }
    }

    // Called for a field that is absent. Not every edit has a prompt; the model decides.
    void complete(const Field &field) {
        const bool in_path = field.type == FieldType::model && contract_.model_in_path;
        const bool is_spared =
            field.param == Param::prompt && request_.operation != Operation::generate;
        if (field.required && !in_path && !is_spared) {
            problem(field.name, "missing_required_parameter",
                    "Missing required parameter: '" + std::string(field.name) + "'.");
        } else if (field.param && !field.default_value.empty()) {
            request_.params.set_default(*field.param, field.default_value);
        }
    }

    // Only a PNG can be put together with the original. A request for another format is kept.
    void prefer_png() {
        Params &params = request_.params;
        if (request_.mask_mode.exact && !request_.masks.empty() &&
            !params.has(Param::output_format)) {
            params.set_default(Param::output_format, std::string_view("png"));
        }
    }

    void decode_field(const Field &field, JsonValue value) {
        if (read_.is_form && field.type != FieldType::text && value.is(JsonKind::string) &&
            value.string().empty()) {
            return;  // clients send an empty part for a value that is not set
        }
        switch (field.type) {
            case FieldType::model: decode_model(value); return;
            case FieldType::fallbacks: decode_fallbacks(value); return;
            case FieldType::integer:
                if (const auto integer = read_integer(field, value)) {
                    request_.params[*field.param] = *integer;
                }
                return;
            case FieldType::mask_mode: decode_mask_mode(field, value); return;
            case FieldType::mask_feather:
                request_.mask_mode.feather = read_integer(field, value);
                return;
            case FieldType::number:
                if (const auto number = read_.number(value)) {
                    request_.params[*field.param] = *number;
                } else {
                    wrong_type(field.name, "a number", value);
                }
                return;
            case FieldType::boolean:
                if (const auto truth = read_.boolean(value)) {
                    request_.params[*field.param] = *truth;
                } else {
                    wrong_type(field.name, "a boolean", value);
                }
                return;
            default: break;
        }
        if (!value.is(JsonKind::string)) {
            wrong_type(field.name, "a string", value);
        } else if (fits(field, value.string())) {
            request_.params[*field.param] = value.string();
        }
    }

    void decode_mask_mode(const Field &field, JsonValue value) {
        if (!value.is(JsonKind::string)) {
            wrong_type(field.name, "a string", value);
        } else if (fits(field, value.string())) {
            request_.mask_mode.exact = value.string() == "exact";
        }
    }

    std::optional<int64_t> read_integer(const Field &field, JsonValue value) {
        const auto integer = read_.integer(value);
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
            return integer;
        }
        return std::nullopt;
    }

    bool fits(const Field &field, std::string_view text) {
        const auto invalid = [&](std::string message) {
            problem(field.name, "invalid_value", std::string(field.name) + std::move(message));
            return false;
        };
        switch (field.type) {
            case FieldType::choice:
            case FieldType::mask_mode:
                return is_one_of(text, field.choices) ||
                       invalid(" must be one of: " + std::string(field.choices) + ".");
            case FieldType::size:
                return text == "auto" || parse_size(text) || parse_tier(text) ||
                       invalid(
                           " must be 'auto', WIDTHxHEIGHT in pixels such as 1024x1024, or a tier "
                           "such as 2K.");
            case FieldType::ratio:
                return parse_ratio(text) || invalid(" must be of the form W:H, such as 16:9.");
            case FieldType::resolution:
                return parse_resolution(text) ||
                       invalid(" must be a tier such as 512, 1K, 2K or 4K.");
            default: return fits_length(field, text);
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
                        " characters; the maximum is " + std::to_string(field.max) + ".");
            return false;
        }
        return true;
    }

    void decode_model(JsonValue value) {
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
        if (read_.is_form && value.is(JsonKind::string)) {
            decode_fallback("fallbacks", value);
            return;
        }
        if (!value.is(JsonKind::array)) {
            wrong_type("fallbacks", "an array", value);
            return;
        }
        if (value.size() > kMaxFallbacks) {
            problem("fallbacks", "array_above_max_length",
                    "fallbacks may have at most " + std::to_string(kMaxFallbacks) + " entries.");
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

    void decode_unknown(JsonValue member) {
        const std::string_view name = member.key();
        const UnknownFields &policy = contract_.unknown;
        if (policy.mode == UnknownFields::Mode::reject) {
            const std::string shown(front_of(name, kLongestNameShown));
            problem(shown, "unknown_parameter", "Unknown parameter: '" + shown + "'.");
        } else if (policy.mode == UnknownFields::Mode::pass &&
                   std::find(policy.names.begin(), policy.names.end(), name) !=
                       policy.names.end()) {
            request_.passed.push_back(member);
        } else {
            request_.adjustments.push_back(not_passed(member, "not a parameter of this API"));
        }
    }

    // Finds parameters that contradict each other for every model.
    void find_contradictions() {
        const Params &params = request_.params;
        const Shape shape = shape_of(params);
        const auto asked = [&](Param a, Param b) {
            return params.is_requested(a) && params.is_requested(b);
        };
        if (asked(Param::size, Param::aspect_ratio) && !contract_.profile.size_is_scale &&
            shape.size && shape.ratio && !agree(*shape.size, *shape.ratio)) {
            contradiction(Param::size, Param::aspect_ratio);
        }
        if (asked(Param::size, Param::resolution)) {
            const auto tier = parse_resolution(params.text(Param::resolution));
            const auto size_tier = parse_tier(params.text(Param::size));
            if ((shape.size && tier && !agree(*shape.size, *tier)) ||
                (size_tier && tier && *size_tier != *tier)) {
                contradiction(Param::size, Param::resolution);
            }
        }
        if (asked(Param::background, Param::output_format) &&
            params.text(Param::background) == "transparent" &&
            params.text(Param::output_format) == "jpeg") {
            contradiction(Param::background, Param::output_format);
        }
    }

    void contradiction(Param a, Param b) {
        const auto both = [&](Param param) {
            return std::string(name_of(param)) + " '" + std::string(request_.params.text(param)) +
                   "'";
        };
        problem(name_of(a), "invalid_value", both(a) + " contradicts " + both(b) + ".");
    }

    void wrong_type(std::string_view name, std::string_view expected, JsonValue value) {
        std::string_view found = name_of(value.kind());
        if (value.is(JsonKind::number) && expected == "an integer") {
            found = "a fraction or a number too large to be exact";
        } else if (value.is(JsonKind::number) && expected == "a number") {
            found = "a number that is too large";
        }
        problem(name, "invalid_type",
                std::string(name) + " must be " + std::string(expected) + ", not " +
                    std::string(found) + ".");
    }

    void problem(std::string_view param, std::string code, std::string message) {
        problems_.push_back({std::string(param), std::move(code), std::move(message)});
    }

    ImageRequest &request_;
    const Contract &contract_;
    ValueReader read_;
    ImageFieldReader images_;
    std::bitset<kMaxFields> seen_;
    std::vector<Problem> problems_;
};

}  // namespace

bool is_model_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestModel && is_visible_ascii(name);
}

Adjustment not_passed(JsonValue member, std::string reason) {
    JsonWriter requested;
    requested.copy(member, 2);
    return {std::string(front_of(member.key(), kLongestNameShown)),
            std::move(requested).finish_text(), "null", std::move(reason)};
}

tl::expected<ImageRequest, ApiError> decode_request(const BodyText &body,
                                                    const Contract &contract) {
    if (body.text.empty()) {
        return tl::unexpected(ApiError::of(400, "invalid_json", "The request has no body."));
    }
    auto read = JsonDocument::read(body.text, kCallersJson);
    if (!read) {
        return tl::unexpected(ApiError::of(400, "invalid_json",
                                           "The body is not valid JSON, near byte " +
                                               std::to_string(read.error().offset) +
                                               (body.files.empty() ? "" : " without its images") +
                                               ": " + read.error().message + ".",
                                           read.error().key));
    }
    ImageRequest request;
    auto document = std::make_shared<const JsonDocument>(std::move(*read));
    request.document = document;
    if (!document->root().is(JsonKind::object)) {
        return tl::unexpected(ApiError::of(400, "invalid_type", "The body must be a JSON object."));
    }
    Decoder decoder(request, body, contract);
    decoder.decode(document->root());
    std::vector<Problem> problems = std::move(decoder).problems();
    if (!problems.empty()) {
        ApiError error = ApiError::of_all(std::move(problems));
        error.model = std::move(request.model);
        return tl::unexpected(std::move(error));
    }
    if (request.passed.empty() && request.images.empty() && request.masks.empty() &&
        !document->has_own_strings()) {
        request.document.reset();  // no text of the request is in the document; all are in the body
    }
    return request;
}

}  // namespace gateway
