// Executes an order without a client: tries the candidates, brings their images into the requested
// form, and ends in one Result. An ImageWatcher gets images before that.
//
//   asking ----(made)----> delivering ----> ended
//      \------(failed, or too late)-----------^
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/making/delivery.h"
#include "core/making/order.h"
#include "core/making/passed_image.h"
#include "core/making/result.h"
#include "core/rare.h"
#include "core/routing/attempt_context.h"
#include "core/routing/execution.h"
#include "core/routing/stopwatch.h"

namespace gateway {

// Gets images before the end, as Order::progress says.
class ImageWatcher {
 public:
    virtual ~ImageWatcher() = default;
    // A preview of an image.
    virtual void preview(const Maker &maker, const Preview &preview) = 0;
    // One image while others are not made yet, with the words about it and its adjustments.
    virtual void image(const Maker &maker, const ImageWords &words, const Image &image,
                       const std::vector<Adjustment> &adjustments) = 0;
    // A piece of the base64 of a single image, as it arrives.
    virtual void piece(const Maker &maker, const Bytes &piece) = 0;
};

class Making {
 public:
    // `health` and `ports` must outlive the making; the watcher must exist until the making ends.
    // `on_end` is called once, perhaps within start(). After that, the result is complete.
    Making(std::shared_ptr<Order> order, Health &health, const Ports &ports, ImageWatcher *watcher,
           std::function<void()> on_end);
    Making(const Making &) = delete;
    Making &operator=(const Making &) = delete;
    ~Making();

    void start();
    // Goes on with the jobs of another process instead. The order's plan has only their candidate.
    void resume(Resumption resumption);
    // Call it before start(). The watcher must outlive the making.
    void watch_calls(CallWatcher *watcher) { context_.calls = watcher; }
    // Waits for busy providers and for memory until the deadline. Call it before start().
    void be_patient() { context_.is_patient = true; }
    // Ends without a result. Jobs go on: another process polls them.
    void leave_jobs() noexcept;
    // Of the candidate that is asked now.
    [[nodiscard]] const Candidate &candidate() const { return tray_.candidate(); }
    [[nodiscard]] const Prepared &prepared() const { return tray_.prepared(); }
    // The deadline has passed: ends with the images that were made until now.
    void expire();
    // Cancels what is in progress because nobody waits for it. Counts what may be billed.
    void drop() noexcept;
    // Pauses or resumes the provider's responses.
    void hold(bool held) { execution_.hold(held); }

    [[nodiscard]] bool is_asking() const { return phase_ == Phase::asking; }
    // Complete after the making has ended.
    [[nodiscard]] const Result &result() const { return result_; }
    // Drops the references to the images' bytes. A reply that is being sent has its own references.
    void release_images() noexcept;
    // Images that were sent, or will be sent with the result.
    [[nodiscard]] int64_t images_answered() const;
    // Images that are or may be billed and that the caller does not get.
    [[nodiscard]] int64_t images_lost() const {
        return result_.history.images_lost() + result_.withheld;
    }
    // Whether the funds know the cost of the images that were made.
    [[nodiscard]] bool is_billed() const { return billed_; }
    // How long the images were brought into the requested form, up to now.
    [[nodiscard]] Milliseconds delivery_time() const { return delivering_.at(ports_.clock.now()); }
    // Withholds images that were made but not sent: they are billed, but are not in the reply.
    void withhold() noexcept;

 private:
    enum class Phase : uint8_t { asking, delivering, ended };

    void on_preview(Preview preview);
    void on_image(Slot &slot);
    void on_piece(const Bytes &piece);
    void on_execution_end(ExecutionEnd end);
    void on_made();
    void take_bill();
    void bring_into_form(Slot &slot);
    void on_ready(Slot &slot);
    bool send_early(Slot &slot);
    void end_if_all_ready();
    void end_made();
    void fill_result(int64_t count);
    void fail_made(ApiError error, OutcomeType outcome = OutcomeType::made);
    void end_with(ApiError error);
    void end();
    void end_phase() noexcept;
    [[nodiscard]] bool is_of_maker(const Slot &slot) const;
    [[nodiscard]] int64_t images_of_maker() const;
    const Maker &maker();

    const std::shared_ptr<Order> order_;
    const Ports &ports_;
    ImageWatcher *watcher_;
    std::function<void()> on_end_;
    Phase phase_ = Phase::asking;
    bool expired_ = false;
    bool billed_ = false;
    Stopwatch delivering_;
    Result result_;
    Preparation preparation_;
    Tray tray_;
    Rare<PassedImage> passed_;  // if an image is passed through
    AttemptContext context_;
    std::vector<TakenCall> resumed_;
    Made made_;
    std::unique_ptr<ImageDelivery> delivery_;
    Execution execution_;
};

}  // namespace gateway
