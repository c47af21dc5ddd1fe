#include "redis/counted_request.h"

#include <algorithm>
#include <array>

namespace gateway {

namespace {

constexpr int64_t kKeepMinute = 130;
constexpr int64_t kKeepDay = 90'000;  // the rest of the day, and an hour

void append_field(std::string &line, int64_t number) {
    line.append(line.empty() ? "" : ",").append(std::to_string(number));
}

}  // namespace

std::string name_of(const Account &account) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string name;
    for (const uint64_t word : account) {
        for (int shift = 60; shift >= 0; shift -= 4) {
            name += kDigits[word >> shift & 15];
        }
    }
    return name;
}

// All addresses have one owner. To count them in one place would make that place slow.
std::string tag_of(const Party &party) {
    return name_of(party.kind == Party::Kind::address ? party.account : party.owner);
}

std::string party_argument(const Party &party, int64_t keep_seconds) {
    const Limits &limits = party.limits;
    const bool has_record = party.has_budget_record || !party.budgets.empty();
    int64_t keep = std::max(keep_seconds, limits.images_per_day > 0 ? kKeepDay : kKeepMinute);
    keep = has_record ? 0 : keep;
    std::string line = name_of(party.account);
    for (const int64_t number :
         {limits.concurrent, limits.requests_per_minute, limits.images_per_minute,
          limits.images_per_day, keep, int64_t{has_record ? 1 : 0}}) {
        append_field(line, number);
    }
    for (const Budget &budget : party.budgets) {
        append_field(line, static_cast<int64_t>(budget.per));
        append_field(line, budget.usd);
    }
    return line;
}

std::string reservations_argument(std::span<const CountedRequest::Reservation> reservations) {
    std::string line;
    for (const CountedRequest::Reservation &one : reservations) {
        append_field(line, static_cast<int64_t>(one.step));
        append_field(line, one.second);
        append_field(line, one.images);
    }
    return line;
}

}  // namespace gateway
