#include "core/response/passed_reply.h"

#include <algorithm>
#include <utility>

#include "core/images/base64.h"
#include "core/images/base64_stream.h"
#include "core/images/picture_end.h"

namespace gateway {

namespace {

constexpr size_t kTail = kTailOfPicture / 3 * 4;  // characters

}  // namespace

PassedReply::PassedReply(std::function<AnswerFacts()> facts, std::function<void(Answer &)> head,
                         std::function<void(Answer)> send)
    : facts_(std::move(facts)), head_(std::move(head)), send_(std::move(send)) {}

void PassedReply::begin(const Candidate &candidate, Bytes &into) {
    AnswerFacts facts = facts_();
    facts.maker = &candidate;
    write_before_picture(out_, facts);
    into = out_.take();
}

void PassedReply::show_piece(const Candidate &candidate, const Bytes &piece) {
    Answer part;
    part.goes_on = true;
    if (!has_begun()) {
        begin(candidate, part.body);
        head_(part);
    }
    part.body.append(piece);
    send_(std::move(part));
    begins_at_ = has_begun() ? begins_at_ : piece.slices().front().text.data();
    count(piece);
}

// "\/" stands for one character, and at the end there may be padding.
void PassedReply::count(const Bytes &piece) {
    for (const Slice &slice : piece.slices()) {
        const auto escapes = std::count(slice.text.begin(), slice.text.end(), '\\');
        characters_ += slice.text.size() - static_cast<size_t>(escapes);
        padding_ += slice.text.ends_with("==") ? 2 : slice.text.ends_with('=') ? 1 : 0;
        tail_ += slice.text.substr(slice.text.size() - std::min(slice.text.size(), 2 * kTail));
    }
    std::erase(tail_, '\\');
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kTail));
}

bool PassedReply::recall(ImageResult &result) {
    if (result.images.size() != 1 || result.images.front().content.empty()) {
        return false;
    }
    Image &image = result.images.front();
    if (image.form != Image::Form::base64 ||
        image.content.slices().front().text.data() != begins_at_) {
        return false;
    }
    const size_t missing = (4 - characters_ % 4) % 4;
    if (missing + padding_ > 2) {
        return false;
    }
    const std::string end = tail_ + std::string(missing, '=');
    const std::string tail = decode_base64_front(end.substr(end.size() % 4));
    image.bytes = (characters_ + missing) / 4 * 3 - std::min(characters_, padding_ + missing);
    not_padded_ = missing;
    std::string front = image.content.copy(2 * kTail);
    std::erase(front, '\\');
    return has_end(image.format, decode_base64_front(front), tail, image.bytes);
}

void PassedReply::finish(const Success &success, const AnswerFacts &facts) {
    Answer part;
    if (not_padded_ > 0) {
        part.body.append(std::string(not_padded_, '='));
    }
    part.body.append(write_success_after_picture(success, facts, out_));
    send_(std::move(part));
}

void PassedReply::break_off() {
    Answer part;
    part.broken = true;
    send_(std::move(part));
}

}  // namespace gateway
