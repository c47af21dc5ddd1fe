// What the fuzz targets share: a promise that ends the process when it is broken, and bytes of the
// input that choose how the rest is used.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json/document.h"

namespace gateway {

inline void promise(bool kept, const char *what, std::string_view text = {}) {
    if (!kept) {
        (void)std::fprintf(stderr, "broken promise: %s\n%.*s\n", what,
                           static_cast<int>(text.size()), text.data());
        std::abort();
    }
}

// What goes to a client: read as strictly as can be.
inline void promise_json(std::string_view text, const char *what, bool unique_keys = true) {
    const auto document =
        JsonDocument::read(text, {128, size_t{1} << 24, size_t{1} << 24, unique_keys, true});
    promise(document.has_value(), what, text);
}

class Input {
 public:
    Input(const uint8_t *data, size_t size) : rest_(reinterpret_cast<const char *>(data), size) {}

    uint8_t byte() {
        if (rest_.empty()) {
            return 0;
        }
        const auto first = static_cast<uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return first;
    }

    [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
    std::string_view rest_;
};

}  // namespace gateway
