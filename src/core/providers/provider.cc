#include "core/providers/provider.h"

#include "core/glob.h"
#include "core/providers/dialect.h"

namespace gateway {

void Provider::name_accounts() {
    account = account_of({"provider", name});
    for (ProviderKey &key : keys) {
        key.account = account_of({"key", name, key.secret});
    }
}

Target Provider::target(std::string_view model) const {
    // One for all ways to spell the model.
    const Account model_account = dialect->ignores_case()
                                      ? account_of({"model", name, lower_case(model)})
                                      : account_of({"model", name, model});
    return {account, model_account, breaker, max_calls};
}

}  // namespace gateway
