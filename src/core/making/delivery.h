// Brings images into the form that was requested: links are fetched where bytes are wanted, bytes
// are stored where links are. What cannot be done leaves the image as it is, and is a problem.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/image_ports.h"
#include "core/images/links.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/routing/tray.h"

namespace gateway {

struct DeliveryWish {
    enum class Form : uint8_t { as_made, bytes, links } form = Form::as_made;
    const Hosting *hosting = nullptr;  // null: nothing is stored here
    std::string base_url;              // what a link to a stored image begins with
    std::shared_ptr<const FetchRules> rules;
    HttpTimeouts timeouts;
    size_t max = 0;                         // bytes of all images that are fetched
    std::shared_ptr<RequestMemory> memory;  // what they count for
    std::string ca_file;                    // for links of this provider
};

// Whether the image must be fetched or stored to have this form. `hosting` is null where nothing is
// stored.
bool changes_image(const Image &image, DeliveryWish::Form form, const Hosting *hosting);

class ImageDelivery {
 public:
    enum class Trouble : uint8_t { not_fetched, store_full, not_stored };
    struct Problem {
        int64_t index;  // of the image
        Trouble trouble;
        std::string why;
    };

    // `on_ready` is called once for each slot, never from within add(). Destroying the delivery
    // cancels what is under way.
    ImageDelivery(const Ports &ports, DeliveryWish wish, std::function<void(Slot &)> on_ready);
    ImageDelivery(const ImageDelivery &) = delete;
    ImageDelivery &operator=(const ImageDelivery &) = delete;
    ~ImageDelivery() = default;

    // An image that the wish changes. A few are fetched or stored at the same time; the others
    // wait. The slot stays where it is.
    void add(Slot &slot);
    // The time is up: what is not done stays as it is, and is ready.
    void give_up();

    [[nodiscard]] const std::vector<Problem> &problems() const { return problems_; }
    [[nodiscard]] bool has_problem(const Slot &slot) const;

 private:
    struct Item {
        Slot &slot;
        bool begun = false;
        bool done = false;
        int tries = 0;
        std::string name;
        std::optional<Image> link;  // the provider's, while its image is stored here
        std::unique_ptr<Fetch> fetch;
        std::unique_ptr<Write> write;
    };

    void start_more();
    void begin(Item &item);
    void fetch(Item &item);
    void on_fetched(Item &item, FetchedImage arrived);
    void store(Item &item);
    void on_written(Item &item, const Written &written);
    void fail(Item &item, Trouble trouble, std::string why);
    void finish(Item &item);

    const Ports &ports_;
    DeliveryWish wish_;
    std::function<void(Slot &)> on_ready_;
    std::shared_ptr<size_t> left_to_fetch_;  // bytes
    std::list<Item> items_;                  // a list: callbacks refer to them
    std::vector<Problem> problems_;
    std::unique_ptr<Timer> start_;
    size_t running_ = 0;  // fetched or stored just now
    bool starting_ = false;
};

}  // namespace gateway
