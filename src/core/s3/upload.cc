#include "core/s3/upload.h"

#include <algorithm>
#include <utility>

#include "core/images/links.h"
#include "core/random.h"
#include "core/s3/decoded_image.h"
#include "core/s3/expiry_groups.h"

namespace gateway {

namespace {

constexpr Milliseconds kTimeForAll{30'000};
constexpr Milliseconds kFirstPause{200};
constexpr Milliseconds kLongestPause{3'000};

std::string_view content_type_of(ImageFormat format) {
    switch (format) {
        case ImageFormat::png: return "image/png";
        case ImageFormat::jpeg: return "image/jpeg";
        case ImageFormat::webp: return "image/webp";
        case ImageFormat::gif: return "image/gif";
        case ImageFormat::avif: return "image/avif";
        case ImageFormat::heic: return "image/heic";
        case ImageFormat::unknown: break;
    }
    return "application/octet-stream";
}

// Failures that pass. A response that was too large or broke off would be so again.
bool is_worth_again(const HttpResponse &response) {
    constexpr int kTooManyRequests = 429;
    constexpr int kFirstServerError = 500;
    switch (response.end) {
        case TransferEnd::answered:
            return response.status == kTooManyRequests || response.status >= kFirstServerError;
        case TransferEnd::not_sent:
        case TransferEnd::lost:
        case TransferEnd::timed_out: return true;
        case TransferEnd::too_large:
        case TransferEnd::no_connection:
        case TransferEnd::not_read: break;
    }
    return false;
}

class Upload final : public Write {
 public:
    Upload(const Ports &ports, std::shared_ptr<const Bucket> bucket, NewObject object,
           std::function<void(Written)> on_end)
        : ports_(ports),
          bucket_(std::move(bucket)),
          object_(std::move(object)),
          on_end_(std::move(on_end)),
          image_(std::make_shared<DecodedImage>(std::move(object_.base64))),
          began_(ports.clock.now()) {}

    // False if no task can run now.
    bool start() {
        if (!bucket_->health->lets_through(began_)) {
            timer_ = ports_.loop.start_timer(Milliseconds(0), [this] {
                end({Written::failed, "the store has failed and is left alone for a while"});
            });
            return true;
        }
        auto digest = std::make_shared<DecodedImage::Digest>();
        task_ = ports_.tasks.run([digest, image = image_] { *digest = image->digest(); },
                                 [this, digest] { on_digest(*digest); });
        return task_ != nullptr;
    }

 private:
    void on_digest(const DecodedImage::Digest &digest) {
        const auto task = std::move(task_);
        if (!digest.whole) {
            end({Written::failed, "its base64 is broken"});
            return;
        }
        put_.name = object_.name;
        put_.content_type = content_type_of(object_.format);
        put_.content = Content::in_file(image_, 0, digest.size);
        put_.sha256 = digest.sha256;
        put_.expires = object_.expires;
        send();
    }

    void send() {
        HttpCall call = call_to_put(*bucket_, put_, ports_.clock.unix_seconds());
        const Milliseconds left = began_ + kTimeForAll - ports_.clock.now();
        call.timeouts.total = std::min(call.timeouts.total, std::max(left, Milliseconds(1)));
        call_ = ports_.upstream.start(std::move(call), [this](const HttpResponse &response) {
            const auto ended = std::move(call_);
            on_response(response);
        });
    }

    void on_response(const HttpResponse &response) {
        constexpr int kOk = 200;
        if (response.end == TransferEnd::answered && response.status == kOk) {
            bucket_->health->note_success();
            end({Written::whole});
            return;
        }
        if (!is_worth_again(response)) {
            end({Written::failed, response.end == TransferEnd::not_read
                                      ? "the thread pool takes no more tasks"
                                      : describe_response(*bucket_, response)});
            return;
        }
        const Milliseconds now = ports_.clock.now();
        pause_ = std::clamp(pause_ * 4, kFirstPause, kLongestPause);
        const Milliseconds pause = random_time(pause_ / 2, pause_, ports_.random);
        if (now + pause >= began_ + kTimeForAll || bucket_->health->is_resting(now)) {
            bucket_->health->note_failure(now);
            end({Written::failed, describe_response(*bucket_, response)});
            return;
        }
        timer_ = ports_.loop.start_timer(pause, [this] {
            const auto timer = std::move(timer_);
            send();
        });
    }

    // May destroy this.
    void end(Written written) {
        const auto on_end = std::move(on_end_);
        on_end(std::move(written));
    }

    const Ports &ports_;
    std::shared_ptr<const Bucket> bucket_;
    NewObject object_;
    std::function<void(Written)> on_end_;
    std::shared_ptr<DecodedImage> image_;
    ObjectToPut put_;
    Milliseconds began_;
    Milliseconds pause_{0};
    std::unique_ptr<Task> task_;
    std::unique_ptr<UpstreamCall> call_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace

std::string new_object_name(Random &random, ImageFormat format, int64_t expires, int64_t lifetime) {
    return group_of(expires, lifetime) + "/" + new_image_name(random, format);
}

std::unique_ptr<Write> put_object(const Ports &ports, std::shared_ptr<const Bucket> bucket,
                                  NewObject object, std::function<void(Written)> on_end) {
    auto upload =
        std::make_unique<Upload>(ports, std::move(bucket), std::move(object), std::move(on_end));
    return upload->start() ? std::move(upload) : nullptr;
}

}  // namespace gateway
