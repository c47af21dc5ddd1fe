#include "core/limits/account.h"

#include <bit>
#include <cstring>
#include <string>

namespace gateway {

Account account_of(std::string_view name) {
    return account_of(sha256(name));
}

Account account_of(const Sha256 &hash) {
    Account account{};
    static_assert(sizeof(account) <= sizeof(hash));
    std::memcpy(account.data(), hash.data(), sizeof(account));
    return account;
}

Account account_of(std::initializer_list<std::string_view> parts) {
    std::string name;
    for (const std::string_view part : parts) {
        name.append(std::to_string(part.size())).append(1, ':').append(part);
    }
    return account_of(name);
}

Account both(const Account &a, const Account &b) {
    return {a[0] ^ std::rotl(b[0], 1), a[1] ^ std::rotl(b[1], 1)};
}

}  // namespace gateway
