#include "core/routing/expense.h"

#include <algorithm>

namespace gateway {

void Expense::ask(const Prepared &prepared, int64_t images_lost) {
    lost_ = lost(images_lost);
    lost_images_ = images_lost;
    max_ = prepared.max_cost();
    images_ = std::max<int64_t>(1, prepared.images());
}

void Expense::resume(const Prepared &prepared, const Before &before) {
    ask(prepared, 0);
    lost_ = before.usd;
    lost_images_ = before.images;
}

void Expense::make(int64_t images, std::optional<MicroUsd> cost, int64_t others) {
    made_ = cost.value_or(price_of(images)) + price_of(others);
}

MicroUsd Expense::lost(int64_t images_lost) const {
    return lost_ + price_of(images_lost - lost_images_);
}

// Rounds the price of an image up to a whole millionth of a dollar.
MicroUsd Expense::price_of(int64_t images) const {
    const MicroUsd max = max_.value_or(0);
    return (max + images_ - 1) / images_ * images;
}

}  // namespace gateway
