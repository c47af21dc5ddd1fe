// What a request has cost or may have cost: the images that were made and the lost images.
#pragma once

#include <cstdint>
#include <optional>

#include "core/money.h"
#include "core/routing/history.h"
#include "core/routing/prepare.h"

namespace gateway {

class Expense {
 public:
    // Sets what is requested next. Images that were lost before count at the price of what was
    // requested then.
    void ask(const Prepared &prepared, int64_t images_lost);
    // The most that the current request to a provider can cost, plus what was lost so far.
    [[nodiscard]] MicroUsd most(int64_t images_lost) const {
        return lost(images_lost) + max_.value_or(0);
    }

    // What was lost before the current request to a provider: as it is written down, and read back
    // in another process.
    struct Before {
        int64_t images = 0;
        MicroUsd usd = 0;
    };
    [[nodiscard]] Before before() const { return {lost_images_, lost_}; }
    void resume(const Prepared &prepared, const Before &before);

    // Records how many images were made. An unknown cost counts as the maximum. So does the cost of
    // `others`: images that were made in addition and whose cost is not known.
    void make(int64_t images, std::optional<MicroUsd> cost, int64_t others);
    [[nodiscard]] MicroUsd total(const History &history) const {
        return lost(history.images_lost()) + made_ + history.told_cost();
    }

 private:
    [[nodiscard]] MicroUsd lost(int64_t images_lost) const;
    [[nodiscard]] MicroUsd price_of(int64_t images) const;

    std::optional<MicroUsd> max_;
    int64_t images_ = 1;  // that max_ is for
    int64_t lost_images_ = 0;
    MicroUsd lost_ = 0;
    MicroUsd made_ = 0;
};

}  // namespace gateway
