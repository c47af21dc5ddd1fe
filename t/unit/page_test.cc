// The page: settings, compression and policy of the document that is built in.
#include "core/html/page.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace gateway {
namespace {

std::string unpack(const std::string &gzip) {
    z_stream stream{};
    std::string out(10'000'000, '\0');
    inflateInit2(&stream, 16 + MAX_WBITS);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(gzip.data()));
    stream.avail_in = static_cast<uInt>(gzip.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

TEST(Page, WhatIsBuiltInHasEachPlaceholder) {
    for (const std::string_view name : {"{{api}}", "{{status}}", "{{title}}"}) {
        EXPECT_NE(built_in_page().find(name), std::string_view::npos) << name;
    }
}

TEST(Page, SettingsTakeThePlaceOfPlaceholdersOnceAndAreEscaped) {
    const Page page = make_page({"/v1/", "/s", "<i>{{api}}\"'&"});
    EXPECT_NE(page.html.find("content=\"/v1/\""), std::string::npos);
    EXPECT_NE(page.html.find("<title>&lt;i&gt;{{api}}&quot;&#39;&amp;</title>"), std::string::npos);
    EXPECT_EQ(page.html.find("{{status}}"), std::string::npos);
}

TEST(Page, TheCompressedPageIsThePageAndSmall) {
    const Page page = make_page({"/v1/", {}, "t"});
    EXPECT_EQ(unpack(page.gzip), page.html);
    EXPECT_LT(page.gzip.size(), 100'000U);
}

TEST(Page, TheTagFollowsTheContents) {
    EXPECT_EQ(make_page({"/v1/", {}, "t"}).tag, make_page({"/v1/", {}, "t"}).tag);
    EXPECT_NE(make_page({"/v1/", {}, "t"}).tag, make_page({"/v2/", {}, "t"}).tag);
}

TEST(Page, ASettingChangesNoHashOfThePolicy) {
    EXPECT_EQ(make_page({"/v1/", {}, "t"}).policy,
              make_page({"/v2/", "/s", "<script type=\"module\">"}).policy);
}

}  // namespace
}  // namespace gateway
