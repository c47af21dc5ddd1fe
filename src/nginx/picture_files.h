// Writes pictures to disk on the task pool: the port PictureFiles.
#pragma once

#include "core/picture_ports.h"
#include "core/ports.h"

namespace gateway {

class NgxPictureFiles final : public PictureFiles {
 public:
    explicit NgxPictureFiles(TaskPool &tasks) : tasks_(tasks) {}
    std::unique_ptr<Write> write(std::string path, Bytes base64,
                                 std::function<void(Written)> on_end) override;

 private:
    TaskPool &tasks_;
};

}  // namespace gateway
