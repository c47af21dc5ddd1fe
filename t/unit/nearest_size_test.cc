// The search for the nearest size, compared with trying every allowed size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/catalog/fit_geometry.h"
#include "fake_ports.h"

namespace gateway {
namespace {

struct Wish {
    double ratio;
    double area;
    bool ratio_is_all;
};

struct Errors {
    double ratio;
    double area;
};

// If the client wrote pixels, one percent of the ratio does not matter.
Errors errors_of(Pixels size, const Wish &wish) {
    const double ratio = std::abs(std::log(size.ratio() / wish.ratio));
    const double area = std::abs(std::log(static_cast<double>(size.area()) / wish.area));
    return {!wish.ratio_is_all && ratio < std::log(1.01) ? 0 : ratio, area};
}

bool better(const Errors &one, const Errors &other) {
    constexpr double kEqual = 1e-9;
    return one.ratio < other.ratio - kEqual ||
           (one.ratio < other.ratio + kEqual && one.area < other.area - kEqual);
}

std::optional<Pixels> best_of_all(const SizeSpec &spec, const Wish &wish) {
    std::optional<Pixels> best;
    const auto look_at = [&](Pixels size) {
        if (spec.allows(size) && (!best || better(errors_of(size, wish), errors_of(*best, wish)))) {
            best = size;
        }
    };
    for (const Pixels &size : spec.list) {
        look_at(size);
    }
    for (int64_t width = 1; spec.rule && width <= spec.rule->max_side; ++width) {
        for (int64_t height = 1; height <= spec.rule->max_side; ++height) {
            look_at({width, height});
        }
    }
    return best;
}

class SizeMaker {
 public:
    int64_t from_to(int64_t low, int64_t high) {
        return low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low + 1)));
    }
    SizeSpec spec() {
        SizeSpec spec;
        SizeSpec::Rule rule;
        rule.multiple_of = from_to(1, 4);
        rule.max_side = from_to(24, 72);
        rule.min_side = from_to(1, 12);
        rule.min_area = from_to(1, 400);
        rule.max_area = from_to(500, 4000);
        rule.max_ratio = static_cast<double>(from_to(4, 16)) / 4;
        spec.rule = rule;
        for (int64_t i = from_to(-2, 3); i > 0; --i) {
            spec.list.push_back({from_to(1, 80), from_to(1, 80)});
        }
        return spec;
    }
    Wish wish() {
        const double ratio =
            static_cast<double>(from_to(1, 64)) / static_cast<double>(from_to(1, 64));
        return {ratio, static_cast<double>(from_to(1, 6000)), random_.below(2) == 0};
    }

 private:
    FakeRandom random_{5};
};

TEST(NearestSize, IsTheBestOfAllLegalOnes) {
    SizeMaker maker;
    for (int round = 0; round < 3000; ++round) {
        const SizeSpec spec = maker.spec();
        const Wish wish = maker.wish();
        const auto found = nearest_size(spec, wish.ratio, wish.area, wish.ratio_is_all);
        const auto best = best_of_all(spec, wish);
        const SizeSpec::Rule &rule = *spec.rule;
        SCOPED_TRACE(testing::Message()
                     << "ratio " << wish.ratio << " area " << wish.area << " ratio is all "
                     << wish.ratio_is_all << " multiple_of " << rule.multiple_of << " side "
                     << rule.min_side << ".." << rule.max_side << " area " << rule.min_area << ".."
                     << rule.max_area << " ratio " << rule.max_ratio << " listed "
                     << spec.list.size());
        EXPECT_EQ(found.has_value(), best.has_value())
            << (best ? size_text(*best) : "") << " is legal";
        if (!found || !best) {
            continue;
        }
        EXPECT_TRUE(spec.allows(*found)) << size_text(*found);
        EXPECT_FALSE(better(errors_of(*best, wish), errors_of(*found, wish)))
            << size_text(*best) << " is nearer than " << size_text(*found);
    }
}

// The sandbox accepts every size; the test does not try all of them.
TEST(NearestSize, IsNearEnoughWhereStepsAreFine) {
    SizeSpec spec;
    spec.rule = SizeSpec::Rule{.max_side = 4096, .max_area = 4'194'304};
    SizeMaker maker;
    for (int round = 0; round < 1000; ++round) {
        const Wish wish = maker.wish();
        const double area = wish.area * 1000;
        const auto found = nearest_size(spec, wish.ratio, area, wish.ratio_is_all);
        ASSERT_TRUE(found && spec.allows(*found)) << wish.ratio;
        ASSERT_NEAR(found->ratio() / wish.ratio, 1, 0.011) << wish.ratio << " " << area;
    }
}

TEST(NearestSize, IsNothingWhereThereIsNoSize) {
    SizeSpec spec;
    spec.rule = SizeSpec::Rule{.multiple_of = 16, .max_side = 64, .min_area = 5000};
    EXPECT_FALSE(nearest_size(spec, 1, 5000, true));
    EXPECT_FALSE(nearest_size(SizeSpec(), 1, 5000, true));
}

}  // namespace
}  // namespace gateway
