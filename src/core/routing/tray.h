// The images of a request, with a slot for each. Lanes fill the slots, the making brings the images
// into the requested form, and the reply sends them.
//
//   empty --put--> made --(links fetched, bytes stored)--> ready --(sent before the end)--> sent
//                    \--> delivering --/
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/outcome.h"
#include "core/rare.h"
#include "core/routing/prepare.h"

namespace gateway {

struct Slot {
    enum class State : uint8_t { empty, made, delivering, ready, sent };
    State state = State::empty;
    size_t call = 0;         // the number of the call that made it
    Image image;             // has no content after it was sent
    Rare<ImageWords> words;  // what the provider says about it; only if it is sent before the end

    // Whether it holds an image that this call made.
    [[nodiscard]] bool is_of(size_t number) const {
        return state != State::empty && call == number;
    }
};

class Tray {
 public:
    // Called before the end of the making. An empty function: not requested.
    struct Listener {
        std::function<void(Preview)> on_preview;  // a preview of an image
        std::function<void(Slot &)> on_image;     // an image is made while others are not made yet
        std::function<void(Bytes)> on_piece;      // a piece of a single image, as it arrives
    };

    // Empties the tray before each candidate, so that all its images are of one candidate.
    void begin(const Candidate &candidate, const Prepared &prepared);
    [[nodiscard]] const Candidate &candidate() const { return *candidate_; }
    [[nodiscard]] const Prepared &prepared() const { return *prepared_; }

    [[nodiscard]] Slot &slot(int64_t index) { return slots_[static_cast<size_t>(index)]; }
    [[nodiscard]] std::vector<Slot> &slots() { return slots_; }
    [[nodiscard]] const std::vector<Slot> &slots() const { return slots_; }
    [[nodiscard]] size_t count(Slot::State state) const;

    // Divides the usage of a call among its images. Those that were announced before the end keep
    // the part that they were given then.
    void share_usage(size_t call, const Usage &usage);

    // Puts an image into the slot of its index.
    Slot &put(int64_t index, size_t call, Image image);

    Listener listener;

 private:
    const Candidate *candidate_ = nullptr;
    const Prepared *prepared_ = nullptr;
    std::vector<Slot> slots_;
};

}  // namespace gateway
