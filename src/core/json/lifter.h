// Keeps image bytes away from the JSON parser. The lifter scans a response while it arrives, stores
// it once in blocks, and cuts out every long string. The rest, the outline, is small and goes to
// yajl as one text.
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

// A string that was cut out: the bytes between its quotes, not unescaped.
struct LiftedString {
    size_t position = 0;  // offset in the outline where its first character would be
    Bytes content;
    // Printable ASCII, and no escape except "\/": it can be written into our JSON unchanged.
    bool plain = true;
    // Only letters of base64, "\/", and "=" at the end. The number of characters is not checked.
    bool base64 = false;
    bool escaped = false;  // has escapes
    bool passed = false;   // only its beginning is here; the rest was passed through
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
        size_t long_string = 4096;         // longer strings are cut out
        size_t outline_max = 1024 * 1024;  // maximum size of the outline, which yajl parses
    };

    Lifter(Blocks blocks, Limits limits);
    explicit Lifter(Blocks blocks) : Lifter(std::move(blocks), Limits()) {}

    void feed(std::string_view piece);
    [[nodiscard]] size_t size() const { return text_.size(); }
    // The number of further blocks that feeding `bytes` bytes needs.
    [[nodiscard]] size_t blocks_for(size_t bytes) const { return text_.blocks_for(bytes); }
    LiftedText finish() &&;

    // To pass an image through while it arrives. open_string() returns the received part of the
    // first long string while that string is not complete.
    [[nodiscard]] Bytes open_string() const;
    // Returns the part of that string that arrived since the last call. The lifter keeps only what
    // had arrived at the first call. Returns nothing if the part is not base64 or cannot be written
    // into our JSON unchanged.
    std::optional<Bytes> pass();

 private:
    void scan(std::string_view piece);
    void look_at(std::string_view text);
    void close_string(size_t end);
    void copy_to_outline(size_t from, size_t to);

    // The state of a string that is passed through.
    struct Passed {
        size_t start = 0;
        size_t kept_to = 0;
        size_t passed_to = 0;
        std::optional<size_t> end;
        // Like the members of the same names below, once the string has ended:
        bool unusual = false;
        bool off_alphabet = false;
        bool after_backslash = false;
    };

    BlockText text_;
    Limits limits_;
    std::optional<Passed> passed_;
    size_t outlined_ = 0;      // everything before this offset is in the outline or was cut out
    size_t scanned_ = 0;       // offset of the piece that is being scanned
    size_t string_start_ = 0;  // offset of the character after the opening quote
    bool in_string_ = false;
    bool odd_backslashes_ = false;  // the text so far ends in an odd number of backslashes
    // Of the current string:
    bool unusual_ = false;       // it has a control, non-ASCII or backslash byte
    bool off_alphabet_ = false;  // it has a character outside the alphabet of base64
    size_t padding_ = 0;         // the number of "=" at its end so far
    LiftedText result_;
};

}  // namespace gateway
