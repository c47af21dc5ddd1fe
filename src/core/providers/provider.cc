#include "core/providers/provider.h"

namespace gateway {

void Provider::name_accounts() {
    account = account_of({"provider", name});
    for (ProviderKey &key : keys) {
        key.account = account_of({"key", name, key.secret});
    }
}

Target Provider::target(std::string_view model) const {
    return {account, account_of({"model", name, model}), breaker, max_calls};
}

}  // namespace gateway
