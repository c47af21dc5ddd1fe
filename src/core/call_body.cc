#include "core/call_body.h"

#include <algorithm>
#include <utility>

#include "core/bytes/base64.h"

namespace gateway {

void CallBody::append(std::string text) {
    size_ += text.size();
    text_.append(std::move(text));
}

void CallBody::append(const Bytes &text) {
    size_ += text.size();
    text_.append(text);
}

void CallBody::append(Content content, bool as_base64) {
    const Insert &insert =
        inserts_.emplace_back(Insert{text_.size(), std::move(content), as_base64});
    size_ += insert.size();
}

template <typename Show>
std::string CallBody::join(size_t max, Show show) const {
    const std::string text = text_.copy(max);
    std::string joined;
    size_t shown = 0;
    for (const Insert &insert : inserts_) {
        if (insert.at > text.size()) {
            break;
        }
        joined.append(text, shown, insert.at - shown).append(show(insert));
        shown = insert.at;
    }
    return joined.append(text, shown, text.size() - shown);
}

std::string CallBody::copy() const {
    return join(std::string::npos, [](const Insert &insert) {
        std::string bytes;
        (void)insert.content.copy_to(bytes);
        return insert.as_base64 ? encode_base64(bytes) : bytes;
    });
}

std::string CallBody::outline(size_t max) const {
    return join(max, [](const Insert &insert) {
        return "[" + std::to_string(insert.content.size()) + " bytes left out]";
    });
}

}  // namespace gateway
