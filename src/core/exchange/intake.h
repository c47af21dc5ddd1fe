// Steps 3 and 4, for requests with input images: reads the body, turns it into an order, gets the
// images, and brings the mask into the forms of the models that may be used. A request without
// input images passes through at once.
#pragma once

#include <functional>
#include <memory>
#include <tl/expected.hpp>
#include <vector>

#include "core/exchange/understand.h"
#include "core/inputs/input_work.h"

namespace gateway {

class Intake {
 public:
    using Ended = tl::expected<void, ApiError>;

    // All arguments must outlive the intake.
    Intake(const OrderSource &source, const Ports &ports, Order &order)
        : source_(source), ports_(ports), order_(order) {}

    // Each ends in `then`, perhaps before it returns.
    void take(ReceivedBody body, std::function<void(Ended)> then);
    // The order must have its plan.
    void convert_mask(std::function<void(Ended)> then);

    void stop() { work_.reset(); }

 private:
    void on_read(ReadBody body);
    void on_loaded(tl::expected<InputImages, ApiError> inputs);
    InputWork &work();
    DiskSpace *disk();
    [[nodiscard]] std::vector<MaskForm> mask_forms() const;
    void end(Ended ended);

    OrderSource source_;
    const Ports &ports_;
    Order &order_;
    std::function<void(Ended)> then_;
    std::unique_ptr<InputWork> work_;
};

}  // namespace gateway
