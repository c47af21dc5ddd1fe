#include "core/exchange/intake.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/routing/failure.h"

namespace gateway {

namespace {

constexpr Milliseconds kLongestFetch{60'000};  // of an input image

}  // namespace

InputWork &Intake::work() {
    if (work_ == nullptr) {
        const Milliseconds left = order_.deadline - ports_.clock.now();
        work_ = std::make_unique<InputWork>(
            ports_, InputRules{source_.policy.body, source_.policy.input_rules, order_.memory,
                               std::clamp(left, Milliseconds(1), kLongestFetch),
                               [this] { return disk(); }});
    }
    return *work_;
}

// A request whose body is in memory begins to count when it needs disk space.
DiskSpace *Intake::disk() {
    if (order_.disk == nullptr && ports_.disk != nullptr) {
        order_.disk = ports_.disk->open(order_.memory->owner());
    }
    return order_.disk.get();
}

void Intake::take(ReceivedBody body, std::function<void(Ended)> then) {
    then_ = std::move(then);
    if (is_plain_text(body, source_.policy.body)) {
        ReadBody read;
        read.text = std::move(body.text);
        on_read(std::move(read));
        return;
    }
    work().read(std::move(body), [this](ReadBody read) { on_read(std::move(read)); });
}

void Intake::on_read(ReadBody body) {
    if (body.error) {
        end(tl::unexpected(std::move(*body.error)));
        return;
    }
    const size_t copies = kCopiesOfBody * body.text.size();
    if (work_ != nullptr && !order_.memory->may_hold(copies)) {
        end(tl::unexpected(error_memory_held()));
        return;
    }
    order_.memory->hold(copies);
    auto understood = understand(source_, body, order_);
    if (!understood || order_.request.images.empty()) {
        end(std::move(understood));
        return;
    }
    work().load(
        order_.request, std::move(body.files),
        [this](tl::expected<InputImages, ApiError> inputs) { on_loaded(std::move(inputs)); });
}

void Intake::on_loaded(tl::expected<InputImages, ApiError> inputs) {
    if (!inputs) {
        end(tl::unexpected(std::move(inputs.error())));
        return;
    }
    order_.inputs = std::move(*inputs);
    end({});
}

std::vector<MaskForm> Intake::mask_forms() const {
    std::vector<MaskForm> forms;
    for (const Candidate &candidate : order_.plan.candidates) {
        const ModelSpec *spec = spec_of(*order_.catalogue, candidate);
        if (spec != nullptr && spec->inputs.mask && spec->can(order_.operation) &&
            std::find(forms.begin(), forms.end(), *spec->inputs.mask) == forms.end()) {
            forms.push_back(*spec->inputs.mask);
        }
    }
    return forms;
}

void Intake::convert_mask(std::function<void(Ended)> then) {
    then_ = std::move(then);
    const bool has_mask = order_.inputs.mask && order_.inputs.mask->has_content();
    const std::vector<MaskForm> forms = has_mask ? mask_forms() : std::vector<MaskForm>();
    if (forms.empty()) {
        end({});
        return;
    }
    work().convert_mask(order_.inputs, forms, !order_.strict,
                        [this](Ended ended) { end(std::move(ended)); });
}

void Intake::end(Ended ended) {
    std::exchange(then_, nullptr)(std::move(ended));
}

}  // namespace gateway
