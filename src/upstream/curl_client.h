// The port UpstreamClient by libcurl. One for each worker, made after the fork.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "core/bytes/block_pool.h"
#include "core/picture_ports.h"
#include "core/ports.h"
#include "upstream/curl_multi.h"

namespace gateway {

class CurlClient final : public UpstreamClient, public PictureFetcher {
 public:
    CurlClient(EventLoop &loop, SocketPort &sockets);
    ~CurlClient() override;
    CurlClient(const CurlClient &) = delete;
    CurlClient &operator=(const CurlClient &) = delete;

    // Makes ready what calls that trust this file need ("" for the system's): curl opens files for
    // it.
    void prepare(const std::string &ca_file) {
        multi_for(own_, ca_file);
        multi_for(foreign_, ca_file);
    }

    using UpstreamClient::start;
    std::unique_ptr<UpstreamCall> start(HttpCall call, CallListener listener) override;
    void send_off(HttpCall call) override;
    [[nodiscard]] size_t memory_held() const override { return blocks_->lent() * kBlockSize; }
    std::unique_ptr<Fetch> fetch(PictureFetch fetch,
                                 std::function<void(FetchedPicture)> on_end) override;

 private:
    using Multis = std::vector<std::unique_ptr<CurlMulti>>;
    CurlMulti &multi_for(Multis &multis, const std::string &ca_file);

    EventLoop &loop_;
    SocketPort &sockets_;
    std::shared_ptr<BlockPool> blocks_;
    Multis own_;      // to configured providers
    Multis foreign_;  // to wherever a link leads: no connection is shared between the two
    std::list<std::unique_ptr<UpstreamCall>> sent_off_;  // nobody else owns these
};

}  // namespace gateway
