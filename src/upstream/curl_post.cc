#include "upstream/curl_post.h"

#include <utility>

#include "upstream/curl_multi.h"

namespace gateway {

CurlPost::CurlPost(CurlMulti &multi, CallbackOwner &owner, WebhookPost post,
                   std::function<void(WebhookResponse)> on_end)
    : CurlJob(multi, owner, Kind::fresh),
      post_(std::move(post)),
      on_end_(std::move(on_end)),
      socket_(multi.sockets(), post_.addresses) {
    configure();
    multi_.add(*this);
}

CurlPost::~CurlPost() {
    leave();
}

void CurlPost::configure() {
    constexpr long kSmallBuffer = 16L * 1024;
    set_headers(post_.headers, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_URL, post_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, post_.body.data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(post_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kSmallBuffer);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(post_.connect_timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(post_.timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlPost::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    socket_.guard(easy_);
}

// The status is all that matters. A short body is awaited, because receivers may log a connection
// that is closed before.
size_t CurlPost::on_body(char * /*bytes*/, size_t size, size_t count, void *self) noexcept {
    constexpr size_t kMostRead = size_t{64} * 1024;
    auto &job = *static_cast<CurlPost *>(self);
    job.received_ += size * count;
    return job.received_ <= kMostRead ? size * count : 0;
}

void CurlPost::deliver() {
    rethrow();
    WebhookResponse response;
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &retry_after);
    response.status = static_cast<int>(status);
    if (retry_after > 0) {
        response.retry_after = retry_after;
    }
    // curl's own message may have parts of the URL.
    response.problem = socket_.has_refused() ? "it leads to an address that is not allowed"
                                             : curl_easy_strerror(result_);
    const auto on_end = std::move(on_end_);
    on_end(response);
}

std::unique_ptr<Task> CurlWebhooks::post(WebhookPost post, CallbackOwner &owner,
                                         std::function<void(WebhookResponse)> on_end) {
    CurlMulti &multi = engine_.link_multi(post.ca_file);
    return std::make_unique<CurlPost>(multi, owner, std::move(post), std::move(on_end));
}

}  // namespace gateway
