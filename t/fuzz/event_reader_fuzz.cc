// The first bytes choose the pieces; the rest is the stream.
#include "core/sse/event_reader.h"

#include <utility>
#include <vector>

#include "fuzz.h"

namespace gateway {
namespace {

struct Seen {
    std::string name;
    std::string data;
    bool operator==(const Seen &) const = default;
};

std::vector<Seen> read(std::string_view text, const uint8_t *sizes) {
    static const auto pool = BlockPool::create(16);
    std::vector<Seen> seen;
    EventReader reader(pool, [&](const ServerEvent &event) {
        seen.push_back({event.name, event.data.raw.copy()});
    });
    for (size_t i = 0; sizes != nullptr && i < 4 && !text.empty(); ++i) {
        const std::string_view piece = text.substr(0, sizes[i]);
        reader.feed(piece);
        text.remove_prefix(piece.size());
    }
    reader.feed(text);
    reader.finish();
    return seen;
}

void run(Input input) {
    uint8_t sizes[4];
    for (uint8_t &size : sizes) {
        size = input.byte();
    }
    const std::string_view text = input.rest();
    const std::vector<Seen> whole = read(text, nullptr);
    promise(whole == read(text, sizes), "the pieces make no difference", text);
    size_t kept = 0;
    for (const Seen &seen : whole) {
        promise(seen.name.find_first_of("\r\n") == std::string::npos, "a name is of one line");
        promise(seen.data.find('\r') == std::string::npos, "a line's end is a line feed");
        kept += seen.name.size() + seen.data.size();
    }
    promise(kept <= text.size(), "nothing is made up", text);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
