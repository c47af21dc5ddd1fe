// Finds out whether what an order asks for was made already, or is being made: by its
// Idempotency-Key, in the cache, and among equal requests in progress.
//
//   digest --> by key --> in the cache --> among equal requests --> make it
//                 |             |                    |
//           replay, follow     hit            follow, replay
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/api_error.h"
#include "core/sharing/cache_wish.h"
#include "core/sharing/kept_result.h"
#include "core/sharing/making_register.h"
#include "core/sharing/order_digest.h"
#include "core/sharing/sharing_rules.h"

namespace gateway {

// What an order's request has to do.
struct Joined {
    enum class Kind : uint8_t {
        make,    // make it alone
        lead,    // make it, so that others may share it: see Joining::terms()
        follow,  // wait for `making`
        replay,  // answer with `kept`, the result of the first request with the same key
        hit,     // answer with `kept` from the cache
        job,     // a job for it exists already: answer with that
        refuse,  // answer with `error`
    };
    Kind kind = Kind::make;
    std::shared_ptr<SharedMaking> making;
    std::optional<KeptResult> kept;
    std::optional<ApiError> error;
    size_t candidate = 0;  // whose result is in the cache
    bool by_key = false;   // the reply must be equal to the first
};

// The record of a job with this id.
RecordId job_record(std::string_view id);
// Who may see the jobs of these requests; empty: nobody is known.
std::string tenant_of(const Order &order);

class Joining {
 public:
    // All arguments must outlive the object. `path` is that of the request's URL.
    struct Parts {
        const Ports &ports;
        SharingPorts &sharing;
        Order &order;
        const SharingRules &rules;
        const CacheWish &wish;
        std::string path;
        // For a job: its time after the end, in seconds.
        std::optional<int64_t> job_keep;
        WebhookTarget webhook;  // for a job; without a URL: none
    };

    // Whether an order needs any of this.
    static bool concerns(const Order &order, const SharingRules &rules, const CacheWish &wish);

    // Whether the cache may answer the order, or keep its result.
    static bool may_be_cached(const Order &order, const SharingRules &rules, const CacheWish &wish);

    explicit Joining(Parts parts);
    // Forgets what it has claimed and not handed over.
    ~Joining();
    Joining(const Joining &) = delete;
    Joining &operator=(const Joining &) = delete;

    // Calls `then` once, perhaps before it returns.
    void start(std::function<void(Joined)> then);

    // The terms for the making that the request leads. When it has begun, call hand_over().
    [[nodiscard]] const SharingTerms &terms() const { return terms_; }
    void hand_over() noexcept;
    // The request leads no making: another one may.
    void let_go() noexcept;

    // How the cache took part, for the reply.
    [[nodiscard]] const std::optional<RecordId> &cache_id() const { return first_cache_id_; }
    // Of the job that the request leads, or that exists already.
    [[nodiscard]] const JobAbout &job() const { return job_; }
    [[nodiscard]] bool may_be_stored() const { return !terms_.cache_ids.empty(); }

 private:
    void digest_inputs();
    void on_digested(std::optional<InputDigests> digests);
    void as_job();
    void by_key();
    void claim();
    [[nodiscard]] bool hold_key();
    void on_claimed(const Claimed &claimed);
    void on_ours();
    void take_over(const Claimed &claimed);
    void note_unasked();
    void forget_claim() noexcept;
    void end_without_leader(const Claimed &claimed);
    void wait();
    void in_cache();
    void on_found(std::optional<size_t> found, const KeptRecord &record);
    void among_equals();
    void take_promise();
    void follow(std::shared_ptr<SharedMaking> making);
    void replay(const KeptRecord &record);
    void lead_or_make();
    void refuse(ApiError error);
    void end(Joined joined);
    [[nodiscard]] std::string cache_scope() const;
    [[nodiscard]] bool uses_cache() const;
    [[nodiscard]] bool has_waited() const { return pause_ != Milliseconds(0); }

    Parts parts_;
    std::function<void(Joined)> then_;
    std::string tenant_;      // empty: the caller has no identity
    std::string request_id_;  // moved to the last operation on the record
    InputDigests digests_;
    SharingTerms terms_;
    JobAbout job_;
    bool leads_ = false;
    bool promised_ = false;
    bool claims_ = false;  // a claim is made, or its answer is not there yet
    std::optional<RecordId> first_cache_id_;
    std::vector<size_t> cache_candidates_;  // of the ids that are looked up
    Milliseconds pause_{0};
    std::unique_ptr<Task> task_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace gateway
