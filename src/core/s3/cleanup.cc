#include "core/s3/cleanup.h"

#include <algorithm>
#include <utility>

#include "core/random.h"
#include "core/s3/expiry_groups.h"
#include "core/s3/listing.h"

namespace gateway {

namespace {

// 400 objects a second, so that neither the worker nor the store is busy with it alone.
constexpr Milliseconds kTick{20};
constexpr size_t kAtATime = 8;
constexpr Milliseconds kShortestSleep{1'000};
constexpr Milliseconds kLongestSleep{600'000};

bool is_ok(const HttpResponse &response) {
    constexpr int kOk = 200;
    return response.end == TransferEnd::answered && response.status == kOk;
}

bool is_removed(const HttpResponse &response) {
    constexpr int kNoContent = 204;
    constexpr int kNotFound = 404;
    return is_ok(response) || (response.end == TransferEnd::answered &&
                               (response.status == kNoContent || response.status == kNotFound));
}

}  // namespace

BucketCleanup::BucketCleanup(const Parts &parts, std::shared_ptr<const Bucket> bucket)
    : parts_(parts),
      bucket_(std::move(bucket)),
      alarm_(parts.loop.make_alarm([this] { on_alarm(); }, TimerKind::idle)) {
    alarm_->set(random_time(kShortestSleep, kShortestSleep * 5, parts_.random));
}

void BucketCleanup::on_alarm() {
    alarm_->set(kLongestSleep);  // in case something below throws
    if (!images_.empty() || !removals_.empty()) {
        remove_some();
        return;
    }
    groups_.clear();
    list({}, &BucketCleanup::on_groups);
}

void BucketCleanup::list(std::string_view group, OnResponse on_response) {
    HttpCall call = call_to_list(*bucket_, group, parts_.clock.unix_seconds());
    listing_ = parts_.upstream.start(std::move(call), [=, this](const HttpResponse &response) {
        const auto ended = std::move(listing_);
        if (is_ok(response)) {
            (this->*on_response)(response);
        } else {
            fail(describe_response(*bucket_, response));
        }
    });
}

void BucketCleanup::on_groups(const HttpResponse &response) {
    const int64_t due = parts_.clock.unix_seconds() - group_grace(bucket_->lifetime);
    for (std::string &group : groups_in(response.body.outline)) {
        if (end_of_group(group).value_or(due + 1) <= due) {
            groups_.push_back(std::move(group));
        }
    }
    // Another gateway that is at work takes them in another order.
    if (!groups_.empty()) {
        const size_t first = random_number(parts_.random) % groups_.size();
        std::rotate(groups_.begin(), groups_.begin() + static_cast<std::ptrdiff_t>(first),
                    groups_.end());
    }
    go_to_next_group();
}

void BucketCleanup::go_to_next_group() {
    if (groups_.empty()) {
        told_.clear();
        sleep();
        return;
    }
    group_ = std::move(groups_.back());
    groups_.pop_back();
    first_image_.clear();
    list(group_, &BucketCleanup::on_images);
}

void BucketCleanup::on_images(const HttpResponse &response) {
    images_ = images_in(response.body.outline);
    if (images_.empty()) {
        go_to_next_group();
    } else if (images_.front() == first_image_) {
        images_.clear();
        fail("the store lists objects that it has removed");
    } else {
        first_image_ = images_.front();
        remove_some();
    }
}

void BucketCleanup::remove_some() {
    while (!images_.empty() && removals_.size() < kAtATime) {
        const std::string image = std::move(images_.back());
        images_.pop_back();
        remove(image);
    }
    alarm_->set(images_.empty() ? kLongestSleep : kTick);
}

void BucketCleanup::remove(const std::string &image) {
    HttpCall call = call_to_delete(*bucket_, group_ + "/" + image, parts_.clock.unix_seconds());
    const auto place = removals_.emplace(removals_.end());
    try {
        *place = parts_.upstream.start(
            std::move(call),
            [this, place](const HttpResponse &response) { on_removed(place, response); });
    } catch (...) {
        removals_.erase(place);
        throw;
    }
}

void BucketCleanup::on_removed(Removals::iterator place, const HttpResponse &response) {
    const auto ended = std::move(*place);
    removals_.erase(place);
    if (is_removed(response)) {
        ++removed_;
    } else {
        failure_ = describe_response(*bucket_, response);
        images_.clear();
    }
    if (!images_.empty() || !removals_.empty()) {
        return;
    }
    alarm_->set(kLongestSleep);
    if (!failure_.empty()) {
        fail(std::exchange(failure_, ""));
        return;
    }
    list(group_, &BucketCleanup::on_images);
}

void BucketCleanup::fail(const std::string &why) {
    if (std::exchange(told_, why) != why) {
        parts_.log.write(LogLevel::error, "image gateway: cannot remove expired images from \"" +
                                              bucket_->address() + "\": " + why);
    }
    sleep();
}

void BucketCleanup::sleep() {
    if (const size_t removed = std::exchange(removed_, 0); removed > 0) {
        parts_.log.write(LogLevel::info, "image gateway: removed " + std::to_string(removed) +
                                             " images from \"" + bucket_->address() + "\"");
    }
    groups_.clear();
    const Milliseconds longest = std::clamp(Milliseconds(group_length(bucket_->lifetime) * 1000),
                                            kShortestSleep * 2, kLongestSleep);
    alarm_->set(random_time(longest / 2, longest, parts_.random));
}

}  // namespace gateway
