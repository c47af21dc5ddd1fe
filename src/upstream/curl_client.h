// The port UpstreamClient by libcurl. One for each worker, made after the fork.
#pragma once

#include <memory>
#include <vector>

#include "core/bytes/block_pool.h"
#include "core/ports.h"
#include "upstream/curl_multi.h"

namespace gateway {

class CurlClient final : public UpstreamClient {
 public:
    CurlClient(EventLoop &loop, SocketPort &sockets);
    ~CurlClient() override;
    CurlClient(const CurlClient &) = delete;
    CurlClient &operator=(const CurlClient &) = delete;

    // Makes ready what calls that trust this file need ("" for the system's): curl opens files for
    // it.
    void prepare(const std::string &ca_file) { multi_for(ca_file); }

    std::unique_ptr<UpstreamCall> start(HttpCall call,
                                        std::function<void(HttpReply)> on_reply) override;

 private:
    CurlMulti &multi_for(const std::string &ca_file);

    EventLoop &loop_;
    SocketPort &sockets_;
    std::shared_ptr<BlockPool> blocks_;
    std::vector<std::unique_ptr<CurlMulti>> multis_;
};

}  // namespace gateway
