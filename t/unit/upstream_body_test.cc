// Request bodies: a server gets them whole, however many parts they have, and a POST once at most.
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "poll_loop.h"
#include "upstream/curl_client.h"

namespace gateway {
namespace {

using Peer = LoopbackServer::Peer;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

// Of a request whose head has come, perhaps with the beginning of its body.
std::string read_body(const Peer &peer, const std::string &request) {
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t length = std::stoul(request.substr(request.find(kLength) + kLength.size()));
    std::string body = request.substr(request.find("\r\n\r\n") + 4);
    while (body.size() < length) {
        const std::string more = peer.receive();
        if (more.empty()) {
            break;
        }
        body += more;
    }
    return body;
}

Bytes parts_of(const std::vector<std::string> &texts) {
    Bytes body;
    for (const std::string &text : texts) {
        body.append(text);
    }
    return body;
}

class UpstreamBodyTest : public testing::Test {
 protected:
    HttpResponse send(const LoopbackServer &server, const Bytes &body,
                      HttpMethod method = HttpMethod::post) {
        HttpCall call;
        call.method = method;
        call.url = server.url() + "/x";
        call.body = body;
        std::optional<HttpResponse> response;
        CurlClient client(engine, owner, loop);
        CallListener listener;
        listener.on_response = [&](HttpResponse one) { response = std::move(one); };
        owner.call = client.start(std::move(call), std::move(listener));
        EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }));
        owner.call.reset();
        return std::move(response).value_or(HttpResponse());
    }

    PollLoop loop;
    std::shared_ptr<HeldMemory> memory = HeldMemory::create({});
    CurlEngine engine{loop, loop, loop, *memory};
    CountingOwner owner;
};

TEST_F(UpstreamBodyTest, ArrivesWholeWhateverItsParts) {
    std::mutex mutex;
    std::string seen;
    const LoopbackServer server([&](const Peer &peer, const std::string &request) {
        const std::lock_guard lock(mutex);
        seen = read_body(peer, request);
        peer.send(kAnswer);
    });
    const std::string large(150'000, 'l');
    const std::vector<std::vector<std::string>> bodies = {
        {}, {"{}"}, {large}, {"a", "b"}, {"--x\r\n", large, "\r\n--x--"}, {large, large}};
    for (const auto &texts : bodies) {
        const Bytes body = parts_of(texts);
        const HttpResponse response = send(server, body);
        EXPECT_EQ(response.end, TransferEnd::answered) << response.problem;
        const std::lock_guard lock(mutex);
        EXPECT_EQ(seen.size(), body.size());
        EXPECT_EQ(seen, body.copy());
    }
}

// A server that answers a connection's first request, and closes when the second one comes.
class ClosingServer {
    std::mutex mutex_;
    std::vector<std::string> bodies_;

 public:
    [[nodiscard]] std::vector<std::string> bodies() {
        const std::lock_guard lock(mutex_);
        return bodies_;
    }
    LoopbackServer server{[this](const Peer &peer, const std::string &request) {
        std::string body = read_body(peer, request);
        {
            const std::lock_guard lock(mutex_);
            bodies_.push_back(std::move(body));
        }
        peer.send(kAnswer);
        (void)peer.receive();
    }};
};

TEST_F(UpstreamBodyTest, OfAPutIsReadAgainForAnotherConnection) {
    ClosingServer closing;
    EXPECT_EQ(send(closing.server, parts_of({"first"})).status, 200);
    const HttpResponse response =
        send(closing.server, parts_of({"{\"a\":", "1}"}), HttpMethod::put);
    EXPECT_EQ(response.status, 200) << response.problem;
    const auto bodies = closing.bodies();
    ASSERT_EQ(bodies.size(), 2U);
    EXPECT_EQ(bodies[1], "{\"a\":1}");
}

TEST_F(UpstreamBodyTest, OfAPostIsNotSentAgain) {
    ClosingServer closing;
    EXPECT_EQ(send(closing.server, parts_of({"first"})).status, 200);
    const HttpResponse response = send(closing.server, parts_of({"{\"a\":", "1}"}));
    EXPECT_EQ(response.end, TransferEnd::lost) << response.problem;
    EXPECT_EQ(closing.bodies().size(), 1U);
}

}  // namespace
}  // namespace gateway
