#include "core/request/profile.h"

#include <algorithm>

#include "core/images/feather.h"
#include "core/request/decode_images.h"
#include "core/words.h"

namespace gateway {

namespace {

using enum FieldType;
using P = Param;

constexpr int64_t kNone = INT64_MIN;
constexpr int64_t kAny = INT64_MAX;
constexpr int64_t kLongestText = 1'000'000;  // the catalogue has the limit of each model
constexpr int64_t kLongestUser = 1024;
constexpr bool kRequired = true;
constexpr bool kNullable = true;

// ---- unified: the union of all profiles, and fields of its own; every optional field may be null

constexpr Field kUnified[] = {
    {"prompt", text, P::prompt, 1, kLongestText, {}, kRequired},
    {"model", model, {}, kNone, kAny, {}, false, kNullable},
    {"n", integer, P::n, 1, 10, {}, false, kNullable},
    {"size", size, P::size, kNone, kAny, {}, false, kNullable},
    {"aspect_ratio", ratio, P::aspect_ratio, kNone, kAny, {}, false, kNullable},
    {"resolution", resolution, P::resolution, kNone, kAny, {}, false, kNullable},
    {"quality", choice, P::quality, kNone, kAny, "auto low medium high xhigh max standard hd",
     false, kNullable},
    {"style", choice, P::style, kNone, kAny, "vivid natural", false, kNullable},
    {"background", choice, P::background, kNone, kAny, "transparent opaque auto", false, kNullable},
    {"output_format", choice, P::output_format, kNone, kAny, "png webp jpeg", false, kNullable},
    {"output_compression", integer, P::output_compression, 0, 100, {}, false, kNullable},
    {"response_format", choice, P::response_format, kNone, kAny, "url b64_json", false, kNullable},
    {"moderation", choice, P::moderation, kNone, kAny, "low auto", false, kNullable},
    {"negative_prompt", text, P::negative_prompt, 0, kLongestText, {}, false, kNullable},
    {"seed", integer, P::seed, kNone, kAny, {}, false, kNullable},
    {"num_inference_steps", integer, P::num_inference_steps, 1, kAny, {}, false, kNullable},
    {"guidance", number, P::guidance, kNone, kAny, {}, false, kNullable},
    {"stream", boolean, P::stream, kNone, kAny, {}, false, kNullable},
    {"partial_images", integer, P::partial_images, 0, 3, {}, false, kNullable},
    {"user", text, P::user, 0, kLongestUser, {}, false, kNullable},
    {"input_fidelity", choice, P::input_fidelity, kNone, kAny, "high low", false, kNullable},
    {"strength", number, P::strength, kNone, kAny, {}, false, kNullable},
    {"mask_mode", mask_mode, {}, kNone, kAny, "model exact", false, kNullable},
    {"mask_feather", mask_feather, {}, 0, kMaxFeather, {}, false, kNullable},
    {"fallbacks", fallbacks, {}, kNone, kAny, {}, false, kNullable},
};

constexpr Field kMka1[] = {
    {"prompt", text, P::prompt, 1, 1000, {}, kRequired},
    {"model", model, {}, kNone, kAny, {}, false, false, "auto"},
    {"n", integer, P::n, 1, 10},
    {"quality", choice, P::quality, kNone, kAny, "low medium high auto standard hd", false, false,
     "auto"},
    {"response_format", choice, P::response_format, kNone, kAny, "url b64_json", false, false,
     "url"},
    {"size", choice, P::size, kNone, kAny,
     "256x256 512x512 1024x1024 1024x1536 1536x1024 1792x1024 1024x1792 auto", false, false,
     "1024x1024"},
    {"style", choice, P::style, kNone, kAny, "vivid natural", false, false, "vivid"},
    {"output_format", choice, P::output_format, kNone, kAny, "png webp jpeg"},
    {"user", text, P::user, 0, kLongestUser},
};

constexpr Field kMka1Of2025[] = {
    {"prompt", text, P::prompt, 1, 1000, {}, kRequired},
    {"model", model, {}, kNone, kAny, {}, false, false, "meetkai:z-image-turbo"},
    {"n", integer, P::n, 1, 10},
    {"quality", choice, P::quality, kNone, kAny, "standard hd", false, false, "standard"},
    {"response_format", choice, P::response_format, kNone, kAny, "url b64_json", false, false,
     "url"},
    {"size", choice, P::size, kNone, kAny, "256x256 512x512 1024x1024 1792x1024 1024x1792", false,
     false, "1024x1024"},
    {"style", choice, P::style, kNone, kAny, "vivid natural", false, false, "vivid"},
    {"user", text, P::user, 0, kLongestUser},
};

constexpr Field kKkiai[] = {
    {"prompt", text, P::prompt, 1, 1000, {}, kRequired},
    {"model", model, {}},
    {"n", integer, P::n, 1, 10},
    {"quality", choice, P::quality, kNone, kAny, "hd"},
    {"response_format", choice, P::response_format, kNone, kAny, "url b64_json", false, false,
     "url"},
    {"size", choice, P::size, kNone, kAny, "256x256 512x512 1024x1024"},
    {"aspect_ratio", choice, P::aspect_ratio, kNone, kAny,
     "21:9 16:9 4:3 3:2 1:1 2:3 3:4 9:16 9:21", kRequired},
    {"style", choice, P::style, kNone, kAny, "vivid natural"},
    {"user", text, P::user, 0, kLongestUser},
};

// This API accepts any word. Fitting handles words that the model does not accept.
constexpr int64_t kLongestWord = 64;

constexpr Field kTruefoundry[] = {
    {"prompt", text, P::prompt, 1, kLongestText, {}, kRequired},
    {"model", model, {}},
    {"n", integer, P::n, 1, 10, {}, false, kNullable},
    {"quality", text, P::quality, 0, kLongestWord, {}, false, kNullable},
    {"response_format", choice, P::response_format, kNone, kAny, "url b64_json", false, kNullable,
     "url"},
    {"size", text, P::size, 0, kLongestWord, {}, false, kNullable},
    {"style", text, P::style, 0, kLongestWord, {}, false, kNullable},
    {"output_format", text, P::output_format, 0, kLongestWord, {}, false, kNullable},
    {"output_compression", integer, P::output_compression, 0, 100, {}, false, kNullable},
    {"background", text, P::background, 0, kLongestWord, {}, false, kNullable},
    {"moderation", text, P::moderation, 0, kLongestWord, {}, false, kNullable},
    {"stream", boolean, P::stream, kNone, kAny, {}, false, kNullable},
    {"partial_images", integer, P::partial_images, kNone, kAny, {}, false, kNullable},
    {"user", text, P::user, 0, kLongestUser},
};

constexpr Field kMpilot[] = {
    {"prompt", text, P::prompt, 1, kLongestText, {}, kRequired},
    {"model", model, {}, kNone, kAny, {}, kRequired},
    {"n", integer, P::n, 1, 10},
    {"quality", choice, P::quality, kNone, kAny, "auto high medium low hd standard"},
    {"response_format", choice, P::response_format, kNone, kAny, "url b64_json", false, false,
     "url"},
    {"size", choice, P::size, kNone, kAny,
     "256x256 512x512 1024x1024 1792x1024 1024x1792 1536x1024 1024x1536 auto"},
    {"style", choice, P::style, kNone, kAny, "natural vivid"},
    {"output_format", choice, P::output_format, kNone, kAny, "png webp jpeg"},
    {"output_compression", integer, P::output_compression, 0, 100},
    {"background", choice, P::background, kNone, kAny, "transparent opaque auto"},
    {"moderation", choice, P::moderation, kNone, kAny, "low auto"},
    {"stream", boolean, P::stream},
    {"partial_images", integer, P::partial_images, 0, 3},
    {"user", text, P::user, 0, kLongestUser},
    {"seed", integer, P::seed},
    {"num_inference_steps", integer, P::num_inference_steps, 1},
    {"negative_prompt", text, P::negative_prompt, 0, kLongestText},
    {"fallbacks", fallbacks, {}},
};

constexpr Profile kProfiles[] = {
    {"unified", kUnified, false, kInputImageFields},
    {"mka1", kMka1},
    {"mka1-2025", kMka1Of2025},
    {"kkiai", kKkiai, true, "image images"},
    {"truefoundry", kTruefoundry},
    {"mpilot", kMpilot, false, "input_images"},
};

}  // namespace

const Field *Profile::field(std::string_view field_name) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [=](const Field &row) { return row.name == field_name; });
    return found == fields.end() ? nullptr : &*found;
}

std::span<const Profile> profiles() {
    return kProfiles;
}

const Profile *profile_named(std::string_view name) {
    const auto *found = std::find_if(std::begin(kProfiles), std::end(kProfiles),
                                     [=](const Profile &profile) { return profile.name == name; });
    return found == std::end(kProfiles) ? nullptr : found;
}

const Profile &unified_profile() {
    return kProfiles[0];
}

bool is_published_field(std::string_view name) {
    return is_input_image_field(name) ||
           std::any_of(std::begin(kProfiles), std::end(kProfiles),
                       [=](const Profile &profile) { return profile.field(name) != nullptr; });
}

}  // namespace gateway
