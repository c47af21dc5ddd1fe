// The first bytes choose the pieces; the rest is what a server of Redis sends.
#include "redis/resp.h"

#include "fuzz.h"

namespace gateway {
namespace {

struct Seen {
    std::vector<RespValue> replies;
    bool broken = false;
    bool operator==(const Seen &) const = default;
};

Seen read(std::string_view text, const uint8_t *sizes) {
    RespReader reader;
    Seen seen;
    for (size_t turn = 0; !text.empty(); ++turn) {
        std::string_view piece =
            text.substr(0, sizes == nullptr ? text.size() : size_t{1} + sizes[turn % 4]);
        text.remove_prefix(piece.size());
        while (auto reply = reader.next(piece)) {
            seen.replies.push_back(std::move(*reply));
        }
        promise(piece.empty() || reader.is_broken(), "all is read");
    }
    seen.broken = reader.is_broken();
    return seen;
}

void run(Input input) {
    uint8_t sizes[4];
    for (uint8_t &size : sizes) {
        size = input.byte();
    }
    const std::string_view text = input.rest();
    promise(read(text, nullptr) == read(text, sizes), "the pieces make no difference", text);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
