// HTTP of our own over TLS: whom it trusts, when a response is complete, and messages of TLS that
// are no data.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "poll_loop.h"
#include "tls_server_context.h"
#include "upstream/curl_client.h"

namespace gateway {
namespace {

using Peer = LoopbackServer::Peer;

constexpr const char *kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
constexpr std::chrono::milliseconds kMoment{50};

class TlsTest : public testing::Test {
 protected:
    std::unique_ptr<UpstreamCall> start(HttpCall call, std::optional<HttpResponse> &response) {
        CallListener listener;
        listener.on_response = [&](HttpResponse one) { response = std::move(one); };
        return client.start(std::move(call), std::move(listener));
    }
    HttpResponse send(HttpCall call) {
        std::optional<HttpResponse> response;
        owner.call = start(std::move(call), response);
        EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }));
        owner.call.reset();
        return std::move(response).value_or(HttpResponse());
    }
    [[nodiscard]] HttpCall post(const LoopbackServer &server, std::string body) const {
        HttpCall call;
        call.url = server.url() + "/x";
        call.ca_file = certified.ca_file();
        call.body = Bytes::own(std::move(body));
        call.is_native = true;
        return call;
    }
    void pass_time(std::chrono::milliseconds time) {
        const auto end = std::chrono::steady_clock::now() + time;
        loop.run_until([&] { return std::chrono::steady_clock::now() > end; });
    }

    TlsServerContext certified;
    PollLoop loop;
    std::shared_ptr<HeldMemory> memory = HeldMemory::create({});
    CurlEngine engine{loop, loop, loop, *memory};
    CountingOwner owner;
    CurlClient client{engine, owner, loop};
};

TEST_F(TlsTest, ABodyWithoutALengthIsCompleteOnlyIfTlsWasEnded) {
    for (const bool is_cut : {false, true}) {
        const LoopbackServer server(
            [&](const Peer &peer, const std::string &) {
                peer.send("HTTP/1.1 200 OK\r\n\r\n[1]");
                SSL_set_quiet_shutdown(peer.tls(), is_cut ? 1 : 0);
            },
            certified.get());
        const HttpResponse response = send(post(server, "a"));
        EXPECT_EQ(response.end, is_cut ? TransferEnd::lost : TransferEnd::answered);
        EXPECT_EQ(response.problem,
                  is_cut ? "the connection was closed without the end of TLS" : "");
    }
}

TEST_F(TlsTest, NothingIsSentToAServerThatIsNotTheOneMeant) {
    std::atomic<int> heads = 0;
    const auto count = [&](const Peer &peer, const std::string &) {
        ++heads;
        peer.send(kAnswer);
    };
    const TlsServerContext elsewhere("DNS:elsewhere.example,IP:127.0.0.2");
    const TlsServerContext by_name("DNS:localhost");
    const LoopbackServer good(count, certified.get());
    const LoopbackServer other(count, elsewhere.get());
    const LoopbackServer named(count, by_name.get());
    const LoopbackServer plain(count);

    HttpCall unknown = post(other, "a");  // by the certificate that another server has
    HttpCall misnamed = post(other, "a");
    misnamed.ca_file = elsewhere.ca_file();
    HttpCall by_address = post(named, "a");
    by_address.ca_file = by_name.ca_file();
    HttpCall of_the_system = post(good, "a");
    of_the_system.ca_file.clear();
    HttpCall of_no_file = post(good, "a");
    of_no_file.ca_file = "/nowhere/ca.pem";
    HttpCall without_tls = post(good, "a");
    without_tls.url = "https" + plain.url().substr(4) + "/x";
    without_tls.timeouts.connect = Milliseconds(200);
    for (HttpCall *call :
         {&unknown, &misnamed, &by_address, &of_the_system, &of_no_file, &without_tls}) {
        const HttpResponse response = send(std::move(*call));
        EXPECT_EQ(response.end, TransferEnd::not_sent);
        EXPECT_NE(response.problem, "");
    }
    EXPECT_EQ(heads, 0);

    HttpCall by_its_name = post(named, "a");
    by_its_name.ca_file = by_name.ca_file();
    by_its_name.url.replace(by_its_name.url.find("127.0.0.1"), 9, "localhost");
    EXPECT_EQ(send(std::move(by_its_name)).status, 200);
}

TEST_F(TlsTest, AServerThatIsSilentIsGivenUpWhenTheTimeToConnectIsOver) {
    const LoopbackServer silent([](const Peer &, const std::string &) {});  // waits for a head
    HttpCall call = post(silent, "a");
    call.url = "https" + silent.url().substr(4) + "/x";
    call.timeouts.connect = Milliseconds(100);
    const auto began = std::chrono::steady_clock::now();
    // The greeting is no head, so the server says nothing.
    const HttpResponse response = send(std::move(call));
    EXPECT_EQ(response.end, TransferEnd::not_sent);
    EXPECT_EQ(response.problem, "setting up TLS took too long");
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(TlsTest, AConnectionIsUsedAgainAfterMessagesThatAreNoData) {
    std::atomic<int> connections = 0;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &) {
            ++connections;
            peer.send(kAnswer);
            std::this_thread::sleep_for(kMoment);
            SSL_new_session_ticket(peer.tls());
            SSL_do_handshake(peer.tls());
            SSL_key_update(peer.tls(), SSL_KEY_UPDATE_REQUESTED);
            SSL_do_handshake(peer.tls());
            while (!peer.receive().empty() && peer.send(kAnswer)) {
            }
        },
        certified.get());
    EXPECT_EQ(send(post(server, "a")).status, 200);
    pass_time(3 * kMoment);
    EXPECT_EQ(send(post(server, "b")).status, 200);
    EXPECT_EQ(send(post(server, "c")).status, 200);
    EXPECT_EQ(connections, 1);
}

TEST_F(TlsTest, AConnectionAtWhichDataWaitsIsNotUsedAgain) {
    std::atomic<int> connections = 0;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &) {
            const bool is_first = ++connections == 1;
            peer.send(kAnswer);
            if (is_first) {
                std::this_thread::sleep_for(kMoment);
                peer.send("H");
            }
            (void)peer.receive();
        },
        certified.get());
    EXPECT_EQ(send(post(server, "a")).status, 200);
    std::this_thread::sleep_for(3 * kMoment);  // the loop does not see it before the next call
    EXPECT_EQ(send(post(server, "b")).status, 200);
    EXPECT_EQ(connections, 2);
}

TEST_F(TlsTest, ConnectionsAreNotSharedByThoseWhoTrustOthers) {
    std::atomic<int> connections = 0;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &) {
            ++connections;
            while (peer.send(kAnswer) && !peer.receive().empty()) {
            }
        },
        certified.get());
    EXPECT_EQ(send(post(server, "a")).status, 200);
    HttpCall other = post(server, "b");
    other.ca_file = TlsServerContext().ca_file();  // a file that is gone
    EXPECT_EQ(send(std::move(other)).end, TransferEnd::not_sent);
    EXPECT_EQ(send(post(server, "c")).status, 200);
    EXPECT_EQ(connections, 1);
}

TEST_F(TlsTest, LargeBodiesPassWholeAlsoIfKeysChange) {
    constexpr size_t kSize = 20'000'000;
    const std::string body = [] {
        std::string text(kSize, ' ');
        for (size_t i = 0; i < text.size(); ++i) {
            text[i] = static_cast<char>('a' + i * i % 23);
        }
        return text;
    }();
    std::atomic<bool> is_same = false;
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &head) {
            std::string received = head.substr(head.find("\r\n\r\n") + 4);
            while (received.size() < kSize) {
                const std::string piece = peer.receive();
                if (piece.empty()) {
                    return;
                }
                received += piece;
            }
            is_same = received == body;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize + 2) +
                      "\r\n\r\n\"");
            for (size_t at = 0; at < kSize; at += 1'000'000) {
                SSL_key_update(peer.tls(), SSL_KEY_UPDATE_REQUESTED);
                peer.send(body.substr(at, 1'000'000));
            }
            peer.send("\"");
            (void)peer.receive();  // else the answers to the changes would reset the connection
        },
        certified.get());
    const HttpResponse response = send(post(server, body));
    EXPECT_EQ(response.end, TransferEnd::answered) << response.problem;
    EXPECT_TRUE(is_same);
    ASSERT_EQ(response.body.strings.size(), 1U);
    EXPECT_EQ(response.body.strings[0].content.copy(), body);
}

TEST_F(TlsTest, AServerThatSendsTicketsWithoutEndHoldsUpNobody) {
    std::atomic<bool> is_over = false;  // OpenSSL does not say that tickets could not be sent
    const LoopbackServer flood(
        [&](const Peer &peer, const std::string &) {
            while (!is_over && SSL_new_session_ticket(peer.tls()) == 1 &&
                   SSL_do_handshake(peer.tls()) == 1) {
            }
        },
        certified.get());
    const LoopbackServer server([](const Peer &peer, const std::string &) { peer.send(kAnswer); },
                                certified.get());
    std::optional<HttpResponse> flooded;
    HttpCall call = post(flood, "a");
    call.timeouts.first_byte = Milliseconds(1'000);
    const auto first = start(std::move(call), flooded);
    pass_time(2 * kMoment);
    EXPECT_EQ(send(post(server, "b")).status, 200);
    EXPECT_FALSE(flooded);
    EXPECT_TRUE(loop.run_until([&] { return flooded.has_value(); }));
    is_over = true;
    EXPECT_EQ(flooded->end, TransferEnd::timed_out);
}

TEST_F(TlsTest, AProxyLeadsToTheServerAndSeesNothingOfTheRequest) {
    std::string asked;
    std::string head;
    const LoopbackServer proxy([&](const Peer &peer, const std::string &connect) {
        asked = connect;
        peer.send("HTTP/1.1 200 Connected\r\n\r\n");
        const std::unique_ptr<SSL, void (*)(SSL *)> tls(SSL_new(certified.get()), &SSL_free);
        SSL_set_fd(tls.get(), peer.socket());
        if (SSL_accept(tls.get()) == 1) {
            const Peer inner(peer.socket(), tls.get());
            head = inner.receive();
            inner.send(kAnswer);
            (void)inner.receive();
        }
    });
    HttpCall call = post(proxy, "a");
    call.url = "https://localhost/x";
    call.proxy = "http://user:secret@" + proxy.url().substr(7);
    EXPECT_EQ(send(std::move(call)).status, 200);
    EXPECT_TRUE(asked.starts_with("CONNECT localhost:443 HTTP/1.1\r\n")) << asked;
    EXPECT_NE(asked.find("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ="), std::string::npos);
    EXPECT_TRUE(head.starts_with("POST /x HTTP/1.1\r\nHost: localhost\r\n")) << head;
    EXPECT_EQ(head.find("Proxy"), std::string::npos);
}

TEST_F(TlsTest, AProxyThatRefusesEndsTheCallBeforeItIsSent) {
    const LoopbackServer proxy([](const Peer &peer, const std::string &) {
        peer.send("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\n{}");
    });
    HttpCall call = post(proxy, "a");
    call.url = "https://localhost/x";
    call.proxy = proxy.url();
    const HttpResponse response = send(std::move(call));
    EXPECT_EQ(response.end, TransferEnd::not_sent);
    EXPECT_NE(response.problem.find("407"), std::string::npos) << response.problem;
}

}  // namespace
}  // namespace gateway
