#include "core/providers/written_fields.h"

#include "core/request/profile.h"
#include "core/words.h"

namespace gateway {

bool WrittenFields::contains(std::string_view field) const {
    return also_ == Also::everything || is_one_of(field, names_) ||
           (also_ == Also::published && is_published_field(field));
}

}  // namespace gateway
