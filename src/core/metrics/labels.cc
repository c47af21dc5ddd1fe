#include "core/metrics/labels.h"

#include <optional>

#include "core/metrics/series.h"

namespace gateway {

namespace {

// A provider that ignores case has many spellings of one name.
constexpr size_t kMaxSpellings = 4'096;

}  // namespace

LabelBook::LabelBook(const ModelMap &models) : models_(models) {
    (void)of_text(kOtherLabel);
    (void)of_text(kNoLabel);
}

LabelBook::Id LabelBook::of_text(std::string_view text) {
    constexpr uintptr_t kAlignment = 8;
    const auto address = reinterpret_cast<uintptr_t>(text.data());
    Id &guess = by_address_[address / kAlignment % kLiterals];
    if (texts_.size() > guess && texts_[guess] == text) {
        return guess;
    }
    if (const auto known = by_text_.find(text); known != by_text_.end()) {
        guess = known->second;
        return known->second;
    }
    if (texts_.size() == kMax) {
        return kOther;
    }
    const auto id = static_cast<Id>(texts_.size());
    texts_.emplace_back(text);
    by_text_.emplace(text, id);
    return id;
}

void LabelBook::follow_catalogue() {
    if (catalogue_ != models_.catalogue()) {
        catalogue_ = models_.catalogue();
        by_model_.clear();
        by_request_.clear();
        last_model_.of = nullptr;
        last_request_.of = nullptr;
    }
}

template <typename Read>
LabelBook::Id LabelBook::remembered(Ids &ids, std::string_view text, Read read) {
    if (const auto known = ids.find(text); known != ids.end()) {
        return known->second;
    }
    const std::optional<std::string> listed = read();
    if (!listed) {
        return kOther;
    }
    if (ids.size() == kMaxSpellings) {
        ids.clear();
    }
    const Id id = of_text(*listed);
    ids.emplace(text, id);
    return id;
}

template <typename Find>
LabelBook::Id LabelBook::last_or(Last &last, const void *of, std::string_view spelling, Find find) {
    constexpr size_t kLongestKept = 256;
    if (spelling.size() > kLongestKept) {
        return find();
    }
    if (last.of != of || last.spelling != spelling) {
        last.of = nullptr;
        last.id = find();
        last.spelling = spelling;
        last.of = of;
    }
    return last.id;
}

LabelBook::Id LabelBook::of_model(const Provider &provider, std::string_view model) {
    follow_catalogue();
    return last_or(last_model_, &provider, model, [&] {
        return remembered(by_model_[&provider], model,
                          [&] { return models_.listed(provider, model); });
    });
}

LabelBook::Id LabelBook::of_request(std::string_view name) {
    if (name.empty()) {
        return kNone;
    }
    follow_catalogue();
    return last_or(last_request_, &models_, name, [&] {
        return remembered(by_request_, name, [&] { return models_.listed(name); });
    });
}

LabelBook::Id LabelBook::of_status(int status) {
    if (status < 0 || static_cast<size_t>(status) >= kStatuses) {
        return of_text(std::to_string(status));
    }
    Id &id = by_status_[static_cast<size_t>(status)];
    if (id == kOther) {
        id = of_text(std::to_string(status));
    }
    return id;
}

}  // namespace gateway
