#include "core/providers/provider.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/bytes/base64.h"
#include "core/glob.h"
#include "core/providers/dialect.h"

namespace gateway {

namespace {

// Shorter passwords would be found in any text.
constexpr size_t kMinPassword = 4;

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const char *digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            decoded += static_cast<char>(byte);
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

// User and password as they stand in the URL, decoded, and as the proxy gets them: it may quote
// them in its errors.
void add_secrets_of_proxy(std::string_view proxy, std::vector<std::string> &secrets) {
    const size_t scheme = proxy.find("://");
    const size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
    const size_t end = proxy.rfind('@');
    if (end == std::string_view::npos || end <= start) {
        return;
    }
    const std::string_view written = proxy.substr(start, end - start);
    const std::string decoded = percent_decoded(written);
    for (const std::string &form : {std::string(written), decoded}) {
        const size_t colon = form.find(':');
        if (colon != std::string::npos) {
            secrets.push_back(form);
        }
        if (colon != std::string::npos && form.size() - colon - 1 >= kMinPassword) {
            secrets.push_back(form.substr(colon + 1));
        }
    }
    secrets.push_back(encode_base64(decoded));
}

}  // namespace

std::string_view Provider::account_of_files() const {
    if (!file_account.empty()) {
        return file_account == "off" ? std::string_view() : file_account;
    }
    return keys.size() <= 1 ? std::string_view(name) : std::string_view();
}

void Provider::finish() {
    account = account_of({"provider", name});
    known_models = {};
    secrets.clear();
    for (ProviderKey &key : keys) {
        key.account = account_of({"key", name, key.secret});
        secrets.push_back(key.secret);
    }
    add_secrets_of_proxy(proxy, secrets);
}

Target Provider::target(std::string_view model) const {
    const auto *known = std::find_if(known_models.begin(), known_models.end(),
                                     [model](const KnownModel &one) { return one.name == model; });
    if (known != known_models.end() && !model.empty()) {
        return {account, known->account, breaker, max_calls};
    }
    // One account for all spellings of the model.
    const Account model_account = dialect->ignores_case()
                                      ? account_of({"model", name, lower_case(model)})
                                      : account_of({"model", name, model});
    known_models[next_known++ % known_models.size()] = {std::string(model), model_account};
    return {account, model_account, breaker, max_calls};
}

Target Provider::target_of_unlisted(std::string_view pattern) const {
    BreakerRules off;
    off.failures = 0;
    return {account, account_of({"unlisted models", name, pattern}), off, max_calls};
}

}  // namespace gateway
