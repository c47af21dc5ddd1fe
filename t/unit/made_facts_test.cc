// The share that each image has of its call's usage.
#include "core/providers/made_facts.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace gateway {
namespace {

std::array<int64_t, 7> counts_of(const Usage &usage) {
    const Usage all = with_all_details(usage);
    return {all.input_tokens,  all.input_text_tokens,   all.input_image_tokens,
            all.output_tokens, *all.output_text_tokens, *all.output_image_tokens,
            all.total_tokens};
}

TEST(ShareUsage, ThePartsAreTheWholeWhateverItIs) {
    std::mt19937 random(7);
    const auto below = [&](int64_t bound) {
        return static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
    };
    for (int round = 0; round < 20'000; ++round) {
        Usage all;
        const int64_t bound = round % 2 == 0 ? 20 : 1'000'000'000;
        all.input_tokens = below(bound);
        all.input_text_tokens = below(bound);
        all.input_image_tokens = below(bound);
        all.output_tokens = below(bound);
        if (below(2) == 0) {
            all.output_text_tokens = below(bound);
        }
        if (below(2) == 0) {
            all.output_image_tokens = below(bound);
        }
        all.total_tokens = below(bound);
        std::vector<Image> images(static_cast<size_t>(1 + below(10)));
        share_usage(images, all);
        std::array<int64_t, 7> sum{};
        for (const Image &image : images) {
            const auto counts = counts_of(image.usage);
            for (size_t i = 0; i < sum.size(); ++i) {
                ASSERT_GE(counts[i], 0);
                sum[i] += counts[i];
            }
        }
        ASSERT_EQ(sum, counts_of(all));
    }
}

TEST(ShareUsage, APartAddsUpAsTheWholeDoes) {
    Usage all{.input_tokens = 7,
              .input_text_tokens = 5,
              .input_image_tokens = 2,
              .output_tokens = 11,
              .output_text_tokens = 3,
              .total_tokens = 18};
    std::vector<Image> images(4);
    share_usage(images, all);
    for (const Image &image : images) {
        const Usage &own = image.usage;
        EXPECT_EQ(own.input_tokens, own.input_text_tokens + own.input_image_tokens);
        EXPECT_EQ(own.output_tokens, *own.output_text_tokens + *own.output_image_tokens);
        EXPECT_EQ(own.total_tokens, own.input_tokens + own.output_tokens);
    }
}

TEST(ShareUsage, WhatTheCallerWasToldStays) {
    std::vector<Image> images(3);
    images[0].usage.output_tokens = images[0].usage.total_tokens = 50;
    share_usage(images, {.output_tokens = 60, .total_tokens = 60}, 1);
    EXPECT_EQ(images[0].usage.output_tokens, 50);
    EXPECT_EQ(images[1].usage.output_tokens, 5);
    EXPECT_EQ(images[2].usage.output_tokens, 5);
    share_usage(images, {.output_tokens = 40, .total_tokens = 40}, 1);
    EXPECT_EQ(images[1].usage.output_tokens, 0) << "never less than nothing";
}

}  // namespace
}  // namespace gateway
