#include "core/providers/made_facts.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/request/geometry.h"

namespace gateway {

namespace {

// A usage as a row of counts. The details come first, then what they are details of.
struct UsageRow {
    enum Column : uint8_t { text_in, image_in, text_out, image_out, in, out, total, columns };
    std::array<int64_t, columns> counts{};
    int64_t &operator[](size_t column) { return counts[column]; }
    const int64_t &operator[](size_t column) const { return counts[column]; }
};

UsageRow row_of(const Usage &usage) {
    const Usage whole = with_all_details(usage);
    return {{whole.input_text_tokens, whole.input_image_tokens, *whole.output_text_tokens,
             *whole.output_image_tokens, whole.input_tokens, whole.output_tokens,
             whole.total_tokens}};
}

Usage usage_of(const UsageRow &row) {
    Usage usage;
    usage.input_text_tokens = row[UsageRow::text_in];
    usage.input_image_tokens = row[UsageRow::image_in];
    usage.output_text_tokens = row[UsageRow::text_out];
    usage.output_image_tokens = row[UsageRow::image_out];
    usage.input_tokens = row[UsageRow::in];
    usage.output_tokens = row[UsageRow::out];
    usage.total_tokens = row[UsageRow::total];
    return usage;
}

// The part of one of those who share. What does not divide goes on from whoever had more of the
// count before, so that the sums of all parts differ by one at most.
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

// A sum is shared as its members are, so that it is their sum in each part; what is in it besides
// them, as any count is.
int64_t part_of_sum(int64_t sum, int64_t members, int64_t members_part, UsageSharer &sharer) {
    return sum >= members ? members_part + sharer.part(sum - members) : sharer.part(sum);
}

UsageRow part_of_row(const UsageRow &row, UsageSharer sharer) {
    UsageRow own{};
    for (const size_t column :
         {UsageRow::text_in, UsageRow::image_in, UsageRow::text_out, UsageRow::image_out}) {
        own[column] = sharer.part(row[column]);
    }
    own[UsageRow::in] =
        part_of_sum(row[UsageRow::in], row[UsageRow::text_in] + row[UsageRow::image_in],
                    own[UsageRow::text_in] + own[UsageRow::image_in], sharer);
    own[UsageRow::out] =
        part_of_sum(row[UsageRow::out], row[UsageRow::text_out] + row[UsageRow::image_out],
                    own[UsageRow::text_out] + own[UsageRow::image_out], sharer);
    own[UsageRow::total] = part_of_sum(row[UsageRow::total], row[UsageRow::in] + row[UsageRow::out],
                                       own[UsageRow::in] + own[UsageRow::out], sharer);
    return own;
}

}  // namespace

void take_truth(ImageResult &result, const Image &picture) {
    if (picture.width != 0) {
        result.size = size_text({picture.width, picture.height});
    }
    if (picture.format != ImageFormat::unknown) {
        result.output_format = name_of(picture.format);
    }
}

Usage with_all_details(Usage usage) {
    const int64_t text = usage.output_text_tokens.value_or(0);
    usage.output_image_tokens =
        usage.output_image_tokens.value_or(std::max<int64_t>(0, usage.output_tokens - text));
    usage.output_text_tokens = text;
    return usage;
}

void share_usage(std::span<Image> images, const Usage &all) {
    UsageRow rest = row_of(all);
    int64_t sharers = 0;
    for (const Image &image : images) {
        if (!image.told) {
            ++sharers;
            continue;
        }
        const UsageRow told = row_of(image.usage);
        for (size_t column = 0; column < UsageRow::columns; ++column) {
            rest[column] = std::max<int64_t>(0, rest[column] - told[column]);
        }
    }
    int64_t place = 0;
    for (Image &image : images) {
        if (!image.told) {
            image.usage = usage_of(part_of_row(rest, UsageSharer(sharers, place++)));
        }
    }
}

}  // namespace gateway
