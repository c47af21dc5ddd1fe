#include "core/response/passed_reply.h"

#include <algorithm>
#include <utility>

namespace gateway {

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
    }
}

bool PassedReply::recall(ImageResult &result) const {
    if (result.images.size() != 1 || result.images.front().content.empty()) {
        return false;
    }
    Image &image = result.images.front();
    if (image.form != Image::Form::base64 ||
        image.content.slices().front().text.data() != begins_at_) {
        return false;
    }
    image.bytes = characters_ / 4 * 3 - std::min(characters_, padding_);
    return true;
}

void PassedReply::finish(const Success &success, const AnswerFacts &facts) {
    Answer part;
    part.body = write_success_after_picture(success, facts, out_);
    send_(std::move(part));
}

void PassedReply::break_off() {
    Answer part;
    part.broken = true;
    send_(std::move(part));
}

}  // namespace gateway
