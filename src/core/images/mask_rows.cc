#include "core/images/mask_rows.h"

namespace gateway {

bool MaskRows::begin() {
    strength_ = std::make_unique_for_overwrite<uint8_t[]>(header().width);
    return rows_.begin(header().has_alpha ? RowForm::alpha : RowForm::luma);
}

std::span<const uint8_t> MaskRows::next() {
    const std::span<const uint8_t> row = rows_.next();
    const uint8_t inverted = header().has_alpha ? 255 : 0;
    unsigned soft = 0;
    for (size_t i = 0; i < row.size(); ++i) {
        const uint8_t strength = row[i] ^ inverted;
        strength_[i] = strength;
        soft |= static_cast<unsigned>(strength + 1) & 0xfe;  // 0 only for 0 and 255
    }
    soft_ = soft_ || soft != 0;
    return {strength_.get(), row.size()};
}

}  // namespace gateway
