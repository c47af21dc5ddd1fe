// Providers that return more than requested: what callers get, pay and wait for is limited.
#include <gtest/gtest.h>

#include <ctime>

#include "exchange_world.h"

namespace gateway {
namespace {

std::string links_json(int count, const std::string &more = "") {
    std::string data;
    for (int i = 0; i < count; ++i) {
        data += (i == 0 ? "" : ",") + std::string(R"({"url":"https://host/)") + std::to_string(i) +
                ".png\"}";
    }
    return R"({"created":1,"data":[)" + data + "]" + more + "}";
}

class MoreThanAskedTest : public ExchangeTest {
 protected:
    MoreThanAskedTest() {
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[{"model":"one","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":1}},"price":{"per_image":[{"usd":0.04}]}},
               {"model":"ten","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":10}}}],
               "xai":[{"model":"one","operations":["generate"],"parameters":{"prompt":{}}}]}})",
            models.catalogue().get())));
        add_provider("x", {"sk-x"}, "xai");
    }
    [[nodiscard]] size_t data_count() const { return told.json()["data"].size(); }
    [[nodiscard]] std::string reason() const {
        const ReadJson json = told.json();
        return std::string(json["extra_fields"]["adjustments"].at(0)["reason"].string());
    }
};

TEST_F(MoreThanAskedTest, TheFirstAreTheAnswerAndTheCallerIsTold) {
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(images(1'100));
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(data_count(), 1U);
    EXPECT_EQ(exchange->images(), 1U);
    EXPECT_EQ(exchange->images_lost(), 0);
    EXPECT_EQ(
        reason(),
        "the provider returned 1099 more images than requested; the reply does not contain them");
    EXPECT_EQ(told.json()["extra_fields"]["adjustments"].at(0)["param"].string(), "n");
}

TEST_F(MoreThanAskedTest, WhatIsNoImageIsNotOneOfTheFirst) {
    ask(R"({"prompt":"a","model":"a/one"})");
    // It begins as an image does, and has no header.
    world.upstream.deliver(response_of(
        200,
        R"({"data":[{"b64_json":"iVBORw0KGgo="},{"b64_json":")" + std::string(kPng) + "\"}]}"));
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(told.json()["data"].at(0)["b64_json"].string(), kPng);
    EXPECT_FALSE(told.json()["extra_fields"]["adjustments"]) << told.json().text();
}

TEST_F(MoreThanAskedTest, EachOfSeveralCallsIsCutToItsOwnShare) {
    ask(R"({"prompt":"a","model":"a/one","n":3})");
    for (const auto &call : std::vector(world.upstream.calls)) {
        FakeUpstream::deliver(*call, images(4));
    }
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(data_count(), 3U);
    EXPECT_EQ(
        reason(),
        "the provider returned 9 more images than requested; the reply does not contain them");
}

TEST_F(MoreThanAskedTest, LimitsCountWhatTheCallerGets) {
    policy.keys = ring_of(key_json("k", R"("limits":{"images_per_day":4})"));
    for (int left = 3; left >= 0; --left) {
        ask(R"({"prompt":"a","model":"a/one"})", as("sk-bf-k"));
        world.upstream.deliver(images(4));
        ASSERT_EQ(told.status(), 200);
        EXPECT_EQ(data_count(), 1U);
        EXPECT_EQ(images_left(), left);
    }
    ask(R"({"prompt":"a","model":"a/one"})", as("sk-bf-k"));
    EXPECT_EQ(told.status(), 429);
}

TEST_F(MoreThanAskedTest, TheCostIsOfWhatWasAskedForUnlessTheProviderTellsIt) {
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(images(1'100));
    EXPECT_EQ(exchange->cost(), 40'000);
    ask(R"({"prompt":"a","model":"x/one"})");
    world.upstream.deliver(
        response_of(200, images_json(4, R"(,"usage":{"cost_in_usd_ticks":2000000000})")));
    EXPECT_EQ(exchange->cost(), 200'000) << "the provider says that all four are billed";
}

TEST_F(MoreThanAskedTest, NoLinkIsFetchedBeyondThem) {
    ask(R"({"prompt":"a","model":"a/one","response_format":"b64_json"})");
    world.upstream.deliver(response_of(200, links_json(1'100)));
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(world.fetcher.entries.size(), 1U);
}

TEST_F(MoreThanAskedTest, NoMoreThanEightLinksAreFetchedAtATime) {
    ask(R"({"prompt":"a","model":"a/ten","n":10,"response_format":"b64_json"})");
    world.upstream.deliver(response_of(200, links_json(10)));
    world.loop.advance(Milliseconds(0));
    FetchedImage image;
    for (size_t index = 0; index < 10; ++index) {
        EXPECT_EQ(world.fetcher.open(), std::min<size_t>(8, 10 - index));
        image.base64 = Bytes::own(kPng);
        world.fetcher.end(index, image);
    }
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(data_count(), 10U);
}

TEST_F(MoreThanAskedTest, NoMoreThanEightLinksOfAStreamAreFetchedAtATime) {
    ask(R"({"prompt":"a","model":"a/one","n":10,"stream":true})");
    for (size_t call = 0; call < 10; ++call) {
        FakeUpstream::deliver(*world.upstream.calls.at(call), response_of(200, links_json(1)));
        world.loop.advance(Milliseconds(0));
    }
    for (size_t index = 0; index < 10; ++index) {
        world.loop.advance(Milliseconds(0));
        EXPECT_LE(world.fetcher.open(), 8U);
        ASSERT_GT(world.fetcher.entries.size(), index) << "the next has its turn";
        FetchedImage image;
        image.base64 = Bytes::own(kPng);
        world.fetcher.end(index, image);
    }
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(exchange->images(), 10U);
    EXPECT_FALSE(told.answer->goes_on);
}

TEST_F(MoreThanAskedTest, TheTimeIsUpForLinksThatWaited) {
    policy.deadline = Milliseconds(1000);
    ask(R"({"prompt":"a","model":"a/ten","n":10,"response_format":"b64_json"})");
    world.upstream.deliver(response_of(200, links_json(10)));
    world.loop.advance(Milliseconds(1000));
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(data_count(), 10U) << "as links";
    EXPECT_EQ(world.fetcher.open(), 0U);
}

TEST_F(MoreThanAskedTest, AnAnswerWithoutEndOfEmptyEntriesIsNone) {
    std::string entries = "{}";
    for (int i = 1; i < 100'000; ++i) {
        entries += ",{}";
    }
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(response_of(200, R"({"data":[)" + entries + "]}"));
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(exchange->images_lost(), 1);
}

TEST_F(MoreThanAskedTest, ALinkLongerThanAnyIsNone) {
    const std::string path(20'000, 'a');
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(response_of(
        200, R"({"data":[{"url":"https://host/)" + path + R"("},{"url":"https://host/b"}]})"));
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(told.json()["data"].at(0)["url"].string(), "https://host/b");
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(
        response_of(200, R"({"data":[{"url":"https://host/)" + path.substr(0, 10'000) + "\"}]}"));
    EXPECT_EQ(told.status(), 200) << "signed links are long";
}

// ---- streams

class MoreEventsThanAskedTest : public MoreThanAskedTest {
 protected:
    void ask_for(const std::string &more) {
        ask(R"({"prompt":"x","model":"chain","stream":true)" + more + "}");
    }
    void tell(const std::string &data) {
        Lifter lifter(BlockPool::create(4));
        lifter.feed(data);
        world.upstream.calls.back()->on_event({"", std::move(lifter).finish()});
    }
    void preview(int number, const std::string &image = kPng) {
        tell(R"({"type":"image_generation.partial_image","partial_image_index":)" +
             std::to_string(number) + R"(,"b64_json":")" + image + "\"}");
    }
    void complete() {
        tell(R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) + "\"}");
    }
};

TEST_F(MoreEventsThanAskedTest, ThereAreNoMorePreviewsThanWereAskedFor) {
    ask_for(R"(,"partial_images":2)");
    for (int i = 0; i < 1'000; ++i) {
        preview(0);
        preview(-1);
        preview(7);
    }
    EXPECT_EQ(told.answers, 2);
    complete();
    EXPECT_EQ(told.answers, 3);
}

TEST_F(MoreEventsThanAskedTest, APreviewThatNobodyAskedForBindsNobody) {
    ask_for("");
    preview(0);
    world.upstream.deliver(response_for(OutcomeType::broken));
    EXPECT_EQ(asked(), "a b") << "the caller has seen nothing";
}

TEST_F(MoreEventsThanAskedTest, APreviewThatIsNoImageIsNotShown) {
    ask_for(R"(,"partial_images":2)");
    preview(0, "iVBORw0KGgo=");
    EXPECT_EQ(told.answers, 0);
}

TEST_F(MoreEventsThanAskedTest, AStreamEndsWithTheImagesThatWereAskedFor) {
    ask_for(R"(,"n":2)");
    for (int i = 0; i < 1'000; ++i) {
        if (world.upstream.calls.back()->on_event) {
            complete();
        }
    }
    EXPECT_EQ(told.answers, 2);
    EXPECT_EQ(exchange->images(), 2U);
}

// ---- time

double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The minimum of several runs, because other load of the machine only makes runs longer.
double min_seconds_to_read(const Dialect &dialect, const HttpResponse &response) {
    double min = 1e9;
    for (int i = 0; i < 5; ++i) {
        const double began = processor_seconds();
        EXPECT_EQ(dialect.read(response).type, OutcomeType::unknown);
        min = std::min(min, processor_seconds() - began);
    }
    return min;
}

std::string repeated(const std::string &item, int count) {
    std::string list = item;
    for (int i = 1; i < count; ++i) {
        list += "," + item;
    }
    return list;
}

// Eight times as many entries may take eight times as long, not sixty-four times.
void expect_no_more_than_linear(const char *api,
                                const std::function<std::string(int)> &answer_with) {
    constexpr int kFew = 2'000;
    const Dialect &dialect = *dialect_named(api);
    const double few = min_seconds_to_read(dialect, response_of(200, answer_with(kFew)));
    const double many = min_seconds_to_read(dialect, response_of(200, answer_with(8 * kFew)));
    EXPECT_LT(many, few * 24) << api;
}

TEST(ManyEntries, TakeTimeInProportionToTheirNumber) {
    const auto lists = [](const char *images, const char *entry, const char *flags,
                          const char *flag) {
        return [=](int count) {
            return std::string("{\"") + flags + "\":[" + repeated(flag, count) + "],\"" + images +
                   "\":[" + repeated(entry, count) + "]}";
        };
    };
    expect_no_more_than_linear("fal-run", lists("images", "7", "has_nsfw_concepts", "false"));
    expect_no_more_than_linear("openai", lists("data", "7", "x", "0"));
    expect_no_more_than_linear("replicate", lists("output", "7", "x", "0"));
    expect_no_more_than_linear("google-gemini", lists("candidates", "7", "x", "0"));
    expect_no_more_than_linear("automatic1111", [](int count) {
        return R"({"info":"{\"all_seeds\":[)" + repeated("7", count) + R"(]}","images":[)" +
               repeated("7", count) + "]}";
    });
}

// ---- an image that is passed through

TEST_F(MoreThanAskedTest, AnImageThatIsHandedOnIsTheFirst) {
    policy.buffering = false;
    const std::string image =
        std::string(kPng).substr(0, 76) + std::string(9'000, 'A') + std::string(kPng).substr(76);
    const auto pool = BlockPool::create(10);
    Lifter lifter(pool);
    std::string sent;
    open();
    const std::string body = R"({"prompt":"a","model":"a/one"})";
    exchange->run(Operation::generate, body, [&](Answer answer) {
        sent += answer.body.copy();
        told.answer = std::move(answer);
    });
    lifter.feed(R"({"data":[{"b64_json":")" + image);
    world.upstream.calls.back()->on_piece(*lifter.pass());
    lifter.feed(R"("},{"b64_json":")" + image + "\"}]}");
    HttpResponse response;
    response.end = TransferEnd::answered;
    response.status = 200;
    response.body = std::move(lifter).finish();
    world.upstream.deliver(std::move(response));
    EXPECT_FALSE(told.answer->broken);
    EXPECT_EQ(exchange->images(), 1U);
    const ReadJson json(sent);
    EXPECT_EQ(json["data"].size(), 1U);
}

}  // namespace
}  // namespace gateway
