// A call to a provider in progress: what has arrived of the response, who hears of it, and the time
// that it may take. To destroy it cancels it. How bytes come and go is up to its two kinds.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/bytes/held_memory.h"
#include "core/http_call.h"
#include "core/images/base64_stream.h"
#include "core/json/lifter.h"
#include "core/ports.h"
#include "upstream/curl_job.h"

namespace gateway {

class ProviderTransfer : public UpstreamCall, protected CurlJob {
 public:
    ~ProviderTransfer() override;
    ProviderTransfer(const ProviderTransfer &) = delete;
    ProviderTransfer &operator=(const ProviderTransfer &) = delete;

    [[nodiscard]] bool is_delayed() const override { return response_.delayed; }
    void hold(bool held) override;
    // Whether it is over, also if its listener could not be called.
    [[nodiscard]] bool has_ended() const { return ended_; }

 protected:
    using Time = std::chrono::steady_clock::time_point;
    enum class Taken : uint8_t { all, later, refused };

    ProviderTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop,
                     std::shared_ptr<BlockPool> blocks, HttpCall &&call, CallListener &&listener,
                     Kind kind);

    // Sets the alarm for the earliest of the timeouts: total, and first byte or stall.
    void watch() noexcept;
    // Takes a piece of the body, all of it or nothing.
    Taken take_piece(std::string_view bytes);
    void count_turn() noexcept;
    [[nodiscard]] bool must_wait() const;
    [[nodiscard]] bool is_passed_on() const { return listener_.on_event || listener_.on_piece; }
    [[nodiscard]] bool is_too_large() const { return too_large_; }
    void set_too_large() { too_large_ = true; }

    // Goes on after a pause.
    virtual void resume() noexcept = 0;
    // The provider's time is up.
    virtual void time_out() noexcept = 0;
    [[nodiscard]] virtual bool is_running() const noexcept = 0;
    // Adds what was sent to the call's traffic. Called before the result is given.
    virtual void count_sent() noexcept {}
    void count_received(size_t bytes) noexcept {
        if (call_.traffic != nullptr) {
            call_.traffic->received += bytes;
        }
    }
    // The length of the body, if the head says it.
    [[nodiscard]] virtual std::optional<size_t> body_length() const = 0;
    // After the end:
    [[nodiscard]] virtual bool is_complete() const = 0;
    [[nodiscard]] virtual TransferEnd transfer_end() const = 0;
    [[nodiscard]] virtual const char *why() const = 0;

    HttpCall call_;
    HttpResponse response_;

 private:
    void hear() override;
    void deliver() override;
    void take_turn() override;

    // By the listener, or because there is no memory.
    [[nodiscard]] bool is_held_up() const {
        return (held_ && (response_.streamed || passed_ > 0)) ||
               (memory_ != nullptr && memory_->waits());
    }
    void begin_body();
    Taken pause() noexcept;
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
    void on_watch() noexcept;

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
    // Collected until what reads from the connection has returned:
    std::vector<ServerEvent> waiting_;
    size_t handed_over_ = 0;  // of them
    Bytes pieces_;
    size_t unheard_ = 0;    // bytes of both
    size_t next_look_ = 0;  // how much must be there for the next check of an image's beginning
    bool held_ = false;     // by the listener
    bool paused_ = false;
    bool had_its_turn_ = false;
    bool ended_ = false;
    size_t received_ = 0;
    bool is_image_ = false;
    size_t passed_ = 0;  // characters of an image that were passed through
    bool too_large_ = false;
};

}  // namespace gateway
