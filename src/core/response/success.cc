#include "core/response/success.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/catalog/price.h"
#include "core/providers/made_facts.h"
#include "core/response/event_stream.h"
#include "core/response/made.h"

namespace gateway {

namespace {

// As JSON: of one call as it is, of several as an array.
std::string join_wires(const std::vector<MadeCall> &calls, std::string Wire::*part) {
    std::string joined;
    for (const MadeCall &call : calls) {
        const std::string text = call.wire == nullptr ? "" : (*call.wire).*part;
        if (!text.empty()) {
            joined.append(joined.empty() ? "" : ",").append(text);
        }
    }
    return joined.empty() || calls.size() == 1 ? joined : "[" + joined + "]";
}

Adjustment missing_images(int64_t asked, size_t made, const std::string &why) {
    const std::string count = std::to_string(asked);
    return {"n", count, count,
            why.empty() ? "the provider made only " + std::to_string(made)
                        : "only " + std::to_string(made) + " were made: " + why};
}

Adjustment left_out_images(int64_t asked, size_t count) {
    const std::string sent = std::to_string(asked);
    return {"n", sent, sent,
            "the provider returned " + std::to_string(count) +
                " more than were asked for; they are left out"};
}

// All that a success says, with what it refers to.
struct Telling {
    Telling(const Success &success, const AnswerFacts &known) : facts(known) {
        ImageResult &result = success.result;
        take_truth(result, result.images.front());
        adjustments =
            adjustments_of(success.request, *success.made.prepared, result,
                           success.problems == nullptr ? std::vector<PictureDelivery::Problem>()
                                                       : *success.problems);
        const int64_t wanted = success.made.prepared->images();
        if (static_cast<int64_t>(result.images.size()) < wanted) {
            adjustments.push_back(
                missing_images(wanted, result.images.size(), success.made.missing));
        }
        if (result.left_out > 0) {
            adjustments.push_back(left_out_images(wanted, result.left_out));
        }
        facts.adjustments = &adjustments;
        fill_in_sent(result, success.made.prepared->fitted.params);

        facts.cost = success.bill.cost;
        facts.usage_counted = success.bill.counted;
        result.usage = success.bill.usage;
        if (success.wishes.raw_request) {
            raw_request = join_wires(success.made.calls, &Wire::request);
            facts.raw_request = raw_request;
        }
        if (success.wishes.raw_response) {
            raw_response = join_wires(success.made.calls, &Wire::response);
            facts.raw_response = raw_response;
        }
    }
    Telling(const Telling &) = delete;
    Telling &operator=(const Telling &) = delete;

    AnswerFacts facts;
    std::vector<Adjustment> adjustments;
    std::string raw_request;
    std::string raw_response;
};

}  // namespace

std::vector<Adjustment> adjustments_of(const ImageRequest &request, const Prepared &prepared,
                                       const ImageResult &result,
                                       const std::vector<PictureDelivery::Problem> &problems) {
    std::vector<Adjustment> adjustments = request.adjustments;
    const auto add = [&](const std::vector<Adjustment> &more) {
        adjustments.insert(adjustments.end(), more.begin(), more.end());
    };
    add(prepared.fitted.adjustments);
    add(list_differences(result, request.params, prepared.fitted.params, problems));
    return adjustments;
}

ImageResult gather(std::vector<MadeCall> &calls) {
    ImageResult all;
    for (MadeCall &call : calls) {
        int64_t index = call.share->first;
        for (Image &image : call.result.images) {
            image.index = index++;
            all.images.push_back(std::move(image));
        }
        call.images = call.result.images.size();
        all.left_out += call.result.left_out;
        call.result.images.clear();
    }
    const ImageResult &first = calls.front().result;
    all.size = first.size;
    all.quality = first.quality;
    all.background = first.background;
    all.output_format = first.output_format;
    return all;
}

Bill bill_of(const Made &made, ImageResult &result) {
    Bill bill;
    auto next = result.images.begin();
    for (const MadeCall &call : made.calls) {
        const auto end = next + static_cast<std::ptrdiff_t>(call.images);
        ImageResult own = call.result;
        own.images.assign(std::move_iterator(next), std::move_iterator(end));
        take_truth(own, own.images.front());
        const PricedCall priced{call.share->params, call.share->images};
        const Cost cost = cost_of(own, priced, *made.prepared->spec);
        bill.counted = bill.counted || !own.usage;
        const Usage usage = with_all_details(
            own.usage ? *own.usage : count_usage(own, priced, *made.prepared->spec));
        share_usage(own.images, usage);
        const bool first = &call == &made.calls.front();
        first ? bill.cost = cost : bill.cost += cost;
        first ? bill.usage = usage : bill.usage += usage;
        next = std::move(own.images.begin(), own.images.end(), next);
    }
    return bill;
}

Bytes write_success(const Success &success, AnswerFacts facts) {
    Telling telling(success, facts);
    return write_images(success.result, telling.facts, success.response_form);
}

Bytes write_success_events(const Success &success, AnswerFacts facts, EventCount &count) {
    Telling telling(success, facts);
    const int64_t total = facts.latency;
    const auto &images = success.result.images;
    const auto is_untold = [](const Image &image) { return !image.told; };
    Bytes events;
    for (auto image = std::find_if(images.begin(), images.end(), is_untold);
         image != images.end();) {
        const auto next = std::find_if(image + 1, images.end(), is_untold);
        const bool is_last = next == images.end();
        const EventPlace event = count.next(image->index, total);
        telling.facts.chunk_index = event.chunk_index;
        telling.facts.latency = is_last ? total : event.latency;
        const auto place = static_cast<size_t>(image - images.begin());
        append_event(
            events, "image_generation.completed",
            write_completed(success.result, place, telling.facts, success.response_form, is_last));
        image = next;
    }
    return events;
}

Bytes write_success_after_picture(const Success &success, AnswerFacts facts, JsonWriter &out) {
    Telling telling(success, facts);
    write_after_picture(out, success.result, telling.facts);
    return out.take();
}

}  // namespace gateway
