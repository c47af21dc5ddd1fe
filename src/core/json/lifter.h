// Keeps image bytes away from the JSON parser. Scans an answer as it arrives, stores it once in
// blocks, and cuts every long string out: what is left, the outline, is small and whole, and safe
// to give to yajl.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes/block_text.h"
#include "core/bytes/bytes.h"

namespace gateway {

// A string that was cut out, as it lay between its quotes (escapes not undone).
struct LiftedString {
    size_t position = 0;  // in the outline: where its first character would be
    Bytes content;
    // ASCII from the space upwards, and no escape but "\/": may stand in our JSON as it is.
    bool plain = true;
    // Nothing but the letters of base64, "\/", and "=" at the end. Whether there are as many as
    // there must be is not looked at.
    bool base64 = false;
    bool escaped = false;  // has escapes
    bool passed = false;   // only its beginning is here: the rest was handed on
};

struct LiftedText {
    std::string outline;
    std::vector<LiftedString> strings;
    Bytes raw;
    bool outline_too_large = false;
};

class Lifter {
 public:
    struct Limits {
        size_t long_string = 4096;         // longer ones are cut out
        size_t outline_max = 1024 * 1024;  // what yajl may have to read
    };

    Lifter(Blocks blocks, Limits limits);
    explicit Lifter(Blocks blocks) : Lifter(std::move(blocks), Limits()) {}

    void feed(std::string_view piece);
    [[nodiscard]] size_t size() const { return text_.size(); }
    // How many blocks more it takes to be fed so many bytes.
    [[nodiscard]] size_t blocks_for(size_t bytes) const { return text_.blocks_for(bytes); }
    LiftedText finish() &&;

    // A picture can be handed on before its end. What there is of the first long string while it is
    // open:
    [[nodiscard]] Bytes open_string() const;
    // From the first pass() on, only so much of it is kept; each gives what has come of it since
    // the one before. Nothing, if that may not stand in our JSON as it is, or is no base64.
    std::optional<Bytes> pass();

 private:
    void scan(std::string_view piece);
    void look_at(std::string_view text);
    void close_string(size_t end);
    void copy_to_outline(size_t from, size_t to);

    // Of a string that is handed on.
    struct Passed {
        size_t start = 0;
        size_t kept_to = 0;
        size_t passed_to = 0;
        std::optional<size_t> end;
        // As the members of these names, once it has ended:
        bool unusual = false;
        bool off_alphabet = false;
        bool after_backslash = false;
    };

    BlockText text_;
    Limits limits_;
    std::optional<Passed> passed_;
    size_t outlined_ = 0;      // all before this offset is in the outline, or was cut out
    size_t scanned_ = 0;       // offset of the piece under the scanner
    size_t string_start_ = 0;  // offset of the character after the opening quote
    bool in_string_ = false;
    bool odd_backslashes_ = false;  // the text so far ends in an odd run of them
    // Of the current string:
    bool unusual_ = false;       // it has a control, non-ASCII or backslash byte
    bool off_alphabet_ = false;  // it has what base64 has not
    size_t padding_ = 0;         // so many "=" at its end so far
    LiftedText result_;
};

}  // namespace gateway
