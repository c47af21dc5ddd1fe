#include "upstream/curl_client.h"

#include <algorithm>
#include <utility>

#include "upstream/curl_fetch.h"
#include "upstream/curl_transfer.h"

namespace gateway {

namespace {

constexpr size_t kMostSentOff = 256;
constexpr size_t kIdleBlocks = 512;  // 32 MB kept for the next answers

}  // namespace

CurlClient::CurlClient(EventLoop &loop, SocketPort &sockets)
    : loop_(loop), sockets_(sockets), blocks_(BlockPool::create(kIdleBlocks)) {
    curl_global_init(CURL_GLOBAL_ALL);
}

CurlClient::~CurlClient() {
    sent_off_.clear();
    own_.clear();
    foreign_.clear();
    curl_global_cleanup();
}

std::unique_ptr<UpstreamCall> CurlClient::start(HttpCall call, CallListener listener) {
    CurlMulti &multi = multi_for(own_, call.ca_file);
    return std::make_unique<CurlTransfer>(multi, loop_, blocks_, std::move(call),
                                          std::move(listener));
}

void CurlClient::send_off(HttpCall call) {
    if (sent_off_.size() >= kMostSentOff) {
        return;
    }
    const auto place = sent_off_.emplace(sent_off_.end());
    try {
        *place =
            start(std::move(call), [this, place](const HttpReply &) { sent_off_.erase(place); });
    } catch (...) {
        sent_off_.erase(place);
        throw;
    }
}

std::unique_ptr<Fetch> CurlClient::fetch(PictureFetch fetch,
                                         std::function<void(FetchedPicture)> on_end) {
    CurlMulti &multi = multi_for(foreign_, fetch.ca_file);
    return std::make_unique<CurlFetch>(multi, blocks_, std::move(fetch), std::move(on_end));
}

CurlMulti &CurlClient::multi_for(Multis &multis, const std::string &ca_file) {
    const auto found = std::find_if(multis.begin(), multis.end(),
                                    [&](const auto &multi) { return multi->ca_file() == ca_file; });
    if (found != multis.end()) {
        return **found;
    }
    return *multis.emplace_back(std::make_unique<CurlMulti>(loop_, sockets_, ca_file));
}

}  // namespace gateway
