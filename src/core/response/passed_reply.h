// A success of one picture that goes to the client while it comes from its provider. What stands
// before the picture is written when it begins, and the rest when all is known: a failure after
// that can only break off.
#pragma once

#include <functional>
#include <string>

#include "core/json/writer.h"
#include "core/response/success.h"

namespace gateway {

class PassedReply {
 public:
    // `head` completes an answer's headers.
    PassedReply(std::function<AnswerFacts()> facts, std::function<void(Answer &)> head,
                std::function<void(Answer)> send);
    PassedReply(const PassedReply &) = delete;
    PassedReply &operator=(const PassedReply &) = delete;

    // The client has something of it.
    [[nodiscard]] bool has_begun() const { return begins_at_ != nullptr; }
    void show_piece(const Candidate &candidate, const Bytes &piece);

    // Whether it is what was made in the end, and whole. Then it is told how much there was of it.
    bool recall(ImageResult &result);

    // One of these is the end.
    void finish(const Success &success, const AnswerFacts &facts);
    void break_off();

 private:
    void begin(const Candidate &candidate, Bytes &into);
    void count(const Bytes &piece);

    std::function<AnswerFacts()> facts_;
    std::function<void(Answer &)> head_;
    std::function<void(Answer)> send_;
    JsonWriter out_;
    const char *begins_at_ = nullptr;
    size_t characters_ = 0;  // of base64
    size_t padding_ = 0;
    std::string tail_;       // its last characters, without escapes
    size_t not_padded_ = 0;  // characters of padding that its provider has left out
};

}  // namespace gateway
