// What a request has cost, or may have: images that were made, and those that were lost on the way.
#pragma once

#include <cstdint>
#include <optional>

#include "core/money.h"
#include "core/routing/history.h"
#include "core/routing/prepare.h"

namespace gateway {

// The most that all its calls together can cost; nothing when the model has no price.
std::optional<MicroUsd> max_cost(const Prepared &prepared);

class Expense {
 public:
    // This is asked for next. What was lost before it was lost at the price of what was asked for
    // then.
    void ask(const Prepared &prepared, int64_t images_lost);
    // What is asked for now, and what was lost so far.
    [[nodiscard]] MicroUsd most(int64_t images_lost) const {
        return lost(images_lost) + max_.value_or(0);
    }

    // Of what was asked for, so many were made. A cost that nobody knows is taken to be the most
    // that it can be; as that of `others`, which were made besides.
    void make(int64_t images, std::optional<MicroUsd> cost, int64_t others);
    [[nodiscard]] MicroUsd total(const History &history) const {
        return lost(history.images_lost()) + made_ + history.told_cost();
    }

 private:
    [[nodiscard]] MicroUsd lost(int64_t images_lost) const;
    [[nodiscard]] MicroUsd price_of(int64_t images) const;

    std::optional<MicroUsd> max_;
    int64_t images_ = 1;  // that it is for
    int64_t lost_images_ = 0;
    MicroUsd lost_ = 0;
    MicroUsd made_ = 0;
};

}  // namespace gateway
