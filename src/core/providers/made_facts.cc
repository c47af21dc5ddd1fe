#include "core/providers/made_facts.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/request/geometry.h"

namespace gateway {

namespace {

using Row = UsageShares::Row;

Row row_of(const Usage &usage) {
    const Usage whole = with_all_details(usage);
    return {whole.input_text_tokens,    whole.input_image_tokens, *whole.output_text_tokens,
            *whole.output_image_tokens, whole.input_tokens,       whole.output_tokens,
            whole.total_tokens};
}

Usage usage_of(const Row &row) {
    Usage usage;
    usage.input_text_tokens = row[UsageShares::text_in];
    usage.input_image_tokens = row[UsageShares::image_in];
    usage.output_text_tokens = row[UsageShares::text_out];
    usage.output_image_tokens = row[UsageShares::image_out];
    usage.input_tokens = row[UsageShares::in];
    usage.output_tokens = row[UsageShares::out];
    usage.total_tokens = row[UsageShares::total];
    return usage;
}

// Computes the share of one image. The remainder of each count goes to the images after those that
// got the remainder of the count before, so that the total shares differ by one at most.
class UsageSharer {
 public:
    UsageSharer(int64_t sharers, int64_t place) : sharers_(sharers), place_(place) {}
    int64_t part(int64_t count) {
        const int64_t over = count % sharers_;
        const bool has_more = (place_ - next_ + sharers_) % sharers_ < over;
        next_ = (next_ + over) % sharers_;
        return count / sharers_ + (has_more ? 1 : 0);
    }

 private:
    int64_t sharers_;
    int64_t place_;
    int64_t next_ = 0;
};

// The share of a sum is the sum of the shares of its members; what the sum has besides them is
// divided like any count.
int64_t part_of_sum(int64_t sum, int64_t members, int64_t members_part, UsageSharer &sharer) {
    return sum >= members ? members_part + sharer.part(sum - members) : sharer.part(sum);
}

Row part_of_row(const Row &row, UsageSharer sharer) {
    Row own{};
    for (const size_t column : {UsageShares::text_in, UsageShares::image_in, UsageShares::text_out,
                                UsageShares::image_out}) {
        own[column] = sharer.part(row[column]);
    }
    own[UsageShares::in] =
        part_of_sum(row[UsageShares::in], row[UsageShares::text_in] + row[UsageShares::image_in],
                    own[UsageShares::text_in] + own[UsageShares::image_in], sharer);
    own[UsageShares::out] =
        part_of_sum(row[UsageShares::out], row[UsageShares::text_out] + row[UsageShares::image_out],
                    own[UsageShares::text_out] + own[UsageShares::image_out], sharer);
    own[UsageShares::total] =
        part_of_sum(row[UsageShares::total], row[UsageShares::in] + row[UsageShares::out],
                    own[UsageShares::in] + own[UsageShares::out], sharer);
    return own;
}

}  // namespace

void take_truth(ImageWords &words, const Image &image) {
    if (image.width != 0) {
        words.size = size_text({image.width, image.height});
    }
    if (image.format != ImageFormat::unknown) {
        words.output_format = name_of(image.format);
    }
}

Usage with_all_details(Usage usage) {
    const int64_t text = usage.output_text_tokens.value_or(0);
    usage.output_image_tokens =
        usage.output_image_tokens.value_or(std::max<int64_t>(0, usage.output_tokens - text));
    usage.output_text_tokens = text;
    return usage;
}

UsageShares::UsageShares(const Usage &all) : rest_(row_of(all)) {}

void UsageShares::take(const Usage &part) {
    const Row taken = row_of(part);
    for (size_t column = 0; column < columns; ++column) {
        rest_[column] = std::max<int64_t>(0, rest_[column] - taken[column]);
    }
}

Usage UsageShares::next() {
    return usage_of(part_of_row(rest_, UsageSharer(images_, place_++)));
}

void share_usage(std::span<Image> images, const Usage &all, size_t given) {
    UsageShares shares(all);
    for (const Image &image : images.first(given)) {
        shares.take(image.usage);
    }
    shares.divide(images.size() - given);
    for (Image &image : images.subspan(given)) {
        image.usage = shares.next();
    }
}

}  // namespace gateway
