// A published API as tables: a row for each field that a request may have, with its type, bounds
// and default.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/request/image_request.h"

namespace gateway {

enum class FieldType : uint8_t {
    text,
    choice,
    integer,
    number,
    boolean,
    size,        // WxH, a tier such as 2K, or auto
    ratio,       // W:H
    resolution,  // a tier
    model,
    fallbacks,
    mask_mode,
    mask_feather,
};

struct Field {
    std::string_view name;
    FieldType type;
    std::optional<Param> param;  // empty for fields that no provider gets
    int64_t min = INT64_MIN;     // for texts, the number of characters
    int64_t max = INT64_MAX;
    std::string_view choices = {};  // separated by spaces
    bool required = false;
    bool nullable = false;
    std::string_view default_value = {};  // used if the field is absent
};

struct Profile {
    std::string_view name;
    std::span<const Field> fields;
    // The profile requires a ratio, so a size only says how large the image is.
    bool size_is_scale = false;
    // The fields of images/generations that may have input images, separated by spaces. Requests
    // for edits and variations have them in all profiles.
    std::string_view generation_images = {};

    [[nodiscard]] const Field *field(std::string_view field_name) const;
};

std::span<const Profile> profiles();
const Profile *profile_named(std::string_view name);
const Profile &unified_profile();

// Whether any profile has a field of this name. Such a field means the same in all APIs and is
// never forwarded as an unknown field.
bool is_published_field(std::string_view name);

}  // namespace gateway
