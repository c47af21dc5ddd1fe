#include "core/providers/stream_collector.h"

#include <iterator>
#include <utility>

#include "core/images/check_images.h"
#include "core/providers/made_facts.h"

namespace gateway {

namespace {

bool is_same(const Usage &one, const Usage &other) {
    return one.input_tokens == other.input_tokens && one.output_tokens == other.output_tokens &&
           one.total_tokens == other.total_tokens;
}

}  // namespace

StreamCollector::Report StreamCollector::take(StreamUpdate news) {
    if (auto *preview = std::get_if<Preview>(&news)) {
        return take_preview(std::move(*preview));
    }
    if (auto *made = std::get_if<ImageResult>(&news)) {
        return take_made(std::move(*made));
    }
    if (auto *failure = std::get_if<Outcome>(&news)) {
        failure_ = std::move(*failure);
    }
    return {};
}

StreamCollector::Report StreamCollector::take_preview(Preview preview) {
    // Most providers do not say which image a preview belongs to: they make one after another.
    if (preview.image.index == 0) {
        preview.image.index = static_cast<int64_t>(result_.images.size());
    }
    const int64_t image = preview.image.index;
    if (image < 0 || image >= requested_ || preview.number < 0 || preview.number >= previews_) {
        return {};  // some providers send previews that were not requested
    }
    told_previews_.resize(static_cast<size_t>(requested_));
    const bool is_one = told_previews_[static_cast<size_t>(image)]++ < previews_;
    return is_one ? Report(std::move(preview)) : Report();
}

// The last image is not reported here: it comes with the outcome, which has cost and usage.
StreamCollector::Report StreamCollector::take_made(ImageResult made) {
    std::erase_if(made.images, [](Image &image) {
        return image.form == Image::Form::base64 && !read_facts(image);
    });
    const bool is_one = made.images.size() == 1;
    add(std::move(made));
    const size_t place = result_.images.size() - 1;
    if (!is_one || result_.given != place || is_complete()) {
        return {};
    }
    Image &image = result_.images.back();
    image.index = static_cast<int64_t>(place);
    share_usage(result_.images, result_.usage.value_or(Usage()), result_.given);
    ImageResult one = result_;
    one.images = {image};
    one.given = 0;
    image.content = Bytes();
    ++result_.given;
    return one;
}

// No documentation says whether an event has its own usage or the sum so far. If the numbers are
// repeated, they are taken for the sum.
void StreamCollector::add(ImageResult made) {
    ImageResult before = std::exchange(result_, std::move(made));
    result_.given = before.given;
    result_.images.insert(result_.images.begin(), std::make_move_iterator(before.images.begin()),
                          std::make_move_iterator(before.images.end()));
    if (!result_.usage || (before.usage && is_same(*before.usage, *result_.usage))) {
        result_.usage = before.usage;
    } else if (before.usage) {
        *result_.usage += *before.usage;
    }
    if (!result_.cost) {
        result_.cost = before.cost;
    } else if (before.cost && *before.cost != *result_.cost) {
        *result_.cost += *before.cost;
    }
}

bool StreamCollector::is_complete() const {
    return failure_ || static_cast<int64_t>(result_.images.size()) >= requested_;
}

Outcome StreamCollector::take_outcome() {
    ended_ = true;
    if (failure_) {
        return std::move(*failure_);
    }
    Outcome outcome;
    if (result_.images.empty()) {
        outcome.error.status = 200;
        outcome.error.code = "stream_truncated";
        outcome.error.message = "the provider's event stream ended before an image was complete";
        return outcome;
    }
    outcome.type = OutcomeType::made;
    outcome.result = std::move(result_);
    return outcome;
}

}  // namespace gateway
