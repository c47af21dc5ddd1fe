#include "core/limits/exceeded.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "core/utc_time.h"

namespace gateway {

namespace {

static_assert(std::is_trivially_copyable_v<Exceeded>);

std::string whose(const Exceeded &exceeded) {
    switch (exceeded.kind) {
        case Party::Kind::key: return "this key";
        case Party::Kind::end_user: return "this end user";
        case Party::Kind::address: return "this address";
        case Party::Kind::model: break;
    }
    return "the models " + std::string(exceeded.name) + " with this key";
}

std::string message_of_rate(const Exceeded &exceeded) {
    return "The limit of " + std::to_string(exceeded.limit) + " " + std::string(exceeded.counted) +
           " for " + whose(exceeded) + " is reached.";
}

std::string message_of_never(const Exceeded &exceeded) {
    return "'n' is more than the limit of " + std::to_string(exceeded.limit) + " " +
           std::string(exceeded.counted) + " for " + whose(exceeded) +
           ": ask for at most that many images at once.";
}

std::string message_of_budget(const Exceeded &exceeded) {
    const Budget &budget = exceeded.budget;
    std::string text =
        "The budget of this key, $" + dollars(budget.usd) +
        (budget.per == Period::lifetime ? " in all" : " per ") +
        (budget.per == Period::lifetime ? std::string() : std::string(name_of(budget.per)));
    if (exceeded.left <= 0) {
        text += ", is spent.";
    } else {
        text += ", has $" + dollars(exceeded.left) + " left, and this request may cost up to $" +
                dollars(exceeded.wanted) + ".";
    }
    const int64_t number = number_of(budget.per, exceeded.unix_seconds);
    if (const auto renewal = end_of(budget.per, number)) {
        text += " It renews at " + format_time(*renewal) + ".";
    } else {
        text += " It does not renew.";
    }
    return text;
}

}  // namespace

std::string_view party_word(const Exceeded &exceeded) {
    switch (exceeded.kind) {
        case Party::Kind::key: return "key";
        case Party::Kind::end_user: return "end_user";
        case Party::Kind::address: return "address";
        case Party::Kind::model: break;
    }
    return "model";
}

std::string_view limit_word(const Exceeded &exceeded) {
    if (exceeded.what == Exceeded::What::budget) {
        return "budget";
    }
    if (exceeded.what == Exceeded::What::unavailable) {
        return "accounts";
    }
    const auto *row =
        std::find_if(std::begin(kLimitRows), std::end(kLimitRows),
                     [&](const LimitRow &one) { return one.text == exceeded.counted; });
    return row == std::end(kLimitRows) ? "room" : row->json_name;
}

std::string message_of(const Exceeded &exceeded) {
    switch (exceeded.what) {
        case Exceeded::What::rate: return message_of_rate(exceeded);
        case Exceeded::What::never: return message_of_never(exceeded);
        case Exceeded::What::budget: return message_of_budget(exceeded);
        case Exceeded::What::unavailable:
            return "The limits of " + whose(exceeded) +
                   " cannot be checked, because the gateway does not reach the server that counts "
                   "them.";
        case Exceeded::What::room: break;
    }
    return "The gateway has no room to count another caller; its image_gateway_zone is too small.";
}

}  // namespace gateway
