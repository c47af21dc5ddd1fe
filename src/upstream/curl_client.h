// The port UpstreamClient, implemented with libcurl.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "core/bytes/block_pool.h"
#include "core/bytes/held_memory.h"
#include "core/image_ports.h"
#include "core/ports.h"
#include "upstream/curl_multi.h"
#include "upstream/curl_transfer.h"
#include "upstream/kept_connections.h"

namespace gateway {

// Shared by all clients of a worker: multi handles, memory, and calls that nobody waits for. It is
// created after the fork.
class CurlEngine final : private CallbackOwner {
 public:
    CurlEngine(const Clock &clock, EventLoop &loop, SocketPort &sockets, HeldMemory &memory);
    ~CurlEngine();
    CurlEngine(const CurlEngine &) = delete;
    CurlEngine &operator=(const CurlEngine &) = delete;

    // Creates the multi handles for calls that trust this CA file ("": the system's), for which
    // curl opens files.
    void prepare(const std::string &ca_file) {
        provider_multi(ca_file);
        link_multi(ca_file);
    }

    CurlMulti &provider_multi(const std::string &ca_file) { return multi_for(own_, ca_file); }
    CurlMulti &link_multi(const std::string &ca_file) { return multi_for(foreign_, ca_file); }
    // Blocks for responses. Unused ones return their pages to the system after some time.
    const std::shared_ptr<BlockPool> &blocks();
    [[nodiscard]] size_t memory_held() const { return blocks_->lent() * kBlockSize; }
    std::unique_ptr<ProviderTransfer> start(CallbackOwner &owner, EventLoop &loop, TaskPool *tasks,
                                            HttpCall &&call, CallListener &&listener);
    void send_off(HttpCall call);

 private:
    // An exception of a call that nobody waits for.
    void end_by_exception(const char * /*what*/) noexcept override {}

    using Multis = std::vector<std::unique_ptr<CurlMulti>>;
    CurlMulti &multi_for(Multis &multis, const std::string &ca_file);
    void on_serving();
    void on_trimming();
    void on_releasing();

    const Clock &clock_;
    EventLoop &loop_;
    SocketPort &sockets_;
    std::shared_ptr<HeldMemory> memory_;
    std::shared_ptr<BlockPool> blocks_;
    std::unique_ptr<Alarm> serving_;    // set while responses wait for memory
    std::unique_ptr<Alarm> trimming_;   // set while there is memory for responses
    std::unique_ptr<Alarm> releasing_;  // set while the pool has a surplus
    bool is_trimming_ = false;
    Multis own_;      // to configured providers
    Multis foreign_;  // to the hosts of links; no connection is shared with `own_`
    KeptConnections connections_;
    std::list<std::unique_ptr<ProviderTransfer>> sent_off_;
};

// The client of one request, or of the worker. An exception in one of its calls ends their owner.
// Without tasks, no body may have content in a file.
class CurlClient final : public UpstreamClient, public ImageFetcher {
 public:
    CurlClient(CurlEngine &engine, CallbackOwner &owner, EventLoop &loop, TaskPool *tasks = nullptr)
        : engine_(engine), owner_(owner), loop_(loop), tasks_(tasks) {}

    using UpstreamClient::start;
    std::unique_ptr<UpstreamCall> start(HttpCall call, CallListener listener) override;
    void send_off(HttpCall call) override { engine_.send_off(std::move(call)); }
    // Bytes of the blocks that hold responses.
    [[nodiscard]] size_t memory_held() const { return engine_.memory_held(); }
    std::unique_ptr<Fetch> fetch(ImageFetch fetch,
                                 std::function<void(FetchedImage)> on_end) override;

 private:
    CurlEngine &engine_;
    CallbackOwner &owner_;
    EventLoop &loop_;
    TaskPool *tasks_;
};

}  // namespace gateway
