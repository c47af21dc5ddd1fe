// Which requests come from a page of another site.
#include "core/access/foreign_page.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

TEST(ForeignPage, IsToldByWhatBrowsersSay) {
    const struct {
        const char *fetch_site;
        const char *origin;
        bool foreign;
    } kRows[] = {
        {"", "", false},
        {"cross-site", "", true},
        {"cross-site", "https://here.example", true},
        {"same-origin", "https://evil.example", false},  // a proxy has changed Host
        {"none", "", false},
        {"same-site", "", false},
        {"same-site", "https://other.example", true},
        {"same-site", "https://here.example:3000", false},
        {"nonsense", "https://evil.example", true},
        {"", "https://here.example", false},
        {"", "http://HERE.example:8080", false},
        {"", "https://public.example", false},
        {"", "https://here.example.evil.example", true},
        {"", "https://evil.example", true},
        {"", "null", true},
        {"", "here.example", true},
        {"", "https://", true},
        {"", "https://:80", true},
        {"", "https://evil.example/://here.example", true},
    };
    for (const auto &row : kRows) {
        SCOPED_TRACE(std::string(row.fetch_site) + " " + row.origin);
        RequestHead head;
        head.fetch_site = row.fetch_site;
        head.origin = row.origin;
        EXPECT_EQ(is_from_foreign_page(head, "here.example", "public.example"), row.foreign);
    }
    RequestHead head;
    head.origin = "https://";
    EXPECT_TRUE(is_from_foreign_page(head, "", "")) << "no name is not a name of ours";
}

TEST(ForeignPage, ReadsTheHostOfAnAddress) {
    EXPECT_EQ(host_of("https://a.example"), "a.example");
    EXPECT_EQ(host_of("https://a.example:8443/x:y"), "a.example");
    EXPECT_EQ(host_of("http://[::1]:80"), "[::1]");
    EXPECT_EQ(host_of("http://[::1]"), "[::1]");
    EXPECT_EQ(host_of("null"), "");
}

}  // namespace
}  // namespace gateway
