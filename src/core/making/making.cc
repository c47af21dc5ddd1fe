#include "core/making/making.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/making/differences.h"
#include "core/providers/made_facts.h"
#include "core/routing/failure.h"

namespace gateway {

namespace {

// As JSON: the text of a single call, or an array of the texts of several calls.
std::string join_raw(const std::vector<MadeCall> &calls, std::string RawExchange::*part) {
    std::string joined;
    for (const MadeCall &call : calls) {
        const std::string text = call.raw == nullptr ? "" : (*call.raw).*part;
        if (!text.empty()) {
            joined.append(joined.empty() ? "" : ",").append(text);
        }
    }
    return joined.empty() || calls.size() == 1 ? joined : "[" + joined + "]";
}

Adjustment missing_images(int64_t requested, size_t made, const std::string &why) {
    const std::string count = std::to_string(requested);
    return {"n", count, count,
            why.empty() ? "the provider made only " + std::to_string(made)
                        : "only " + std::to_string(made) + " were made: " + why};
}

Adjustment left_out_images(int64_t requested, size_t count) {
    const std::string sent = std::to_string(requested);
    return {"n", sent, sent,
            "the provider returned " + std::to_string(count) +
                " more images than requested; the reply does not contain them"};
}

std::shared_ptr<const ExactWish> exact_wish_of(const Order &order, int feather) {
    auto wish = std::make_shared<ExactWish>();
    const InputImage &original = order.inputs.images.front();
    wish->original = original.content;
    wish->facts = original.facts;
    wish->mask = order.inputs.mask->content;
    wish->feather = feather;
    wish->luminance = !order.strict;
    wish->keeps_provenance = order.keeps_provenance;
    return wish;
}

// All adjustments of a request, up to the images that were made.
std::vector<Adjustment> adjustments_of(const Order &order, const Prepared &prepared,
                                       const ImageWords &words, std::span<const Image> images,
                                       std::span<const ImageDelivery::Problem> problems,
                                       std::span<const ImageDelivery::Note> notes) {
    std::vector<Adjustment> adjustments = order.request.adjustments;
    const auto add = [&](const std::vector<Adjustment> &more) {
        adjustments.insert(adjustments.end(), more.begin(), more.end());
    };
    add(prepared.fitted.adjustments);
    add(list_differences(words, images, order.request.params, prepared.fitted.params, problems));
    for (const ImageDelivery::Note &note : notes) {
        adjustments.push_back(note.adjustment);
    }
    return adjustments;
}

}  // namespace

Making::Making(std::shared_ptr<Order> order, Health &health, const Ports &ports,
               ImageWatcher *watcher, std::function<void()> on_end)
    : order_(std::move(order)),
      ports_(ports),
      watcher_(watcher),
      on_end_(std::move(on_end)),
      preparation_(order_->preparation(ports.clock.unix_seconds())),
      context_{
          ports,
          health,
          result_.history,
          tray_,
          order_->deadline,
          order_->allowed,
          order_->plan.choice,
          order_->answer_max,
          order_->raw_request || order_->raw_response,
          order_->request_id,
          order_->id_for_providers(),
          RequestIdentity{order_->caller.id(), order_->end_user, order_->idempotency_key,
                          order_->plan.before.candidates.empty() ? order_->request_id
                                                                 : order_->plan.before.request_id},
          order_->trace ? &*order_->trace : nullptr,
          order_->requested_model,
          order_->memory,
          order_->request.params.integer(Param::partial_images, 0)},
      execution_(context_, order_->plan, preparation_, order_->funds,
                 [this](ExecutionEnd end) { on_execution_end(std::move(end)); }) {
    order_->funds.set_owner(ports_.owner);
    if (watcher_ != nullptr && order_->progress == Order::Progress::events) {
        tray_.listener.on_preview = [this](Preview preview) { on_preview(std::move(preview)); };
        tray_.listener.on_image = [this](Slot &slot) { on_image(slot); };
    } else if (watcher_ != nullptr && order_->progress == Order::Progress::pieces) {
        tray_.listener.on_piece = [this](const Bytes &piece) { on_piece(piece); };
    }
}

Making::~Making() {
    drop();
}

// The order's deadline may have been moved since the making exists.
void Making::start() {
    context_.deadline = order_->deadline;
    for (const Candidate &candidate : order_->plan.before.candidates) {
        result_.history.lose(candidate);
    }
    execution_.start();
}

void Making::resume(Resumption resumption) {
    result_.history = std::move(resumption.history);
    resumed_ = std::move(resumption.calls);
    order_->funds.resume(*order_->plan.prepared(0, preparation_), resumption.before);
    execution_.resume(resumed_);
}

void Making::leave_jobs() noexcept {
    if (phase_ == Phase::asking) {
        execution_.leave_jobs();
    }
    end_phase();
    delivery_.reset();
    release_images();
}

// ---- before the end

// The candidate that makes the images. It cannot change after the client has seen any of them.
const Maker &Making::maker() {
    if (result_.maker.provider.empty()) {
        result_.maker = {tray_.candidate().provider->name, tray_.candidate().model};
    }
    return result_.maker;
}

void Making::on_preview(Preview preview) {
    take_truth(preview.what, preview.image);
    fill_in_sent(preview.what, tray_.prepared().fitted.params);
    watcher_->preview(maker(), preview);
}

void Making::on_piece(const Bytes &piece) {
    watcher_->piece(maker(), piece);
    if (!passed_) {
        passed_.emplace();
    }
    passed_->take(piece);
}

// An image that must still be fetched or stored counts as lost until it is sent.
void Making::on_image(Slot &slot) {
    bring_into_form(slot);
    if (slot.state == Slot::State::ready && send_early(slot)) {
        return;
    }
    result_.history.risk(1);
}

bool Making::send_early(Slot &slot) {
    const bool failed = delivery_ != nullptr && delivery_->has_problem(slot);
    if (failed && order_->form.only_so) {
        return false;
    }
    ImageWords words = *slot.words;
    take_truth(words, slot.image);
    std::vector<ImageDelivery::Problem> problems;
    std::vector<ImageDelivery::Note> notes;
    if (delivery_ != nullptr) {
        const auto of_slot = [&](const auto &entry) { return entry.index == slot.image.index; };
        std::copy_if(delivery_->problems().begin(), delivery_->problems().end(),
                     std::back_inserter(problems), of_slot);
        std::copy_if(delivery_->notes().begin(), delivery_->notes().end(),
                     std::back_inserter(notes), of_slot);
    }
    const Prepared &prepared = tray_.prepared();
    const auto adjustments =
        adjustments_of(*order_, prepared, words, std::span(&slot.image, 1), problems, notes);
    fill_in_sent(words, prepared.fitted.params);
    watcher_->image(maker(), words, slot.image, adjustments);
    slot.state = Slot::State::sent;
    slot.image.content = Bytes();
    return true;
}

// ---- the form

void Making::bring_into_form(Slot &slot) {
    const Provider &provider = *tray_.candidate().provider;
    const Prepared &prepared = tray_.prepared();
    note_lifetime(slot.image, *prepared.spec, ports_.clock.unix_seconds());
    if (!prepared.exact_feather && !order_->form.changes(slot.image)) {
        slot.state = Slot::State::ready;
        return;
    }
    if (delivery_ == nullptr) {
        DeliveryWish wish = order_->form.wish_for(provider, order_->answer_max, order_->memory);
        if (prepared.exact_feather) {
            wish.exact = exact_wish_of(*order_, *prepared.exact_feather);
        }
        delivery_ = std::make_unique<ImageDelivery>(ports_, std::move(wish),
                                                    [this](Slot &ready) { on_ready(ready); });
    }
    delivery_->add(slot);
}

// An image that was announced while others were missing is sent by itself. The others are sent with
// the result.
void Making::on_ready(Slot &slot) {
    if (phase_ == Phase::ended) {
        return;  // by something else: nothing more is sent, and it stays lost
    }
    const bool is_sent = slot.words && send_early(slot);
    if (is_sent && (!billed_ || !is_of_maker(slot))) {
        result_.history.risk(-1);
    }
    if (phase_ == Phase::delivering) {
        end_if_all_ready();
    }
}

// Also those of calls that failed.
void Making::end_if_all_ready() {
    if (tray_.count(Slot::State::delivering) == 0) {
        end_made();
    }
}

// ---- the end of the execution

void Making::on_execution_end(ExecutionEnd end) {
    if (!end) {
        if (!result_.history.attempts().empty()) {
            result_.outcome = result_.history.attempts().back().outcome;
        }
        end_with(std::move(end.error()));
        return;
    }
    made_ = std::move(*end);
    result_.outcome = OutcomeType::made;
    phase_ = Phase::delivering;
    delivering_.begin(ports_.clock.now());
    on_made();
}

// False for an image that a call sent before it failed.
bool Making::is_of_maker(const Slot &slot) const {
    return slot.state != Slot::State::empty &&
           std::any_of(made_.calls.begin(), made_.calls.end(),
                       [&](const MadeCall &call) { return call.number == slot.call; });
}

int64_t Making::images_of_maker() const {
    return std::count_if(tray_.slots().begin(), tray_.slots().end(),
                         [this](const Slot &slot) { return is_of_maker(slot); });
}

void Making::on_made() {
    take_bill();
    result_.requested = made_.prepared->images();
    result_.missing = std::move(made_.missing);
    const int64_t count = images_of_maker();
    if (passed_ && passed_->has_begun() && !passed_->complete(tray_.slot(0).image)) {
        fail_made(ApiError::of(502, "unreadable_answer",
                               "The image is incomplete, or the provider's response has "
                               "another image than the one that was passed through."),
                  OutcomeType::unknown);
        return;
    }
    // Of too few, only those that were announced are sent.
    const bool is_enough = !order_->strict || count >= result_.requested;
    for (Slot &slot : tray_.slots()) {
        if (is_enough && slot.state == Slot::State::made && is_of_maker(slot)) {
            bring_into_form(slot);
        }
    }
    if (expired_ && delivery_ != nullptr) {
        delivery_->give_up();
    }
    if (phase_ == Phase::delivering) {
        end_if_all_ready();
    }
}

void Making::take_bill() {
    result_.bill = bill_of(made_, tray_);
    int64_t strays = 0;
    int64_t unsent_strays = 0;
    for (const Slot &slot : tray_.slots()) {
        if (slot.state != Slot::State::empty && !is_of_maker(slot)) {
            ++(slot.state == Slot::State::sent ? strays : unsent_strays);
        }
    }
    order_->funds.pay(images_of_maker(), result_.bill.cost.usd, strays);
    result_.history.take_home();
    result_.history.risk(unsent_strays);
    billed_ = true;
}

void Making::end_made() {
    if (order_->form.only_so && delivery_ != nullptr && !delivery_->problems().empty()) {
        fail_made(error_undelivered(delivery_->problems().front()));
        return;
    }
    if (delivery_ != nullptr) {
        take_bill();  // fetched images are known more exactly
    }
    const int64_t count = images_of_maker();
    if (order_->strict && count < result_.requested) {
        fail_made(error_incomplete(result_.requested, count, result_.missing));
        return;
    }
    const auto all_sent = [this](const Slot &slot) {
        return !is_of_maker(slot) || slot.state == Slot::State::sent;
    };
    if (tray_.listener.on_image &&
        std::all_of(tray_.slots().begin(), tray_.slots().end(), all_sent)) {
        // No image is left whose event could have the totals.
        fail_made(error_no_more(result_.requested, count, result_.missing));
        return;
    }
    if (passed_ && passed_->has_begun() && !passed_->missing_padding().empty()) {
        watcher_->piece(maker(), Bytes::own(passed_->missing_padding()));
    }
    fill_result(count);
    end();
}

void Making::fill_result(int64_t count) {
    maker();
    result_.images.reserve(static_cast<size_t>(count));
    for (Slot &slot : tray_.slots()) {
        if (is_of_maker(slot)) {
            result_.images.push_back(std::move(slot.image));
        }
    }
    const Prepared &prepared = *made_.prepared;
    result_.words = std::move(made_.calls.front().words);
    take_truth(result_.words, result_.images.front());
    std::span<const ImageDelivery::Problem> problems;
    std::span<const ImageDelivery::Note> notes;
    if (delivery_ != nullptr) {
        problems = delivery_->problems();
        notes = delivery_->notes();
    }
    result_.adjustments =
        adjustments_of(*order_, prepared, result_.words, result_.images, problems, notes);
    if (count < result_.requested) {
        result_.adjustments.push_back(
            missing_images(result_.requested, result_.images.size(), result_.missing));
    }
    size_t left_out = 0;
    for (const MadeCall &call : made_.calls) {
        left_out += call.left_out;
    }
    if (left_out > 0) {
        result_.adjustments.push_back(left_out_images(result_.requested, left_out));
    }
    fill_in_sent(result_.words, prepared.fitted.params);
    if (order_->raw_request) {
        result_.raw_request = join_raw(made_.calls, &RawExchange::request);
    }
    if (order_->raw_response) {
        result_.raw_response = join_raw(made_.calls, &RawExchange::response);
    }
}

// Ends with an error although images were made. Images that were not sent yet are withheld.
void Making::fail_made(ApiError error, OutcomeType outcome) {
    withhold();
    result_.outcome = outcome;
    end_with(std::move(error));
}

void Making::withhold() noexcept {
    if (!billed_ || result_.withheld_cost) {
        return;
    }
    result_.withheld_cost = result_.bill.cost;
    result_.withheld = std::count_if(
        tray_.slots().begin(), tray_.slots().end(),
        [this](const Slot &slot) { return is_of_maker(slot) && slot.state != Slot::State::sent; });
    release_images();
}

void Making::end_with(ApiError error) {
    result_.error = std::move(error);
    end();
}

void Making::end_phase() noexcept {
    if (phase_ == Phase::delivering) {
        delivering_.end(ports_.clock.now());
    }
    phase_ = Phase::ended;
}

void Making::end() {
    end_phase();
    if (delivery_ != nullptr) {
        delivery_->give_up();  // where all failed, nobody gets what is under way
    }
    const auto on_end = std::exchange(on_end_, nullptr);
    on_end();
}

void Making::expire() {
    expired_ = true;
    if (delivery_ != nullptr && phase_ != Phase::ended) {
        delivery_->give_up();
    }
    if (phase_ == Phase::asking) {
        execution_.expire();
    }
}

void Making::drop() noexcept {
    if (phase_ == Phase::asking) {
        execution_.drop();
    }
    end_phase();
    delivery_.reset();
    release_images();
}

void Making::release_images() noexcept {
    for (Slot &slot : tray_.slots()) {
        slot.image.content = Bytes();
    }
    for (Image &image : result_.images) {
        image.content = Bytes();
    }
}

int64_t Making::images_answered() const {
    const auto is_answered = [this](const Slot &slot) {
        return slot.state == Slot::State::sent ||
               (billed_ && !result_.withheld_cost && is_of_maker(slot));
    };
    return std::count_if(tray_.slots().begin(), tray_.slots().end(), is_answered);
}

}  // namespace gateway
