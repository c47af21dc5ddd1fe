// HTTP of our own beside libcurl's: it accepts nothing that libcurl refuses, and reads what it
// accepts in the same way.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "poll_loop.h"
#include "tls_server_context.h"
#include "upstream/curl_client.h"

namespace gateway {
namespace {

using Peer = LoopbackServer::Peer;

// Without TLS, and with it.
class NativeHttpTest : public testing::TestWithParam<bool> {
 protected:
    [[nodiscard]] SSL_CTX *tls() const { return GetParam() ? certified.get() : nullptr; }
    HttpResponse send(HttpCall call) {
        std::optional<HttpResponse> response;
        CurlClient client(engine, owner, loop);
        CallListener listener;
        listener.on_response = [&](HttpResponse one) { response = std::move(one); };
        owner.call = client.start(std::move(call), std::move(listener));
        EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }));
        owner.call.reset();
        return std::move(response).value_or(HttpResponse());
    }
    HttpResponse get(const LoopbackServer &server, bool is_native) {
        HttpCall call;
        call.method = HttpMethod::get;
        call.url = server.url() + "/x?y=1";
        call.ca_file = certified.ca_file();
        call.is_native = is_native;
        call.timeouts.total = Milliseconds(5'000);
        return send(std::move(call));
    }
    HttpCall post(const LoopbackServer &server, std::string body) const {
        HttpCall call;
        call.ca_file = certified.ca_file();
        call.url = server.url() + "/x";
        call.headers = {"Accept: */*", "Content-Type: text/plain"};
        call.body = Bytes::own(std::move(body));
        call.is_native = true;
        return call;
    }

    TlsServerContext certified;
    PollLoop loop;
    std::shared_ptr<HeldMemory> memory = HeldMemory::create({});
    CurlEngine engine{loop, loop, loop, *memory};
    CountingOwner owner;
};

const std::string kCutShort =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{\"a\":1";

const std::string kResponses[] = {
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3;x\r\n:1}\r\n0\r\nT: "
    "u\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{\"error\":1}",
    "HTTP/1.0 200 OK\r\n\r\n[1,2,3]",
    "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    kCutShort,
};

TEST_P(NativeHttpTest, AcceptsNothingThatLibcurlRefusesAndReadsTheSame) {
    std::mutex mutex;
    std::string text;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &) {
            std::string mine;
            {
                const std::lock_guard lock(mutex);
                mine = text;
            }
            peer.send(mine);
        },
        tls());
    std::mt19937 random(11);
    constexpr std::string_view kBytes = "\r\n\t :;,0a3x\x80-";
    size_t answered = 0;
    const size_t rounds = GetParam() ? 60 : 300;  // with TLS each takes two handshakes
    for (size_t round = 0; round < rounds; ++round) {
        std::string mutated = kResponses[round % std::size(kResponses)];
        for (size_t changes = round < std::size(kResponses) ? 0 : 1 + random() % 3; changes > 0;
             --changes) {
            const size_t at = random() % mutated.size();
            const char other = kBytes[random() % kBytes.size()];
            switch (random() % 3) {
                case 0: mutated[at] = other; break;
                case 1: mutated.insert(at, 1, other); break;
                default: mutated.erase(at, 1); break;
            }
        }
        {
            const std::lock_guard lock(mutex);
            text = mutated;
        }
        const HttpResponse ours = get(server, true);
        const HttpResponse theirs = get(server, false);
        if (ours.end == TransferEnd::answered) {
            ++answered;
            EXPECT_EQ(theirs.end, TransferEnd::answered) << mutated << theirs.problem;
            EXPECT_EQ(ours.status, theirs.status) << mutated;
            EXPECT_EQ(ours.body.raw.copy(), theirs.body.raw.copy()) << mutated;
        }
    }
    EXPECT_GT(answered, rounds / 5);
}

TEST_P(NativeHttpTest, SendsARequestAsLibcurlWould) {
    std::vector<std::string> heads;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &head) {
            heads.push_back(head);
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
        },
        tls());
    for (const bool is_native : {true, false}) {
        HttpCall call = post(server, "");
        call.is_native = is_native;
        EXPECT_EQ(send(std::move(call)).status, 200);
    }
    const auto sorted = [](const std::string &head) {
        std::vector<std::string> lines;
        for (size_t at = 0; at < head.size();) {
            const size_t end = head.find("\r\n", at);
            lines.push_back(head.substr(at, end - at));
            at = end + 2;
        }
        std::sort(lines.begin() + 1, lines.end());
        return lines;
    };
    ASSERT_EQ(heads.size(), 2U);
    EXPECT_EQ(sorted(heads[0]), sorted(heads[1]));
}

TEST_P(NativeHttpTest, UsesAConnectionAgainOnlyAfterAWholeResponseAndNothingElse) {
    std::atomic<int> connections = 0;
    struct {
        const char *response;
        int connections;
    } const rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 1},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 Injected\r\n\r\n", 2},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", 2},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 2},
    };
    for (const auto &row : rows) {
        connections = 0;
        const LoopbackServer server(
            [&](const Peer &peer, const std::string &) {
                ++connections;
                while (peer.send(row.response) && !peer.receive().empty()) {
                }
            },
            tls());
        EXPECT_EQ(send(post(server, "a")).status, 200);
        EXPECT_EQ(send(post(server, "b")).status, 200) << row.response;
        EXPECT_EQ(connections, row.connections) << row.response;
    }
}

TEST_P(NativeHttpTest, DoesNotUseAConnectionAtWhichSomethingHasArrived) {
    std::atomic<int> connections = 0;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &) {
            if (++connections == 1) {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
                peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
                (void)peer.receive();
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        },
        tls());
    EXPECT_EQ(send(post(server, "a")).status, 200);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(send(post(server, "b")).status, 200);
    EXPECT_EQ(connections, 2);
}

// The rest of the body is not sent, and the response counts.
TEST_P(NativeHttpTest, HearsARefusalBeforeTheWholeBodyIsSent) {
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &) {
            peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}");
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        },
        tls());
    const HttpResponse response = send(post(server, std::string(50'000'000, 'x')));
    EXPECT_EQ(response.end, TransferEnd::answered) << response.problem;
    EXPECT_EQ(response.status, 413);
}

TEST_P(NativeHttpTest, SaysHowFarItGot) {
    const LoopbackServer cut([&](const Peer &peer, const std::string &) { peer.send(kCutShort); },
                             tls());
    EXPECT_EQ(send(post(cut, "a")).end, TransferEnd::lost);
    const LoopbackServer silent([&](const Peer &, const std::string &) {}, tls());
    EXPECT_EQ(send(post(silent, "a")).end, TransferEnd::lost);

    HttpCall nobody = post(cut, "a");
    nobody.url = "http://127.0.0.1:9/x";
    const HttpResponse refused = send(std::move(nobody));
    EXPECT_EQ(refused.end, TransferEnd::not_sent);
    EXPECT_NE(refused.problem, "");

    HttpCall injected = post(cut, "a");
    injected.headers.emplace_back("X: y\r\nZ: 1");
    EXPECT_EQ(send(std::move(injected)).end, TransferEnd::not_sent);

    HttpCall large = post(cut, "a");
    large.answer_max = 3;
    EXPECT_EQ(send(std::move(large)).end, TransferEnd::too_large);
}

INSTANTIATE_TEST_SUITE_P(WithoutAndWithTls, NativeHttpTest, testing::Bool());

}  // namespace
}  // namespace gateway
