// Reads the body of a call in order, as curl sends it. Contents in files are read, and encoded, on
// the task pool, one piece ahead. See docs/decisions/0030-input-images.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes/bytes_reader.h"
#include "core/call_body.h"
#include "core/ports.h"

namespace gateway {

class CallBodyReader {
 public:
    // Refers to `body`, which must outlive it and stay as it is. `tasks` may be null if the body
    // has no content in a file. `on_ready` is called after read() has returned nothing.
    CallBodyReader(const CallBody &body, TaskPool *tasks, std::function<void()> on_ready);

    enum class State : uint8_t { going_on, waiting, failed };
    struct Read {
        State state = State::going_on;
        size_t count = 0;  // 0 while going on: the end
    };
    // Copies the next bytes that are ready, as many as `into` takes.
    Read read(std::span<char> into);
    // The next byte to read is the one at `offset`. False beyond the end, and where that would be
    // inside or after a content, unless it is the beginning.
    bool seek(size_t offset);

    // Why it failed.
    [[nodiscard]] const char *problem() const { return problem_; }

 private:
    // A piece of a content, as it is sent. The task that reads it shares it.
    struct Piece {
        std::string bytes;
        bool whole = false;
    };

    State take_content(std::span<char> into, size_t &count);
    State fill();
    bool read_ahead();
    void on_piece();

    const CallBody &body_;
    TaskPool *tasks_;
    std::function<void()> on_ready_;
    BytesReader text_;
    size_t text_read_ = 0;
    size_t insert_ = 0;  // the next one, or the one that is being read
    bool in_insert_ = false;
    size_t requested_ = 0;  // bytes of its content that were read or are being read
    std::string piece_;     // being sent
    size_t sent_ = 0;       // of it
    std::shared_ptr<Piece> next_;
    std::unique_ptr<Task> task_;  // that reads next_
    bool waits_ = false;
    const char *problem_ = nullptr;
};

}  // namespace gateway
