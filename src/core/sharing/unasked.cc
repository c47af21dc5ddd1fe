#include "core/sharing/unasked.h"

#include <algorithm>
#include <iterator>

namespace gateway {

namespace {

Account note_of(const Sha256 &record, const Candidate &candidate) {
    return both(account_of(record), candidate.provider->target(candidate.model).model);
}

bool is_among(const std::vector<Candidate> &candidates, const Candidate &candidate) {
    return std::any_of(candidates.begin(), candidates.end(),
                       [&](const Candidate &one) { return one.is_same(candidate); });
}

}  // namespace

Unasked::Unasked(KeysInUse &memory, const Sha256 &record, const Plan &plan, Moment now,
                 int64_t until) {
    for (const Candidate &candidate : plan.candidates) {
        if (is_among(plan.before.candidates, candidate)) {
            continue;
        }
        if (auto hold = memory.take(note_of(record, candidate), now, until)) {
            notes_.push_back({candidate, std::move(*hold)});
        }
    }
}

void Unasked::remove(const Candidate &candidate) {
    std::erase_if(notes_, [&](const Note &note) { return note.candidate.is_same(candidate); });
}

std::vector<Candidate> candidates_asked_by(int32_t process, const KeysInUse &memory,
                                           const Sha256 &record, const Plan &plan) {
    std::vector<Candidate> asked;
    std::copy_if(plan.candidates.begin(), plan.candidates.end(), std::back_inserter(asked),
                 [&](const Candidate &candidate) {
                     return !memory.was_held_by(process, note_of(record, candidate));
                 });
    return asked;
}

void remove_notes_of(int32_t process, KeysInUse &memory, const Sha256 &record, const Plan &plan) {
    for (const Candidate &candidate : plan.candidates) {
        memory.release_for(process, note_of(record, candidate));
    }
}

}  // namespace gateway
