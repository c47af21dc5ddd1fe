// Which candidates of a plan the worker that leads a record has certainly not asked yet. The notes
// are in shared memory, so that other workers can read them when this one was killed. A note that
// is not there means that the candidate may have been asked.
#pragma once

#include <memory>
#include <vector>

#include "core/bytes/sha256.h"
#include "core/limits/keys_in_use.h"
#include "core/routing/plan.h"

namespace gateway {

class Unasked {
 public:
    // Notes all candidates that were not asked before. The memory must outlive the object, which
    // removes its notes when it is destroyed. `until`: in monotonic milliseconds.
    Unasked(KeysInUse &memory, const Sha256 &record, const Plan &plan, Moment now, int64_t until);

    // Call it before the candidate is asked.
    void remove(const Candidate &candidate);

 private:
    struct Note {
        Candidate candidate;
        std::shared_ptr<const KeysInUse::Hold> hold;
    };
    std::vector<Note> notes_;
};

// The candidates that this process, which has died, may have asked.
std::vector<Candidate> candidates_asked_by(int32_t process, const KeysInUse &memory,
                                           const Sha256 &record, const Plan &plan);
// Makes room for those of its heir.
void remove_notes_of(int32_t process, KeysInUse &memory, const Sha256 &record, const Plan &plan);

}  // namespace gateway
