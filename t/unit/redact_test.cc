#include "core/providers/redact.h"

#include <gtest/gtest.h>

#include "core/providers/provider.h"

namespace gateway {
namespace {

TEST(Redact, TakesEverySecretOut) {
    const std::vector<std::string> keys = {"sk-one", "sk-two"};
    EXPECT_EQ(redact("", keys), "");
    EXPECT_EQ(redact("nothing here", keys), "nothing here");
    EXPECT_EQ(redact("sk-one", keys), "[secret]");
    EXPECT_EQ(redact("a sk-two, a sk-one and sk-onesk-one.", keys),
              "a [secret], a [secret] and [secret][secret].");
    EXPECT_EQ(redact("sk-one", {}), "sk-one");
}

TEST(Redact, LeavesNoRestOfASecretThatBeginsLikeAnother) {
    const std::string text = "key sk-one-and-more is wrong";
    EXPECT_EQ(redact(text, {"sk-one", std::string("sk-one-and-more")}), "key [secret] is wrong");
    EXPECT_EQ(redact(text, {"sk-one-and-more", std::string("sk-one")}), "key [secret] is wrong");
}

TEST(Redact, TakesOutAProxysPasswordInAllItsForms) {
    Provider provider;
    provider.keys = {{"sk-one"}};
    provider.proxy = "http://me:p%40ss-w0rd@proxy.example:3128";
    provider.finish();
    EXPECT_EQ(redact("sk-one, me:p%40ss-w0rd, me:p@ss-w0rd, p%40ss-w0rd, p@ss-w0rd, "
                     "Basic bWU6cEBzcy13MHJk. proxy.example:3128 is me",
                     provider.secrets),
              "[secret], [secret], [secret], [secret], [secret], Basic [secret]. "
              "proxy.example:3128 is me");
    provider.proxy = "http://a:b@proxy.example";
    provider.finish();
    EXPECT_EQ(redact("a:b Yes: a banana", provider.secrets), "[secret] Yes: a banana")
        << "a password of one letter is in any text";
    for (const char *proxy : {"http://proxy.example:3128", "http://@proxy", "http://%@p", ""}) {
        provider.proxy = proxy;
        provider.finish();
        EXPECT_EQ(redact("nothing % here", provider.secrets), "nothing % here") << proxy;
    }
}

TEST(ForLog, IsOneLine) {
    EXPECT_EQ(for_log("a\nb\r\n\tc\x1b[31m\x7f"), "a b   c [31m ");
    EXPECT_EQ(for_log(std::string_view("a\0b", 3)), "a b");
    EXPECT_EQ(for_log("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(ForLog, LeavesOutWhatLooksLikeImageData) {
    const std::string data(5000, 'A');
    const std::string line = for_log("before " + data + " after");
    EXPECT_TRUE(line.starts_with("before AAA")) << line;
    EXPECT_TRUE(line.ends_with("[...] after")) << line;
    EXPECT_LT(line.size(), 120U);
    EXPECT_EQ(for_log(std::string(79, 'A')), std::string(79, 'A'));
    EXPECT_EQ(for_log(std::string(80, 'A')), std::string(79, 'A') + "[...]");
    EXPECT_EQ(for_log(std::string(79, 'A') + "." + std::string(79, 'B')).size(), 159U);
}

TEST(ForLog, IsOfSaneLength) {
    std::string words;
    while (words.size() < 100000) {
        words += "word ";
    }
    const std::string line = for_log(words);
    EXPECT_LE(line.size(), 820U);
    EXPECT_TRUE(line.ends_with("..."));
    EXPECT_EQ(for_log(words.substr(0, 800)), words.substr(0, 800));
}

}  // namespace
}  // namespace gateway
