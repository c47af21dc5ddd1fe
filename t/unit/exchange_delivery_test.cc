// The end of an exchange whose images must be brought into the requested form.
#include "exchange_world.h"

namespace gateway {
namespace {

class ExchangeDeliveryTest : public ExchangeTest {
 protected:
    ExchangeDeliveryTest() {
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
        addressed.base_url = "http://here/v1";
    }
    void ask_for(const std::string &form, const char *model = "a/gpt-image-2", int n = 1) {
        body = R"({"prompt":"a","model":")" + std::string(model) + R"(","response_format":")" +
               form + R"(","n":)" + std::to_string(n) + "}";
        ask(body, addressed);
    }
    void give_links(int count) {
        std::string data;
        for (int i = 0; i < count; ++i) {
            data += std::string(i == 0 ? "" : ",") + R"({"url":"https://h/)" + std::to_string(i) +
                    R"(.png"})";
        }
        world.upstream.deliver(response_of(200, R"({"data":[)" + data + "]}"));
        world.loop.advance(Milliseconds(0));
    }
    static FetchedImage fetched_image() {
        FetchedImage fetched;
        fetched.base64 = Bytes::own(kPng);
        return fetched;
    }

    RequestHead addressed;
    std::string body;
};

TEST_F(ExchangeDeliveryTest, ALinkIsFetchedForWhoWantsBytes) {
    ask_for("b64_json", "a/gpt-image-2", 2);
    give_links(2);
    EXPECT_EQ(told.answers, 0);
    EXPECT_EQ(open_calls(), 0U);
    world.fetcher.end(1, fetched_image());
    world.fetcher.end(0, fetched_image());
    ASSERT_EQ(told.status(), 200);
    const ReadJson json = told.json();
    EXPECT_EQ(json["data"].at(1)["b64_json"].string(), kPng);
    EXPECT_EQ(json["extra_fields"]["images"].at(0)["width"].integer(), 1);
    EXPECT_FALSE(json["extra_fields"]["adjustments"]);
}

TEST_F(ExchangeDeliveryTest, BytesAreKeptForWhoWantsALink) {
    ask_for("url");
    world.upstream.deliver(images(1));
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(told.answers, 0);
    world.files.end(0, Written::whole);
    ASSERT_EQ(told.status(), 200);
    const ReadJson json = told.json();
    EXPECT_TRUE(json["data"].at(0)["url"].string().starts_with("http://here/v1/images/files/"));
    EXPECT_FALSE(json["extra_fields"]["adjustments"]);
    EXPECT_EQ(json["extra_fields"]["images"].at(0)["expires_at"].integer(),
              world.clock.unix_seconds() + 60);
}

TEST_F(ExchangeDeliveryTest, WithoutAnAddressOfOurOwnThereAreNoLinksToUs) {
    addressed.base_url.clear();
    ask_for("url");
    world.upstream.deliver(images(1));
    ASSERT_EQ(told.status(), 200);
    EXPECT_TRUE(told.json()["data"].at(0)["url"].string().starts_with("data:image/png;base64,"));
    policy.hosting->public_url = "https://images.example.com/v1";
    ask_for("url");
    world.upstream.deliver(images(1));
    world.loop.advance(Milliseconds(0));
    world.files.end(0, Written::whole);
    EXPECT_TRUE(told.json()["data"].at(0)["url"].string().starts_with(
        "https://images.example.com/v1/images/files/"));
}

TEST_F(ExchangeDeliveryTest, AFullStoreIsTheCallersBusinessOnlyInStrictMode) {
    ask_for("url");
    world.upstream.deliver(images(1));
    world.loop.advance(Milliseconds(0));
    world.files.end(0, Written::store_full);
    ASSERT_EQ(told.status(), 200);
    EXPECT_TRUE(told.json()["data"].at(0)["url"].string().starts_with("data:image/png;base64,"));
    EXPECT_EQ(told.json()["extra_fields"]["adjustments"].at(0)["param"].string(),
              "response_format");
    addressed.fit = "strict";
    ask_for("url");
    world.upstream.deliver(images(1));
    world.loop.advance(Milliseconds(0));
    world.files.end(1, Written::store_full);
    EXPECT_EQ(told.status(), 507);
}

TEST_F(ExchangeDeliveryTest, ALinkThatCannotBeFetchedIsAnErrorOnlyInStrictMode) {
    addressed.fit = "strict";
    ask_for("b64_json");
    give_links(1);
    world.fetcher.end(0, {{}, "it is gone", false});
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(told.json()["error"]["code"].string(), "picture_not_fetched");
}

TEST_F(ExchangeDeliveryTest, AtTheDeadlineWhatIsMadeIsGivenAsItIs) {
    policy.deadline = Milliseconds(5000);
    ask_for("b64_json");
    give_links(1);
    world.loop.advance(Milliseconds(6000));
    ASSERT_EQ(told.status(), 200) << "the images are made and paid for";
    EXPECT_EQ(told.json()["data"].at(0)["url"].string(), "https://h/0.png");
    EXPECT_NE(told.json()["extra_fields"]["adjustments"].at(0)["reason"].string().find("deadline"),
              std::string_view::npos);
    EXPECT_EQ(world.fetcher.open(), 0U);
}

TEST_F(ExchangeDeliveryTest, AClientThatLeavesEndsTheFetchAndPaysForWhatWasMade) {
    const auto ring = ring_of(key_json("k", R"("limits":{"images_per_minute":3})"));
    policy.keys = ring;
    addressed.credentials = {"sk-bf-k"};
    ask_for("b64_json");
    give_links(1);
    exchange->cancel();
    EXPECT_EQ(world.fetcher.open(), 0U);
    EXPECT_EQ(told.answers, 0);
    ask(R"({"prompt":"a","model":"a/gpt-image-2","n":3})", addressed);
    EXPECT_EQ(told.status(), 429) << "one of the three is used up";
}

TEST_F(ExchangeDeliveryTest, BytesThatAreNoImageAreNoSuccess) {
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(
        response_of(200, R"({"data":[{"b64_json":"iVBORw0KGgoAAAANSUhEUgAA"}]})"));
    EXPECT_EQ(asked(), "a b");
    world.upstream.deliver(images(1));
    EXPECT_EQ(listed(), "a unknown, b made");
}

}  // namespace
}  // namespace gateway
