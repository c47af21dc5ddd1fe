// Which candidates may be asked when a worker that has died may have asked some of them.
#include <gtest/gtest.h>

#include "core/routing/asked_before.h"

namespace gateway {
namespace {

class AskedBeforeTest : public testing::Test {
 protected:
    AskedBeforeTest() {
        once.dialect = dialect_named("openai");
        repeats.dialect = once.dialect;
        repeats.takes_idempotency = true;
    }
    [[nodiscard]] bool may_ask(const Candidate &candidate,
                               AfterUnknown after = AfterUnknown::fallback) const {
        return before.may_ask(candidate, after);
    }

    Provider once;     // does not take idempotency keys
    Provider repeats;  // does
    Candidate first{&once, "one"};
    Candidate other_model{&once, "two"};
    Candidate keyed{&repeats, "one"};
    Candidate keyed_too{&repeats, "two"};
    AskedBefore before;
};

TEST_F(AskedBeforeTest, AllMayBeAskedIfNoneWas) {
    EXPECT_TRUE(may_ask(first));
    EXPECT_TRUE(may_ask(keyed, AfterUnknown::fail));
}

TEST_F(AskedBeforeTest, AProviderThatMayHaveBilledItIsNotAskedAgainAlsoNotForAnotherModel) {
    before.candidates = {first};
    EXPECT_FALSE(may_ask(first));
    EXPECT_FALSE(may_ask(other_model));
    EXPECT_TRUE(may_ask(keyed));
    EXPECT_FALSE(may_ask(keyed, AfterUnknown::fail));
}

TEST_F(AskedBeforeTest, TheSameCallIsRepeatedWhereItIsNotBilledTwice) {
    before.candidates = {keyed};
    EXPECT_TRUE(may_ask(keyed));
    EXPECT_TRUE(may_ask(keyed, AfterUnknown::fail));
    EXPECT_FALSE(may_ask(keyed_too)) << "another call";
    EXPECT_TRUE(may_ask(first));
    EXPECT_FALSE(may_ask(first, AfterUnknown::fail));
    repeats.retry.attempts = 1;
    EXPECT_FALSE(may_ask(keyed)) << "the operator wants no call to be repeated";
}

TEST_F(AskedBeforeTest, OneCallThatCannotBeRepeatedEndsAllIfTheOperatorWantsThat) {
    before.candidates = {keyed, first};
    EXPECT_TRUE(may_ask(keyed));
    EXPECT_FALSE(may_ask(keyed, AfterUnknown::fail));
}

}  // namespace
}  // namespace gateway
