#include "core/request/input_image.h"

#include <algorithm>

namespace gateway {

const ConvertedMask *InputImages::mask_of(const MaskForm &form) const {
    const auto found = std::find_if(masks.begin(), masks.end(),
                                    [&](const ConvertedMask &mask) { return mask.form == form; });
    return found == masks.end() ? nullptr : &*found;
}

}  // namespace gateway
