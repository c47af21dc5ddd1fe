#include "core/catalog/fit_mask_mode.h"

#include <string>
#include <utility>

#include "core/images/exact_mask.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

constexpr const char *kMode = "mask_mode";
constexpr const char *kFeather = "mask_feather";

// Why the first image cannot be the original of an exact mask; empty: it can.
std::string why_not_original(const InputImage &image) {
    if (!image.has_content()) {
        return "the gateway does not have the first image, only its file_id";
    }
    const ImageFacts &facts = image.facts;
    if (facts.format != ImageFormat::png) {
        return "the first image is a " + std::string(name_of(facts.format)) + ", not a png";
    }
    if (facts.orientation > 1) {
        return "the first image has an EXIF orientation";
    }
    if (facts.has_16_bits) {
        return "the first image has 16 bits per channel";
    }
    const uint64_t max = ExactRules().limits.max_pixels;
    const Pixels size = stored_size(facts);
    if (static_cast<uint64_t>(size.width * size.height) > max) {
        return "the first image has more than " + std::to_string(max) + " pixels";
    }
    return {};
}

std::string why_not_known(const InputImages *inputs, const Params &sent) {
    if (inputs == nullptr || !inputs->mask || inputs->images.empty()) {
        return "the request has no mask";
    }
    if (std::string why = why_not_original(inputs->images.front()); !why.empty()) {
        return why;
    }
    const std::string_view format = sent.text(Param::output_format);
    if (!format.empty() && format != "png") {
        return "the images will be " + std::string(format) + ", not png";
    }
    const auto size = parse_size(sent.text(Param::size));
    const Pixels original = stored_size(inputs->images.front().facts);
    if (size && *size != original) {
        return "the images will have " + size_text(*size) + " pixels, the first image has " +
               size_text(original);
    }
    return {};
}

ApiError error_refused(const char *field, const std::string &why) {
    return ApiError::of(400, "invalid_value",
                        std::string(field) + " cannot be served as requested: " + why + ".", field);
}

}  // namespace

tl::expected<FittedMaskMode, ApiError> fit_mask_mode(const ImageRequest &request,
                                                     const InputImages *inputs, const Params &sent,
                                                     FitMode mode) {
    const MaskMode &wish = request.mask_mode;
    FittedMaskMode fitted;
    const auto list = [&](const char *field, std::string requested, std::string served,
                          std::string why) -> tl::expected<void, ApiError> {
        if (mode == FitMode::strict) {
            return tl::unexpected(error_refused(field, why));
        }
        fitted.adjustments.push_back(
            {field, std::move(requested), std::move(served), std::move(why)});
        return {};
    };
    tl::expected<void, ApiError> listed;
    if (!wish.exact) {
        if (wish.feather) {
            listed =
                list(kFeather, std::to_string(*wish.feather), "null", "only for mask_mode exact");
        }
    } else if (std::string why = why_not_known(inputs, sent); !why.empty()) {
        listed = list(kMode, R"("exact")", R"("model")", std::move(why));
    } else {
        fitted.exact_feather = static_cast<int>(wish.feather.value_or(MaskMode::kDefaultFeather));
        if (const int64_t previews = sent.integer(Param::partial_images, 0); previews > 0) {
            fitted.adjustments.push_back(
                {kMode, R"("exact")", R"("model")",
                 "previews are as the model sends them; only completed images are put together "
                 "with the original"});
        }
    }
    if (!listed) {
        return tl::unexpected(std::move(listed.error()));
    }
    return fitted;
}

}  // namespace gateway
