#include "core/access/parties.h"

#include <algorithm>
#include <cstring>

#include "core/glob.h"

namespace gateway {

namespace {

Account addresses() {
    static const Account all = account_of("addresses");
    return all;
}

}  // namespace

std::vector<Party> parties_of(const Caller &caller, std::string_view end_user,
                              std::string_view address, const DefaultLimits &defaults) {
    std::vector<Party> parties;
    if (caller.admin) {
        return parties;
    }
    if (caller.id().empty()) {
        if (defaults.address.any() && !address.empty()) {
            parties.push_back({Party::Kind::address,
                               account_of({"address", address}),
                               addresses(),
                               {},
                               address,
                               defaults.address,
                               {}});
        }
        return parties;
    }
    static const Key kNoKey;
    const Key &key = caller.key == nullptr ? kNoKey : *caller.key;
    const std::string_view id = caller.id();
    const Account account = caller.key == nullptr ? account_of_key(id) : key.account;
    parties.push_back({Party::Kind::key,
                       account,
                       account,
                       id,
                       {},
                       key.limits.or_else(defaults.key),
                       key.budgets,
                       caller.key != nullptr});
    const Limits limits = key.end_user.or_else(defaults.end_user);
    if (!end_user.empty() && limits.any()) {
        parties.push_back({Party::Kind::end_user,
                           account_of({"end_user", id, end_user}),
                           account,
                           id,
                           end_user,
                           limits,
                           {}});
    }
    return parties;
}

std::vector<Party> model_parties_of(const Caller &caller, std::string_view model) {
    std::vector<Party> parties;
    if (caller.key == nullptr) {
        return parties;
    }
    const Key &key = *caller.key;
    for (const ModelLimits &row : key.model_limits) {
        // Ignores case: some providers do, and a limit must apply to every spelling.
        if (row.limits.any() && glob_matches(row.pattern, model, 0)) {
            parties.push_back({Party::Kind::model,
                               row.account,
                               key.account,
                               key.id,
                               row.pattern,
                               row.limits,
                               {}});
        }
    }
    return parties;
}

bool depends_on_past(const Caller &caller, const std::vector<Party> &parties) {
    const bool models =
        caller.key != nullptr &&
        std::any_of(caller.key->model_limits.begin(), caller.key->model_limits.end(),
                    [](const ModelLimits &row) { return row.limits.images_per_day > 0; });
    return models || std::any_of(parties.begin(), parties.end(), [](const Party &party) {
               return !party.budgets.empty() || party.limits.images_per_day > 0;
           });
}

Account memory_owner_of(const Caller &caller, const RequestHead &head) {
    if (caller.id().empty()) {
        // An address has at most eight bytes (see address_of), so it needs no hash. It differs
        // from the accounts of keys, which are hashes, with near certainty.
        Account owner{0, head.address.size()};
        std::memcpy(owner.data(), head.address.data(),
                    std::min(head.address.size(), sizeof(owner[0])));
        return owner;
    }
    return caller.key == nullptr ? account_of_key(caller.id()) : caller.key->account;
}

Party party_named(Party::Kind kind, std::string_view key, const Account &account) {
    Party party;
    party.kind = kind;
    party.account = account;
    party.owner = kind == Party::Kind::address ? addresses() : account_of_key(key);
    party.key = key;
    return party;
}

}  // namespace gateway
