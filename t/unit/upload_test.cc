// An image on its way into a bucket: what is sent, what is tried again, and when it ends.
#include "core/s3/upload.h"

#include <gtest/gtest.h>

#include "core/bytes/base64.h"
#include "core/bytes/sha256.h"
#include "core/s3/decoded_image.h"
#include "fake_ports.h"
#include "responses.h"

namespace gateway {
namespace {

class UploadTest : public testing::Test {
 protected:
    UploadTest() {
        bucket->name = "pictures";
        bucket->endpoint = "http://store.example";
        bucket->scope = {"us-east-1"};
        bucket->key = {"AKEXAMPLE", "secret"};
        bucket->lifetime = 60;
    }
    void put(const std::string &base64) {
        write = put_object(
            world.ports, bucket,
            {"g/x.png", ImageFormat::png, Bytes::own(base64), world.clock.unix_seconds() + 60},
            [this](Written written) { ended.push_back(std::move(written)); });
    }
    void answer(int status, const std::string &body = "") {
        world.upstream.deliver(response_of(status, body));
    }
    [[nodiscard]] size_t calls() const { return world.upstream.calls.size(); }

    FakeWorld world;
    std::shared_ptr<Bucket> bucket = std::make_shared<Bucket>();
    std::unique_ptr<Write> write;
    std::vector<Written> ended;
};

TEST_F(UploadTest, SendsTheBytesThatTheBase64StandsFor) {
    const std::string bytes(100'000, 'x');
    put(encode_base64(bytes));
    EXPECT_EQ(calls(), 0U) << "their hash comes first";
    world.tasks.run_all();
    ASSERT_EQ(calls(), 1U);
    const HttpCall &call = world.upstream.calls[0]->call;
    EXPECT_EQ(call.url, "http://store.example/pictures/g/x.png");
    EXPECT_EQ(call.body.size(), bytes.size());
    EXPECT_EQ(call.body.copy(), bytes);
    EXPECT_EQ(std::count(call.headers.begin(), call.headers.end(),
                         "x-amz-content-sha256: " + to_hex(sha256(bytes))),
              1);
    EXPECT_TRUE(ended.empty());
    answer(200);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].result, Written::whole);
}

TEST_F(UploadTest, SendsNothingThatIsNoBase64) {
    for (const char *text : {"AAA", "AA=A", "!!!!", "AAAA=", "AB=="}) {
        ended.clear();
        put(text);
        world.tasks.run_all();
        ASSERT_EQ(ended.size(), 1U) << text;
        EXPECT_EQ(ended[0].result, Written::failed);
    }
    EXPECT_EQ(calls(), 0U);
}

TEST_F(UploadTest, TriesAgainWhatMayPassWithAPauseAndASignatureOfThen) {
    put("AAAA");
    world.tasks.run_all();
    world.loop.advance(Milliseconds(1'000));
    answer(503, "<Error><Code>SlowDown</Code></Error>");
    EXPECT_EQ(calls(), 1U) << "not at once";
    world.loop.advance(Milliseconds(200));
    ASSERT_EQ(calls(), 2U);
    world.upstream.deliver(undelivered(TransferEnd::lost, "it broke"));
    world.loop.advance(Milliseconds(3'000));
    ASSERT_EQ(calls(), 3U);
    EXPECT_NE(world.upstream.calls[0]->call.headers, world.upstream.calls[2]->call.headers);
    EXPECT_EQ(world.upstream.calls[2]->call.body.copy(), std::string(3, '\0'));
    answer(200);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].result, Written::whole);
}

TEST_F(UploadTest, DoesNotTryAgainWhatStaysSo) {
    for (const int status : {201, 204, 301, 307, 400, 403, 404, 413}) {
        ended.clear();
        put("AAAA");
        world.tasks.run_all();
        const size_t before = calls();
        answer(status);
        world.loop.advance(Milliseconds(60'000));
        EXPECT_EQ(calls(), before) << status;
        ASSERT_EQ(ended.size(), 1U) << status;
        EXPECT_EQ(ended[0].result, Written::failed) << status;
    }
    put("AAAA");
    world.tasks.run_all();
    world.upstream.deliver(undelivered(TransferEnd::too_large, "too large"));
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_TRUE(bucket->health->lets_through(world.clock.now())) << "it answers";
}

TEST_F(UploadTest, EndsAfterHalfAMinute) {
    put("AAAA");
    world.tasks.run_all();
    while (ended.empty()) {
        const size_t before = calls();
        ASSERT_LE(world.clock.now(), Milliseconds(31'000));
        EXPECT_LE(world.clock.now() + world.upstream.calls.back()->call.timeouts.total,
                  Milliseconds(30'100));
        world.loop.advance(Milliseconds(1'000));
        answer(500);
        for (int i = 0; i < 30 && ended.empty() && calls() == before; ++i) {
            world.loop.advance(Milliseconds(100));
        }
    }
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].problem, "the store answers with status 500");
}

TEST_F(UploadTest, LeavesAStoreAloneThatFailedForOthers) {
    for (int i = 0; i < 3; ++i) {
        bucket->health->note_failure(world.clock.now());
    }
    put("AAAA");
    EXPECT_TRUE(ended.empty()) << "never from within";
    world.loop.advance(Milliseconds(0));
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(calls(), 0U);
    EXPECT_EQ(world.tasks.waiting(), 0U);
}

TEST_F(UploadTest, IsCancelledWithItsHandle) {
    put("AAAA");
    write.reset();
    world.tasks.run_all();
    EXPECT_EQ(calls(), 0U);
    put("AAAA");
    world.tasks.run_all();
    write.reset();
    EXPECT_EQ(world.upstream.count(FakeUpstream::State::cancelled), 1U);
    put("AAAA");
    world.tasks.run_all();
    answer(503);
    write.reset();
    world.loop.advance(Milliseconds(60'000));
    EXPECT_EQ(calls(), 2U);
    EXPECT_TRUE(ended.empty());
}

TEST_F(UploadTest, IsNotBegunWithoutATask) {
    world.tasks.full = true;
    put("AAAA");
    EXPECT_EQ(write, nullptr);
}

TEST(DecodedImageTest, GivesTheSameBytesInAnyOrder) {
    std::string bytes;
    for (int i = 0; i < 50'000; ++i) {
        bytes += static_cast<char>(i * 7);
    }
    std::string base64 = encode_base64(bytes);
    for (size_t at = base64.find('/'); at != std::string::npos; at = base64.find('/', at + 2)) {
        base64.insert(at, "\\");
    }
    ASSERT_NE(base64.find('\\'), std::string::npos);
    Bytes pieces;
    for (size_t at = 0; at < base64.size(); at += 1'001) {
        pieces.append(base64.substr(at, 1'001));
    }
    const DecodedImage image(pieces);
    const auto digest = image.digest();
    EXPECT_TRUE(digest.whole);
    EXPECT_EQ(digest.size, bytes.size());
    EXPECT_EQ(digest.sha256, to_hex(sha256(bytes)));
    FakeRandom random;
    for (int i = 0; i < 200; ++i) {
        const size_t from = random.below(bytes.size());
        std::string piece(random.below(20'000), '\0');
        piece.resize(image.read(from, piece));
        ASSERT_EQ(piece, bytes.substr(from, piece.size())) << from;
        ASSERT_TRUE(!piece.empty() || from == bytes.size() || piece.capacity() < 20'000);
    }
    std::string beyond(10, '\0');
    EXPECT_EQ(image.read(bytes.size(), beyond), 0U);
    EXPECT_EQ(image.read(bytes.size() + 1, beyond), 0U);
}

}  // namespace
}  // namespace gateway
