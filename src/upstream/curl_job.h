// What a multi handle drives: one easy handle on its way, and word of its end.
#pragma once

#include <curl/curl.h>

#include <array>

namespace gateway {

class CurlMulti;

inline constexpr long kReceiveBuffer = 256L * 1024;  // each read costs a poll and a recv

class CurlJob {
 public:
    CurlJob(const CurlJob &) = delete;
    CurlJob &operator=(const CurlJob &) = delete;

    [[nodiscard]] CURL *easy() const { return easy_; }
    [[nodiscard]] bool added() const { return added_; }
    void set_added(bool added) { added_ = added; }
    void set_result(CURLcode result) { result_ = result; }

    // Hands over what has come so far, if it asked for that by note().
    virtual void hear() {}
    // Hands over what came of it. The job may be gone when this returns.
    virtual void deliver() = 0;

 protected:
    explicit CurlJob(CurlMulti &multi);
    virtual ~CurlJob() = default;
    // The last act of a job, before its own parts go: cancels it, whatever its state.
    void leave() noexcept;

    void add_header(const char *line);
    // Why it failed, in curl's words.
    [[nodiscard]] const char *problem() const;

    CurlMulti &multi_;
    CURL *easy_;
    curl_slist *headers_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_{};
    CURLcode result_ = CURLE_OK;

 private:
    bool added_ = false;
};

}  // namespace gateway
