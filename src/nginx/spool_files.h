// Files for input images: the temporary file of a request's body, and further files in nginx's
// directory for bodies (client_body_temp_path). None has a name, so none is left behind.
#pragma once

#include <string>
#include <utility>

#include "core/inputs/spool.h"
#include "nginx/files.h"
#include "nginx/ngx.h"

namespace gateway {

class NgxSpoolFiles final : public SpoolFiles {
 public:
    explicit NgxSpoolFiles(std::string directory) : directory_(std::move(directory)) {}
    std::shared_ptr<SpoolFile> create() const noexcept override;

 private:
    std::string directory_;
};

// The file that nginx has written the body to. It outlives nginx's request. Null if there is no
// free descriptor.
std::shared_ptr<const ByteFile> keep_body_file(const ngx_file_t &file);

}  // namespace gateway
