// OpenAI's events, and the result of a stream of them.
#include "core/providers/stream_collector.h"

#include <gtest/gtest.h>

#include <string>

#include "core/providers/dialect.h"
#include "lifting.h"

namespace gateway {
namespace {

const std::string kPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/"
    "pLvAAAAAElFTkSuQmCC";

class StreamedTest : public testing::Test {
 protected:
    // What becomes of an event with these data: a preview, an image, or nothing.
    std::optional<Preview> tell(const std::string &data, const std::string &name = "") {
        auto told = streamed.take(dialect->stream()->read_event({name, lift(data)}));
        whole.reset();
        if (auto *made = std::get_if<ImageResult>(&told)) {
            whole = std::move(*made);
        }
        auto *shown = std::get_if<Preview>(&told);
        return shown == nullptr ? std::nullopt : std::optional(std::move(*shown));
    }
    std::optional<Preview> preview(int number) {
        return tell(R"({"type":"image_generation.partial_image","partial_image_index":)" +
                    std::to_string(number) + R"(,"b64_json":")" + kPng + R"(","size":"8x8"})");
    }
    void complete(const std::string &more = "") {
        EXPECT_FALSE(tell(R"({"type":"image_generation.completed","b64_json":")" + kPng + "\"" +
                          more + "}"));
    }

    const Dialect *dialect = dialect_named("openai");
    StreamCollector streamed{2, 2};
    std::optional<ImageResult> whole;  // that is to be told at once
};

TEST_F(StreamedTest, APreviewIsOfTheImageAfterThoseThatAreDone) {
    const auto first = preview(0);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->image.index, 0);
    EXPECT_EQ(first->image.content.copy(), kPng);
    EXPECT_EQ(first->what.size, "8x8");
    EXPECT_EQ(preview(1)->number, 1);
    complete();
    EXPECT_EQ(preview(0)->image.index, 1);
    complete();
    EXPECT_TRUE(streamed.is_complete());
    EXPECT_FALSE(preview(0)) << "there is no third";
}

TEST_F(StreamedTest, AnEventsOwnNameCountsWhereItsDataHasNoType) {
    EXPECT_TRUE(tell("{\"b64_json\":\"" + kPng + "\"}", "image_generation.partial_image"));
    EXPECT_FALSE(tell("{\"b64_json\":\"" + kPng + "\"}", "image_generation.completed"));
    EXPECT_EQ(streamed.take_outcome().result.images.size(), 1U);
}

TEST_F(StreamedTest, WhatSaysNothingIsNothing) {
    for (const char *data :
         {"", "[DONE]", ": PING", "{", "7", "null", R"({"type":"image_generation.progress"})",
          R"({"type":"image_generation.partial_image","b64_json":""})",
          R"({"type":"image_generation.completed"})", R"({"error":null})"}) {
        EXPECT_FALSE(tell(data)) << data;
        EXPECT_FALSE(streamed.is_complete()) << data;
    }
}

TEST_F(StreamedTest, TheImagesAreTheOutcome) {
    complete(R"(,"size":"8x8","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3})");
    complete(R"(,"size":"8x8","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3})");
    const Outcome outcome = streamed.take_outcome();
    EXPECT_EQ(outcome.type, OutcomeType::made);
    EXPECT_EQ(outcome.result.images.size(), 2U);
    EXPECT_EQ(outcome.result.size, "8x8");
    EXPECT_EQ(outcome.result.usage->total_tokens, 3) << "the same twice is the sum";
}

TEST_F(StreamedTest, AnImageIsToldAtOnceButForTheLast) {
    complete(R"(,"size":"8x8","quality":"low")");
    ASSERT_TRUE(whole);
    ASSERT_EQ(whole->images.size(), 1U);
    EXPECT_EQ(whole->images[0].content.copy(), kPng);
    EXPECT_EQ(whole->images[0].index, 0);
    EXPECT_EQ(whole->images[0].width, 1);
    EXPECT_EQ(whole->quality, "low");
    complete();
    EXPECT_FALSE(whole);
    const Outcome outcome = streamed.take_outcome();
    ASSERT_EQ(outcome.result.images.size(), 2U);
    EXPECT_EQ(outcome.result.given, 1U);
    EXPECT_TRUE(outcome.result.images[0].content.empty()) << "it is the caller's";
    EXPECT_EQ(outcome.result.images[0].width, 1) << "but what is known of it stays";
    EXPECT_EQ(outcome.result.images[1].content.copy(), kPng);
}

TEST_F(StreamedTest, WhatIsNoImageIsNeitherToldNorCounted) {
    tell(R"({"type":"image_generation.completed","b64_json":"bm8gcGljdHVyZQ=="})");
    EXPECT_FALSE(whole);
    EXPECT_FALSE(streamed.is_complete());
    complete();
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->images[0].index, 0);
}

TEST_F(StreamedTest, UsagesThatDifferAreAdded) {
    complete(R"(,"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3})");
    complete(R"(,"usage":{"input_tokens":1,"output_tokens":4,"total_tokens":5})");
    EXPECT_EQ(streamed.take_outcome().result.usage->total_tokens, 8);
}

TEST_F(StreamedTest, APreviewIsNoImage) {
    preview(0);
    preview(1);
    const Outcome outcome = streamed.take_outcome();
    EXPECT_EQ(outcome.type, OutcomeType::unknown);
    EXPECT_EQ(outcome.error.code, "stream_truncated");
    EXPECT_TRUE(outcome.result.images.empty());
}

TEST_F(StreamedTest, AnErrorIsTheOutcomeWhateverCameBefore) {
    complete();
    tell(R"({"type":"error","error":{"code":"moderation_blocked","message":"Not this."}})");
    EXPECT_TRUE(streamed.is_complete());
    const Outcome outcome = streamed.take_outcome();
    EXPECT_EQ(outcome.type, OutcomeType::refused_by_policy);
    EXPECT_TRUE(outcome.result.images.empty());
}

}  // namespace
}  // namespace gateway
