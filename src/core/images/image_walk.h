// Walks from header to header of an image file and gathers facts. It never needs most of the bytes:
// skippable() says how many of the next ones. ImageInspector walks over bytes as they arrive,
// Base64Inspector over base64, of which it decodes only what the walk reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>

#include "core/images/gif_blocks.h"
#include "core/images/header_reader.h"
#include "core/images/heif_boxes.h"
#include "core/images/image_header.h"
#include "core/images/jpeg_segments.h"
#include "core/images/png_chunks.h"
#include "core/images/webp_chunks.h"

namespace gateway {

class ImageWalk {
 public:
    static constexpr uint32_t kMaxParts = kMaxPartsOfImage;

    // Takes the next bytes of the file. How the file is cut into pieces makes no difference.
    void read(std::string_view bytes);
    // Passes over bytes instead; at most skippable().
    void skip(uint64_t count);

    [[nodiscard]] uint64_t skippable() const { return is_done_ ? kNoEnd : skip_; }
    // The bytes after the skippable ones that are read in one piece, at most kMaxNeeded.
    [[nodiscard]] size_t needed() const { return need_ - held_; }
    // Where in the file the next bytes to read begin.
    [[nodiscard]] uint64_t position() const { return position_ + held_ + skip_; }
    // Whether the rest of the file will not be read.
    [[nodiscard]] bool is_done() const { return is_done_; }
    // Unknown until kFrontOfImage bytes are read, and if they are not those of an image.
    [[nodiscard]] ImageFormat format() const { return found_.facts.format; }
    [[nodiscard]] bool has_credentials() const { return found_.facts.has_credentials; }

    // The file had `bytes` bytes; `tail` are the last kTailOfImage of them. Returns nothing if it
    // is not an image, or its header is invalid or truncated. If the walk was given up at
    // `given_up_at` before the size of a JPEG, the size is 0 by 0.
    std::optional<ImageFacts> finish(uint64_t bytes, std::string_view tail,
                                     std::optional<uint64_t> given_up_at = std::nullopt);

 private:
    static constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();

    NextRead look(std::string_view bytes);
    NextRead begin(std::string_view front);
    void take(NextRead next);
    [[nodiscard]] bool is_whole(uint64_t bytes, std::string_view tail) const;

    HeaderFacts found_;
    uint64_t position_ = 0;  // of the held bytes
    uint64_t skip_ = 0;      // to be passed over before bytes are held
    size_t need_ = kFrontOfImage;
    size_t held_ = 0;
    uint32_t parts_ = 0;
    bool has_begun_ = false;
    bool is_done_ = false;
    std::array<char, 8> first_{};          // of the file
    std::array<char, kMaxNeeded> window_;  // holds bytes until there are as many as needed
    std::variant<std::monostate, PngChunks, JpegSegments, WebpChunks, GifBlocks, HeifBoxes> reader_;
};

}  // namespace gateway
