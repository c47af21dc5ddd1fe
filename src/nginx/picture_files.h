// Implements the port PictureFiles: writes images to disk on the task pool.
#pragma once

#include <string_view>

#include "core/picture_ports.h"
#include "core/ports.h"

namespace gateway {

// The ending of files that are not complete yet.
inline constexpr std::string_view kTemporaryEnding = ".tmp";

class NgxPictureFiles final : public PictureFiles {
 public:
    explicit NgxPictureFiles(TaskPool &tasks) : tasks_(tasks) {}
    std::unique_ptr<Write> write(std::string path, Bytes base64,
                                 std::function<void(Written)> on_end) override;

 private:
    TaskPool &tasks_;
};

}  // namespace gateway
