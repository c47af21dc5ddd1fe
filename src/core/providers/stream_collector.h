// Collects the events of a provider's stream, and makes an outcome of them.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/providers/dialect.h"

namespace gateway {

class StreamCollector {
 public:
    // The number of requested images, and of previews for each. More are ignored.
    StreamCollector(int64_t requested, int64_t previews)
        : requested_(requested), previews_(previews) {}

    // What to report at once: a preview, or a finished image while others are unfinished.
    using Report = std::variant<std::monostate, Preview, ImageResult>;
    Report take(StreamUpdate news);
    // All requested images have come, or the stream has failed.
    [[nodiscard]] bool is_complete() const;
    // The outcome at the stream's end. Previews are not images.
    Outcome take_outcome();
    [[nodiscard]] bool has_ended() const { return ended_; }

 private:
    Report take_preview(Preview preview);
    Report take_made(ImageResult made);
    void add(ImageResult made);

    int64_t requested_;
    int64_t previews_;
    std::vector<int64_t> told_previews_;  // for each image
    ImageResult result_;
    std::optional<Outcome> failure_;
    bool ended_ = false;
};

}  // namespace gateway
