#include "upstream/curl_job.h"

#include <new>
#include <utility>

#include "upstream/curl_multi.h"

namespace gateway {

CurlJob::CurlJob(CurlMulti &multi, CallbackOwner &owner)
    : multi_(multi), easy_(multi.take_easy()), owner_(owner) {
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_.data());
}

CurlJob::~CurlJob() {
    leave();
}

void CurlJob::leave() noexcept {
    if (easy_ == nullptr) {
        return;
    }
    multi_.remove(*this);
    curl_slist_free_all(std::exchange(headers_, nullptr));
    multi_.give_back(std::exchange(easy_, nullptr), !is_retried_);
}

void CurlJob::add_header(const char *line) {
    curl_slist *longer = curl_slist_append(headers_, line);
    if (longer == nullptr) {
        throw std::bad_alloc();
    }
    headers_ = longer;
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
