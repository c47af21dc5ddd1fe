// Files for what does not stay in memory: input images that arrived as text, were fetched or were
// converted.
#pragma once

#include <memory>
#include <string_view>

#include "core/bytes/content.h"

namespace gateway {

// One thread writes it; afterwards any may read it.
class SpoolFile : public ByteFile {
 public:
    // Appends. False if the disk is full or fails.
    virtual bool append(std::string_view bytes) noexcept = 0;
};

class SpoolFiles {
 public:
    virtual ~SpoolFiles() = default;
    // On any thread of the task pool. Null if no file can be made.
    virtual std::shared_ptr<SpoolFile> create() const noexcept = 0;
};

}  // namespace gateway
