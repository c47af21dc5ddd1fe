// Implements the port ImageFiles: writes images to disk on the task pool.
#pragma once

#include <string_view>

#include "core/image_ports.h"
#include "core/ports.h"

namespace gateway {

// The ending of files that are not complete yet.
inline constexpr std::string_view kTemporaryEnding = ".tmp";

// A file with this mode is kept until the time that its modification time says. All others are kept
// for the store's ttl.
inline constexpr mode_t kKeptMode = 0400;
// The same, but it may be removed earlier if the store is full.
inline constexpr mode_t kCachedMode = 0440;

class NgxImageFiles final : public ImageFiles {
 public:
    explicit NgxImageFiles(TaskPool &tasks) : tasks_(tasks) {}
    std::unique_ptr<Write> write(std::string path, Bytes base64,
                                 std::function<void(Written)> on_end) override;
    std::unique_ptr<Write> keep(KeptFiles files, std::function<void(Written)> on_end) override;

 private:
    TaskPool &tasks_;
};

}  // namespace gateway
