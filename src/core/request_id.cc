#include "core/request_id.h"

#include <array>
#include <string_view>

namespace gateway {

namespace {

constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view kJob = "job_";
constexpr size_t kJobLetters = 32;

template <size_t kCount>
std::string new_id(std::string_view prefix, Random &random) {
    std::array<uint8_t, kCount> bytes{};
    random.fill(bytes);
    std::string id;
    id.reserve(prefix.size() + bytes.size());
    id = prefix;
    for (const uint8_t byte : bytes) {
        id += kLetters[byte % kLetters.size()];
    }
    return id;
}

}  // namespace

std::string new_request_id(Random &random) {
    return new_id<24>("req_", random);
}

std::string new_job_id(Random &random) {
    return new_id<kJobLetters>(kJob, random);
}

std::string job_id_from(std::span<const uint8_t> hash) {
    std::string id(kJob);
    for (const uint8_t byte : hash.first(kJobLetters)) {
        id += kLetters[byte % kLetters.size()];
    }
    return id;
}

bool is_job_id(std::string_view text) {
    return text.size() == kJob.size() + kJobLetters && text.starts_with(kJob) &&
           text.find_first_not_of(kLetters, kJob.size()) == std::string_view::npos;
}

}  // namespace gateway
