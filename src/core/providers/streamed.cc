#include "core/providers/streamed.h"

#include <iterator>
#include <utility>

namespace gateway {

namespace {

bool is_same(const Usage &one, const Usage &other) {
    return one.input_tokens == other.input_tokens && one.output_tokens == other.output_tokens &&
           one.total_tokens == other.total_tokens;
}

}  // namespace

std::optional<Preview> Streamed::take(StreamNews news) {
    if (auto *preview = std::get_if<Preview>(&news)) {
        // Most providers do not say of which image it is: they make one after the other.
        if (preview->image.index == 0) {
            preview->image.index = static_cast<int64_t>(result_.images.size());
        }
        const bool is_one = preview->image.index < asked_;
        return is_one ? std::optional(std::move(*preview)) : std::nullopt;
    }
    if (auto *made = std::get_if<ImageResult>(&news)) {
        add(std::move(*made));
    } else if (auto *failure = std::get_if<Outcome>(&news)) {
        failure_ = std::move(*failure);
    }
    return std::nullopt;
}

// Whether each event tells its own usage or the sum so far is on no record: what is repeated is
// taken for the sum.
void Streamed::add(ImageResult made) {
    ImageResult before = std::exchange(result_, std::move(made));
    result_.images.insert(result_.images.begin(), std::make_move_iterator(before.images.begin()),
                          std::make_move_iterator(before.images.end()));
    if (!result_.usage) {
        result_.usage = before.usage;
    } else if (before.usage && !is_same(*before.usage, *result_.usage)) {
        *result_.usage += *before.usage;
    }
    if (!result_.cost) {
        result_.cost = before.cost;
    } else if (before.cost && *before.cost != *result_.cost) {
        *result_.cost += *before.cost;
    }
}

bool Streamed::is_complete() const {
    return failure_ || static_cast<int64_t>(result_.images.size()) >= asked_;
}

Outcome Streamed::take_outcome() {
    ended_ = true;
    if (failure_) {
        return std::move(*failure_);
    }
    Outcome outcome;
    if (result_.images.empty()) {
        outcome.error.status = 200;
        outcome.error.code = "stream_truncated";
        outcome.error.message = "the provider's stream ended before a picture was there";
        return outcome;
    }
    outcome.type = OutcomeType::made;
    outcome.result = std::move(result_);
    return outcome;
}

}  // namespace gateway
