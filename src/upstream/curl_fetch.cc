#include "upstream/curl_fetch.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/version.h"
#include "upstream/curl_multi.h"

namespace gateway {

CurlFetch::CurlFetch(CurlMulti &multi, CallbackOwner &owner, std::shared_ptr<BlockPool> blocks,
                     ImageFetch fetch, std::function<void(FetchedImage)> on_end)
    : CurlJob(multi, owner),
      fetch_(std::move(fetch)),
      socket_(multi.sockets(), fetch_.rules),
      on_end_(std::move(on_end)),
      memory_(fetch_.memory == nullptr ? nullptr : fetch_.memory->begin_answer()),
      writer_(Blocks(std::move(blocks), memory_)) {
    if (memory_ != nullptr) {
        memory_->on_room = [this] { go_on(); };
    }
    configure();
    multi_.add(*this);
}

CurlFetch::~CurlFetch() {
    leave();
    *fetch_.left += claimed_;
    if (memory_ != nullptr) {
        memory_->on_room = nullptr;
        memory_->end();
    }
}

void CurlFetch::configure() {
    constexpr long kMaxRedirects = 3;
    set_headers({}, "Accept: image/*");
    curl_easy_setopt(easy_, CURLOPT_URL, fetch_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, kUserAgentOfFetches);
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy_, CURLOPT_MAXREDIRS, kMaxRedirects);
    curl_easy_setopt(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    socket_.guard(easy_);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(fetch_.timeouts.connect.count()));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(fetch_.timeouts.total.count()));
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlFetch::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
}

// ---- curl's callbacks: they only record

size_t CurlFetch::on_body(char *bytes, size_t size, size_t count, void *self) noexcept {
    auto &job = *static_cast<CurlFetch *>(self);
    try {
        return job.take_piece({bytes, size * count});
    } catch (...) {
        job.keep_exception();
        return 0;
    }
}

size_t CurlFetch::take_piece(std::string_view bytes) {
    constexpr long kOk = 200;
    if (status() != kOk) {
        return 0;
    }
    if (has_had_its_turn()) {
        multi_.wait_for_turn(*this);
        return CURL_WRITEFUNC_PAUSE;
    }
    if (!claim(writer_.size() + bytes.size())) {
        too_large_ = true;
        return 0;
    }
    if (!has_room(bytes.size())) {
        return CURL_WRITEFUNC_PAUSE;
    }
    count(bytes.size());
    writer_.feed(bytes);
    return bytes.size();
}

// Claims the whole announced size at once, so that an image that does not fit leaves room for
// others that do.
bool CurlFetch::claim(size_t received) {
    const size_t whole = std::max(received, promised().value_or(0));
    const size_t more = whole > claimed_ ? whole - claimed_ : 0;
    if (more > *fetch_.left) {
        return false;
    }
    *fetch_.left -= more;
    claimed_ += more;
    return true;
}

bool CurlFetch::has_room(size_t count) {
    if (memory_ == nullptr) {
        return true;
    }
    const size_t need = writer_.blocks_for(count) * kBlockSize;
    const size_t received = writer_.size();
    const size_t coming =
        promised() ? std::max(*promised(), received) - received : std::max(kFirstRoom, received);
    return memory_->reserved() >= need ||
           memory_->reserve(need, writer_.blocks_for(coming) * kBlockSize);
}

void CurlFetch::go_on() {
    multi_.resume(*this);
}

void CurlFetch::take_turn() {
    go_on();
}

// ---- the end

long CurlFetch::status() const {
    long code = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

void CurlFetch::deliver() {
    constexpr long kOk = 200;
    if (memory_ != nullptr) {
        memory_->end();
    }
    rethrow();
    FetchedImage image;
    if (result_ == CURLE_OK && status() == kOk && writer_.size() > 0) {
        *fetch_.left += claimed_ - writer_.size();
        claimed_ = 0;
        image.base64 = std::move(writer_).finish();
    } else if (socket_.has_refused()) {
        image.problem = "it leads to an address that is not allowed";
    } else if (too_large_) {
        image.problem = "it is too large";
    } else if (status() != 0 && status() != kOk) {
        image.problem = "it was answered with status " + std::to_string(status());
    } else if (result_ == CURLE_OK) {
        image.problem = "it is empty";
    } else {
        image.problem = problem();
    }
    // Some image hosts return 404 for a moment.
    image.worth_again = !socket_.has_refused() && !too_large_ && !image.problem.empty();
    const auto on_end = std::move(on_end_);
    on_end(std::move(image));
}

}  // namespace gateway
