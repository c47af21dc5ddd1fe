// The ports of delivery: fetching links and keeping files.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/http_call.h"
#include "core/net/fetch_rules.h"

namespace gateway {

// A request for the image behind a link. It is sent without credentials.
struct ImageFetch {
    std::string url;
    std::shared_ptr<const FetchRules> rules;
    HttpTimeouts timeouts;
    // The bytes that all images of a response may still have together. A fetch takes its share, and
    // gives it back if it fails.
    std::shared_ptr<size_t> left;
    std::shared_ptr<RequestMemory> memory;  // the request that the image counts for
    std::string ca_file;                    // empty: the system's
};

struct FetchedImage {
    Bytes base64;         // the complete image; empty if there is a problem
    std::string problem;  // for messages
    bool worth_again = false;
};

class Fetch {
 public:
    virtual ~Fetch() = default;
};

class ImageFetcher {
 public:
    virtual ~ImageFetcher() = default;
    // `on_end` is called exactly once, after fetch() has returned, and not after the handle was
    // destroyed.
    virtual std::unique_ptr<Fetch> fetch(ImageFetch fetch,
                                         std::function<void(FetchedImage)> on_end) = 0;
};

struct Written {
    enum Result : uint8_t { whole, store_full, failed };
    Result result = failed;
    std::string problem = {};  // for operators; empty if there is none
};

class Write {
 public:
    virtual ~Write() = default;
};

// What a store must keep until a certain time.
struct KeptFiles {
    std::string path;  // of a new file with this base64, as it is; empty: none
    Bytes base64;
    std::vector<std::string> images;  // paths of images that the store has already
    int64_t expires = 0;              // unix seconds
    bool may_go = false;              // before that, if the store is full: only the cache needs it
};

class ImageFiles {
 public:
    virtual ~ImageFiles() = default;
    // Decodes and writes an image. The file gets its name when it is complete. `on_end` is called
    // as above. Returns null if no more tasks can run now.
    virtual std::unique_ptr<Write> write(std::string path, Bytes base64,
                                         std::function<void(Written)> on_end) = 0;
    // Writes a file, and keeps it and the images until they expire. `on_end` and null: as above.
    virtual std::unique_ptr<Write> keep(KeptFiles files, std::function<void(Written)> on_end) = 0;
};

}  // namespace gateway
