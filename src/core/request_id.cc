#include "core/request_id.h"

#include <array>
#include <string_view>

namespace gateway {

std::string new_request_id(Random &random) {
    constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
    std::array<uint8_t, 24> bytes{};
    random.fill(bytes);
    std::string id;
    id.reserve(4 + bytes.size());
    id = "req_";
    for (const uint8_t byte : bytes) {
        id += kLetters[byte % kLetters.size()];
    }
    return id;
}

}  // namespace gateway
