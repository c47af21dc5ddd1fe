// Cuts the long strings of the image fields out of a JSON body, while the body is read in pieces.
// The rest, the outline, is parsed as usual. In it, "@N" stands for the Nth string.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gateway {

// Gets the characters of the strings as they stand in the body, with escapes.
class CutOutListener {
 public:
    virtual ~CutOutListener() = default;
    // False to stop reading.
    virtual bool on_string(std::string_view field) = 0;
    virtual bool on_string_data(std::string_view piece) = 0;
    virtual bool on_string_end() = 0;
};

class JsonImages {
 public:
    static constexpr size_t kMaxInline = 8192;  // the longest string that stays: URLs do

    JsonImages(size_t outline_max, CutOutListener &listener)
        : outline_max_(outline_max), listener_(listener) {}

    // False if the outline became too large, or the listener does not want more.
    bool feed(std::string_view piece);

    [[nodiscard]] const std::string &outline() const { return outline_; }
    [[nodiscard]] bool is_too_large() const { return outline_.size() > outline_max_; }

 private:
    bool take_text(std::string_view &piece);
    bool take_string(std::string_view &piece);
    bool pass(std::string_view text);
    void end_string();
    [[nodiscard]] bool may_cut() const;

    size_t outline_max_;
    CutOutListener &listener_;
    std::string outline_;
    size_t cuts_ = 0;  // strings that were cut out
    size_t depth_ = 0;
    bool expects_key_ = false;  // the next string at depth 1 is a key
    bool is_key_ = false;       // the current string is one
    std::string key_;           // the last key at depth 1
    bool in_string_ = false;
    bool after_backslash_ = false;
    size_t string_start_ = 0;  // in the outline
    bool is_cut_ = false;      // the current string is being cut out
    bool stopped_ = false;
};

}  // namespace gateway
