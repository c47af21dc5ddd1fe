// The first bytes choose the limits and the pieces; the rest is the document.
#include "core/json/lifter.h"

#include <utility>

#include "fuzz.h"
#include "lifting.h"

namespace gateway {
namespace {

LiftedText lift(std::string_view text, Lifter::Limits limits, const uint8_t *sizes) {
    static const auto pool = BlockPool::create(16);
    Lifter lifter(pool, limits);
    for (size_t i = 0; sizes != nullptr && i < 4 && !text.empty(); ++i) {
        const std::string_view piece = text.substr(0, sizes[i]);
        lifter.feed(piece);
        text.remove_prefix(piece.size());
    }
    lifter.feed(text);
    return std::move(lifter).finish();
}

void promise_same(const LiftedText &a, const LiftedText &b) {
    promise(a.outline == b.outline, "the outline does not depend on the pieces");
    promise(a.outline_too_large == b.outline_too_large, "nor does its size");
    promise(a.strings.size() == b.strings.size(), "nor does the number of strings");
    for (size_t i = 0; i < a.strings.size(); ++i) {
        const LiftedString &one = a.strings[i];
        const LiftedString &other = b.strings[i];
        promise(one.position == other.position, "nor does a position");
        promise(one.content.copy() == other.content.copy(), "nor does a content");
        promise(one.plain == other.plain, "nor does what is plain");
    }
}

// The same text, whose first long string is handed on as it comes.
void pass_on(std::string_view text, Lifter::Limits limits, size_t size, const LiftedText &whole) {
    static const auto pool = BlockPool::create(16);
    Lifter lifter(pool, limits);
    const HandedOn handed = hand_on(lifter, text, size);
    if (!handed.text) {
        return;
    }
    const LiftedText lifted = std::move(lifter).finish();
    if (!handed.begun) {
        promise_same(whole, lifted);
    } else if (lifted.strings.empty()) {
        promise(whole.strings.empty(), "a string that has no end is none");
    } else {
        promise(*handed.text == whole.strings.front().content.copy(), "all of it is handed on");
        promise(whole.strings.front().plain, "and may stand in JSON");
        promise(handed.text->starts_with(lifted.strings.front().content.copy()),
                "its beginning is kept");
        promise(lifted.outline == whole.outline || whole.outline_too_large,
                "the rest is as it was");
    }
}

void run(Input input) {
    const Lifter::Limits limits{input.byte() % 64U, input.byte() * 16U};
    uint8_t sizes[4];
    for (uint8_t &size : sizes) {
        size = input.byte();
    }
    const std::string_view text = input.rest();
    const LiftedText whole = lift(text, limits, nullptr);
    promise_same(whole, lift(text, limits, sizes));
    promise(whole.raw.copy() == text, "the raw text is what was fed");
    pass_on(text, limits, 1U + sizes[0], whole);
    promise(whole.outline.size() <= limits.outline_max, "the outline keeps its limit");
    if (!whole.outline_too_large) {
        promise(put_together(whole) == text, "nothing is lost");
    }
    for (const LiftedString &string : whole.strings) {
        promise(string.content.size() > limits.long_string, "only long strings are lifted");
        if (string.plain) {
            promise_json("\"" + string.content.copy() + "\"", "what is plain may stand in JSON");
        }
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
