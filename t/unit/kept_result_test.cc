// A result that is kept is read back as it was.
#include "core/sharing/kept_result.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

Image image_of(int64_t index, const std::string &base64) {
    Image image;
    image.index = index;
    image.content = Bytes::own(base64);
    image.format = ImageFormat::webp;
    image.revised_prompt = "a \"red\" kite\n";
    image.seed = 42 + index;
    image.width = 640;
    image.height = 480;
    image.bytes = 1234;
    image.provenance = Provenance::c2pa_lost;
    image.outside_mask_changed = 0.25;
    image.usage.input_tokens = 7;
    image.usage.output_image_tokens = 9;
    return image;
}

KeptResult example() {
    KeptResult kept;
    kept.request_id = "req_first";
    kept.created = 1'800'000'000;
    kept.latency = 77;
    Result &result = kept.result;
    result.outcome = OutcomeType::made;
    result.maker = {"p", "gpt-image-2"};
    result.words = {"640x480", "high", "opaque", "webp"};
    result.images = {image_of(0, "aaaa"), image_of(1, "bbbbbbbb")};
    result.bill.cost = {1234, "tokens"};
    result.bill.usage.total_tokens = 16;
    result.bill.counted = true;
    result.adjustments = {{"size", "\"1x1\"", "\"2x2\"", "why"}};
    AttemptRecord attempt;
    attempt.provider = "q";
    attempt.model = "m";
    attempt.outcome = OutcomeType::throttled;
    attempt.status = 429;
    attempt.code = "slow_down";
    attempt.message = "later";
    attempt.latency = 5;
    attempt.images = 1;
    attempt.may_be_billed = true;
    attempt.cost = 3;
    attempt.call = 2;
    result.history = History({attempt}, {{"r", "n", Hindrance::busy}});
    result.raw_request = R"({"a":1})";
    result.raw_response = "[2]";
    result.requested = 3;
    result.withheld = 1;
    result.missing = "one failed";
    return kept;
}

KeptRecord record_of(const Keeping &keeping) {
    KeptRecord record;
    record.facts = keeping.facts;
    record.images = keeping.images;
    record.request_id = "req_first";
    record.expires = 1'800'000'100;
    return record;
}

TEST(KeptResult, IsReadBackAsItWas) {
    const KeptResult kept = example();
    const Keeping keeping = keep_result(kept, "");
    EXPECT_EQ(keeping.images.copy(), "aaaabbbbbbbb");
    EXPECT_EQ(keeping.bytes, 12U);
    const auto read = read_kept(record_of(keeping), nullptr, 0);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->result.images[1].content.copy(), "bbbbbbbb");
    EXPECT_EQ(read->expires, 1'800'000'100);
    EXPECT_EQ(read->result.history.attempts().size(), 1U);
    EXPECT_EQ(read->result.history.skipped().front().by, Hindrance::busy);
    EXPECT_EQ(read->result.bill.cost.basis, "tokens");
    // Whatever is written again is the same, so nothing was lost.
    EXPECT_EQ(keep_result(*read, "").facts, keeping.facts);
}

TEST(KeptResult, OfAnErrorIsReadBackAsItWas) {
    KeptResult kept = example();
    kept.status = 502;
    kept.billed = true;
    kept.result.images.clear();
    kept.result.outcome = OutcomeType::unknown;
    kept.result.error = ApiError::of(502, "broken", "It broke.", "size");
    kept.result.error->from_provider = true;
    kept.result.error->retry_after = 7;
    kept.result.error->details = {{"a", "b", "c"}};
    kept.result.withheld_cost = Cost{std::nullopt, "unknown"};
    const Keeping keeping = keep_result(kept, "");
    const auto read = read_kept(record_of(keeping), nullptr, 0);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->billed);
    EXPECT_EQ(read->result.error->code, "broken");
    EXPECT_EQ(read->result.error->retry_after, 7);
    EXPECT_EQ(keep_result(*read, "").facts, keeping.facts);
}

TEST(KeptResult, SignsLinksToTheStoreAnewAndLeavesOthers) {
    Hosting hosting;
    hosting.keys = {std::string(32, 'k')};
    const std::string name = std::string(26, 'a') + ".png";
    KeptResult kept = example();
    Image &ours = kept.result.images[0];
    ours.form = Image::Form::url;
    ours.expires_at = 5;
    ours.content = Bytes::own("https://g/v1/" + signed_link(name, 5, hosting.keys.front()));
    Image &theirs = kept.result.images[1];
    theirs.form = Image::Form::url;
    theirs.content = Bytes::own("https://else/v1/images/files/" + name + "?expires=5");
    const Keeping keeping = keep_result(kept, "https://g/v1");
    EXPECT_TRUE(keeping.images.empty());
    EXPECT_EQ(keeping.names, std::vector<std::string>{name});
    EXPECT_EQ(keeping.bytes, 1234U);
    const auto read = read_kept(record_of(keeping), &hosting, 99);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->result.images[0].content.copy(),
              "https://g/v1/" + signed_link(name, 99, hosting.keys.front()));
    EXPECT_EQ(read->result.images[0].expires_at, 99);
    EXPECT_EQ(read->result.images[1].content.copy(), theirs.content.copy());
}

TEST(KeptResult, ThatIsDamagedIsNoResult) {
    const Keeping keeping = keep_result(example(), "");
    KeptRecord record = record_of(keeping);
    record.images = Bytes::own("aaaabbbbbbb");  // too short
    EXPECT_FALSE(read_kept(record, nullptr, 0));
    record.images = Bytes::own("aaaabbbbbbbbb");  // too long
    EXPECT_FALSE(read_kept(record, nullptr, 0));
    record = record_of(keeping);
    for (size_t size = 1; size < keeping.facts.size(); size += 7) {
        record.facts = keeping.facts.substr(0, size);
        EXPECT_FALSE(read_kept(record, nullptr, 0)) << size;
    }
    record.facts = "{}";
    EXPECT_FALSE(read_kept(record, nullptr, 0));
}

TEST(KeptResult, WithoutFactsSaysThatTheRequestWasInterrupted) {
    KeptRecord record;
    record.request_id = "req_first";
    const auto read = read_kept(record, nullptr, 0);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->request_id, "req_first");
    EXPECT_EQ(read->result.error->code, "outcome_unknown");
    EXPECT_TRUE(read->billed);
}

}  // namespace
}  // namespace gateway
