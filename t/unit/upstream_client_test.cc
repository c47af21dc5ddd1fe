// The curl client with an event loop of the test: exceptions, turns, timeouts.
#include "upstream/curl_client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "poll_loop.h"
#include "upstream/curl_memory.h"

namespace gateway {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    "Connection: close\r\n\r\n{}";

// Whether the call is made by HTTP of our own.
class UpstreamClientTest : public testing::TestWithParam<bool> {
 protected:
    static HttpCall get(const LoopbackServer &server) {
        HttpCall call;
        call.is_native = GetParam();
        call.method = HttpMethod::get;
        call.url = server.url() + "/x";
        return call;
    }
    // Starts a call for this owner; the response, if there is one, is kept.
    void start(CountingOwner &owner, HttpCall call, CallListener listener = {}) {
        if (!listener.on_response) {
            listener.on_response = [this](HttpResponse response) {
                responses.push_back(std::move(response));
            };
        }
        CurlClient client(engine, owner, loop);
        owner.call = client.start(std::move(call), std::move(listener));
    }

    PollLoop loop;
    std::shared_ptr<HeldMemory> memory = HeldMemory::create({});
    CurlEngine engine{loop, loop, loop, *memory};
    CountingOwner mine;
    CountingOwner other;
    std::vector<HttpResponse> responses;
};

TEST_P(UpstreamClientTest, WhatACallbackThrowsEndsItsOwnerAndNobodyElse) {
    const LoopbackServer server([](const auto &peer, const auto &) { peer.send(kAnswer); });
    for (int round = 0; round < 3; ++round) {
        responses.clear();
        CallListener throwing;
        throwing.on_response = [](const HttpResponse &) { throw std::runtime_error("thrown"); };
        start(mine, get(server), std::move(throwing));
        start(other, get(server));
        ASSERT_TRUE(loop.run_until([&] {
            return mine.ended == round + 1 && responses.size() == 1;
        })) << "round "
            << round << ": ended " << mine.ended << ", responses " << responses.size();
        EXPECT_EQ(responses.front().status, 200);
        EXPECT_EQ(other.ended, 0);
    }
}

TEST_P(UpstreamClientTest, AnExceptionWhileAnEventIsHeardEndsItsOwnerAtOnce) {
    const LoopbackServer server([](const auto &peer, const auto &) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        while (peer.send("data: {\"a\":1}\n\n")) {
        }
    });
    int heard = 0;
    CallListener listener;
    listener.on_event = [&](const ServerEvent &) {
        if (++heard == 5) {
            throw std::bad_alloc();
        }
    };
    start(mine, get(server), std::move(listener));
    ASSERT_TRUE(loop.run_until([&] { return mine.ended == 1; }));
    EXPECT_EQ(heard, 5);
    EXPECT_TRUE(responses.empty());
}

TEST_P(UpstreamClientTest, AnEndlessBodyGetsItsTurnsAndNoMore) {
    const LoopbackServer server([](const auto &peer, const auto &) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        while (peer.send(std::string(200'000, ' '))) {
        }
    });
    start(mine, get(server));
    CurlClient client(engine, mine, loop);
    size_t max = 0;
    for (size_t before = 0; client.memory_held() < size_t{30'000'000};) {
        loop.turn();
        max = std::max(max, client.memory_held() - before);
        before = client.memory_held();
    }
    EXPECT_LE(max, size_t{3} * 1024 * 1024) << "bytes taken in one turn of the loop";
}

TEST_P(UpstreamClientTest, AnEndlessStreamOfEventsGetsItsTurnsAndNoMore) {
    const LoopbackServer server([](const auto &peer, const auto &) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        std::string many;
        for (int i = 0; i < 1'000; ++i) {
            many += "data: {\"a\":1}\n\n";
        }
        while (peer.send(many)) {
        }
    });
    size_t heard = 0;
    CallListener listener;
    listener.on_event = [&](const ServerEvent &) { ++heard; };
    start(mine, get(server), std::move(listener));
    size_t max = 0;
    for (size_t before = 0; heard < 100'000;) {
        loop.turn();
        max = std::max(max, heard - before);
        before = heard;
    }
    EXPECT_LE(max, size_t{1024} * 1024 / 15) << "events heard in one turn of the loop";
}

TEST_P(UpstreamClientTest, OfManyEndlessBodiesEachGetsItsShare) {
    const LoopbackServer server([](const auto &peer, const auto &) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        while (peer.send(std::string(200'000, ' '))) {
        }
    });
    constexpr size_t kMany = 16;
    CountingOwner owners[kMany];
    for (CountingOwner &owner : owners) {
        start(owner, get(server));
    }
    CurlClient client(engine, mine, loop);
    size_t max = 0;
    for (size_t before = 0; client.memory_held() < size_t{60'000'000};) {
        loop.turn();
        const size_t now = client.memory_held();
        if (before > size_t{20'000'000}) {  // by then it is known how many there are
            max = std::max(max, now - before);
        }
        before = now;
    }
    EXPECT_LE(max, size_t{2048} * 1024) << "bytes taken in one turn, of all of them";
}

TEST_P(UpstreamClientTest, TimeInWhichWeHoldACallIsNotTheProviders) {
    const LoopbackServer server([](const auto &peer, const auto &) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        for (int i = 0; i < 2'000; ++i) {
            peer.send("data: {\"a\":\"" + std::string(3'000, 'x') + "\"}\n\n");
        }
    });
    size_t heard = 0;
    CallListener listener;
    listener.on_event = [&](const ServerEvent &) {
        if (++heard == 10) {
            mine.call->hold(true);
        }
    };
    HttpCall call = get(server);
    call.timeouts.total = Milliseconds(1'500);
    call.timeouts.stall = Milliseconds(1'000);
    start(mine, std::move(call), std::move(listener));
    ASSERT_TRUE(loop.run_until([&] { return heard >= 10; }));
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2'000);
    ASSERT_TRUE(loop.run_until([&] { return std::chrono::steady_clock::now() > end; }));
    ASSERT_TRUE(responses.empty()) << "it is held, and not timed out";
    mine.call->hold(false);
    ASSERT_TRUE(loop.run_until([&] { return responses.size() == 1; }));
    EXPECT_EQ(responses.front().end, TransferEnd::answered) << responses.front().problem;
    EXPECT_TRUE(responses.front().delayed);
}

TEST_P(UpstreamClientTest, AProvidersOwnTimeIsLimited) {
    const LoopbackServer server([](const auto &peer, const std::string &head) {
        if (head.starts_with("GET /silent")) {
            std::this_thread::sleep_for(std::chrono::milliseconds(600));
            return;
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        for (int i = 0; i < 60 && peer.send(" "); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    });
    for (const char *path : {"/silent", "/slow"}) {
        responses.clear();
        HttpCall call = get(server);
        call.url = server.url() + path;
        call.timeouts.first_byte = Milliseconds(100);
        call.timeouts.total = Milliseconds(300);
        start(mine, std::move(call));
        ASSERT_TRUE(loop.run_until([&] { return responses.size() == 1; })) << path;
        EXPECT_EQ(responses.front().end, TransferEnd::timed_out) << path;
        EXPECT_FALSE(responses.front().delayed);
        mine.call.reset();
    }
}

// A line that continues none: libcurl 7.88 joins it to a field of the transfer before.
TEST_P(UpstreamClientTest, AContinuedLineAtTheFrontOfAHeadHarmsNobody) {
    const LoopbackServer server([](const auto &peer, const std::string &head) {
        const bool is_folded = head.starts_with("GET /folded");
        peer.send(std::string("HTTP/1.1 200 OK\r\n") + (is_folded ? " X: folded\r\n" : "X: y\r\n") +
                  "Content-Length: 2\r\nConnection: close\r\n\r\n{}");
    });
    for (const char *path : {"/x", "/folded", "/x", "/folded"}) {
        responses.clear();
        HttpCall call = get(server);
        call.url = server.url() + path;
        start(mine, std::move(call));
        ASSERT_TRUE(loop.run_until([&] { return responses.size() == 1; })) << path;
        EXPECT_EQ(responses.front().end == TransferEnd::answered, path == std::string_view("/x"));
    }
}

class CurlClientTest : public UpstreamClientTest {};

TEST_P(CurlClientTest, AReceiveBufferThatNobodyNeedsForAWhileIsReleased) {
    const LoopbackServer server([](const auto &peer, const auto &) { peer.send(kAnswer); });
    start(mine, get(server));
    ASSERT_TRUE(loop.run_until([&] { return responses.size() == 1; }));
    EXPECT_TRUE(trim_curl_memory()) << "it was needed since the last time";
    EXPECT_FALSE(trim_curl_memory());
}

TEST_P(UpstreamClientTest, NoProxyInTheEnvironmentDoesNotOverrideTheProxy) {
    std::string seen;
    const LoopbackServer proxy([&](const auto &peer, const std::string &head) {
        seen = head;
        peer.send(kAnswer);
    });
    setenv("no_proxy", "*", 1);
    HttpCall call;
    call.is_native = GetParam();
    call.method = HttpMethod::get;
    call.url = "http://127.0.0.1:9/x";
    call.proxy = proxy.url();
    start(mine, std::move(call));
    EXPECT_TRUE(loop.run_until([&] { return responses.size() == 1; }));
    unsetenv("no_proxy");
    ASSERT_EQ(responses.size(), 1U);
    EXPECT_EQ(responses.front().status, 200) << responses.front().problem;
    EXPECT_TRUE(seen.starts_with("GET http://127.0.0.1:9/x HTTP/1.1\r\n")) << seen;
}

INSTANTIATE_TEST_SUITE_P(CurlsAndOurs, UpstreamClientTest, testing::Bool());
INSTANTIATE_TEST_SUITE_P(Curls, CurlClientTest, testing::Values(false));

}  // namespace
}  // namespace gateway
