// One transfer of a multi handle: an easy handle, if it is curl's, and the functions to call as it
// goes on.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "core/callback_owner.h"

namespace gateway {

class CurlMulti;

inline constexpr long kReceiveBuffer = 256L * 1024;  // large: each read costs a poll and a recv
// The least memory that is reserved for a response of unknown length.
inline constexpr size_t kFirstRoom = size_t{256} * 1024;

class CurlJob {
 public:
    CurlJob(const CurlJob &) = delete;
    CurlJob &operator=(const CurlJob &) = delete;

    [[nodiscard]] CURL *easy() const { return easy_; }
    // Ends when the job throws.
    [[nodiscard]] CallbackOwner &owner() const { return owner_; }
    [[nodiscard]] bool added() const { return added_; }
    void set_added(bool added) { added_ = added; }
    void set_result(CURLcode result) { result_ = result; }
    // The socket that the loop stopped watching last for this transfer; -1 if there is none.
    [[nodiscard]] int released_socket() const { return released_socket_; }
    void set_released_socket(int socket) { released_socket_ = socket; }

    // It is done, and is about to leave the multi handle.
    virtual void before_removal() noexcept {}
    // Gives its owner what has come so far. Called after note().
    virtual void hear() {}
    // Gives its owner the result. This may destroy the job.
    virtual void deliver() = 0;
    // Its next turn has come. Called after wait_for_turn().
    virtual void take_turn() = 0;

 protected:
    // With an easy handle, with a new one that no other job gets afterwards, or without one: then
    // it only takes part in the turns.
    enum class Kind : uint8_t { curls, fresh, own };
    CurlJob(CurlMulti &multi, CallbackOwner &owner, Kind kind = Kind::curls);
    virtual ~CurlJob();
    // Cancels the transfer in any state. Derived destructors call it first.
    void leave() noexcept;

    // The headers that curl sends, each "Name: value"; `last` may be null. Curl refers to their
    // texts.
    void set_headers(const std::vector<std::string> &lines, const char *last);
    // The length of the response by its headers, if they have one.
    [[nodiscard]] std::optional<size_t> promised() const;
    // curl's error message.
    [[nodiscard]] const char *problem() const;

    // Whether the transfer has used up its share of this turn of the event loop, so that the rest
    // must wait for the next one.
    [[nodiscard]] bool has_had_its_turn() noexcept;
    void count(size_t bytes) noexcept { turn_bytes_ += bytes; }

    // Curl's callbacks must not throw. They keep an exception, and deliver() throws it again.
    void keep_exception() noexcept { thrown_ = std::current_exception(); }
    void rethrow() const;

    CurlMulti &multi_;
    CURL *easy_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::vector<curl_slist> headers_;
    CURLcode result_ = CURLE_OK;
    // Curl has repeated a request with this handle. It counts these repetitions over the life of a
    // handle and fails after five, so such a handle is not reused.
    bool is_retried_ = false;

 private:
    CallbackOwner &owner_;
    bool is_fresh_ = false;
    bool has_left_ = false;
    bool added_ = false;
    int released_socket_ = -1;
    std::exception_ptr thrown_;
    uint64_t turn_ = 0;  // in which the next two were counted
    size_t turn_bytes_ = 0;
    std::chrono::steady_clock::time_point turn_began_;
};

}  // namespace gateway
