#include "core/json/lifter.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/json/character_kinds.h"

namespace gateway {

namespace {

// The slow check of a string with unusual bytes: whether all its escapes are "\/" and the rest is
// printable ASCII. `after_backslash` carries over from piece to piece.
bool only_escaped_slashes(const Bytes &content, bool &after_backslash) {
    for (const Slice &slice : content.slices()) {
        for (const char c : slice.text) {
            if (after_backslash) {
                if (c != '/') {
                    return false;
                }
                after_backslash = false;
            } else if (c == '\\') {
                after_backslash = true;
            } else if (static_cast<int8_t>(c) < 0x20) {
                return false;
            }
        }
    }
    return true;
}

bool only_escaped_slashes(const Bytes &content) {
    bool after_backslash = false;
    return only_escaped_slashes(content, after_backslash) && !after_backslash;
}

size_t trailing_backslashes(std::string_view text) {
    if (text.empty() || text.back() != '\\') {
        return 0;
    }
    const size_t last_other = text.find_last_not_of('\\');
    return last_other == std::string_view::npos ? text.size() : text.size() - last_other - 1;
}

}  // namespace

Lifter::Lifter(Blocks blocks, Limits limits) : text_(std::move(blocks)), limits_(limits) {}

void Lifter::feed(std::string_view piece) {
    text_.append(piece);
    scan(piece);
}

void Lifter::scan(std::string_view piece) {
    const size_t base = scanned_;
    scanned_ += piece.size();
    size_t at = 0;
    while (at < piece.size()) {
        const size_t quote = piece.find('"', at);
        const std::string_view before = piece.substr(at, quote - at);
        if (!in_string_) {
            if (quote == std::string_view::npos) {
                return;
            }
            in_string_ = true;
            odd_backslashes_ = false;
            unusual_ = false;
            off_alphabet_ = false;
            padding_ = 0;
            string_start_ = base + quote + 1;
            at = quote + 1;
            continue;
        }
        // Most strings are short and end in the piece that they begin in: nothing depends on their
        // characters.
        const bool is_whole = quote != std::string_view::npos && base + at == string_start_;
        if (!is_whole || before.size() > limits_.long_string) {
            look_at(before);
        }
        // A quote is escaped if an odd number of backslashes is before it. They may have begun in
        // an earlier piece.
        const size_t run = trailing_backslashes(before);
        const bool run_reaches_back = run == before.size();
        const bool escaped = ((run % 2) != 0) != (run_reaches_back && odd_backslashes_);
        if (quote == std::string_view::npos) {
            odd_backslashes_ = escaped;
            return;
        }
        odd_backslashes_ = false;
        if (escaped) {
            unusual_ = true;
        } else {
            close_string(base + quote);
        }
        at = quote + 1;
    }
}

// Skips a string that is known to be neither base64 nor suitable for our JSON.
void Lifter::look_at(std::string_view text) {
    if (unusual_ && off_alphabet_) {
        return;
    }
    const CharacterKinds kinds = kinds_of(text);
    unusual_ = unusual_ || kinds.unusual || kinds.backslash;
    off_alphabet_ = off_alphabet_ || kinds.other;
    if (kinds.padding || padding_ > 0) {
        const size_t first = padding_ > 0 ? 0 : text.find('=');
        padding_ += text.size() - first;
        constexpr size_t kMaxPadding = 2;
        off_alphabet_ = off_alphabet_ || padding_ > kMaxPadding ||
                        text.find_first_not_of('=', first) != std::string_view::npos;
    }
}

void Lifter::close_string(size_t end) {
    in_string_ = false;
    if (end - string_start_ <= limits_.long_string) {
        return;
    }
    const bool is_passed = passed_ && passed_->start == string_start_;
    copy_to_outline(outlined_, string_start_);
    LiftedString lifted;
    lifted.position = result_.outline.size();
    lifted.content = text_.part(string_start_, is_passed ? passed_->kept_to : end);
    lifted.plain = !unusual_ || is_passed || only_escaped_slashes(lifted.content);
    lifted.base64 = lifted.plain && !off_alphabet_;
    lifted.escaped = unusual_;
    lifted.passed = is_passed;
    result_.strings.push_back(std::move(lifted));
    outlined_ = end;
    if (is_passed) {
        passed_->end = end;
        passed_->unusual = unusual_;
        passed_->off_alphabet = off_alphabet_;
    }
}

void Lifter::copy_to_outline(size_t from, size_t to) {
    if (to - from > limits_.outline_max - std::min(limits_.outline_max, result_.outline.size())) {
        result_.outline_too_large = true;
        return;
    }
    const Bytes part = text_.part(from, to);
    for (const Slice &slice : part.slices()) {
        result_.outline.append(slice.text);
    }
}

Bytes Lifter::open_string() const {
    const bool is_first = result_.strings.empty() && !passed_;
    const bool is_long = in_string_ && scanned_ - string_start_ > limits_.long_string;
    return is_first && is_long ? text_.part(string_start_, scanned_) : Bytes();
}

std::optional<Bytes> Lifter::pass() {
    if (!passed_) {
        passed_ = Passed{string_start_, scanned_, string_start_, std::nullopt, false, false, false};
        copy_to_outline(outlined_, string_start_);
        outlined_ = string_start_;
    }
    const bool ends = passed_->end.has_value();
    const size_t to = passed_->end.value_or(scanned_);
    Bytes fresh = text_.part(passed_->passed_to, to);
    if (ends ? passed_->off_alphabet : off_alphabet_) {
        return std::nullopt;
    }
    const bool is_unusual = ends ? passed_->unusual : unusual_;
    if (is_unusual && !only_escaped_slashes(fresh, passed_->after_backslash)) {
        return std::nullopt;
    }
    if (ends && passed_->after_backslash) {
        return std::nullopt;
    }
    passed_->passed_to = to;
    text_.forget(passed_->kept_to, to);
    return fresh;
}

LiftedText Lifter::finish() && {
    if (!passed_) {
        result_.raw = text_.part(0, text_.size());
    }
    if (!passed_ || passed_->end) {  // else the text ends within the string
        copy_to_outline(outlined_, text_.size());
    }
    return std::move(result_);
}

}  // namespace gateway
