// How many cases a random test takes: LONG=1 in the environment asks for all that it may want.
#pragma once

#include <cstdlib>
#include <string_view>

namespace gateway {

inline bool is_long_run() {
    const char *value = std::getenv("LONG");
    return value != nullptr && std::string_view(value) == "1";
}

// A tenth in an ordinary run.
template <typename Number>
Number of_cases(Number all) {
    return is_long_run() ? all : all / 10;
}

}  // namespace gateway
