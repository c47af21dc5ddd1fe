// What a provider's stream has told so far, event by event, and what it comes to.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/providers/dialect.h"

namespace gateway {

class StreamCollector {
 public:
    // So many pictures were asked for, and of each so many previews. More are left out.
    StreamCollector(int64_t asked, int64_t previews) : asked_(asked), previews_(previews) {}

    // What is to be told of it at once: a preview, or a picture that is done while others are not.
    using Report = std::variant<std::monostate, Preview, ImageResult>;
    Report take(StreamUpdate news);
    // All is there that was asked for, or has failed: there is nothing to wait for.
    [[nodiscard]] bool is_complete() const;
    // The stream is at its end. A preview is no picture.
    Outcome take_outcome();
    [[nodiscard]] bool has_ended() const { return ended_; }

 private:
    Report take_preview(Preview preview);
    Report take_made(ImageResult made);
    void add(ImageResult made);

    int64_t asked_;
    int64_t previews_;
    std::vector<int64_t> told_previews_;  // of each picture
    ImageResult result_;
    std::optional<Outcome> failure_;
    bool ended_ = false;
};

}  // namespace gateway
