// The body of a request to a provider: text in memory, and contents that are read, and encoded if
// necessary, while they are sent.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/content.h"

namespace gateway {

class CallBody {
 public:
    struct Insert {
        size_t at = 0;  // where in the text
        Content content;
        bool as_base64 = false;

        [[nodiscard]] size_t size() const {
            return as_base64 ? (content.size() + 2) / 3 * 4 : content.size();
        }
    };

    CallBody() = default;
    CallBody(Bytes text) : text_(std::move(text)), size_(text_.size()) {}

    void append(std::string text);
    void append(const Bytes &text);
    void append(Content content, bool as_base64);

    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] const Bytes &text() const { return text_; }
    [[nodiscard]] const std::vector<Insert> &inserts() const { return inserts_; }

    // The whole body. Reads contents in place: for tests.
    [[nodiscard]] std::string copy() const;
    // Its text, with the size of each content in the content's place, up to about `max` bytes.
    [[nodiscard]] std::string outline(size_t max) const;

 private:
    template <typename Show>
    [[nodiscard]] std::string join(size_t max, Show show) const;

    Bytes text_;
    std::vector<Insert> inserts_;
    size_t size_ = 0;
};

}  // namespace gateway
