#include "core/response/delivery.h"

#include <algorithm>
#include <utility>

#include "core/images/check_pictures.h"
#include "core/json/text.h"
#include "core/providers/redact.h"

namespace gateway {

namespace {

bool is_link(const Image &image) {
    return image.form == Image::Form::url;
}

// A link as it stands in JSON, without its escapes.
std::string url_of(const Image &image) {
    std::string url = image.content.copy();
    std::erase(url, '\\');
    return url;
}

bool needs_work(const Image &image, const DeliveryWish &wish) {
    if (image.told) {
        return false;
    }
    const bool keeps = wish.hosting != nullptr;
    switch (wish.form) {
        case DeliveryWish::Form::bytes: return is_link(image);
        case DeliveryWish::Form::links: return keeps && (!is_link(image) || wish.hosting->rehost);
        case DeliveryWish::Form::as_made: return keeps && is_link(image) && wish.hosting->rehost;
    }
    return false;
}

// A flag that is up as long as this lives, also where something throws.
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

bool PictureDelivery::is_needed(const ImageResult &result, const DeliveryWish &wish) {
    return std::any_of(result.images.begin(), result.images.end(),
                       [&](const Image &image) { return needs_work(image, wish); });
}

PictureDelivery::PictureDelivery(const Ports &ports, ImageResult &result, DeliveryWish wish,
                                 std::function<void()> on_end)
    : ports_(ports),
      result_(result),
      wish_(std::move(wish)),
      on_end_(std::move(on_end)),
      left_to_fetch_(std::make_shared<size_t>(wish_.most)),
      items_(result.images.size()),
      left_(items_.size()) {
    start_ = ports_.loop.start_timer(Milliseconds(0), [this] { begin(); });
}

void PictureDelivery::begin() {
    for (size_t index = 0; index < items_.size(); ++index) {
        items_[index].done = !needs_work(result_.images[index], wish_);
        left_ -= items_[index].done ? 1 : 0;
    }
    start_more();
}

// What ends at once would begin the next from within, picture after picture. The last one's end may
// be the end of this.
void PictureDelivery::start_more() {
    if (starting_) {
        return;
    }
    {
        const Raised raised(starting_);
        while (next_ < items_.size() && running_ < kMostDelivered) {
            const size_t index = next_++;
            if (!items_[index].done) {
                ++running_;
                next(index);
            }
        }
    }
    if (left_ == 0) {
        on_end_();
    }
}

void PictureDelivery::next(size_t index) {
    is_link(result_.images[index]) ? fetch(index) : keep(index);
}

void PictureDelivery::fetch(size_t index) {
    ++items_[index].tries;
    items_[index].fetch = ports_.fetcher.fetch(
        {url_of(result_.images[index]), wish_.rules, wish_.timeouts, left_to_fetch_, wish_.memory,
         wish_.ca_file},
        [this, index](FetchedPicture picture) { on_fetched(index, std::move(picture)); });
}

void PictureDelivery::on_fetched(size_t index, FetchedPicture picture) {
    constexpr int kMostTries = 2;  // some links are given out a moment before they lead anywhere
    if (!picture.problem.empty() && picture.worth_again && items_[index].tries < kMostTries) {
        fetch(index);
        return;
    }
    Image &image = result_.images[index];
    Image fetched = image;
    fetched.form = Image::Form::base64;
    fetched.content = std::move(picture.base64);
    if (!picture.problem.empty() || !read_facts(fetched)) {
        fail(index, Trouble::not_fetched,
             picture.problem.empty() ? "it is no picture" : std::move(picture.problem));
        return;
    }
    fetched.expires_at.reset();
    items_[index].link = std::exchange(image, std::move(fetched));
    wish_.form == DeliveryWish::Form::bytes ? finish(index) : keep(index);
}

void PictureDelivery::keep(size_t index) {
    const Image &image = result_.images[index];
    items_[index].name = new_picture_name(ports_.random, image.format);
    items_[index].write =
        ports_.files.write(picture_path(*wish_.hosting, items_[index].name), image.content,
                           [this, index](const Written &written) { on_written(index, written); });
    if (items_[index].write == nullptr) {
        on_written(index, {Written::failed, "the thread pool takes no more tasks"});
    }
}

void PictureDelivery::on_written(size_t index, const Written &written) {
    if (written.result != Written::whole) {
        ports_.log.write(LogLevel::error,
                         for_log("image gateway: cannot keep a picture in \"" +
                                 wish_.hosting->directory + "\": " + written.problem));
        if (items_[index].link) {
            result_.images[index] = std::move(*items_[index].link);
        }
        const bool full = written.result == Written::store_full;
        fail(index, full ? Trouble::store_full : Trouble::not_kept,
             full ? "the store is full" : "it could not be written");
        return;
    }
    const int64_t expires = ports_.clock.unix_seconds() + wish_.hosting->lifetime;
    Image &image = result_.images[index];
    image.form = Image::Form::url;
    image.content =
        Bytes::own(wish_.base_url + "/" +
                   signed_link(items_[index].name, expires, wish_.hosting->keys.front()));
    image.expires_at = expires;
    finish(index);
}

void PictureDelivery::fail(size_t index, Trouble trouble, std::string why) {
    problems_.push_back({index, trouble, std::move(why)});
    finish(index);
}

void PictureDelivery::finish(size_t index) {
    items_[index].done = true;
    --left_;
    --running_;
    start_more();
}

void PictureDelivery::give_up() {
    start_.reset();
    next_ = items_.size();
    for (size_t index = 0; index < items_.size(); ++index) {
        Item &item = items_[index];
        if (!item.done && needs_work(result_.images[index], wish_)) {
            const bool is_fetched = !is_link(result_.images[index]);
            problems_.push_back(
                {index, is_fetched ? Trouble::not_kept : Trouble::not_fetched, "the time was up"});
        }
        item.fetch.reset();
        item.write.reset();
    }
}

}  // namespace gateway
