// What the delivery of pictures needs of the world: fetching links, and keeping files.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/bytes/bytes.h"
#include "core/http_call.h"
#include "core/net/fetch_rules.h"

namespace gateway {

// A picture behind a link. No credentials go with it.
struct PictureFetch {
    std::string url;
    std::shared_ptr<const FetchRules> rules;
    HttpTimeouts timeouts;
    // Bytes that all pictures of an answer may still have together. A fetch takes what it needs of
    // it, and gives it back where nothing comes of it.
    std::shared_ptr<size_t> left;
    std::shared_ptr<RequestMemory> memory;  // what the picture counts for
    std::string ca_file;                    // empty: the system's
};

struct FetchedPicture {
    Bytes base64;         // whole; empty when there is a problem
    std::string problem;  // for people
    bool worth_again = false;
};

class Fetch {
 public:
    virtual ~Fetch() = default;
};

class PictureFetcher {
 public:
    virtual ~PictureFetcher() = default;
    // `on_end` is called exactly once, never before fetch() has returned, and not after the handle
    // was let go of.
    virtual std::unique_ptr<Fetch> fetch(PictureFetch fetch,
                                         std::function<void(FetchedPicture)> on_end) = 0;
};

struct Written {
    enum Result : uint8_t { whole, store_full, failed };
    Result result = failed;
    std::string problem = {};  // for operators; empty where there is none
};

class Write {
 public:
    virtual ~Write() = default;
};

class PictureFiles {
 public:
    virtual ~PictureFiles() = default;
    // Decodes and writes under a name that nobody sees until it is whole; the same promises as
    // above. Null when no more can be done now.
    virtual std::unique_ptr<Write> write(std::string path, Bytes base64,
                                         std::function<void(Written)> on_end) = 0;
};

}  // namespace gateway
