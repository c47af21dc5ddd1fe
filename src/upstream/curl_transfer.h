// A call to a provider in progress: an easy handle, the request, and what has arrived of the
// response. To destroy it cancels it.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/bytes/held_memory.h"
#include "core/http_call.h"
#include "core/images/base64_stream.h"
#include "core/json/lifter.h"
#include "core/ports.h"
#include "upstream/call_body_reader.h"
#include "upstream/curl_job.h"

namespace gateway {

class CurlTransfer final : public UpstreamCall, private CurlJob {
 public:
    // `tasks` may be null if the call's body has no content in a file.
    CurlTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop, TaskPool *tasks,
                 std::shared_ptr<BlockPool> blocks, HttpCall call, CallListener listener);
    ~CurlTransfer() override;
    CurlTransfer(const CurlTransfer &) = delete;
    CurlTransfer &operator=(const CurlTransfer &) = delete;

    [[nodiscard]] bool is_sent() const override;
    [[nodiscard]] bool is_delayed() const override { return response_.delayed; }
    void hold(bool held) override;
    // Whether it is over, also if its listener could not be called.
    [[nodiscard]] bool has_ended() const { return ended_; }

 private:
    using Time = std::chrono::steady_clock::time_point;

    void hear() override;
    void deliver() override;
    void take_turn() override;

    static size_t on_header(char *text, size_t size, size_t count, void *self) noexcept;
    static size_t on_body(char *bytes, size_t size, size_t count, void *self) noexcept;
    static int on_send(void *self, char *, char *, int, int port) noexcept;
    static size_t on_read(char *into, size_t size, size_t count, void *self) noexcept;
    static int on_seek(void *self, curl_off_t offset, int origin) noexcept;

    static curl_socket_t on_open(void *self, curlsocktype purpose, curl_sockaddr *address) noexcept;

    void configure(TaskPool *tasks);
    void configure_body(TaskPool *tasks);
    size_t read_body(std::span<char> into);
    void on_body_ready();
    void keep_connection_for(Milliseconds time);
    void take_header(std::string_view line);
    [[nodiscard]] bool must_wait() const;
    // By the listener, or because there is no memory.
    [[nodiscard]] bool is_held_up() const {
        return (held_ && (response_.streamed || passed_ > 0)) ||
               (memory_ != nullptr && memory_->waits());
    }
    size_t take_piece(std::string_view bytes);
    void begin_body();
    size_t pause() noexcept;
    [[nodiscard]] bool has_room(size_t count);
    [[nodiscard]] size_t blocks_for(size_t count) const;
    void on_room();
    // False if it is not valid.
    bool take_body(std::string_view bytes);
    bool pass_on();
    [[nodiscard]] bool is_image_begun();
    bool hand_over();
    void take_whole_body();
    [[nodiscard]] bool has_body() const { return body_ != nullptr; }
    void go_on();
    void note_held_time() noexcept;
    [[nodiscard]] Time::duration time_used(Time now) const;
    void watch() noexcept;
    void on_watch() noexcept;
    [[nodiscard]] bool is_resent() const { return sends_ > 1 && call_.method == HttpMethod::post; }
    [[nodiscard]] bool was_never_delivered() const noexcept;
    [[nodiscard]] TransferEnd transfer_end() const;

    HttpCall call_;
    std::unique_ptr<CallBodyReader> request_body_;  // null if curl reads the body in memory
    CallListener listener_;
    std::shared_ptr<AnswerMemory> memory_;  // null: memory is not counted
    // For the timeouts. Time in which we hold up the response does not count.
    std::unique_ptr<Alarm> alarm_;
    Time began_;
    Time last_byte_;
    std::optional<Time> held_since_;
    Time::duration held_for_{0};
    std::shared_ptr<BlockPool> blocks_;
    // JSON, an image in base64, or events. Made when the body begins: most of the time a call
    // waits.
    using Body = std::variant<Lifter, Base64Writer, EventReader>;
    std::unique_ptr<Body> body_;
    // Collected until curl has returned:
    std::vector<ServerEvent> waiting_;
    size_t handed_over_ = 0;  // of them
    Bytes pieces_;
    size_t unheard_ = 0;    // bytes of both
    size_t next_look_ = 0;  // how much must be there for the next check of an image's beginning
    bool held_ = false;     // by the listener
    bool paused_ = false;
    bool body_failed_ = false;  // a part of the request could not be read
    bool had_its_turn_ = false;
    bool ended_ = false;
    size_t header_bytes_ = 0;
    size_t received_ = 0;
    bool is_image_ = false;
    size_t passed_ = 0;  // characters of an image that were passed through
    HttpResponse response_;
    int sends_ = 0;
    int port_ = 0;  // the local port of the first connection
    std::chrono::steady_clock::time_point sent_;
    bool undelivered_ = false;  // the first connection delivered nothing of the body
    bool too_large_ = false;
    bool no_connection_ = false;
};

}  // namespace gateway
