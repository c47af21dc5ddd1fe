// The first bytes choose the pieces; the rest is what a provider sends before it closes.
#include "core/http/response_parser.h"

#include <string>

#include "fuzz.h"

namespace gateway {
namespace {

using State = ResponseParser::State;

struct Seen {
    State state = State::head;
    int status = 0;
    std::string head;
    std::string body;
    size_t used = 0;
    bool operator==(const Seen &) const = default;
};

Seen read(std::string_view text, const uint8_t *sizes) {
    ResponseParser parser;
    Seen seen;
    for (size_t turn = 0; !text.empty(); ++turn) {
        std::string_view piece =
            text.substr(0, sizes == nullptr ? text.size() : 1 + sizes[turn % 4]);
        text.remove_prefix(piece.size());
        while (!piece.empty() && (parser.state() == State::head || parser.state() == State::body)) {
            const ResponseParser::Step step = parser.take(piece, 100);
            promise(step.used <= piece.size() && step.body.size() <= step.used, "within the text");
            promise(step.used > 0 || parser.state() == State::invalid, "it goes on");
            seen.body += step.body;
            seen.used += step.used;
            piece.remove_prefix(step.used);
        }
    }
    parser.end();
    seen.state = parser.state();
    seen.status = parser.status();
    seen.head = parser.head();
    promise(seen.state == State::complete || seen.state == State::invalid, "it ends");
    promise(seen.state == State::complete || !parser.keeps_connection(), "a mistake ends all");
    return seen;
}

void run(Input input) {
    uint8_t sizes[4];
    for (uint8_t &size : sizes) {
        size = input.byte();
    }
    const std::string_view text = input.rest();
    const Seen whole = read(text, nullptr);
    const Seen pieces = read(text, sizes);
    promise(whole.state == pieces.state, "the pieces make no difference", text);
    promise(whole.body.size() <= text.size(), "nothing is made up", text);
    if (whole.state == State::complete) {
        promise(whole == pieces, "the pieces make no difference", text);
        promise(whole.status >= 200 && whole.status <= 599, "a response has a status", text);
        promise(whole.head.find('\0') == std::string::npos, "a head has no NUL", text);
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}
