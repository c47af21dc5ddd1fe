#include "upstream/curl_job.h"

#include <new>

#include "upstream/curl_multi.h"

namespace gateway {

CurlJob::CurlJob(CurlMulti &multi) : multi_(multi), easy_(multi.take_easy()) {
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_.data());
}

void CurlJob::leave() noexcept {
    multi_.remove(*this);
    curl_slist_free_all(headers_);
    multi_.give_back(easy_);
}

void CurlJob::add_header(const char *line) {
    curl_slist *longer = curl_slist_append(headers_, line);
    if (longer == nullptr) {
        throw std::bad_alloc();
    }
    headers_ = longer;
}

const char *CurlJob::problem() const {
    return error_[0] != '\0' ? error_.data() : curl_easy_strerror(result_);
}

}  // namespace gateway
