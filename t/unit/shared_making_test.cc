// A making that several requests share: what late followers get, and what its record says at the
// end.
#include <gtest/gtest.h>

#include "exchange_world.h"
#include "fake_records.h"

namespace gateway {
namespace {

class SharedMakingTest : public ExchangeTest {
 protected:
    SharedMakingTest() {
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[{"model":"one","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":1}},
                "price":{"per_image":[{"usd":0.04}]}}]}})",
            models.catalogue().get())));
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
        policy.keys = ring_of(key_json("k"));
        world.ports.owner = &owner;
        world.ports.sharing = &sharing;
    }
    ~SharedMakingTest() override {
        others.clear();
        exchange.reset();
    }
    static RequestHead keyed() {
        RequestHead head = as("sk-bf-k");
        head.idempotency_key = "key";
        head.path = "/v1/images/generations";
        head.base_url = "http://here/v1";
        return head;
    }
    // The request before stays open.
    std::string &ask_stream(int images) {
        if (exchange != nullptr) {
            others.push_back(std::move(exchange));
        }
        open(keyed());
        auto text = std::make_unique<std::string>();
        body = R"({"prompt":"a","stream":true,"model":"a/one","n":)" + std::to_string(images) + "}";
        exchange->run(Operation::generate, body,
                      [to = text.get()](const Answer &part) { *to += part.body.copy(); });
        texts.push_back(std::move(text));
        return *texts.back();
    }
    void answer(size_t number, HttpResponse response) {
        FakeUpstream::deliver(*world.upstream.calls.at(number), std::move(response));
    }
    static size_t count(const std::string &text, std::string_view part) {
        size_t found = 0;
        for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
            ++found;
        }
        return found;
    }

    NoOwner owner;
    FakeRecords records;
    FakeHome home{world.ports, records};
    std::optional<MakingRegister> running{std::in_place, world.loop, health, home};
    SharingPorts sharing{*running, &records};
    std::string body;
    std::vector<std::unique_ptr<std::string>> texts;
    std::vector<std::unique_ptr<Exchange>> others;
};

TEST_F(SharedMakingTest, AStreamThatJoinsWhileTheResultIsWrittenHasAllImagesOnce) {
    const std::string &first = ask_stream(2);
    answer(0, images(1));
    answer(1, images(1));
    ASSERT_EQ(count(first, kPng), 2U);
    ASSERT_EQ(world.files.kept.size(), 1U) << "the result is being written";
    const std::string &second = ask_stream(2);
    world.loop.advance(Milliseconds(1));
    EXPECT_EQ(count(second, kPng), 2U) << second;
    const std::string whole = second;
    world.files.end_keeping(0, Written::whole);
    EXPECT_EQ(second, whole) << "the end is told once";
    EXPECT_EQ(world.upstream.calls.size(), 2U);
}

TEST_F(SharedMakingTest, AStreamThatFailsAfterAnImageWasSentIsNotMadeAgain) {
    policy.hosting = nullptr;
    const std::string &first = ask_stream(2);
    answer(0, images(1));
    answer(1, response_for(OutcomeType::broken));
    world.loop.advance(Milliseconds(60'000));
    ASSERT_EQ(count(first, kPng), 1U) << first;
    if (first.find("event: error") != std::string::npos) {
        EXPECT_EQ(records.forgotten, 0);
        EXPECT_EQ(records.finished.size(), 1U);
    }
}

TEST_F(SharedMakingTest, ARepeatWhoseOwnDeadlinePassesIsNotCalledAReplay) {
    open(keyed());
    run(R"({"prompt":"a","model":"a/one"})");
    others.push_back(std::move(exchange));
    RequestHead impatient = keyed();
    impatient.timeout = "1";
    open(impatient);
    run(R"({"prompt":"a","model":"a/one"})");
    world.loop.advance(Milliseconds(1'500));
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(told.header("Idempotent-Replayed"), "");
    EXPECT_EQ(world.upstream.calls.size(), 1U);
}

TEST_F(SharedMakingTest, ARequestThatIsRefusedLetsGoOfItsKeyAtOnce) {
    policy.keys = ring_of(key_json("k", R"("limits":{"images_per_minute":1})"));
    open(keyed());
    run(R"({"prompt":"a","model":"a/one","n":2})");
    ASSERT_EQ(told.status(), 400);
    EXPECT_EQ(records.forgotten, 1);
    exchange.reset();
    EXPECT_EQ(records.forgotten, 1);
}

}  // namespace
}  // namespace gateway
