// Puts an image into a bucket: the SHA-256 of its bytes on the task pool, then one request, which
// is repeated after failures that pass. To put the same object again changes nothing.
//
//   digest ─► send ─► response ─► end
//              ▲          │
//              └── pause ◄┘ no response, 429 or 5xx, while there is time
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/image_ports.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/s3/bucket.h"

namespace gateway {

struct NewObject {
    std::string name;  // below the bucket's prefix
    ImageFormat format = ImageFormat::unknown;
    Bytes base64;
    int64_t expires = 0;  // unix seconds
};

// The name of a new object for an image that must exist until `expires`. Nobody can guess it.
std::string new_object_name(Random &random, ImageFormat format, int64_t expires, int64_t lifetime);

// `on_end` is called as ImageFiles::write() does. Null if no more tasks can run now.
std::unique_ptr<Write> put_object(const Ports &ports, std::shared_ptr<const Bucket> bucket,
                                  NewObject object, std::function<void(Written)> on_end);

}  // namespace gateway
