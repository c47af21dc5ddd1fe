// The Idempotency-Key of a call.
#include "core/routing/call_key.h"

#include <gtest/gtest.h>

#include <set>

namespace gateway {
namespace {

constexpr Account kModel{1, 2};

TEST(CallKey, IsAnotherForEachThatIsAnother) {
    std::set<std::string> keys;
    size_t count = 0;
    const auto add = [&](const RequestIdentity &request, const Account &model, size_t call) {
        keys.insert(call_key(request, model, call));
        EXPECT_EQ(keys.size(), ++count);
    };
    add({"a", "", "k", "req"}, kModel, 0);
    add({"b", "", "k", "req"}, kModel, 0);
    add({"a", "u", "k", "req"}, kModel, 0);
    add({"au", "", "k", "req"}, kModel, 0);
    add({"a", "", "uk", "req"}, kModel, 0);
    add({"a", "", "k2", "req"}, kModel, 0);
    add({"token a", "", "k", "req"}, kModel, 0);
    add({"a", "", "k", "req"}, {1, 3}, 0);
    add({"a", "", "k", "req"}, kModel, 1);
    add({"", "", "", "req"}, kModel, 0);
    add({"", "", "", "req2"}, kModel, 0);
    add({"req", "", "", "req3"}, kModel, 0);
}

TEST(CallKey, IsTheSameForWhoRepeatsARequest) {
    EXPECT_EQ(call_key({"a", "u", "k", "req"}, kModel, 1),
              call_key({"a", "u", "k", "another"}, kModel, 1));
}

TEST(CallKey, IsOfTheRequestWhereNobodyOwnsOne) {
    EXPECT_EQ(call_key({"", "u", "k", "req"}, kModel, 0), call_key({"", "", "", "req"}, kModel, 0));
    EXPECT_NE(call_key({"", "u", "k", "req"}, kModel, 0),
              call_key({"", "u", "k", "req2"}, kModel, 0));
    EXPECT_EQ(call_key({"a", "", "", "req"}, kModel, 0), call_key({"", "", "", "req"}, kModel, 0));
}

}  // namespace
}  // namespace gateway
