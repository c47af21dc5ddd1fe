// One execution of an order, without a client: candidates are asked, their images are brought into
// the requested form, and all ends in one Result. Whoever waits for it watches.
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
#include "core/routing/attempt_context.h"
#include "core/routing/execution.h"

namespace gateway {

// Who sees images before the end, as far as the order wants them then.
class ImageWatcher {
 public:
    virtual ~ImageWatcher() = default;
    // What an image looks like so far.
    virtual void preview(const Maker &maker, const Preview &preview) = 0;
    // One image, while others are not there: the words about it, and how it differs from what was
    // requested.
    virtual void image(const Maker &maker, const ImageWords &words, const Image &image,
                       const std::vector<Adjustment> &adjustments) = 0;
    // Of an image that comes alone: its base64, as it arrives.
    virtual void piece(const Maker &maker, const Bytes &piece) = 0;
};

class Making {
 public:
    // All of it but the order outlives the making, and the watcher outlives its end. `on_end` is
    // called once, perhaps from within start(); then the result is there.
    Making(std::shared_ptr<Order> order, Health &health, const Ports &ports, ImageWatcher *watcher,
           std::function<void()> on_end);
    Making(const Making &) = delete;
    Making &operator=(const Making &) = delete;
    ~Making();

    void start();
    // The deadline: ends with what is there.
    void expire();
    // Nobody waits any longer: cancels what runs. What may be billed is counted.
    void drop() noexcept;
    // Pauses or resumes what arrives from the provider.
    void hold(bool held) { execution_.hold(held); }

    [[nodiscard]] bool is_asking() const { return phase_ == Phase::asking; }
    // Of what is there by now, and complete once it has ended.
    [[nodiscard]] const Result &result() const { return result_; }
    // Whoever sends the images refers to their bytes: these go as they are sent.
    void release_images() noexcept;
    // Images that the caller has, or is about to be sent with the result.
    [[nodiscard]] int64_t images_answered() const;
    // Images that are billed, or may be, and that the caller does not get.
    [[nodiscard]] int64_t images_lost() const {
        return result_.history.images_lost() + result_.withheld;
    }
    // What was made is accounted for.
    [[nodiscard]] bool is_billed() const { return billed_; }
    // Withholds what was made and not sent: it is billed, and in no reply.
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
    Result result_;
    Preparation preparation_;
    Tray tray_;
    PassedImage passed_;
    AttemptContext context_;
    Made made_;
    std::unique_ptr<ImageDelivery> delivery_;
    Execution execution_;
};

}  // namespace gateway
