#include "core/catalog/fit_geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gateway {

namespace {

// The approximate area of current models' images if no size is requested.
constexpr double kUsualArea = 1024.0 * 1024.0;

// The larger number divided by the smaller one.
double factor(double a, double b) {
    return a > b ? a / b : b / a;
}

// Keeps the nearest of the considered sizes.
class Nearest {
 public:
    Nearest(double ratio, double area, bool ratio_is_all)
        : ratio_(ratio), area_(area), ratio_is_all_(ratio_is_all) {}

    // If the client wrote pixels, a difference of one percent in the ratio matters less than the
    // area.
    static constexpr double kSameRatio = 1.01;

    void consider(Pixels size) {
        double ratio = factor(size.ratio(), ratio_);
        if (!ratio_is_all_ && ratio < kSameRatio) {
            ratio = 1;
        }
        constexpr double kEqual = 1e-9;
        if (ratio > ratio_error_ + kEqual) {
            return;
        }
        const double area = factor(static_cast<double>(size.area()), area_);
        if (ratio < ratio_error_ - kEqual || area < area_error_ - kEqual) {
            ratio_error_ = ratio;
            area_error_ = area;
            best_ = size;
        }
    }
    [[nodiscard]] std::optional<Pixels> best() const { return best_; }

 private:
    double ratio_;
    double area_;
    bool ratio_is_all_;
    double ratio_error_ = std::numeric_limits<double>::max();
    double area_error_ = std::numeric_limits<double>::max();
    std::optional<Pixels> best_;
};

struct Wish {
    double ratio;
    double area;
    bool ratio_is_all;
};

// The allowed shorter sides for one longer side.
struct Range {
    int64_t low;
    int64_t high;
};

Range shorter_sides(const SizeSpec::Rule &rule, int64_t longer) {
    const int64_t step = rule.multiple_of;
    const auto reach = static_cast<double>(longer);
    const int64_t low = std::max({rule.min_side, (rule.min_area + longer - 1) / longer,
                                  static_cast<int64_t>(std::ceil(reach / rule.max_ratio))});
    const int64_t high = std::min(longer, rule.max_area / longer);
    return {(low + step - 1) / step * step, high / step * step};
}

void consider_rule(const SizeSpec::Rule &rule, const Wish &wish, Nearest &nearest) {
    const int64_t step = rule.multiple_of;
    const bool wide = wish.ratio >= 1;
    const double slope = wide ? wish.ratio : 1 / wish.ratio;
    // The maximum number of longer sides to try. With fine steps the result is near enough.
    constexpr int64_t kMaxSides = 1024;
    const int64_t sides = rule.max_side / step;
    const int64_t stride = step * ((sides + kMaxSides - 1) / kMaxSides);
    for (int64_t longer = stride; longer <= rule.max_side; longer += stride) {
        const Range range = shorter_sides(rule, longer);
        if (range.low > range.high) {
            continue;
        }
        const auto consider = [&](double shorter) {
            const auto below = static_cast<int64_t>(shorter / static_cast<double>(step)) * step;
            for (const int64_t side : {below, below + step}) {
                const int64_t legal = std::clamp(side, range.low, range.high);
                const Pixels size = wide ? Pixels{longer, legal} : Pixels{legal, longer};
                if (rule.allows(size)) {
                    nearest.consider(size);
                }
            }
        };
        const double exact = static_cast<double>(longer) / slope;
        consider(exact);
        if (!wish.ratio_is_all) {
            // Within one percent of the ratio the area decides.
            consider(std::clamp(wish.area / static_cast<double>(longer),
                                exact / Nearest::kSameRatio, exact * Nearest::kSameRatio));
        }
    }
}

double area_of_tier(int64_t side) {
    return static_cast<double>(side) * static_cast<double>(side);
}

std::string percent(double part) {
    const auto tenths = static_cast<int64_t>(std::llround(part * 1000));
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

// Describes the difference between the image and the requested ratio and area.
std::string errors(const Shape &shape, double ratio, std::optional<double> area) {
    std::string text;
    const auto add = [&](const char *what, double part) {
        constexpr double kNothing = 0.0005;
        if (part >= kNothing) {
            text += (text.empty() ? ": " : ", ") + std::string(what) + " off by " + percent(part);
        }
    };
    if (shape.ratio || shape.size) {
        const double wanted = shape.ratio ? shape.ratio->ratio() : shape.size->ratio();
        add("ratio", deviation(ratio, wanted));
    }
    if (area && shape.size) {
        add("area", deviation(*area, static_cast<double>(shape.size->area())));
    } else if (area && shape.tier) {
        add("area", deviation(*area, area_of_tier(*shape.tier)));
    }
    return text;
}

std::optional<double> wanted_area(const Shape &shape) {
    if (shape.size) {
        return static_cast<double>(shape.size->area());
    }
    return shape.tier ? std::optional(area_of_tier(*shape.tier)) : std::nullopt;
}

FittedShape fit_to_sizes(const Params &requested, const Shape &shape, const SizeSpec &spec) {
    const std::string_view text = requested.text(Param::size);
    FittedShape fitted;
    // If ratio and size disagree, the ratio decides, and the size only sets the area.
    const bool by_size = shape.size && (!shape.ratio || agree(*shape.size, *shape.ratio));
    if (by_size && spec.allows(*shape.size)) {
        fitted.size = text;
        fitted.reason = "the size already determines it";
        return fitted;
    }
    if (!shape.size && !shape.ratio && !shape.tier) {
        if (text == "auto" ? spec.automatic || spec.takes_any()
                           : !text.empty() && spec.takes_any()) {
            fitted.size = text;
        } else {
            fitted.reason = "not a size of this model; it chooses its own";
        }
        return fitted;
    }
    if (spec.takes_any() && !by_size && !shape.ratio) {
        // The row does not limit sizes, so the square of that tier is sent.
        fitted.size = size_text({*shape.tier, *shape.tier});
        fitted.reason = "the square size of this tier";
        return fitted;
    }
    SizeSpec any;
    any.rule = SizeSpec::Rule{16, 64, 16384, 1, INT64_MAX, 16384};
    const double ratio = shape.ratio ? shape.ratio->ratio() : shape.size ? shape.size->ratio() : 1;
    const auto area = wanted_area(shape);
    const auto nearest =
        nearest_size(spec.takes_any() ? any : spec, ratio, area.value_or(kUsualArea), !shape.size);
    if (!nearest) {
        fitted.reason = "not a size of this model; it chooses its own";
        return fitted;
    }
    fitted.size = size_text(*nearest);
    fitted.reason =
        "the nearest size of this model" +
        errors(shape, nearest->ratio(), std::optional(static_cast<double>(nearest->area())));
    return fitted;
}

Pixels nearest_ratio(const RatioSpec &spec, Pixels wanted) {
    if (spec.list.empty()) {
        if (spec.min && wanted.ratio() < spec.min->ratio()) {
            return *spec.min;
        }
        if (spec.max && wanted.ratio() > spec.max->ratio()) {
            return *spec.max;
        }
        return wanted;
    }
    const auto error = [&](Pixels ratio) { return factor(ratio.ratio(), wanted.ratio()); };
    return *std::min_element(spec.list.begin(), spec.list.end(),
                             [&](Pixels a, Pixels b) { return error(a) < error(b); });
}

const TierSpec::Tier &nearest_tier(const TierSpec &spec, double area) {
    // A smaller tier counts as a slightly larger error, because people call 1920x1080 2K.
    constexpr double kWorse = 1.08;
    const double side = std::sqrt(area);
    const auto error = [&](const TierSpec::Tier &tier) {
        const auto is = static_cast<double>(tier.side);
        return is < side ? side / is * kWorse : is / side;
    };
    return *std::min_element(spec.list.begin(), spec.list.end(),
                             [&](const auto &a, const auto &b) { return error(a) < error(b); });
}

FittedShape fit_to_ratios(const Shape &shape, const ModelSpec &model) {
    FittedShape fitted;
    std::optional<Pixels> ratio;
    if (model[Param::aspect_ratio] && (shape.ratio || shape.size)) {
        const Pixels wanted = shape.ratio ? *shape.ratio : *shape.size;
        ratio = nearest_ratio(model.ratio, wanted);
        // Uses the spelling of the model or of the client: 21:9 and 7:3 are not equal to all
        // models.
        const bool invented = !shape.ratio && model.ratio.list.empty() && *ratio == wanted;
        fitted.ratio = invented ? ratio_text(*ratio) : spelled_ratio(*ratio);
    }
    const auto area = wanted_area(shape);
    std::optional<double> tier_area;
    if (model[Param::resolution] && area) {
        const TierSpec::Tier &tier = nearest_tier(model.tier, *area);
        tier_area = area_of_tier(tier.side);
        fitted.tier = tier.name;
    }
    if (!ratio && !tier_area) {
        fitted.reason = "this model chooses its own";
        return fitted;
    }
    fitted.reason = "this model's nearest" + errors(shape, ratio ? ratio->ratio() : 1, tier_area);
    if (!ratio && (shape.ratio || shape.size)) {
        fitted.reason = "this model accepts only a tier";
    }
    return fitted;
}

}  // namespace

std::optional<Pixels> nearest_size(const SizeSpec &spec, double ratio, double area,
                                   bool ratio_is_all) {
    Nearest nearest(ratio, area, ratio_is_all);
    for (const Pixels &size : spec.list) {
        nearest.consider(size);
    }
    if (spec.rule) {
        consider_rule(*spec.rule, {ratio, area, ratio_is_all}, nearest);
    }
    return nearest.best();
}

FittedShape fit_shape(const Params &requested, const ModelSpec &model) {
    const Shape shape = shape_of(requested);
    return model[Param::size] ? fit_to_sizes(requested, shape, model.size)
                              : fit_to_ratios(shape, model);
}

}  // namespace gateway
