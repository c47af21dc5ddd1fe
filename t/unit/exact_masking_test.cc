// Putting an image together with the original on the task pool: turns, memory, and what comes out.
#include "core/making/exact_masking.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

#include "core/bytes/base64.h"
#include "core/images/base64_stream.h"
#include "fake_ports.h"
#include "png_files.h"

namespace gateway {
namespace {

constexpr uint32_t kWidth = 40;
constexpr uint32_t kHeight = 30;

struct ExactMaskingTest : testing::Test {
    ExactMaskingTest() {
        world.ports.long_tasks = long_tasks.get();
        std::mt19937 random(1);
        original = random_image(random, kWidth, kHeight, PNG_COLOR_TYPE_RGB, 8, false, false);
        returned = random_image(random, kWidth, kHeight, PNG_COLOR_TYPE_RGB, 8, false, false);
        const PngSamples mask = rgba_image(kWidth, kHeight, [](uint32_t x, uint32_t) {
            return Rgba{0, 0, 0, static_cast<uint8_t>(x < kWidth / 2 ? 0 : 255)};
        });
        wish->original = Content::in_memory(make_png(original));
        wish->facts.format = ImageFormat::png;
        wish->facts.width = kWidth;
        wish->facts.height = kHeight;
        wish->mask = Content::in_memory(make_png(mask));
    }

    void start(size_t max = 1'000'000) {
        masking = std::make_unique<ExactMasking>(world.ports, wish,
                                                 Bytes::own(encode_base64(make_png(returned))),
                                                 memory, max, [this](ExactMasking::Ended one) {
                                                     EXPECT_FALSE(ended);
                                                     ended = std::move(one);
                                                 });
        EXPECT_FALSE(ended) << "never from within the constructor";
    }
    void run() {
        world.loop.advance(Milliseconds(0));
        world.loop.advance(Milliseconds(0));
        world.tasks.run_all();
    }
    [[nodiscard]] size_t held() const { return held_memory->total(); }

    FakeWorld world;
    std::shared_ptr<LongTasks> long_tasks = LongTasks::create({});
    std::shared_ptr<HeldMemory> held_memory = HeldMemory::create({});
    std::shared_ptr<RequestMemory> memory = held_memory->open({1, 2});
    PngSamples original;
    PngSamples returned;
    std::shared_ptr<ExactWish> wish = std::make_shared<ExactWish>();
    std::unique_ptr<ExactMasking> masking;
    std::optional<ExactMasking::Ended> ended;
};

TEST_F(ExactMaskingTest, KeepsTheOriginalOutsideOfTheMask) {
    start();
    run();
    ASSERT_TRUE(ended);
    ASSERT_EQ(ended->why, "");
    Base64Reader reader(ended->base64);
    const std::string bytes = reader.read(1'000'000);
    EXPECT_TRUE(reader.is_whole());
    EXPECT_EQ(bytes.size(), ended->bytes);
    const auto png = read_png(bytes);
    ASSERT_TRUE(png);
    for (uint32_t y = 0; y < kHeight; ++y) {
        for (uint32_t x = 0; x < kWidth; ++x) {
            const PngSamples &from = x < kWidth / 2 ? returned : original;
            ASSERT_EQ(png->at(x, y), pixel_of(from, x, y));
        }
    }
    EXPECT_GT(ended->outside_changed, 0.99);
}

TEST_F(ExactMaskingTest, CountsWhatItHoldsUntilTheImageGoes) {
    start();
    world.loop.advance(Milliseconds(0));
    EXPECT_GT(held(), size_t{kWidth} * kHeight * 4) << "while it runs";
    world.tasks.run_all();
    ASSERT_TRUE(ended);
    EXPECT_EQ(held(), ended->base64.size());
    masking.reset();
    EXPECT_EQ(held(), ended->base64.size());
    ended->base64 = {};
    EXPECT_EQ(held(), 0U);
}

TEST_F(ExactMaskingTest, WaitsForMemoryWithoutKeepingItsTurn) {
    auto other = held_memory->open({3, 4});
    other->hold(held_memory->limit() - 1000);
    start();
    for (int i = 0; i < 5; ++i) {
        world.loop.advance(Milliseconds(100));
        EXPECT_EQ(long_tasks->running() + long_tasks->waiting(), 0U);
    }
    EXPECT_FALSE(held_memory->anyone_waits());
    other->hold(0);
    world.loop.advance(Milliseconds(100));
    EXPECT_EQ(long_tasks->running(), 1U);
    world.tasks.run_all();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->why, "");
    EXPECT_EQ(long_tasks->running(), 0U);
}

TEST_F(ExactMaskingTest, EndsIfThereIsNoMemoryForLong) {
    auto other = held_memory->open({3, 4});
    other->hold(held_memory->limit() - 1000);
    start();
    world.loop.advance(Milliseconds(29'000));
    EXPECT_FALSE(ended);
    world.loop.advance(Milliseconds(2'000));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->why, "the gateway has no memory for it at the moment");
}

TEST_F(ExactMaskingTest, DoesNotBeginWhatTakesTooMuchMemory) {
    held_memory = HeldMemory::create({.limit = size_t{1} << 20});
    memory = held_memory->open({1, 2});
    start();
    run();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->why, "this may need 1 MB of memory");
    EXPECT_EQ(world.tasks.waiting(), 0U);
    EXPECT_EQ(held(), 0U);
}

TEST_F(ExactMaskingTest, KeepsTurnAndMemoryUntilAnAbandonedTaskHasEnded) {
    start();
    world.loop.advance(Milliseconds(0));
    ASSERT_EQ(world.tasks.waiting(), 1U);
    masking.reset();
    EXPECT_EQ(long_tasks->running(), 1U);
    EXPECT_GT(held(), 0U);
    world.tasks.run_all();
    EXPECT_FALSE(ended);
    EXPECT_EQ(long_tasks->running(), 0U);
    EXPECT_EQ(held(), 0U);
}

TEST_F(ExactMaskingTest, LeavesTheQueueWhenItIsNoLongerWanted) {
    auto first = world.loop.make_alarm([] {}, TimerKind::holds_exit);
    auto turn = long_tasks->wait(memory->owner(), *first);
    start();
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(long_tasks->waiting(), 1U);
    masking.reset();
    EXPECT_EQ(long_tasks->waiting(), 0U);
}

TEST_F(ExactMaskingTest, SaysWhyThereIsNoNewImage) {
    start(1000);
    run();
    EXPECT_EQ(ended->why, "the result is larger than image_gateway_answer_max");
    ended.reset();
    world.tasks.full = true;
    start();
    run();
    EXPECT_EQ(ended->why, "the gateway has too much work");
    world.tasks.full = false;
    ended.reset();
    wish->mask = Content::in_memory("no png");
    start();
    run();
    EXPECT_EQ(ended->why, "the mask is not a PNG");
    EXPECT_EQ(held(), 0U);
    EXPECT_EQ(long_tasks->running(), 0U);
}

TEST_F(ExactMaskingTest, NeedsAPngOfTheSameSize) {
    Image image;
    image.format = ImageFormat::png;
    image.width = kWidth;
    image.height = kHeight;
    EXPECT_EQ(why_not_exact(*wish, image), "");
    image.provenance = Provenance::c2pa;
    EXPECT_EQ(why_not_exact(*wish, image), "");
    wish->keeps_provenance = true;
    EXPECT_TRUE(why_not_exact(*wish, image).starts_with("the image carries Content Credentials"));
    image.provenance = Provenance::none;
    image.width = 41;
    EXPECT_EQ(why_not_exact(*wish, image),
              "the returned image has 41x30 pixels, the original 40x30");
    image.format = ImageFormat::webp;
    EXPECT_EQ(why_not_exact(*wish, image), "the model returned a webp image, not a png");
}

}  // namespace
}  // namespace gateway
