// A name in a URL's path stays one segment, whatever is in it.
#include "core/net/path_segment.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

TEST(PathSegment, KeepsWhatMeansNothingInAUrl) {
    EXPECT_EQ(path_segment("flux-2-pro_x.1~y"), "flux-2-pro_x.1~y");
}

TEST(PathSegment, EscapesAllElse) {
    EXPECT_EQ(path_segment("a/../b?c#d%2e e:f@g"), "a%2F..%2Fb%3Fc%23d%252e%20e%3Af%40g");
    EXPECT_EQ(path_segment("caf\xC3\xA9\n"), "caf%C3%A9%0A");
}

TEST(PathSegment, IsNeverAWayUp) {
    for (const char *name : {"", ".", "..", "..."}) {
        EXPECT_EQ(path_segment(name), "-") << name;
    }
}

}  // namespace
}  // namespace gateway
