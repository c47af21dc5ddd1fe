// Model names in URLs: whatever a client writes, the result is a path below the base or nothing.
#include "core/providers/model_path.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

TEST(ModelPathTest, KeepsNamesAsProvidersWriteThem) {
    for (const char *name : {"flux-2-pro", "black-forest-labs/FLUX.1-schnell",
                             "@cf/leonardo/phoenix-1.0", "owner/model:1a2b3c", "a~b_c"}) {
        EXPECT_EQ(path_of_model(name), name);
    }
}

TEST(ModelPathTest, EscapesWhatHasAMeaningInUrls) {
    EXPECT_EQ(path_of_model("a?b=c#d"), "a%3Fb%3Dc%23d");
    EXPECT_EQ(path_of_model("a%2e%2e/b"), "a%252e%252e/b");
    EXPECT_EQ(path_of_model("a\\b;c&d"), "a%5Cb%3Bc%26d");
    EXPECT_EQ(path_of_model("a b\r\nc\xff"), "a%20b%0D%0Ac%FF");
}

TEST(ModelPathTest, RefusesWhatLeadsElsewhere) {
    for (const char *name : {"", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/..", "a/../b",
                             "a/./b", "@cf/../../../user/tokens"}) {
        EXPECT_FALSE(path_of_model(name)) << name;
    }
    const Outcome outcome = no_such_model("../a").make();
    EXPECT_EQ(outcome.type, OutcomeType::not_here);
    EXPECT_EQ(outcome.error.code, "model_not_found");
    EXPECT_NE(outcome.error.message.find("../a"), std::string::npos);
}

TEST(ModelPath, OrASingleSegment) {
    EXPECT_EQ(segment_of_model("flux-2-pro_x.1~y"), "flux-2-pro_x.1~y");
    EXPECT_EQ(segment_of_model("a/../b?c#d%2e e"), "a%2F..%2Fb%3Fc%23d%252e%20e");
    EXPECT_EQ(segment_of_model("caf\xC3\xA9\n"), "caf%C3%A9%0A");
    for (const char *name : {"", ".", ".."}) {
        EXPECT_FALSE(segment_of_model(name)) << name;
    }
}

}  // namespace
}  // namespace gateway
