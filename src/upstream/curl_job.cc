#include "upstream/curl_job.h"

#include <utility>

#include "upstream/curl_multi.h"

namespace gateway {

CurlJob::CurlJob(CurlMulti &multi, CallbackOwner &owner, Kind kind)
    : multi_(multi), owner_(owner), is_fresh_(kind == Kind::fresh) {
    if (kind == Kind::own) {
        multi.take_place();
        return;
    }
    easy_ = kind == Kind::fresh ? multi.take_new_easy() : multi.take_easy();
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_.data());
}

CurlJob::~CurlJob() {
    leave();
}

void CurlJob::leave() noexcept {
    if (std::exchange(has_left_, true)) {
        return;
    }
    multi_.remove(*this);
    if (easy_ == nullptr) {
        multi_.give_place_back();
    } else {
        multi_.give_back(std::exchange(easy_, nullptr), !is_retried_ && !is_fresh_);
    }
}

// Curl's own curl_slist_append() would copy each line.
void CurlJob::set_headers(const std::vector<std::string> &lines, const char *last) {
    headers_.reserve(lines.size() + 1);
    for (const std::string &line : lines) {
        headers_.push_back({const_cast<char *>(line.c_str()), nullptr});
    }
    if (last != nullptr) {
        headers_.push_back({const_cast<char *>(last), nullptr});
    }
    for (size_t i = 1; i < headers_.size(); ++i) {
        headers_[i - 1].next = &headers_[i];
    }
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_.empty() ? nullptr : headers_.data());
}

std::optional<size_t> CurlJob::promised() const {
    curl_off_t length = -1;
    curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length < 0 ? std::nullopt : std::optional(static_cast<size_t>(length));
}

const char *CurlJob::problem() const {
    return error_[0] != '\0' ? error_.data() : curl_easy_strerror(result_);
}

bool CurlJob::has_had_its_turn() noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (turn_ != multi_.turn()) {
        turn_ = multi_.turn();
        turn_bytes_ = 0;
        turn_began_ = now;
    }
    return turn_bytes_ >= multi_.share_of_bytes() || now - turn_began_ >= multi_.share_of_time();
}

void CurlJob::rethrow() const {
    if (thrown_ != nullptr) {
        std::rethrow_exception(thrown_);
    }
}

}  // namespace gateway
