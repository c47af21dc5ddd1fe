// What a multi handle drives: one easy handle on its way, and word of its end.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>

#include "core/callback_owner.h"

namespace gateway {

class CurlMulti;

inline constexpr long kReceiveBuffer = 256L * 1024;  // each read costs a poll and a recv
// What an answer is given at least where it is not known how long it will be.
inline constexpr size_t kFirstRoom = size_t{256} * 1024;

class CurlJob {
 public:
    CurlJob(const CurlJob &) = delete;
    CurlJob &operator=(const CurlJob &) = delete;

    [[nodiscard]] CURL *easy() const { return easy_; }
    // Whom it fails for when it throws.
    [[nodiscard]] CallbackOwner &owner() const { return owner_; }
    [[nodiscard]] bool added() const { return added_; }
    void set_added(bool added) { added_ = added; }
    void set_result(CURLcode result) { result_ = result; }

    // Hands over what has come so far, if it asked for that by note().
    virtual void hear() {}
    // Hands over what came of it. The job may be gone when this returns.
    virtual void deliver() = 0;
    // Its next turn has come, after it asked for one by wait_for_turn().
    virtual void take_turn() = 0;

 protected:
    CurlJob(CurlMulti &multi, CallbackOwner &owner);
    virtual ~CurlJob();
    // The last act of a job, before its own parts go: cancels it, whatever its state.
    void leave() noexcept;

    void add_header(const char *line);
    // The answer's length; none if it is not said.
    [[nodiscard]] std::optional<size_t> promised() const;
    // Why it failed, in curl's words.
    [[nodiscard]] const char *problem() const;

    // What one transfer may do in a turn of the loop is bounded. True when that much is done, and
    // the rest must wait for the next turn.
    [[nodiscard]] bool has_had_its_turn() noexcept;
    void count(size_t bytes) noexcept { turn_bytes_ += bytes; }

    // From within curl's callbacks, out of which nothing may be thrown: keeps what was, and
    // deliver() throws it again.
    void keep_exception() noexcept { thrown_ = std::current_exception(); }
    void rethrow() const;

    CurlMulti &multi_;
    CURL *easy_;
    curl_slist *headers_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_{};
    CURLcode result_ = CURLE_OK;
    // Curl has tried again with this handle. It never forgets that, and gives up after five times.
    bool is_retried_ = false;

 private:
    CallbackOwner &owner_;
    bool added_ = false;
    std::exception_ptr thrown_;
    uint64_t turn_ = 0;  // that these are of
    size_t turn_bytes_ = 0;
    std::chrono::steady_clock::time_point turn_began_;
};

}  // namespace gateway
