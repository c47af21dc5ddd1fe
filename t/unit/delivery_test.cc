// Images brought into the form that was asked for, or left as they are, and told.
#include "core/making/delivery.h"

#include <gtest/gtest.h>

#include "core/images/base64_stream.h"
#include "core/images/check_images.h"
#include "core/s3/bucket.h"
#include "fake_ports.h"
#include "png_files.h"
#include "responses.h"

namespace gateway {
namespace {

using Form = DeliveryWish::Form;

class DeliveryTest : public testing::Test {
 protected:
    DeliveryTest() {
        hosting.directory = "/store";
        hosting.lifetime = 60;
        hosting.keys = {"a key that is long"};
        wish.base_url = "http://here/v1";
        wish.max = 1000;
    }
    static Image bytes() {
        Image image;
        image.content = Bytes::own(kPng);
        EXPECT_TRUE(read_facts(image));
        return image;
    }
    static Image link(const char *url = "https:\\/\\/host\\/x.png") {
        Image image;
        image.form = Image::Form::url;
        image.content = Bytes::own(url);
        image.expires_at = 5;
        return image;
    }
    void start(std::vector<Image> images, Form form, bool keeps = true) {
        delivery.reset();
        slots.clear();
        wish.form = form;
        wish.hosting = keeps ? &hosting : nullptr;
        delivery = std::make_unique<ImageDelivery>(world.ports, wish, [this](Slot &slot) {
            EXPECT_EQ(slot.state, Slot::State::ready);
            ends += --left == 0 ? 1 : 0;
        });
        left = 0;
        needed = false;
        const int before = ends;
        slots.resize(images.size());
        for (size_t i = 0; i < images.size(); ++i) {
            slots[i].image = std::move(images[i]);
            slots[i].image.index = static_cast<int64_t>(i);
            if (changes_image(slots[i].image, form, wish.hosting)) {
                needed = true;
                ++left;
                delivery->add(slots[i]);
            }
        }
        EXPECT_EQ(ends, before) << "never from within add()";
        world.loop.advance(Milliseconds(0));
    }
    [[nodiscard]] std::string trouble() const {
        return delivery->problems().empty() ? "none" : delivery->problems().front().why;
    }
    static FetchedImage fetched(const char *base64 = kPng) {
        FetchedImage fetched;
        fetched.base64 = Bytes::own(base64);
        return fetched;
    }
    static FetchedImage lost(bool worth_again) {
        FetchedImage fetched;
        fetched.problem = "lost";
        fetched.worth_again = worth_again;
        return fetched;
    }

    FakeWorld world;
    Hosting hosting;
    DeliveryWish wish;
    std::vector<Slot> slots;
    std::unique_ptr<ImageDelivery> delivery;
    int left = 0;  // slots that are not ready
    bool needed = false;
    int ends = 0;
};

TEST_F(DeliveryTest, DoesNothingWhereTheFormIsRight) {
    const struct {
        Image image;
        Form form;
        bool keeps;
        bool rehost;
        bool needed;
    } kRows[] = {
        {bytes(), Form::bytes, true, true, false},   {link(), Form::bytes, false, false, true},
        {bytes(), Form::links, false, false, false}, {bytes(), Form::links, true, false, true},
        {link(), Form::links, true, false, false},   {link(), Form::links, true, true, true},
        {bytes(), Form::as_made, true, true, false}, {link(), Form::as_made, true, false, false},
        {link(), Form::as_made, true, true, true},
    };
    for (const auto &row : kRows) {
        hosting.rehost = row.rehost;
        start({row.image}, row.form, row.keeps);
        EXPECT_EQ(needed, row.needed) << &row - kRows;
        delivery.reset();
    }
}

TEST_F(DeliveryTest, FetchesALinkWhereBytesAreWanted) {
    start({link(), bytes()}, Form::bytes);
    ASSERT_EQ(world.fetcher.entries.size(), 1U);
    EXPECT_EQ(world.fetcher.entries[0]->asked.url, "https://host/x.png") << "its escapes undone";
    world.fetcher.end(0, fetched());
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(slots[0].image.form, Image::Form::base64);
    EXPECT_EQ(slots[0].image.content.copy(), kPng);
    EXPECT_EQ(slots[0].image.width, 1);
    EXPECT_FALSE(slots[0].image.expires_at);
    EXPECT_EQ(trouble(), "none");
}

TEST_F(DeliveryTest, TriesALinkTwiceAndThenLeavesItAsItIs) {
    start({link()}, Form::bytes);
    world.fetcher.end(0, lost(true));
    ASSERT_EQ(world.fetcher.entries.size(), 2U);
    EXPECT_EQ(ends, 0);
    world.fetcher.end(1, lost(true));
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(trouble(), "lost");
    EXPECT_EQ(slots[0].image.form, Image::Form::url);
    EXPECT_EQ(slots[0].image.expires_at, 5);
}

TEST_F(DeliveryTest, TriesNothingAgainThatWasRefusedOrIsNoImage) {
    start({link()}, Form::bytes);
    world.fetcher.end(0, lost(false));
    EXPECT_EQ(world.fetcher.entries.size(), 1U);
    EXPECT_EQ(ends, 1);
    start({link()}, Form::bytes);
    world.fetcher.end(1, fetched("PGh0bWw+PC9odG1sPg=="));
    EXPECT_EQ(trouble(), "the link does not lead to an image");
    EXPECT_EQ(slots[0].image.form, Image::Form::url);
}

TEST_F(DeliveryTest, KeepsBytesWhereLinksAreWanted) {
    start({bytes()}, Form::links);
    ASSERT_EQ(world.files.entries.size(), 1U);
    const std::string path = world.files.entries[0]->asked.path;
    EXPECT_TRUE(path.starts_with("/store/")) << path;
    world.files.end(0, Written::whole);
    EXPECT_EQ(ends, 1);
    const std::string url = slots[0].image.content.copy();
    const std::string name = path.substr(path.rfind('/') + 1);
    EXPECT_TRUE(url.starts_with("http://here/v1/images/files/" + name + "?")) << url;
    const int64_t now = world.clock.unix_seconds();
    EXPECT_EQ(slots[0].image.expires_at, now + 60);
    EXPECT_TRUE(is_valid_link(name, url.substr(url.find('?') + 1), hosting, now));
    EXPECT_EQ(slots[0].image.format, ImageFormat::png);
}

TEST_F(DeliveryTest, PutsBytesIntoABucketWhereTheStoreIsOne) {
    auto bucket = std::make_shared<Bucket>();
    bucket->name = "pictures";
    bucket->endpoint = "https://store.example";
    bucket->scope = {"us-east-1"};
    bucket->key = {"AKEXAMPLE", "secret"};
    bucket->lifetime = hosting.lifetime;
    hosting.bucket = bucket;
    const int64_t expires = world.clock.unix_seconds() + hosting.lifetime;
    start({bytes(), bytes()}, Form::links);
    world.tasks.run_all();
    ASSERT_EQ(world.upstream.calls.size(), 2U);
    EXPECT_TRUE(world.files.entries.empty());
    const std::string put = world.upstream.calls[0]->call.url;
    world.loop.advance(Milliseconds(5'000));
    FakeUpstream::deliver(*world.upstream.calls[0], response_of(200, ""));
    FakeUpstream::deliver(*world.upstream.calls[1], response_of(403, ""));
    EXPECT_EQ(ends, 1);
    const std::string url = slots[0].image.content.copy();
    EXPECT_TRUE(url.starts_with(put + "?X-Amz-")) << url;
    EXPECT_NE(url.find("X-Amz-Expires=55&"), std::string::npos) << "the link ends with the object";
    EXPECT_EQ(slots[0].image.expires_at, expires);
    EXPECT_EQ(slots[1].image.content.copy(), kPng);
    EXPECT_EQ(trouble(), "the image could not be written to the store");
    EXPECT_TRUE(world.log.mentions("status 403"));
}

TEST_F(DeliveryTest, LeavesBytesThatCannotBeKept) {
    start({bytes(), bytes()}, Form::links);
    world.files.end(0, Written::store_full);
    world.files.end(1, Written::failed);
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(delivery->problems()[0].trouble, ImageDelivery::Trouble::store_full);
    EXPECT_EQ(delivery->problems()[1].trouble, ImageDelivery::Trouble::not_stored);
    EXPECT_EQ(slots[0].image.content.copy(), kPng);
    world.files.busy = true;
    start({bytes()}, Form::links);
    EXPECT_EQ(ends, 2);
    EXPECT_EQ(trouble(), "the image could not be written to the store");
}

TEST_F(DeliveryTest, HostsAProvidersImageAnewWhereTheOperatorSaysSo) {
    hosting.rehost = true;
    start({link()}, Form::as_made);
    world.fetcher.end(0, fetched());
    ASSERT_EQ(world.files.entries.size(), 1U);
    world.files.end(0, Written::whole);
    EXPECT_EQ(ends, 1);
    EXPECT_TRUE(slots[0].image.content.copy().starts_with("http://here/v1/images/files/"));
}

TEST_F(DeliveryTest, EndsOnceWhenAllHaveEndedInAnyOrder) {
    start({link(), bytes(), link()}, Form::bytes);
    world.fetcher.end(1, fetched());
    EXPECT_EQ(ends, 0);
    world.fetcher.end(0, fetched());
    EXPECT_EQ(ends, 1);
}

TEST_F(DeliveryTest, GivesUpWhatIsNotDoneInTime) {
    start({link(), link()}, Form::bytes);
    world.fetcher.end(0, fetched());
    delivery->give_up();
    EXPECT_EQ(ends, 1) << "they stay as they are";
    EXPECT_EQ(world.fetcher.open(), 0U);
    EXPECT_TRUE(world.fetcher.entries[1]->cancelled);
    ASSERT_EQ(delivery->problems().size(), 1U);
    EXPECT_EQ(delivery->problems()[0].index, 1);
    EXPECT_EQ(slots[0].image.form, Image::Form::base64);
}

TEST_F(DeliveryTest, CancelsWhatRunsWhenItIsLetGoOf) {
    start({link(), link()}, Form::bytes);
    delivery.reset();
    EXPECT_EQ(world.fetcher.open(), 0U);
    EXPECT_EQ(ends, 0);
}

// mask_mode "exact"; how an image is put together is tested with ExactMasking.
class ExactDeliveryTest : public DeliveryTest {
 protected:
    ExactDeliveryTest() {
        const std::string png = make_png(rgba_image(1, 1, [](uint32_t, uint32_t) {
            return Rgba{1, 2, 3, 255};
        }));
        auto exact = std::make_shared<ExactWish>();
        exact->original = exact->mask = Content::in_memory(png);
        exact->facts.format = ImageFormat::png;
        exact->facts.width = exact->facts.height = 1;
        wish.exact = exact;
        wish.memory = world.memory->open({1, 2});
    }
    void start(std::vector<Image> images, Form form, bool keeps = true) {
        wish.form = form;
        wish.hosting = keeps ? &hosting : nullptr;
        delivery = std::make_unique<ImageDelivery>(world.ports, wish, [this](Slot &) { ++ends; });
        slots.clear();
        slots.resize(images.size());
        for (size_t i = 0; i < images.size(); ++i) {
            slots[i].image = std::move(images[i]);
            slots[i].image.index = static_cast<int64_t>(i);
            delivery->add(slots[i]);
        }
        world.loop.advance(Milliseconds(0));
        world.loop.advance(Milliseconds(0));
    }
    [[nodiscard]] std::string noted(size_t index = 0) const {
        return delivery->notes().size() <= index ? "nothing"
                                                 : delivery->notes()[index].adjustment.reason;
    }
};

TEST_F(ExactDeliveryTest, PutsEachImageTogether) {
    start({bytes(), bytes()}, Form::bytes);
    EXPECT_EQ(ends, 0);
    EXPECT_EQ(world.tasks.run_all(), 2U);
    EXPECT_EQ(ends, 2);
    for (const Slot &slot : slots) {
        EXPECT_EQ(slot.image.outside_mask_changed, 1);
        EXPECT_NE(slot.image.content.copy(), kPng);
        EXPECT_EQ(decoded_size(slot.image.content), slot.image.bytes);
    }
    EXPECT_EQ(noted(), "nothing");
    EXPECT_EQ(trouble(), "none");
}

TEST_F(ExactDeliveryTest, StoresWhatItPutTogether) {
    start({bytes()}, Form::links);
    EXPECT_TRUE(world.files.entries.empty());
    world.tasks.run_all();
    ASSERT_EQ(world.files.entries.size(), 1U);
    EXPECT_NE(world.files.entries[0]->asked.base64.copy(), kPng);
    world.files.end(0, Written::failed);
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(slots[0].image.outside_mask_changed, 1) << "it could not be stored, but it is there";
    EXPECT_EQ(trouble(), "the image could not be written to the store");
}

TEST_F(ExactDeliveryTest, FetchesALinkThatItsFormWouldLeave) {
    start({link(), link(), link()}, Form::links, false);
    ASSERT_EQ(world.fetcher.open(), 3U);
    world.fetcher.end(0, fetched());
    world.fetcher.end(1, fetched("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="));
    world.fetcher.end(2, lost(false));
    world.loop.advance(Milliseconds(0));
    world.tasks.run_all();
    EXPECT_EQ(ends, 3);
    EXPECT_EQ(slots[0].image.form, Image::Form::base64);
    EXPECT_EQ(slots[0].image.outside_mask_changed, 1);
    EXPECT_EQ(slots[1].image.content.copy(), link().content.copy());
    EXPECT_EQ(slots[1].image.expires_at, 5);
    EXPECT_EQ(slots[2].image.content.copy(), link().content.copy());
    ASSERT_EQ(delivery->notes().size(), 2U);
    EXPECT_EQ(noted(0),
              "image 1 is as the model returned it outside of the mask, too: the model returned a "
              "webp image, not a png");
    EXPECT_TRUE(noted(1).ends_with("its link could not be fetched: lost"));
    EXPECT_EQ(trouble(), "none") << "links were wanted";
}

TEST_F(ExactDeliveryTest, GivesUpWhatIsNotDoneInTime) {
    start({bytes(), link(), link()}, Form::links, false);
    world.fetcher.end(1, fetched());
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(world.tasks.waiting(), 2U);
    delivery->give_up();
    EXPECT_EQ(ends, 3);
    EXPECT_EQ(slots[0].image.content.copy(), kPng);
    EXPECT_EQ(slots[1].image.form, Image::Form::url);
    EXPECT_EQ(slots[2].image.form, Image::Form::url) << "as it came";
    ASSERT_EQ(delivery->notes().size(), 3U);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(noted(i).ends_with(": the deadline passed"));
    }
    world.tasks.run_all();
    EXPECT_EQ(ends, 3);
}

TEST(CheckImages, TakesOutWhatIsNoImageAndIsNoSuccessWithoutAny) {
    Outcome outcome;
    outcome.type = OutcomeType::made;
    outcome.result.images.resize(2);
    outcome.result.images[0].content = Bytes::own("aGVsbG8=");
    outcome.result.images[1].content = Bytes::own(kPng);
    check_images(outcome, 2);
    EXPECT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 1U);
    EXPECT_EQ(outcome.result.images[0].width, 1);
    EXPECT_GT(outcome.result.images[0].bytes, 60U);
    outcome.result.images[0].content = Bytes::own("aGVsbG8=");
    check_images(outcome, 2);
    EXPECT_EQ(outcome.type, OutcomeType::unknown);
    EXPECT_EQ(outcome.error.code, "unreadable_answer");
}

}  // namespace
}  // namespace gateway
