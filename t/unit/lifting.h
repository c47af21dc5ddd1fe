// For tests: feeds texts to the lifter at once or in pieces, and restores the text from the result.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/lifter.h"

namespace gateway {

// Fed in pieces that end at `cuts`, which must ascend.
inline LiftedText lift_in_pieces(std::string_view text, const std::vector<size_t> &cuts,
                                 Lifter::Limits limits) {
    Lifter lifter(BlockPool::create(8), limits);
    size_t from = 0;
    for (const size_t cut : cuts) {
        lifter.feed(text.substr(from, cut - from));
        from = cut;
    }
    lifter.feed(text.substr(from));
    return std::move(lifter).finish();
}

inline LiftedText lift(std::string_view text, Lifter::Limits limits = {}) {
    return lift_in_pieces(text, {}, limits);
}

inline LiftedText lift_by_bytes(std::string_view text, Lifter::Limits limits = {}) {
    Lifter lifter(BlockPool::create(8), limits);
    for (const char &c : text) {
        lifter.feed({&c, 1});
    }
    return std::move(lifter).finish();
}

// Fed in pieces of this size, and handed on from the first time that there is something to hand on:
// what was, or nothing if it may not be.
struct HandedOn {
    bool begun = false;
    std::optional<std::string> text = std::string();
};

inline HandedOn hand_on(Lifter &lifter, std::string_view text, size_t size) {
    HandedOn handed;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        lifter.feed(text.substr(0, size));
        handed.begun = handed.begun || !lifter.open_string().empty();
        if (handed.begun) {
            const auto fresh = lifter.pass();
            if (!fresh) {
                handed.text.reset();
                return handed;
            }
            *handed.text += fresh->copy();
        }
    }
    return handed;
}

// The outline with every string back in its place.
inline std::string put_together(const LiftedText &lifted) {
    std::string text;
    size_t from = 0;
    for (const LiftedString &string : lifted.strings) {
        text.append(lifted.outline, from, string.position - from);
        text += string.content.copy();
        from = string.position;
    }
    return text.append(lifted.outline, from);
}

// Lifted text has no comparison of its own: as text, for EXPECT_EQ.
inline std::string description_of(const LiftedText &lifted) {
    std::string text = lifted.outline + "\nraw: " + lifted.raw.copy() +
                       (lifted.outline_too_large ? "\ntoo large" : "\nsmall enough");
    for (const LiftedString &string : lifted.strings) {
        text += "\nat " + std::to_string(string.position) + (string.plain ? " plain" : " odd") +
                ": " + string.content.copy();
    }
    return text;
}

}  // namespace gateway
