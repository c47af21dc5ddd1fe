// The built-in provider: its images, latency and failures.
#include "core/providers/dialects/sandbox.h"

#include <gtest/gtest.h>

#include <map>

#include "core/bytes/base64.h"
#include "fake_ports.h"

namespace gateway {
namespace {

class SandboxTest : public testing::Test {
 protected:
    SandboxTest() {
        provider.name = "sandbox";
        provider.dialect = &sandbox;
        params[Param::prompt] = std::string_view("a kite");
        params[Param::size] = std::string_view("64x48");
    }
    LocalWork begin() {
        return std::get<LocalWork>(
            sandbox.begin({provider, nullptr, "placeholder", params, {}, "", "", "", random}));
    }

    Sandbox sandbox;
    Provider provider;
    Params params;
    FakeRandom random;
};

int big_endian(std::string_view bytes, size_t at) {
    int number = 0;
    for (size_t i = at; i < at + 4; ++i) {
        number = number * 256 + static_cast<uint8_t>(bytes[i]);
    }
    return number;
}

TEST_F(SandboxTest, DrawsWhatWasAskedFor) {
    params[Param::n] = int64_t{3};
    params[Param::background] = std::string_view("transparent");
    const LocalWork work = begin();
    EXPECT_EQ(work.delay, Milliseconds(0));
    const Outcome outcome = work.make();
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 3U);
    for (const Image &image : outcome.result.images) {
        EXPECT_EQ(image.format, ImageFormat::png);
        EXPECT_EQ(image.form, Image::Form::base64);
        const std::string png = decode_base64_front(image.content.copy(48));
        EXPECT_EQ(big_endian(png, 16), 64);
        EXPECT_EQ(big_endian(png, 20), 48);
    }
    EXPECT_NE(outcome.result.images[0].content.copy(), outcome.result.images[1].content.copy());
    EXPECT_EQ(outcome.result.size, "64x48");
    EXPECT_EQ(outcome.result.background, "transparent");
    EXPECT_EQ(outcome.result.output_format, "png");
}

TEST_F(SandboxTest, DrawsTheSameImageForTheSameSeed) {
    params[Param::seed] = int64_t{-5};
    const std::string first = begin().make().result.images[0].content.copy();
    EXPECT_EQ(begin().make().result.images[0].content.copy(), first);
    params[Param::seed] = int64_t{6};
    EXPECT_NE(begin().make().result.images[0].content.copy(), first);
    params.clear(Param::seed);
    EXPECT_NE(begin().make().result.images[0].content.copy(),
              begin().make().result.images[0].content.copy());
}

TEST_F(SandboxTest, ChoosesItsOwnSizeWhereNoneIsGiven) {
    params[Param::size] = std::string_view("auto");
    EXPECT_EQ(begin().make().result.size, "1024x1024");
    params.clear(Param::size);
    const Outcome outcome = begin().make();
    EXPECT_EQ(outcome.result.size, "1024x1024");
    EXPECT_EQ(outcome.result.background, "opaque");
}

TEST_F(SandboxTest, ItsWorkOwnsAllThatItNeeds) {
    LocalWork work;
    {
        const std::string prompt(2000, 'p');
        const std::string size = "64x64";
        const Params mine = [&] {
            Params made;
            made[Param::prompt] = std::string_view(prompt);
            made[Param::size] = std::string_view(size);
            return made;
        }();
        Provider gone = provider;
        work = std::get<LocalWork>(
            sandbox.begin({gone, nullptr, std::string("model"), mine, {}, "", "", "", random}));
    }
    EXPECT_EQ(work.make().type, OutcomeType::made);
}

TEST_F(SandboxTest, TakesItsTimeWithinBounds) {
    provider.rehearsal.shortest = Milliseconds(100);
    provider.rehearsal.longest = Milliseconds(104);
    std::map<int64_t, int> seen;
    for (int i = 0; i < 500; ++i) {
        ++seen[begin().delay.count()];
    }
    EXPECT_EQ(seen.size(), 5U);
    EXPECT_EQ(seen.begin()->first, 100);
    EXPECT_EQ(seen.rbegin()->first, 104);
    provider.rehearsal.longest = Milliseconds(0);
    EXPECT_EQ(begin().delay, Milliseconds(100)) << "longest below shortest means fixed";
}

TEST_F(SandboxTest, FailsAsOftenAsItWasTold) {
    provider.rehearsal.failures = {{OutcomeType::throttled, 30}, {OutcomeType::unknown, 20}};
    params[Param::size] = std::string_view("16x16");
    std::map<OutcomeType, int> seen;
    for (int i = 0; i < 2000; ++i) {
        const Outcome outcome = begin().make();
        ++seen[outcome.type];
        EXPECT_EQ(outcome.error.code, outcome.type == OutcomeType::made ? "" : "rehearsed_failure");
    }
    EXPECT_NEAR(seen[OutcomeType::throttled], 600, 100);
    EXPECT_NEAR(seen[OutcomeType::unknown], 400, 100);
    EXPECT_NEAR(seen[OutcomeType::made], 1000, 120);
    provider.rehearsal.failures = {{OutcomeType::broken, 100}};
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(begin().make().type, OutcomeType::broken);
    }
}

}  // namespace
}  // namespace gateway
