// What is done with the input images of a request before it is planned: the body is read, images
// behind URLs are fetched, all are checked, and masks are converted. Each step ends in a callback,
// which may come before the step's function returns. Destroying the object stops the step.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/bytes/held_disk.h"
#include "core/image_ports.h"
#include "core/inputs/read_body.h"
#include "core/net/fetch_rules.h"
#include "core/ports.h"
#include "core/request/image_request.h"
#include "core/request/input_image.h"

namespace gateway {

struct InputRules {
    BodyLimits limits;
    std::shared_ptr<const FetchRules> fetch_rules;  // for URLs of callers
    std::shared_ptr<RequestMemory> memory;
    Milliseconds longest_fetch{0};
    std::function<DiskSpace *()> disk = nullptr;  // unset, or null: disk space is not counted
};

ApiError error_disk_held();

class InputWork {
 public:
    InputWork(const Ports &ports, InputRules rules) : ports_(ports), rules_(std::move(rules)) {}
    ~InputWork() { stop_->store(true); }
    InputWork(const InputWork &) = delete;
    InputWork &operator=(const InputWork &) = delete;

    void read(ReceivedBody body, std::function<void(ReadBody)> then);

    // Gets the images that the request names; `files` are those of its body. The images are
    // checked.
    void load(const ImageRequest &request, std::vector<FoundImage> files,
              std::function<void(tl::expected<InputImages, ApiError>)> then);

    // Converts the mask to each of these forms, for the first image. `luminance`: a mask without
    // alpha is read as white = edit. All arguments but `then` must outlive the step.
    void convert_mask(InputImages &inputs, const std::vector<MaskForm> &forms, bool luminance,
                      std::function<void(tl::expected<void, ApiError>)> then);

 private:
    struct Slot {
        InputImage *image = nullptr;
        std::unique_ptr<Fetch> fetch;
        std::unique_ptr<Task> task;
    };

    void load_one(const ImageReference &reference, std::vector<FoundImage> &files,
                  InputImage &image);
    void take_found(FoundImage found, InputImage &image);
    void fetch(std::string_view url, InputImage &image);
    void on_fetched(Slot &slot, FetchedImage fetched);
    void end_one();
    void end_load();
    bool hold_disk(size_t bytes);
    void give_back_disk(size_t bytes);
    void add_problem(const InputImage &image, const std::string &problem);

    const Ports &ports_;
    InputRules rules_;
    std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
    std::unique_ptr<Task> task_;
    InputImages inputs_;
    std::vector<std::unique_ptr<Slot>> slots_;
    std::vector<std::unique_ptr<Task>> conversions_;
    std::vector<Problem> problems_;
    std::optional<ApiError> error_;  // counts more than problems
    std::shared_ptr<size_t> left_to_fetch_;
    size_t running_ = 0;
    std::function<void(tl::expected<InputImages, ApiError>)> then_loaded_;
    std::function<void(tl::expected<void, ApiError>)> then_converted_;
};

}  // namespace gateway
