// Puts the rows of a table of directives as text into the module's file, where
// t/http/test_directives.py reads them to compare them with the manual. A row is
//     directive NAME CONTEXTS MIN MAX WORDS DEFAULT
// with a tab between its parts. WORDS may be "repeats" and "block".
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace gateway {

// Calls `add` with each piece of text.
template <typename Add>
constexpr void write_number(unsigned number, Add add) {
    constexpr std::string_view kDigits = "0123456789";
    if (number >= 10) {
        write_number(number / 10, add);
    }
    add(kDigits.substr(number % 10, 1));
}

// `kRows` is a table whose rows describe_row() takes.
template <const auto &kRows>
consteval auto rows_as_text() {
    constexpr size_t kSize = [] {
        size_t size = 1;
        for (const auto &row : kRows) {
            describe_row(row, [&](std::string_view text) { size += text.size(); });
        }
        return size;
    }();
    std::array<char, kSize> all{};
    size_t end = 0;
    for (const auto &row : kRows) {
        describe_row(row, [&](std::string_view text) {
            for (const char c : text) {
                all[end++] = c;
            }
        });
    }
    return all;
}

template <typename Add>
constexpr void describe(std::string_view name, std::string_view contexts, unsigned min,
                        unsigned max, bool repeats, bool has_block, std::string_view initial,
                        Add add) {
    add("directive\t");
    add(name);
    add("\t");
    add(contexts);
    add("\t");
    write_number(min, add);
    add("\t");
    write_number(max, add);
    add("\t");
    add(repeats ? "repeats" : "");
    add(has_block ? "block" : "");
    add("\t");
    add(initial);
    add("\n");
}

}  // namespace gateway
