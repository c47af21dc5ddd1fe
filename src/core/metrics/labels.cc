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
    if (const auto known = by_text_.find(text); known != by_text_.end()) {
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

LabelBook::Id LabelBook::of_model(const Provider &provider, std::string_view model) {
    follow_catalogue();
    return remembered(by_model_[&provider], model, [&] { return models_.listed(provider, model); });
}

LabelBook::Id LabelBook::of_request(std::string_view name) {
    if (name.empty()) {
        return kNone;
    }
    follow_catalogue();
    return remembered(by_request_, name, [&] { return models_.listed(name); });
}

}  // namespace gateway
