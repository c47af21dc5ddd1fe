// Removes objects of a bucket that have expired. One worker of each gateway does it: it lists the
// groups, a short list, then the objects of the groups that are due. Several gateways look at
// random times, so that most of them find nothing to do; to remove an object twice does no harm.
//
//   sleep ─► list groups ─► list a due group ─► remove its objects, some each tick
//     ▲           │               ▲  │ empty             │
//     └───────────┴── the next ───┴──┴───────────────────┘
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/ports.h"
#include "core/s3/bucket.h"

namespace gateway {

class BucketCleanup {
 public:
    // All of it must outlive the cleanup.
    struct Parts {
        const Clock &clock;
        EventLoop &loop;
        Random &random;
        UpstreamClient &upstream;
        Log &log;
    };
    BucketCleanup(const Parts &parts, std::shared_ptr<const Bucket> bucket);
    BucketCleanup(const BucketCleanup &) = delete;
    BucketCleanup &operator=(const BucketCleanup &) = delete;
    ~BucketCleanup() = default;

 private:
    using Removals = std::list<std::unique_ptr<UpstreamCall>>;
    using OnResponse = void (BucketCleanup::*)(const HttpResponse &);

    void on_alarm();
    void list(std::string_view group, OnResponse on_response);
    void on_groups(const HttpResponse &response);
    void go_to_next_group();
    void on_images(const HttpResponse &response);
    void remove_some();
    void remove(const std::string &image);
    void on_removed(Removals::iterator place, const HttpResponse &response);
    void fail(const std::string &why);
    void sleep();

    Parts parts_;
    std::shared_ptr<const Bucket> bucket_;
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<UpstreamCall> listing_;
    Removals removals_;
    std::vector<std::string> groups_;  // that are due
    std::string group_;                // whose objects are removed
    std::vector<std::string> images_;  // of it
    std::string first_image_;          // of its list; empty: it was not listed yet
    size_t removed_ = 0;               // since the last sleep
    std::string failure_;              // why something could not be removed
    std::string told_;                 // the last failure that was logged
};

}  // namespace gateway
