#include "core/metrics/sources.h"

#include <algorithm>

#include "core/providers/provider.h"

namespace gateway {

std::string_view label_of(const Counters::RowView &row, size_t number) {
    std::string_view rest = row.labels;
    for (; number > 0; --number) {
        rest.remove_prefix(std::min(rest.size(), rest.find('\0') + 1));
    }
    return rest.substr(0, rest.find('\0'));
}

std::vector<ModelShown> models_shown(const ReportSources &sources, const Provider &provider) {
    std::vector<ModelShown> models;
    const auto add = [&](std::string_view model) {
        const bool is_known = std::any_of(models.begin(), models.end(), [=](const ModelShown &one) {
            return one.model == model;
        });
        if (!is_known) {
            models.push_back({std::string(model), provider.target(model).model, {}});
        }
    };
    for (const std::string &model : sources.models.configured_models(provider)) {
        add(model);
    }
    for (size_t i = 0; i < sources.counters.rows(); ++i) {
        const Counters::RowView row = sources.counters.at(i);
        if (row.series == Series::attempt_duration && label_of(row, 0) == provider.name &&
            label_of(row, 1) != kOtherLabel) {
            add(label_of(row, 1));
        }
    }
    std::vector<Account> accounts;
    for (const ModelShown &model : models) {
        accounts.push_back(model.account);
    }
    std::vector<BreakerView> breakers(models.size());
    sources.health.read_breakers(accounts, breakers, sources.moment());
    for (size_t i = 0; i < models.size(); ++i) {
        models[i].breaker = breakers[i];
    }
    return models;
}

std::vector<int64_t> rests_shown(const ReportSources &sources, const Provider &provider,
                                 const std::vector<ModelShown> &models) {
    std::vector<Account> names;
    for (const ProviderKey &key : provider.keys) {
        names.push_back(key.account);
        for (const ModelShown &model : models) {
            names.push_back(both(key.account, model.account));
        }
    }
    std::vector<int64_t> waits(names.size());
    sources.health.read_rests(names, waits, sources.moment());
    std::vector<int64_t> rests;
    const auto each = static_cast<std::ptrdiff_t>(models.size() + 1);
    for (auto wait = waits.begin(); wait != waits.end(); wait += each) {
        rests.push_back(*std::max_element(wait, wait + each));
    }
    return rests;
}

std::optional<Counters::Store> stores_shown(const ReportSources &sources) {
    std::optional<Counters::Store> all;
    for (size_t i = 0; i < std::min(sources.stores, Counters::kStores); ++i) {
        const Counters::Store one = sources.counters.store(i);
        if (one.seen == 0) {
            continue;
        }
        if (!all) {
            all.emplace();
        }
        all->bytes += one.bytes;
        all->files += one.files;
        all->max += one.max;
        all->unwritable += one.unwritable;
        all->seen = std::max(all->seen, one.seen);
    }
    return all;
}

}  // namespace gateway
