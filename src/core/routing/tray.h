// The images of a request: a slot for each that is made. Lanes fill slots; a making brings them
// into the form that was requested; the reply sends them.
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
    Image image;             // of one that was sent, the content is gone
    Rare<ImageWords> words;  // of one that is sent before the end: the provider's, so far
};

class Tray {
 public:
    // Who hears of what is there before the end, and of what. None: it is not wanted.
    struct Listener {
        std::function<void(Preview)> on_preview;  // what an image looks like so far
        std::function<void(Slot &)> on_image;     // one that is made while others are not
        std::function<void(Bytes)> on_piece;      // of an image that comes alone, as it arrives
    };

    // Before each candidate that is asked: what is there was made by nobody else.
    void begin(const Candidate &candidate, const Prepared &prepared);
    [[nodiscard]] const Candidate &candidate() const { return *candidate_; }
    [[nodiscard]] const Prepared &prepared() const { return *prepared_; }

    [[nodiscard]] Slot &slot(int64_t index) { return slots_[static_cast<size_t>(index)]; }
    [[nodiscard]] std::vector<Slot> &slots() { return slots_; }
    [[nodiscard]] const std::vector<Slot> &slots() const { return slots_; }
    [[nodiscard]] size_t count(Slot::State state) const;

    // The image takes the place that it is to have among all.
    Slot &put(int64_t index, size_t call, Image image);

    Listener listener;

 private:
    const Candidate *candidate_ = nullptr;
    const Prepared *prepared_ = nullptr;
    std::vector<Slot> slots_;
};

}  // namespace gateway
