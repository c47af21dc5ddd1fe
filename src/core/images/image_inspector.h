// Reads facts from an image file whose bytes arrive in pieces, such as an image in a request body.
// Keeps less than 600 bytes. A piece in the middle of an image costs a few comparisons and a copy
// of its last 96 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/images/base64_stream.h"
#include "core/images/image_walk.h"

namespace gateway {

class ImageInspector {
 public:
    // The next bytes of the file. How it is cut into pieces makes no difference.
    void feed(std::string_view piece);

    // Unknown until the first kFrontOfImage bytes have arrived, and if they are not an image's.
    [[nodiscard]] ImageFormat format() const { return walk_.format(); }
    [[nodiscard]] uint64_t size() const { return size_; }  // bytes fed

    // Call it once, after the last piece. Returns nothing if the file is not an image of a format
    // that the gateway knows, or if its header is invalid or truncated. The rest of the image may
    // still be broken.
    std::optional<ImageFacts> finish();

 private:
    ImageWalk walk_;
    uint64_t size_ = 0;
    std::array<char, kTailOfImage> tail_{};  // ends with the last byte
};

}  // namespace gateway
