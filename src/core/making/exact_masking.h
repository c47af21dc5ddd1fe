// Puts one image of a model together with the original outside of the mask (mask_mode "exact"), on
// the task pool. Long tasks take turns, and the memory counts for the request.
//
//   waiting for its turn --> combining --> ended
//       ^          \-----(no memory)---------^
//       \--pause------/
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/content.h"
#include "core/bytes/held_memory.h"
#include "core/long_tasks.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/request/input_image.h"

namespace gateway {

// The same for all images of a request.
struct ExactWish {
    Content original;
    ImageFacts facts;  // of the original
    Content mask;      // as the caller sent it
    int feather = 0;
    bool luminance = true;          // a mask without alpha is read as white = edit
    bool keeps_provenance = false;  // an image with Content Credentials stays as it is
};

// Why an image cannot be put together with the original, as far as its facts say; empty: it may be.
std::string why_not_exact(const ExactWish &wish, const Image &image);

class ExactMasking {
 public:
    struct Ended {
        Bytes base64;     // empty: not applied
        std::string why;  // if it was not applied
        size_t bytes = 0;
        double outside_changed = 0;
        int feather = 0;  // as it was applied
    };

    // `base64` are the bytes of the model's image; at most `max` characters may come out. `on_end`
    // is called once, never from within the constructor, and must not destroy the object.
    ExactMasking(const Ports &ports, std::shared_ptr<const ExactWish> wish, Bytes base64,
                 std::shared_ptr<RequestMemory> memory, size_t max,
                 std::function<void(Ended)> on_end);
    ExactMasking(const ExactMasking &) = delete;
    ExactMasking &operator=(const ExactMasking &) = delete;
    ~ExactMasking();

 private:
    struct Work;

    void go_on();
    [[nodiscard]] bool has_room();
    void combine();
    void on_combined();
    void end(Ended ended);
    void fail(std::string why);

    const Ports &ports_;
    std::function<void(Ended)> on_end_;
    std::unique_ptr<Alarm> alarm_;
    std::optional<Milliseconds> short_since_;  // when it found no memory
    // The task owns it as well, and only the loop's thread destroys either owner.
    std::shared_ptr<Work> work_;
    std::unique_ptr<Task> task_;
};

}  // namespace gateway
