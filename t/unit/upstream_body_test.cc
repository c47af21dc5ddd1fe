// Request bodies: a server gets them whole, however many parts they have, and a POST once at most.
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/base64.h"
#include "poll_loop.h"
#include "upstream/curl_client.h"

namespace gateway {
namespace {

using Peer = LoopbackServer::Peer;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
// LoopbackServer closes after its answer. A client that does not know it may use the connection
// again.
constexpr std::string_view kLastAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

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

// A task pool whose tasks run in a later turn of the loop.
class LaterTasks final : public TaskPool {
    class Later final : public Task {
     public:
        std::unique_ptr<Timer> timer;
    };

 public:
    explicit LaterTasks(EventLoop &loop) : loop_(loop) {}
    std::unique_ptr<Task> run(std::function<void()> work, std::function<void()> done) override {
        if (left-- == 0) {
            return nullptr;
        }
        auto task = std::make_unique<Later>();
        task->timer = loop_.start_timer(Milliseconds(1), [work, done] {
            work();
            done();
        });
        return task;
    }
    int left = 1'000'000;  // that may still run

 private:
    EventLoop &loop_;
};

class TextFile final : public ByteFile {
 public:
    explicit TextFile(std::string text) : text_(std::move(text)) {}
    size_t read(uint64_t offset, std::span<char> into) const noexcept override {
        return offset >= text_.size()
                   ? 0
                   : std::string_view(text_).substr(offset).copy(into.data(), into.size());
    }

 private:
    std::string text_;
};

// Whether the call is made by HTTP of our own.
class UpstreamBodyTest : public testing::TestWithParam<bool> {
 protected:
    HttpResponse send(const LoopbackServer &server, const CallBody &body,
                      HttpMethod method = HttpMethod::post) {
        HttpCall call;
        call.is_native = GetParam();
        call.method = method;
        call.url = server.url() + "/x";
        call.body = body;
        std::optional<HttpResponse> response;
        CurlClient client(engine, owner, loop, &tasks);
        CallListener listener;
        listener.on_response = [&](HttpResponse one) { response = std::move(one); };
        owner.call = client.start(std::move(call), std::move(listener));
        EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }));
        owner.call.reset();
        return std::move(response).value_or(HttpResponse());
    }

    PollLoop loop;
    LaterTasks tasks{loop};
    std::shared_ptr<HeldMemory> memory = HeldMemory::create({});
    CurlEngine engine{loop, loop, loop, *memory};
    CountingOwner owner;
};

TEST_P(UpstreamBodyTest, ArrivesWholeWhateverItsParts) {
    std::mutex mutex;
    std::string seen;
    const LoopbackServer server([&](const Peer &peer, const std::string &request) {
        const std::lock_guard lock(mutex);
        seen = read_body(peer, request);
        peer.send(kLastAnswer);
    });
    const std::string large(150'000, 'l');
    const std::vector<std::vector<std::string>> bodies = {
        {}, {"{}"}, {large}, {"a", "b"}, {"--x\r\n", large, "\r\n--x--"}, {large, large}};
    for (const auto &texts : bodies) {
        const CallBody body = parts_of(texts);
        const HttpResponse response = send(server, body);
        EXPECT_EQ(response.end, TransferEnd::answered) << response.problem;
        const std::lock_guard lock(mutex);
        EXPECT_EQ(seen.size(), body.size());
        EXPECT_EQ(seen, body.copy());
    }
}

std::string noise(size_t size) {
    std::string text;
    for (uint32_t number = 1; text.size() < size; number = number * 1664525 + 1013904223) {
        text += static_cast<char>(number >> 24);
    }
    return text;
}

TEST_P(UpstreamBodyTest, HasContentsOfFilesAndOfMemoryBetweenItsTexts) {
    constexpr std::string_view kLastAnswer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        "Connection: close\r\n\r\n{}";
    std::mutex mutex;
    std::string seen;
    const LoopbackServer server([&](const Peer &peer, const std::string &request) {
        const std::lock_guard lock(mutex);
        seen = read_body(peer, request);
        peer.send(kLastAnswer);
    });
    const std::string bytes = noise(500'000);
    const auto file = std::make_shared<TextFile>(bytes);
    for (const size_t size : {0, 1, 48 * 1024, 48 * 1024 + 1, 96 * 1024, 499'990}) {
        for (const bool as_base64 : {false, true}) {
            CallBody body;
            body.append("front ");
            body.append(Content::in_file(file, 10, size), as_base64);
            body.append(Content::in_memory("in memory"), as_base64);
            body.append(" middle ");
            body.append(Content::in_file(file, 0, 5), as_base64);
            const HttpResponse response = send(server, body);
            EXPECT_EQ(response.end, TransferEnd::answered) << response.problem;
            const auto form = [=](const std::string &part) {
                return as_base64 ? encode_base64(part) : part;
            };
            const std::lock_guard lock(mutex);
            EXPECT_EQ(seen.size(), body.size());
            EXPECT_TRUE(seen == "front " + form(bytes.substr(10, size)) + form("in memory") +
                                    " middle " + form(bytes.substr(0, 5)));
            EXPECT_TRUE(seen == body.copy());
        }
    }
}

TEST_P(UpstreamBodyTest, ThatCannotBeReadWasNotSent) {
    const LoopbackServer server(
        [&](const Peer &peer, const std::string &request) { (void)read_body(peer, request); });
    CallBody body;
    body.append("front ");
    body.append(Content::in_file(std::make_shared<TextFile>(noise(100'000)), 0, 200'000), false);
    HttpResponse response = send(server, body);
    EXPECT_EQ(response.end, TransferEnd::not_read) << response.problem;
    EXPECT_EQ(response.problem, "an input image cannot be read from its file");
    tasks.left = 0;
    response = send(server, body);
    EXPECT_EQ(response.end, TransferEnd::not_read) << response.problem;
}

TEST_P(UpstreamBodyTest, OfACancelledCallIsReadNoFurther) {
    const LoopbackServer server(
        [](const Peer &peer, const std::string &) { (void)peer.receive(); });
    HttpCall call;
    call.is_native = GetParam();
    call.url = server.url() + "/x";
    call.body.append(Content::in_file(std::make_shared<TextFile>(noise(400'000)), 0, 400'000),
                     false);
    CurlClient client(engine, owner, loop, &tasks);
    owner.call = client.start(std::move(call), CallListener());
    ASSERT_TRUE(loop.run_until([&] { return tasks.left < 999'999; }));
    owner.call.reset();
    const int left = tasks.left;
    for (int i = 0; i < 20; ++i) {
        loop.turn();
    }
    EXPECT_EQ(tasks.left, left);
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

TEST_P(UpstreamBodyTest, OfAPutIsReadAgainForAnotherConnection) {
    ClosingServer closing;
    EXPECT_EQ(send(closing.server, parts_of({"first"})).status, 200);
    const HttpResponse response =
        send(closing.server, parts_of({"{\"a\":", "1}"}), HttpMethod::put);
    EXPECT_EQ(response.status, 200) << response.problem;
    const auto bodies = closing.bodies();
    ASSERT_EQ(bodies.size(), 2U);
    EXPECT_EQ(bodies[1], "{\"a\":1}");
}

TEST_P(UpstreamBodyTest, OfAPostIsNotSentAgain) {
    ClosingServer closing;
    EXPECT_EQ(send(closing.server, parts_of({"first"})).status, 200);
    const HttpResponse response = send(closing.server, parts_of({"{\"a\":", "1}"}));
    EXPECT_EQ(response.end, TransferEnd::lost) << response.problem;
    EXPECT_EQ(closing.bodies().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(CurlsAndOurs, UpstreamBodyTest, testing::Bool());

}  // namespace
}  // namespace gateway
