// The first bytes choose the boundary and the pieces; the rest is the body.
#include "core/request/multipart_reader.h"

#include <vector>

#include "core/json/text.h"
#include "fuzz.h"
#include "pieces.h"

namespace gateway {
namespace {

constexpr std::string_view kBoundaries[] = {"B", "--", "-B-", "a b"};

struct SeenPart {
    std::string name;
    std::string file_name;
    std::string type;
    uint64_t offset = 0;
    uint64_t size = 0;
    bool ended = false;
    bool operator==(const SeenPart &) const = default;
};

void promise_name(std::string_view name, size_t max) {
    promise(name.size() <= max, "a name has its bounds", name);
    for (size_t at = 0; at < name.size();) {
        const size_t length = utf8_character(name.substr(at));
        promise(length != 0, "a name is UTF-8", name);
        const auto first = static_cast<unsigned char>(name[at]);
        promise(first >= 0x20 && first != 0x7f, "a name has no control character", name);
        at += length;
    }
}

class Parts final : public PartListener {
 public:
    explicit Parts(std::string_view body) : body_(body) {}

    std::optional<Problem> on_part(const PartHead &head) override {
        promise(seen.empty() || seen.back().ended, "parts do not overlap", body_);
        promise(!head.name.empty(), "a part has a name", body_);
        promise_name(head.name, 256);
        promise_name(head.file_name.value_or(""), 255);
        promise_name(head.content_type, 128);
        promise(head.offset <= body_.size(), "data is in the body", body_);
        seen.push_back({head.name, head.file_name.value_or("-"), head.content_type, head.offset});
        return std::nullopt;
    }
    std::optional<Problem> on_data(std::string_view piece, uint64_t offset) override {
        SeenPart &part = seen.back();
        promise(!part.ended && offset == part.offset + part.size, "pieces leave no gap", body_);
        promise(body_.substr(offset, piece.size()) == piece, "a piece is of the body", body_);
        part.size += piece.size();
        return std::nullopt;
    }
    std::optional<Problem> on_part_end() override {
        promise(!seen.back().ended, "a part ends once", body_);
        seen.back().ended = true;
        return std::nullopt;
    }

    std::vector<SeenPart> seen;

 private:
    std::string_view body_;
};

struct Reading {
    std::vector<SeenPart> parts;
    std::string problem;
};

// In pieces of these sizes, again and again; whole without sizes.
Reading read(std::string_view body, std::string_view boundary, const uint8_t *sizes) {
    Parts parts(body);
    MultipartReader reader(boundary, parts, {6, 120, 4, 30});
    const bool good = feed_in_pieces(reader, body, sizes);
    if (good) {
        return {std::move(parts.seen), {}};
    }
    const Problem &problem = reader.problem();
    promise(!problem.message.empty() && !problem.code.empty(), "a problem says what it is", body);
    return {std::move(parts.seen), problem.param + "|" + problem.code + "|" + problem.message};
}

void run(Input input) {
    const std::string_view boundary = kBoundaries[input.byte() % std::size(kBoundaries)];
    uint8_t sizes[4];
    for (uint8_t &size : sizes) {
        size = input.byte();
    }
    const std::string_view body = input.rest();
    const Reading whole = read(body, boundary, nullptr);
    const Reading pieces = read(body, boundary, sizes);
    promise(whole.problem == pieces.problem, "the pieces do not change the problem", body);
    promise(whole.parts.size() == pieces.parts.size(), "nor the number of parts", body);
    const std::string delimiter = "\r\n--" + std::string(boundary);
    for (size_t i = 0; i < whole.parts.size(); ++i) {
        const SeenPart &part = whole.parts[i];
        promise(part.ended || !whole.problem.empty(), "every part ends", body);
        promise(part == pieces.parts[i], "nor what is in them", body);
        const std::string data = "\r\n" + std::string(body.substr(part.offset, part.size));
        for (size_t at = 0; (at = data.find(delimiter, at)) != std::string::npos; ++at) {
            const size_t end = at + delimiter.size();
            promise(end == data.size() ||
                        std::string_view(" \t\r\n-").find(data[end]) == std::string_view::npos,
                    "no boundary is in data", body);
        }
    }
    const auto found = read_boundary(body);
    promise(!found || (!found->empty() && found->size() <= 70), "a boundary has its bounds", body);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
