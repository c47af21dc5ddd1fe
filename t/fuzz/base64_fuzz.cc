// The first bytes choose the slices, the reads and the feeds; the rest is base64 text, and then
// bytes to be written as such.
#include <algorithm>
#include <string>
#include <utility>

#include "core/bytes/base64.h"
#include "core/images/base64_stream.h"
#include "fuzz.h"

namespace gateway {
namespace {

struct Sizes {
    uint8_t sizes[4];
    size_t at = 0;

    // Never 0, or nothing would come to an end.
    size_t next() { return 1 + size_t{sizes[at++ % 4]}; }
};

struct Decoded {
    std::string bytes;
    bool whole = false;
    bool operator==(const Decoded &) const = default;
};

Decoded read_at_once(std::string_view text) {
    const Bytes bytes = Bytes::own(std::string(text));
    Base64Reader reader(bytes);
    Decoded result{reader.read(std::string::npos)};
    result.whole = reader.is_whole();
    promise(reader.is_at_end(), "a read of everything comes to the end", text);
    return result;
}

Bytes in_slices(std::string_view text, Sizes sizes) {
    Bytes bytes;
    while (!text.empty()) {
        const size_t size = std::min(sizes.next(), text.size());
        bytes.append(std::string(text.substr(0, size)));
        text.remove_prefix(size);
    }
    return bytes;
}

Decoded read_in_pieces(const Bytes &text, Sizes sizes) {
    Base64Reader reader(text);
    Decoded result;
    for (;;) {
        const size_t size = sizes.next();
        const std::string bytes = reader.read(size);
        result.bytes += bytes;
        if (bytes.size() < size) {
            break;
        }
    }
    promise(reader.is_at_end(), "a read comes back short only at the end");
    promise(reader.read(1).empty(), "nothing comes after the end");
    result.whole = reader.is_whole();
    return result;
}

Bytes write(std::string_view bytes, Sizes sizes) {
    static const auto pool = BlockPool::create(16);
    Base64Writer writer(pool);
    const size_t size = bytes.size();
    while (!bytes.empty()) {
        const std::string piece(bytes.substr(0, sizes.next()));
        writer.feed(piece);
        bytes.remove_prefix(piece.size());
    }
    promise(writer.size() == size, "the writer knows what it was fed");
    return std::move(writer).finish();
}

void run(Input input) {
    Sizes slices{};
    Sizes pieces{};
    for (uint8_t &size : slices.sizes) {
        size = input.byte();
    }
    for (uint8_t &size : pieces.sizes) {
        size = input.byte();
    }
    const std::string_view rest = input.rest();

    const Decoded decoded = read_at_once(rest);
    const Bytes sliced = in_slices(rest, slices);
    promise(read_in_pieces(sliced, pieces) == decoded, "slices and reads make no difference", rest);
    promise(decoded_size(sliced) == decoded_size(Bytes::own(std::string(rest))),
            "nor do they to the size", rest);
    if (decoded.whole) {
        promise(decoded_size(sliced) == decoded.bytes.size(), "the size is right", rest);
        std::string text(rest);
        std::erase(text, '\\');
        promise(encode_base64(decoded.bytes) == text, "only canonical text is whole", rest);
    }

    const Bytes written = write(rest, pieces);
    promise(written.copy() == encode_base64(rest), "feeds make no difference");
    promise(read_in_pieces(written, slices) == Decoded{std::string(rest), true},
            "what was written is read");
    promise(decoded_size(written) == rest.size(), "and its size known");
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
