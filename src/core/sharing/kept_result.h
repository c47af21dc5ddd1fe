// A result as it is kept: its facts as JSON, and the base64 of its images in one file. It is read
// back for a repeated request, a request of another worker, or a hit of the cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/images/links.h"
#include "core/making/result.h"
#include "core/request/input_image.h"
#include "core/sharing/records.h"

namespace gateway {

struct KeptResult {
    Result result;
    std::string request_id;  // of the request that was answered with it
    int64_t created = 0;     // unix seconds
    int64_t latency = 0;     // milliseconds
    int status = 200;
    int64_t expires = 0;
    bool billed = false;  // of an error: an image was or may have been billed
    InputImages inputs;   // without their bytes
};

// What is kept of a result. The images of the result must still have their content.
struct Keeping {
    std::string facts;
    Bytes images;                    // the base64 of all images; empty: none
    std::vector<std::string> names;  // of images in the store that the result links to
    size_t bytes = 0;                // of the images, and of those in the store
};

// `base_url` is the beginning of links to the gateway; empty: there are none.
Keeping keep_result(const KeptResult &kept, std::string_view base_url);

// Reads a record. Links to the store are signed anew with this hosting's key, if there is one, and
// end at `links_end`. Nothing if the record is damaged.
std::optional<KeptResult> read_kept(const KeptRecord &record, const Hosting *hosting,
                                    int64_t links_end);

// The same at this time: links end with the record, or earlier after the hosting's time.
std::optional<KeptResult> read_kept_at(const KeptRecord &record, const Hosting *hosting,
                                       int64_t now);
// The same; what cannot be read counts as interrupted.
KeptResult kept_or_interrupted(const KeptRecord &record, const Hosting *hosting, int64_t now);

// The facts of the input images, which are kept with a result.
InputImages facts_of_inputs(const InputImages &inputs);

// What a request gets that was interrupted, because its worker ended: nobody knows whether the
// images were made.
KeptResult interrupted_result(std::string request_id);
// The same of a job that had not begun: nothing was made.
KeptResult lost_in_queue(std::string request_id);

}  // namespace gateway
