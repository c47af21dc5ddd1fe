// What an order asks for, as a hash: equal for two requests exactly if they ask for the same
// images in the same form.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/bytes/content.h"
#include "core/bytes/sha256.h"
#include "core/making/order.h"

namespace gateway {

// The contents of the input images.
struct InputDigests {
    std::vector<Sha256> images;  // in order; zeros for an image that only has a file id
    std::optional<Sha256> mask;
};

// The contents to hash. A copy of it copies no bytes.
struct InputContents {
    std::vector<Content> images;
    std::optional<Content> mask;

    explicit InputContents(const InputImages &inputs);
    // Reads files, so it may run only on a thread of the task pool if there are any. Nothing if
    // one cannot be read.
    [[nodiscard]] std::optional<InputDigests> digest() const;
    [[nodiscard]] bool empty() const { return images.empty() && !mask; }
};

// `path` is the path of the request's URL. Headers that change the images or their form are part of
// the order; ids of requests and times are not.
Sha256 digest_of(const Order &order, const InputDigests &inputs, std::string_view path);

}  // namespace gateway
