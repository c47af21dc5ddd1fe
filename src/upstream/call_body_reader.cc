#include "upstream/call_body_reader.h"

#include <algorithm>
#include <utility>

#include "core/bytes/base64.h"

namespace gateway {

namespace {

constexpr size_t kPieceOfContent = size_t{48} * 1024;  // whole groups of base64

// Reads a piece and brings it into the form in which it is sent.
bool read_piece(const CallBody::Insert &insert, size_t from, std::string &bytes) {
    bytes.resize(std::min(kPieceOfContent, insert.content.size() - from));
    if (insert.content.read(from, bytes) != bytes.size()) {
        return false;
    }
    if (insert.as_base64) {
        bytes = encode_base64(bytes);
    }
    return true;
}

}  // namespace

CallBodyReader::CallBodyReader(const CallBody &body, TaskPool *tasks,
                               std::function<void()> on_ready)
    : body_(body), tasks_(tasks), on_ready_(std::move(on_ready)), text_(body.text()) {}

CallBodyReader::Read CallBodyReader::read(std::span<char> into) {
    size_t count = 0;
    State state = State::going_on;
    while (count < into.size() && state == State::going_on) {
        if (in_insert_) {
            state = take_content(into.subspan(count), count);
            continue;
        }
        const bool is_last = insert_ == body_.inserts().size();
        const size_t end = is_last ? body_.text().size() : body_.inserts()[insert_].at;
        if (text_read_ < end) {
            const auto room = into.subspan(count, std::min(into.size() - count, end - text_read_));
            const size_t read = text_.read(room);
            text_read_ += read;
            count += read;
        } else if (is_last) {
            break;
        } else {
            in_insert_ = true;
            requested_ = 0;
        }
    }
    if (state == State::failed || (state == State::waiting && count == 0)) {
        waits_ = state == State::waiting;
        return {state, 0};
    }
    return {State::going_on, count};
}

CallBodyReader::State CallBodyReader::take_content(std::span<char> into, size_t &count) {
    if (sent_ == piece_.size()) {
        const bool is_over = requested_ == body_.inserts()[insert_].content.size() &&
                             next_ == nullptr && task_ == nullptr;
        if (is_over) {
            in_insert_ = false;
            ++insert_;
            return State::going_on;
        }
        if (const State state = fill(); state != State::going_on) {
            return state;
        }
    }
    const size_t copied = std::string_view(piece_).substr(sent_).copy(into.data(), into.size());
    sent_ += copied;
    count += copied;
    return State::going_on;
}

// Gets the next piece of the current content.
CallBodyReader::State CallBodyReader::fill() {
    const CallBody::Insert &insert = body_.inserts()[insert_];
    sent_ = 0;
    piece_.clear();
    if (!insert.content.is_in_file()) {
        (void)read_piece(insert, requested_, piece_);
        requested_ += std::min(kPieceOfContent, insert.content.size() - requested_);
        return State::going_on;
    }
    if (task_ == nullptr && next_ == nullptr && !read_ahead()) {
        problem_ = "no task can read the input images now";
        return State::failed;
    }
    if (task_ != nullptr) {
        return State::waiting;
    }
    if (!next_->whole) {
        problem_ = "an input image cannot be read from its file";
        return State::failed;
    }
    piece_ = std::move(next_->bytes);
    next_.reset();
    // If no task can run now, the next fill() tries again.
    if (requested_ < insert.content.size()) {
        (void)read_ahead();
    }
    return State::going_on;
}

bool CallBodyReader::read_ahead() {
    const CallBody::Insert &insert = body_.inserts()[insert_];
    auto piece = std::make_shared<Piece>();
    task_ = tasks_ == nullptr ? nullptr
                              : tasks_->run(
                                    [piece, insert, from = requested_] {
                                        piece->whole = read_piece(insert, from, piece->bytes);
                                    },
                                    [this] { on_piece(); });
    if (task_ == nullptr) {
        return false;
    }
    next_ = std::move(piece);
    requested_ += std::min(kPieceOfContent, insert.content.size() - requested_);
    return true;
}

void CallBodyReader::on_piece() {
    task_.reset();
    if (std::exchange(waits_, false)) {
        on_ready_();
    }
}

bool CallBodyReader::seek(size_t offset) {
    if (offset != 0 && !body_.inserts().empty()) {
        return false;
    }
    insert_ = 0;
    in_insert_ = false;
    piece_.clear();
    sent_ = 0;
    next_.reset();
    task_.reset();
    text_read_ = offset;
    return text_.seek(offset);
}

}  // namespace gateway
