// Targets of directives with one plain value: a member of LocationConf or of its Policy.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nginx/conf_error.h"
#include "nginx/directive.h"

namespace gateway {

template <auto kMember, typename Conf>
auto &member_of(Conf &location) {
    if constexpr (std::is_invocable_v<decltype(kMember), Conf &>) {
        return location.*kMember;
    } else {
        return location.policy.*kMember;
    }
}

template <auto kMember, auto kRead>
void read_member(ngx_conf_t *cf, LocationConf &location) {
    member_of<kMember>(location) = kRead(cf);
}

template <auto kMember>
void inherit_member(LocationConf &location, const LocationConf &above) {
    member_of<kMember>(location) = member_of<kMember>(above);
}

// `kRead` makes the value from the directive's arguments.
template <auto kMember, auto kRead>
constexpr DirectiveTarget value_of{nullptr, read_member<kMember, kRead>, inherit_member<kMember>};

bool read_flag(ngx_conf_t *cf);
std::string read_text(ngx_conf_t *cf);
size_t read_size(ngx_conf_t *cf);        // greater than 0
Milliseconds read_time(ngx_conf_t *cf);  // greater than 0
// For arguments that are none of these.
[[noreturn]] void invalid_value(ngx_conf_t *cf, const std::string &expected);

template <auto kMember>
constexpr DirectiveTarget flag_value = value_of<kMember, read_flag>;
template <auto kMember>
constexpr DirectiveTarget text_value = value_of<kMember, read_text>;
template <auto kMember>
constexpr DirectiveTarget size_value = value_of<kMember, read_size>;
template <auto kMember>
constexpr DirectiveTarget time_value = value_of<kMember, read_time>;

template <typename Value>
struct WordRow {
    std::string_view word;
    Value value;
};

template <const auto &kWords>
auto read_word(ngx_conf_t *cf) {
    std::string expected;
    for (const auto &row : kWords) {
        if (row.word == to_view(arguments(cf)[1])) {
            return row.value;
        }
        expected.append(expected.empty() ? "" : ", ").append(row.word);
    }
    invalid_value(cf, "one of: " + expected);
}

// `kWords` is an array of WordRow.
template <auto kMember, const auto &kWords>
constexpr DirectiveTarget word_value = value_of<kMember, read_word<kWords>>;

}  // namespace gateway
