// What a provider's stream has told so far, event by event, and what it comes to.
#pragma once

#include <cstdint>
#include <optional>

#include "core/providers/dialect.h"

namespace gateway {

class Streamed {
 public:
    explicit Streamed(int64_t asked) : asked_(asked) {}

    // A preview that it is, for whoever waits.
    std::optional<Preview> take(StreamNews news);
    // All is there that was asked for, or has failed: there is nothing to wait for.
    [[nodiscard]] bool is_complete() const;
    // The stream is at its end. A preview is no picture.
    Outcome take_outcome();
    [[nodiscard]] bool has_ended() const { return ended_; }

 private:
    void add(ImageResult made);

    int64_t asked_;
    ImageResult result_;
    std::optional<Outcome> failure_;
    bool ended_ = false;
};

}  // namespace gateway
