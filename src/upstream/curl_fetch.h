// Fetches the image behind a provider's link, without credentials and only from allowed addresses.
#pragma once

#include <memory>
#include <string_view>

#include "core/bytes/held_memory.h"
#include "core/image_ports.h"
#include "core/images/base64_stream.h"
#include "upstream/curl_job.h"
#include "upstream/guarded_socket.h"

namespace gateway {

class CurlFetch final : public Fetch, private CurlJob {
 public:
    // `multi` must not be used for calls to providers: this would reuse their idle connections
    // without a check of the address.
    CurlFetch(CurlMulti &multi, CallbackOwner &owner, std::shared_ptr<BlockPool> blocks,
              ImageFetch fetch, std::function<void(FetchedImage)> on_end);
    ~CurlFetch() override;
    CurlFetch(const CurlFetch &) = delete;
    CurlFetch &operator=(const CurlFetch &) = delete;

 private:
    static size_t on_body(char *bytes, size_t size, size_t count, void *self) noexcept;

    void configure();
    void deliver() override;
    void take_turn() override;
    [[nodiscard]] long status() const;
    size_t take_piece(std::string_view bytes);
    [[nodiscard]] bool claim(size_t received);
    [[nodiscard]] bool has_room(size_t count);
    void go_on();

    ImageFetch fetch_;
    GuardedSocket socket_;
    std::function<void(FetchedImage)> on_end_;
    std::shared_ptr<AnswerMemory> memory_;  // null: memory is not counted
    Base64Writer writer_;
    size_t claimed_ = 0;  // bytes, of those that all images of the reply may have together
    bool too_large_ = false;
};

}  // namespace gateway
