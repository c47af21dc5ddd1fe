#include "core/making/delivery.h"

#include <algorithm>
#include <utility>

#include "core/images/check_images.h"
#include "core/providers/redact.h"
#include "core/s3/upload.h"

namespace gateway {

namespace {

// Images of one request that may be fetched or stored at the same time.
constexpr size_t kMaxDelivered = 8;

bool is_link(const Image &image) {
    return image.form == Image::Form::url;
}

// The URL without its JSON escapes.
std::string url_of(const Image &image) {
    std::string url = image.content.copy();
    std::erase(url, '\\');
    return url;
}

// Sets a flag while it exists. Clears it also if something throws.
class Raised {
 public:
    explicit Raised(bool &flag) : flag_(flag) { flag_ = true; }
    ~Raised() { flag_ = false; }
    Raised(const Raised &) = delete;
    Raised &operator=(const Raised &) = delete;

 private:
    bool &flag_;
};

}  // namespace

bool changes_image(const Image &image, DeliveryWish::Form form, const Hosting *hosting) {
    using Form = DeliveryWish::Form;
    const bool stores = hosting != nullptr;
    switch (form) {
        case Form::bytes: return is_link(image);
        case Form::links: return stores && (!is_link(image) || hosting->rehost);
        case Form::as_made: return stores && is_link(image) && hosting->rehost;
    }
    return false;
}

ImageDelivery::ImageDelivery(const Ports &ports, DeliveryWish wish,
                             std::function<void(Slot &)> on_ready)
    : ports_(ports),
      wish_(std::move(wish)),
      on_ready_(std::move(on_ready)),
      left_to_fetch_(std::make_shared<size_t>(wish_.max)) {}

void ImageDelivery::add(Slot &slot) {
    items_.push_back({slot});
    slot.state = Slot::State::delivering;
    if (start_ == nullptr) {
        start_ = ports_.loop.start_timer(Milliseconds(0), [this] {
            const auto timer = std::move(start_);
            start_more();
        });
    }
}

// Does nothing if called from within itself, so that images that end at once cause no recursion.
void ImageDelivery::start_more() {
    if (starting_) {
        return;
    }
    const Raised raised(starting_);
    for (Item &item : items_) {
        if (running_ == kMaxDelivered) {
            return;
        }
        if (!item.begun) {
            begin(item);
        }
    }
}

void ImageDelivery::begin(Item &item) {
    item.begun = true;
    ++running_;
    if (is_link(item.slot.image)) {
        fetch(item);
    } else {
        mask(item);
    }
}

void ImageDelivery::fetch(Item &item) {
    ++item.tries;
    // One that is sent before the others goes as it is sent: it leaves them what they may have.
    auto left = item.slot.words ? std::make_shared<size_t>(wish_.max) : left_to_fetch_;
    item.fetch = ports_.fetcher.fetch(
        {url_of(item.slot.image), wish_.rules, wish_.timeouts, std::move(left), wish_.memory,
         wish_.ca_file},
        [this, &item](FetchedImage arrived) { on_fetched(item, std::move(arrived)); });
}

void ImageDelivery::on_fetched(Item &item, FetchedImage arrived) {
    constexpr int kMaxTries = 2;  // some providers send a link a moment before it works
    if (!arrived.problem.empty() && arrived.worth_again && item.tries < kMaxTries) {
        fetch(item);
        return;
    }
    Image &image = item.slot.image;
    Image fetched = image;
    fetched.form = Image::Form::base64;
    fetched.content = std::move(arrived.base64);
    if (!arrived.problem.empty() || !read_facts(fetched)) {
        std::string why = arrived.problem.empty() ? "the link does not lead to an image"
                                                  : std::move(arrived.problem);
        if (wish_.exact != nullptr) {
            leave_unmasked(item, "its link could not be fetched: " + why);
        }
        if (changes_image(image, wish_.form, wish_.hosting)) {
            fail(item, Trouble::not_fetched, std::move(why));
        } else {
            finish(item);
        }
        return;
    }
    fetched.expires_at.reset();
    item.link = std::exchange(image, std::move(fetched));
    mask(item);
}

// ---- mask_mode "exact"

void ImageDelivery::mask(Item &item) {
    if (wish_.exact == nullptr) {
        go_on_with_bytes(item);
        return;
    }
    if (const std::string why = why_not_exact(*wish_.exact, item.slot.image); !why.empty()) {
        leave_unmasked(item, why);
        go_on_with_bytes(item);
        return;
    }
    item.masking = std::make_unique<ExactMasking>(
        ports_, wish_.exact, item.slot.image.content, wish_.memory, wish_.max,
        [this, &item](ExactMasking::Ended ended) { on_masked(item, std::move(ended)); });
}

void ImageDelivery::on_masked(Item &item, ExactMasking::Ended ended) {
    Image &image = item.slot.image;
    if (ended.base64.empty()) {
        leave_unmasked(item, ended.why);
        go_on_with_bytes(item);
        return;
    }
    image.content = std::move(ended.base64);
    image.bytes = ended.bytes;
    image.outside_mask_changed = ended.outside_changed;
    if (image.provenance == Provenance::c2pa) {
        image.provenance = Provenance::c2pa_lost;
        note(item, "mask_mode", R"("exact")", R"("exact")",
             "was put together with the original, so its Content Credentials are lost");
    }
    if (ended.feather < wish_.exact->feather) {
        note(item, "mask_feather", std::to_string(wish_.exact->feather),
             std::to_string(ended.feather), "has a smaller feather, because the mask is narrow");
    }
    go_on_with_bytes(item);
}

void ImageDelivery::leave_unmasked(Item &item, const std::string &why) {
    note(item, "mask_mode", R"("exact")", R"("model")",
         "is as the model returned it outside of the mask, too: " + why);
}

void ImageDelivery::note(const Item &item, const char *param, std::string requested,
                         std::string sent, std::string reason) {
    const int64_t index = item.slot.image.index;
    notes_.push_back({index,
                      {param, std::move(requested), std::move(sent),
                       "image " + std::to_string(index) + " " + std::move(reason)}});
}

void ImageDelivery::go_on_with_bytes(Item &item) {
    if (is_to_be_stored(item)) {
        store(item);
        return;
    }
    take_link_back(item);
    finish(item);
}

// Whether this is asked of the image as it is now, whose bytes are here.
bool ImageDelivery::is_to_be_stored(const Item &item) const {
    const Image &image = item.slot.image;
    const Image &made = image.outside_mask_changed || !item.link ? image : *item.link;
    return wish_.form != DeliveryWish::Form::bytes &&
           (changes_image(made, wish_.form, wish_.hosting) ||
            (item.link && changes_image(*item.link, wish_.form, wish_.hosting)));
}

// A link that was fetched only for the mask stays a link if there is no new image.
void ImageDelivery::take_link_back(Item &item) {
    Image &image = item.slot.image;
    if (item.link && !image.outside_mask_changed &&
        !changes_image(*item.link, wish_.form, wish_.hosting)) {
        image = std::move(*item.link);
    }
}

bool ImageDelivery::is_noted(const Item &item) const {
    return std::any_of(notes_.begin(), notes_.end(),
                       [&](const Note &note) { return note.index == item.slot.image.index; });
}

// ---- the store

void ImageDelivery::store(Item &item) {
    const Image &image = item.slot.image;
    if (wish_.hosting->bucket != nullptr) {
        item.write = write_object(item);
    } else {
        item.name = new_image_name(ports_.random, image.format);
        item.write = ports_.files.write(
            image_path(*wish_.hosting, item.name), image.content,
            [this, &item](const Written &written) { on_written(item, written); });
    }
    if (item.write == nullptr) {
        on_written(item, {Written::failed, "the thread pool takes no more tasks"});
    }
}

std::unique_ptr<Write> ImageDelivery::write_object(Item &item) {
    const int64_t lifetime = wish_.hosting->lifetime;
    const Image &image = item.slot.image;
    item.expires = ports_.clock.unix_seconds() + lifetime;
    item.name = new_object_name(ports_.random, image.format, item.expires, lifetime);
    return put_object(ports_, wish_.hosting->bucket,
                      {item.name, image.format, image.content, item.expires},
                      [this, &item](const Written &written) { on_written(item, written); });
}

void ImageDelivery::on_written(Item &item, const Written &written) {
    Image &image = item.slot.image;
    if (written.result != Written::whole) {
        ports_.log.write(LogLevel::error,
                         for_log("image gateway: cannot store an image in \"" +
                                 wish_.hosting->directory + "\": " + written.problem));
        if (item.link && !image.outside_mask_changed) {
            image = std::move(*item.link);
        }
        const bool full = written.result == Written::store_full;
        fail(item, full ? Trouble::store_full : Trouble::not_stored,
             full ? "the store is full" : "the image could not be written to the store");
        return;
    }
    const int64_t now = ports_.clock.unix_seconds();
    image.form = Image::Form::url;
    if (wish_.hosting->bucket != nullptr) {
        image.expires_at = item.expires;
        image.content = Bytes::own(link_to(*wish_.hosting->bucket, item.name, item.expires, now));
    } else {
        const int64_t expires = now + wish_.hosting->lifetime;
        image.expires_at = expires;
        image.content = Bytes::own(wish_.base_url + "/" +
                                   signed_link(item.name, expires, wish_.hosting->keys.front()));
    }
    finish(item);
}

void ImageDelivery::fail(Item &item, Trouble trouble, std::string why) {
    problems_.push_back({item.slot.image.index, trouble, std::move(why)});
    finish(item);
}

// on_ready_ may end the request, but it must not destroy the delivery.
void ImageDelivery::finish(Item &item) {
    item.done = true;
    --running_;
    item.slot.state = Slot::State::ready;
    on_ready_(item.slot);
    start_more();
}

void ImageDelivery::give_up() {
    start_.reset();
    for (Item &item : items_) {
        if (item.done) {
            continue;
        }
        const Image &image = item.slot.image;
        const bool is_fetched = !is_link(image);
        if (is_fetched ? is_to_be_stored(item) : changes_image(image, wish_.form, wish_.hosting)) {
            problems_.push_back({image.index,
                                 is_fetched ? Trouble::not_stored : Trouble::not_fetched,
                                 "the deadline passed"});
        }
        if (wish_.exact != nullptr && !image.outside_mask_changed && !is_noted(item)) {
            leave_unmasked(item, "the deadline passed");
            take_link_back(item);
        }
        item.fetch.reset();
        item.masking.reset();
        item.write.reset();
        item.begun = true;
        item.done = true;
        item.slot.state = Slot::State::ready;
        on_ready_(item.slot);
    }
    running_ = 0;
}

bool ImageDelivery::has_problem(const Slot &slot) const {
    return std::any_of(problems_.begin(), problems_.end(),
                       [&](const Problem &problem) { return problem.index == slot.image.index; });
}

}  // namespace gateway
