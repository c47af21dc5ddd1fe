// A published API as data: which fields a request may have, a row for each, and what they mean when
// they are left out.
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
};

struct Field {
    std::string_view name;
    FieldType type;
    std::optional<Param> param;  // none: of the model's name and the fallbacks
    int64_t min = INT64_MIN;     // of texts: characters
    int64_t max = INT64_MAX;
    std::string_view choices = {};  // separated by spaces
    bool required = false;
    bool nullable = false;
    std::string_view default_value = {};  // when it is absent; never held against the caller
};

struct Profile {
    std::string_view name;
    std::span<const Field> fields;
    // Where a ratio is always given, a size beside it says only how large.
    bool size_is_scale = false;

    [[nodiscard]] const Field *field(std::string_view field_name) const;
};

std::span<const Profile> profiles();
const Profile *profile_named(std::string_view name);
const Profile &unified_profile();

// Images as input, which no API here takes yet.
inline constexpr std::string_view kInputImageFields = "image images mask";

// Whether any published API has a field of this name: such a field means the same everywhere, and
// is never passed on unread.
bool is_published_field(std::string_view name);

}  // namespace gateway
