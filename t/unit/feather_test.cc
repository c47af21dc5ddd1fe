// Soft edges, inside an edited area.
#include "core/images/feather.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace gateway {
namespace {

TEST(Feather, RisesInsideOfTheEdge) {
    std::vector<uint8_t> row(30, 255);
    row[5] = 0;
    ASSERT_TRUE(feather(row, 30, 8));
    EXPECT_EQ(row, (std::vector<uint8_t>{145, 116, 87,  58,  29,  0,   29,  58,  87,  116,
                                         145, 174, 203, 232, 255, 255, 255, 255, 255, 255,
                                         255, 255, 255, 255, 255, 255, 255, 255, 255, 255}));
}

TEST(Feather, OfNoPixelsChangesNothing) {
    std::mt19937 random(1);
    std::vector<uint8_t> strengths(60);
    for (uint8_t &strength : strengths) {
        strength = static_cast<uint8_t>(random());
    }
    const std::vector<uint8_t> before = strengths;
    for (const int pixels : {0, -1}) {
        ASSERT_TRUE(feather(strengths, 10, pixels));
        EXPECT_EQ(strengths, before);
    }
}

TEST(Feather, LeavesAPictureWithoutEdgesAlone) {
    for (const auto strength : {uint8_t{0}, uint8_t{77}, uint8_t{255}}) {
        std::vector<uint8_t> strengths(100, strength);
        ASSERT_TRUE(feather(strengths, 10, 8));
        EXPECT_EQ(strengths, std::vector<uint8_t>(100, strength));
    }
}

// The definition: the minimum over all pixels of its strength and the step times the distance.
double by_definition(const std::vector<uint8_t> &before, size_t width, size_t at, int pixels,
                     double error) {
    double lowest = 255;
    for (size_t other = 0; other < before.size(); ++other) {
        const double dx = static_cast<double>(at % width) - static_cast<double>(other % width);
        const double dy = static_cast<double>(at / width) - static_cast<double>(other / width);
        const double step = std::ceil(255.0 / (pixels + 1));
        lowest = std::min(lowest, before[other] + step * std::hypot(dx, dy) * error);
    }
    return lowest;
}

TEST(Feather, IsNearToItsDefinition) {
    std::mt19937 random(2);
    for (const int pixels : {1, 2, 8, 20, 64}) {
        for (const size_t width : {1, 2, 23}) {
            std::vector<uint8_t> before(width * 17);
            for (uint8_t &strength : before) {
                strength = random() % 30 == 0 ? static_cast<uint8_t>(random() % 100) : 255;
            }
            std::vector<uint8_t> after = before;
            ASSERT_TRUE(feather(after, width, pixels));
            for (size_t i = 0; i < after.size(); ++i) {
                EXPECT_LE(after[i], before[i]);
                EXPECT_EQ(after[i] == 0, before[i] == 0);
                // The steps are whole numbers: of 64 pixels, they are 4 and 5 instead of 5.66.
                const double low = pixels > 20 ? 0.88 : 0.93;
                EXPECT_GE(after[i] + 1, by_definition(before, width, i, pixels, low));
                EXPECT_LE(after[i] - 1, by_definition(before, width, i, pixels, 1.07));
            }
        }
    }
}

TEST(Feather, EndsWhenItIsStopped) {
    std::vector<uint8_t> strengths(100, 255);
    strengths[0] = 0;
    const std::atomic<bool> stop = true;
    EXPECT_FALSE(feather(strengths, 10, 8, &stop));
}

TEST(Feather, HasALargestWidth) {
    std::vector<uint8_t> row(300, 255);
    std::vector<uint8_t> wider = row;
    row[0] = wider[0] = 0;
    ASSERT_TRUE(feather(row, 300, kMaxFeather));
    ASSERT_TRUE(feather(wider, 300, 1'000'000));
    EXPECT_EQ(row, wider);
    EXPECT_EQ(row[1], 4);
    EXPECT_EQ(row[kMaxFeather], 255);
}

}  // namespace
}  // namespace gateway
