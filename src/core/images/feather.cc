#include "core/images/feather.h"

#include <algorithm>

namespace gateway {
namespace {

struct FeatherSteps {
    unsigned straight;
    unsigned diagonal;
};

// 3 and 4 are the smallest numbers that come near to 1 and the square root of 2.
FeatherSteps steps_of(int pixels) {
    const auto across = static_cast<unsigned>(std::clamp(pixels, 0, kMaxFeather)) + 1;
    const unsigned straight = (255 + across - 1) / across;
    return {straight, std::min(255U, (straight * 4 + 1) / 3)};
}

// Lowers a row to what the row before it allows.
void lower_by_neighbour(const uint8_t *before, uint8_t *row, size_t width, FeatherSteps steps) {
    const auto lowered = [&](size_t x, unsigned strength, size_t beside) {
        return std::min({strength, before[x] + steps.straight, before[beside] + steps.diagonal});
    };
    row[0] = static_cast<uint8_t>(lowered(0, row[0], 0));
    for (size_t x = 1; x < width; ++x) {
        row[x] = static_cast<uint8_t>(lowered(x, row[x], x - 1));
    }
    for (size_t x = 0; x + 1 < width; ++x) {
        row[x] = static_cast<uint8_t>(std::min<unsigned>(row[x], before[x + 1] + steps.diagonal));
    }
}

void lower_along(uint8_t *row, size_t width, unsigned step) {
    for (size_t x = 1; x < width; ++x) {
        row[x] = static_cast<uint8_t>(std::min<unsigned>(row[x], row[x - 1] + step));
    }
    for (size_t x = width - 1; x-- > 0;) {
        row[x] = static_cast<uint8_t>(std::min<unsigned>(row[x], row[x + 1] + step));
    }
}

bool is_stopped(const std::atomic<bool> *stop) {
    return stop != nullptr && stop->load(std::memory_order_relaxed);
}

}  // namespace

bool feather(std::span<uint8_t> strengths, size_t width, int pixels,
             const std::atomic<bool> *stop) {
    if (pixels <= 0 || width == 0) {
        return true;
    }
    const FeatherSteps steps = steps_of(pixels);
    const size_t height = strengths.size() / width;
    for (size_t y = 0; y < height; ++y) {
        uint8_t *row = strengths.data() + y * width;
        if (is_stopped(stop)) {
            return false;
        }
        if (y != 0) {
            lower_by_neighbour(row - width, row, width, steps);
        }
        lower_along(row, width, steps.straight);
    }
    for (size_t y = height - 1; y-- > 0;) {
        uint8_t *row = strengths.data() + y * width;
        if (is_stopped(stop)) {
            return false;
        }
        lower_by_neighbour(row + width, row, width, steps);
        lower_along(row, width, steps.straight);
    }
    return true;
}

}  // namespace gateway
