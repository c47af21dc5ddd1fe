// Brings images into the requested form: fetches links if bytes are requested, puts images together
// with the original (mask_mode "exact"), and stores bytes if links are requested. If that fails,
// the image stays as it is, and a problem or a note is recorded.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/image_ports.h"
#include "core/images/links.h"
#include "core/making/exact_masking.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/routing/tray.h"

namespace gateway {

struct DeliveryWish {
    enum class Form : uint8_t { as_made, bytes, links } form = Form::as_made;
    const Hosting *hosting = nullptr;  // null: the gateway stores no images
    std::string base_url;              // the beginning of a link to a stored image
    std::shared_ptr<const FetchRules> rules;
    HttpTimeouts timeouts;
    size_t max = 0;                          // bytes of all fetched images together
    std::shared_ptr<RequestMemory> memory;   // counts the bytes of fetched images
    std::string ca_file;                     // for TLS connections to this provider's links
    std::shared_ptr<const ExactWish> exact;  // null: images stay as the model returned them
};

// Whether the image must be fetched or stored to have this form. `hosting` is null if the gateway
// stores no images.
bool changes_image(const Image &image, DeliveryWish::Form form, const Hosting *hosting);

class ImageDelivery {
 public:
    enum class Trouble : uint8_t { not_fetched, store_full, not_stored };
    struct Problem {
        int64_t index;  // of the image
        Trouble trouble;
        std::string why;
    };
    // What became of mask_mode "exact" for an image.
    struct Note {
        int64_t index;
        Adjustment adjustment;
    };

    // `on_ready` is called once for each slot, never from within add(). Destroying the delivery
    // cancels what is in progress.
    ImageDelivery(const Ports &ports, DeliveryWish wish, std::function<void(Slot &)> on_ready);
    ImageDelivery(const ImageDelivery &) = delete;
    ImageDelivery &operator=(const ImageDelivery &) = delete;
    ~ImageDelivery() = default;

    // Adds an image for which changes_image() is true, or any image if `exact` is wished. A few
    // images are brought into their form at the same time; the others wait. The slot must stay
    // where it is.
    void add(Slot &slot);
    // The deadline has passed: the remaining images stay as they are and become ready.
    void give_up();

    [[nodiscard]] const std::vector<Problem> &problems() const { return problems_; }
    [[nodiscard]] const std::vector<Note> &notes() const { return notes_; }
    [[nodiscard]] bool has_problem(const Slot &slot) const;

 private:
    struct Item {
        Slot &slot;
        bool begun = false;
        bool done = false;
        int tries = 0;
        std::string name;
        int64_t expires = 0;        // of an object in a bucket
        std::optional<Image> link;  // the provider's link, while its image is being changed
        std::unique_ptr<Fetch> fetch;
        std::unique_ptr<ExactMasking> masking;
        std::unique_ptr<Write> write;
    };

    void start_more();
    void begin(Item &item);
    void fetch(Item &item);
    void on_fetched(Item &item, FetchedImage arrived);
    void mask(Item &item);
    void on_masked(Item &item, ExactMasking::Ended ended);
    void go_on_with_bytes(Item &item);
    [[nodiscard]] bool is_to_be_stored(const Item &item) const;
    void take_link_back(Item &item);
    [[nodiscard]] bool is_noted(const Item &item) const;
    void leave_unmasked(Item &item, const std::string &why);
    void note(const Item &item, const char *param, std::string requested, std::string sent,
              std::string reason);
    void store(Item &item);
    std::unique_ptr<Write> write_object(Item &item);
    void on_written(Item &item, const Written &written);
    void fail(Item &item, Trouble trouble, std::string why);
    void finish(Item &item);

    const Ports &ports_;
    DeliveryWish wish_;
    std::function<void(Slot &)> on_ready_;
    std::shared_ptr<size_t> left_to_fetch_;  // bytes
    std::list<Item> items_;                  // a list: callbacks refer to them
    std::vector<Problem> problems_;
    std::vector<Note> notes_;
    std::unique_ptr<Timer> start_;
    size_t running_ = 0;  // are being fetched, put together or stored
    bool starting_ = false;
};

}  // namespace gateway
