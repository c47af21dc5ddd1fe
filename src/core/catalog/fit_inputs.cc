#include "core/catalog/fit_inputs.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace gateway {

namespace {

constexpr const char *kUnsupported = "unsupported_parameter";
constexpr const char *kTooLarge = "image_too_large";

std::string names_of(const std::vector<ImageFormat> &formats) {
    std::string names;
    for (const ImageFormat format : formats) {
        names.append(names.empty() ? "" : ", ").append(name_of(format));
    }
    return names;
}

class InputFitter {
 public:
    InputFitter(const InputImages &inputs, const ModelSpec &model, FitMode mode)
        : inputs_(inputs), spec_(model.inputs), mode_(mode) {}

    tl::expected<FittedInputs, ApiError> fit() && {
        check_count();
        for (const InputImage &image : inputs_.images) {
            check(image);
        }
        check_total();
        check_beside_file_ids();
        fit_mask();
        if (!problems_.empty()) {
            return tl::unexpected(ApiError::of_all(std::move(problems_)));
        }
        return std::move(fitted_);
    }

 private:
    void check_count() {
        const auto count = static_cast<int64_t>(inputs_.images.size());
        if (count > spec_.max) {
            add("image", "array_above_max_length",
                "This model takes at most " + std::to_string(spec_.max) +
                    (spec_.max == 1 ? " input image" : " input images") + "; the request has " +
                    std::to_string(count) + ".");
        } else if (count < spec_.min) {
            add("image", "array_below_min_length",
                "This model needs at least " + std::to_string(spec_.min) + " input images; the " +
                    "request has " + std::to_string(count) + ".");
        }
    }

    void check(const InputImage &image) {
        if (!image.has_content()) {
            check_file_id(image);
            return;
        }
        const ImageFacts &facts = image.facts;
        const int64_t longer = std::max(facts.width, facts.height);
        const int64_t shorter = std::min(facts.width, facts.height);
        const auto refuse = [&](std::string has, const char *bound, int64_t limit) {
            add(image.field, kTooLarge,
                image.field + " has " + std::move(has) + "; this model takes at " + bound + " " +
                    std::to_string(limit) + ".");
        };
        if (std::find(spec_.formats.begin(), spec_.formats.end(), facts.format) ==
            spec_.formats.end()) {
            add(image.field, "unsupported_image_format",
                image.field + " is a " + std::string(name_of(facts.format)) +
                    " image; this model takes only " + names_of(spec_.formats) + ".");
        }
        if (spec_.max_bytes && static_cast<int64_t>(image.content.size()) > *spec_.max_bytes) {
            refuse(std::to_string(image.content.size()) + " bytes", "most", *spec_.max_bytes);
        }
        if (spec_.max_side && longer > *spec_.max_side) {
            refuse("a side of " + std::to_string(longer) + " pixels", "most", *spec_.max_side);
        }
        if (spec_.min_side && shorter < *spec_.min_side) {
            refuse("a side of " + std::to_string(shorter) + " pixels", "least", *spec_.min_side);
        }
        if (spec_.max_pixels && longer * shorter > *spec_.max_pixels) {
            refuse(std::to_string(longer * shorter) + " pixels", "most", *spec_.max_pixels);
        }
    }

    void check_file_id(const InputImage &image) {
        if (!spec_.takes_file_ids) {
            add(image.field, kUnsupported,
                "This model takes no file_id. Send the image itself or its URL.");
        }
    }

    // Images beside a file_id are sent in another form than images alone.
    void check_beside_file_ids() {
        const auto is_id = [](const InputImage &image) { return !image.has_content(); };
        const bool any = std::any_of(inputs_.images.begin(), inputs_.images.end(), is_id) ||
                         (inputs_.mask && is_id(*inputs_.mask));
        if (!any || !spec_.max_bytes_beside_file_ids) {
            return;
        }
        const int64_t limit = *spec_.max_bytes_beside_file_ids;
        const auto check_one = [&](const InputImage &image) {
            if (static_cast<int64_t>(image.content.size()) > limit) {
                add(image.field, kTooLarge,
                    image.field + " has " + std::to_string(image.content.size()) +
                        " bytes; beside a file_id, this model takes at most " +
                        std::to_string(limit) + ".");
            }
        };
        std::for_each(inputs_.images.begin(), inputs_.images.end(), check_one);
        if (const ConvertedMask *mask = spec_.mask ? inputs_.mask_of(*spec_.mask) : nullptr) {
            check_one(mask->image);
        }
    }

    void check_total() {
        int64_t total = 0;
        for (const InputImage &image : inputs_.images) {
            total += static_cast<int64_t>(image.content.size());
        }
        if (spec_.max_total_bytes && total > *spec_.max_total_bytes) {
            add("image", kTooLarge,
                "The input images have " + std::to_string(total) +
                    " bytes together; this model takes at most " +
                    std::to_string(*spec_.max_total_bytes) + ".");
        }
    }

    void fit_mask() {
        if (!inputs_.mask) {
            if (spec_.needs_mask) {
                add("mask", "missing_required_parameter",
                    "Missing required parameter: 'mask'. This model needs one.");
            }
            return;
        }
        if (!spec_.mask) {
            add(inputs_.mask->field, kUnsupported, "This model takes no mask.");
            return;
        }
        if (!inputs_.mask->has_content()) {
            take_mask_of_provider();
            return;
        }
        const ConvertedMask *mask = inputs_.mask_of(*spec_.mask);
        if (mask == nullptr) {
            add(inputs_.mask->field, "invalid_mask", "The mask could not be converted.");
            return;
        }
        fitted_.mask = &mask->image;
        list_conversion(*mask);
    }

    // A mask that only the provider has is sent as it is.
    void take_mask_of_provider() {
        check_file_id(*inputs_.mask);
        if (spec_.mask->kind != MaskKind::alpha) {
            add(inputs_.mask->field, kUnsupported,
                "This model takes another kind of mask, and the gateway cannot convert a file_id. "
                "Send the mask itself.");
        }
        fitted_.mask = &*inputs_.mask;
        note_soft();
    }

    void note_soft() {
        if (spec_.is_mask_soft) {
            adjust(R"("only the masked area changes")", R"("the whole image is rendered anew")",
                   "this model takes a mask as guidance");
        }
    }

    // Says what became of the mask, and what it means for the model.
    void list_conversion(const ConvertedMask &mask) {
        if (!mask.result.had_alpha) {
            adjust(R"("black and white")", R"("white = edit")",
                   "the mask has no transparent pixels, so white was read as the area to edit");
        }
        if (mask.result.edit_share == 0) {
            adjust(R"("an area to edit")", R"("no area to edit")",
                   mask.result.had_alpha
                       ? "no pixel of the mask is transparent, so it selects nothing to edit"
                       : "no pixel of the mask is white, so it selects nothing to edit");
        }
        if (mask.result.outcome == MaskOutcome::written) {
            adjust(R"("transparent = edit")", sent_form(mask.form), "converted for this model");
        }
        if (mask.result.was_soft && mask.form.levels == MaskLevels::two) {
            if (mode_ == FitMode::strict) {
                add(inputs_.mask->field, "invalid_value",
                    "The mask has soft edges, but this model takes only two levels.");
            }
            adjust(R"("soft edges")", R"("hard edges")", "this model takes only two levels");
        }
        note_soft();
    }

    static std::string sent_form(const MaskForm &form) {
        switch (form.kind) {
            case MaskKind::white: return R"("white = edit")";
            case MaskKind::black: return R"("black = edit")";
            case MaskKind::opaque_alpha: return R"("opaque = edit")";
            case MaskKind::alpha: break;
        }
        return R"("transparent = edit")";
    }

    void adjust(const char *requested, std::string sent, const char *reason) {
        fitted_.adjustments.push_back({"mask", requested, std::move(sent), reason});
    }

    void add(std::string field, const char *code, std::string message) {
        problems_.push_back({std::move(field), code, std::move(message)});
    }

    const InputImages &inputs_;
    const InputSpec &spec_;
    FitMode mode_;
    FittedInputs fitted_;
    std::vector<Problem> problems_;
};

}  // namespace

tl::expected<FittedInputs, ApiError> fit_inputs(const InputImages &inputs, const ModelSpec &model,
                                                FitMode mode) {
    return InputFitter(inputs, model, mode).fit();
}

}  // namespace gateway
