#include "upstream/curl_client.h"

#include <algorithm>
#include <utility>

#include "upstream/curl_fetch.h"
#include "upstream/curl_memory.h"
#include "upstream/native_transfer.h"

namespace gateway {

namespace {

constexpr size_t kMaxSentOff = 256;
constexpr size_t kIdleBlocks = 512;  // 32 MB are kept for the next responses
constexpr Milliseconds kServeAgain{10};
constexpr Milliseconds kTrimAgain{5'000};
constexpr size_t kMaxTrimmed = 128;  // blocks at a time; each takes a few microseconds
constexpr Milliseconds kReleaseAgain{1};

// Whether a connection to the target can lead through this proxy, or through none. With another
// kind of proxy, or a provider without TLS behind one, libcurl speaks HTTP.
bool can_pass(std::string_view proxy, const HttpTarget &target) {
    return proxy.empty() || (target.is_secure && proxy.starts_with("http://"));
}

}  // namespace

CurlEngine::CurlEngine(const Clock &clock, EventLoop &loop, SocketPort &sockets, HeldMemory &memory)
    : clock_(clock),
      loop_(loop),
      sockets_(sockets),
      memory_(memory.shared_from_this()),
      blocks_(BlockPool::create(kIdleBlocks)),
      serving_(loop.make_alarm([this] { on_serving(); }, TimerKind::idle)),
      trimming_(loop.make_alarm([this] { on_trimming(); }, TimerKind::idle)),
      releasing_(loop.make_alarm([this] { on_releasing(); }, TimerKind::idle)),
      connections_(clock, loop, sockets) {
    init_curl();
    memory_->on_waiting = [this] { serving_->set(kServeAgain); };
    blocks_->on_surplus = [this] { releasing_->set(kReleaseAgain); };
}

CurlEngine::~CurlEngine() {
    memory_->on_waiting = nullptr;
    blocks_->on_surplus = nullptr;
    sent_off_.clear();
    own_.clear();
    foreign_.clear();
    curl_global_cleanup();
}

// Memory is released in destructors, where no transfer may be resumed. So this timer looks every
// few milliseconds for responses that may go on.
void CurlEngine::on_serving() {
    if (memory_->anyone_waits()) {
        serving_->set(kServeAgain);
        memory_->serve();
    }
}

void CurlEngine::on_trimming() {
    blocks_->trim(kMaxTrimmed);
    const bool has_buffers = trim_curl_memory();
    is_trimming_ = has_buffers || blocks_->lent() + blocks_->idle() > 0;
    if (is_trimming_) {
        trimming_->set(kTrimAgain);
    }
}

// A response of 256 MB leaves more than 3,000 blocks at once. Their pages are released a few at a
// time, so that other requests need not wait for it.
void CurlEngine::on_releasing() {
    blocks_->release_surplus(kMaxTrimmed);
    if (blocks_->has_surplus()) {
        releasing_->set(kReleaseAgain);
    }
}

const std::shared_ptr<BlockPool> &CurlEngine::blocks() {
    if (!std::exchange(is_trimming_, true)) {
        trimming_->set(kTrimAgain);
    }
    return blocks_;
}

std::unique_ptr<ProviderTransfer> CurlEngine::start(CallbackOwner &owner, EventLoop &loop,
                                                    TaskPool *tasks, HttpCall &&call,
                                                    CallListener &&listener) {
    CurlMulti &multi = provider_multi(call.ca_file);
    if (call.is_native) {
        auto target = plain_target(call.url);
        if (target && can_pass(call.proxy, *target)) {
            return std::make_unique<NativeTransfer>(multi, owner, loop, tasks, blocks(),
                                                    connections_, std::move(*target),
                                                    std::move(call), std::move(listener));
        }
    }
    return std::make_unique<CurlTransfer>(multi, owner, loop, tasks, blocks(), std::move(call),
                                          std::move(listener));
}

void CurlEngine::send_off(HttpCall call) {
    std::erase_if(sent_off_, [](const auto &sent) { return sent->has_ended(); });
    if (sent_off_.size() >= kMaxSentOff) {
        return;
    }
    const auto place = sent_off_.emplace(sent_off_.end());
    try {
        *place = start(*this, loop_, nullptr, std::move(call),
                       CallListener{nullptr, nullptr, [this, place](const HttpResponse &) {
                                        sent_off_.erase(place);
                                    }});
    } catch (...) {
        sent_off_.erase(place);
        throw;
    }
}

CurlMulti &CurlEngine::multi_for(Multis &multis, const std::string &ca_file) {
    const auto found = std::find_if(multis.begin(), multis.end(),
                                    [&](const auto &multi) { return multi->ca_file() == ca_file; });
    if (found != multis.end()) {
        return **found;
    }
    return *multis.emplace_back(std::make_unique<CurlMulti>(clock_, loop_, sockets_, ca_file));
}

std::unique_ptr<UpstreamCall> CurlClient::start(HttpCall call, CallListener listener) {
    return engine_.start(owner_, loop_, tasks_, std::move(call), std::move(listener));
}

std::unique_ptr<Fetch> CurlClient::fetch(ImageFetch fetch,
                                         std::function<void(FetchedImage)> on_end) {
    CurlMulti &multi = engine_.link_multi(fetch.ca_file);
    return std::make_unique<CurlFetch>(multi, owner_, engine_.blocks(), std::move(fetch),
                                       std::move(on_end));
}

}  // namespace gateway
