// Between a result and its answer: brings pictures into the form that was asked for. Links are
// fetched where bytes are wanted, bytes are kept where links are. What cannot be done leaves the
// picture as it is, and is told.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/images/links.h"
#include "core/outcome.h"
#include "core/picture_ports.h"
#include "core/ports.h"

namespace gateway {

struct DeliveryWish {
    enum class Form : uint8_t { as_made, bytes, links } form = Form::as_made;
    const Hosting *hosting = nullptr;  // null: nothing is kept here
    std::string base_url;              // what a link to a kept picture begins with
    std::shared_ptr<const FetchRules> rules;
    HttpTimeouts timeouts;
    size_t most = 0;                        // bytes of all pictures that are fetched
    std::shared_ptr<RequestMemory> memory;  // what they count for
    std::string ca_file;                    // for links of this provider
};

// Pictures of a request that are fetched or kept at the same time.
inline constexpr size_t kMostDelivered = 8;

class PictureDelivery {
 public:
    enum class Trouble : uint8_t { not_fetched, store_full, not_kept };
    struct Problem {
        size_t index;  // of the picture
        Trouble trouble;
        std::string why;
    };

    // Whether there is anything to do.
    static bool is_needed(const ImageResult &result, const DeliveryWish &wish);

    // `on_end` is called once, never before the constructor has returned. Destroying it cancels
    // what is under way.
    PictureDelivery(const Ports &ports, ImageResult &result, DeliveryWish wish,
                    std::function<void()> on_end);
    PictureDelivery(const PictureDelivery &) = delete;
    PictureDelivery &operator=(const PictureDelivery &) = delete;
    ~PictureDelivery() = default;

    // The time is up: what is not done stays as it is.
    void give_up();

    [[nodiscard]] const std::vector<Problem> &problems() const { return problems_; }

 private:
    struct Item {
        bool done = false;
        int tries = 0;
        std::string name;
        std::optional<Image> link;  // the provider's, while its picture is kept here
        std::unique_ptr<Fetch> fetch;
        std::unique_ptr<Write> write;
    };

    void begin();
    void start_more();
    void next(size_t index);
    void fetch(size_t index);
    void on_fetched(size_t index, FetchedPicture picture);
    void keep(size_t index);
    void on_written(size_t index, const Written &written);
    void fail(size_t index, Trouble trouble, std::string why);
    void finish(size_t index);
    [[nodiscard]] bool wants_bytes_of(const Image &image) const;

    const Ports &ports_;
    ImageResult &result_;
    DeliveryWish wish_;
    std::function<void()> on_end_;
    std::shared_ptr<size_t> left_to_fetch_;  // bytes
    std::vector<Item> items_;
    std::vector<Problem> problems_;
    std::unique_ptr<Timer> start_;
    size_t left_ = 0;
    size_t next_ = 0;     // the first that was not looked at
    size_t running_ = 0;  // fetched or kept just now
    bool starting_ = false;
};

}  // namespace gateway
