// Links to kept images: names that nobody can guess, signatures that expire and fit only one link.
#include "core/images/links.h"

#include <gtest/gtest.h>

#include <set>

#include "fake_ports.h"

namespace gateway {
namespace {

Hosting hosting(std::vector<std::string> keys) {
    Hosting made;
    made.directory = "/store";
    made.keys = std::move(keys);
    return made;
}

std::string query_of(const std::string &link) {
    return link.substr(link.find('?') + 1);
}

TEST(Links, HaveNamesOfManyRandomLettersAndTheFormatsEnding) {
    FakeRandom random(3);
    std::set<std::string> seen;
    for (const ImageFormat format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp,
                                     ImageFormat::gif, ImageFormat::avif, ImageFormat::heic}) {
        const std::string name = new_image_name(random, format);
        EXPECT_TRUE(seen.insert(name.substr(0, 26)).second);
        EXPECT_TRUE(is_image_name(name)) << name;
        EXPECT_EQ(format_of_name(name), format);
        EXPECT_TRUE(name.ends_with("." + std::string(name_of(format))));
    }
}

TEST(Links, LeadOnlyToNamesOfTheirOwnForm) {
    const std::string letters(26, 'a');
    EXPECT_TRUE(is_image_name(letters + ".png"));
    for (const std::string &bad :
         {std::string(), letters, letters + ".svg", letters + ".html", letters + ".png.tmp",
          letters + "/.png", "../" + letters.substr(3) + ".png", letters.substr(1) + ".png",
          letters + "a.png", std::string(26, 'A') + ".png", std::string(26, '1') + ".png",
          ".key" + letters.substr(4) + ".png", letters + ".PNG"}) {
        EXPECT_FALSE(is_image_name(bad)) << bad;
    }
    EXPECT_EQ(image_path(hosting({}), letters + ".png"), "/store/aa/" + letters + ".png");
}

TEST(Links, AreGoodUntilTheyEndAndForOneImageOnly) {
    const Hosting own = hosting({"a key that is long"});
    const std::string link = signed_link("one.png", 1000, own.keys[0]);
    EXPECT_TRUE(link.starts_with("images/files/one.png?expires=1000&signature="));
    const std::string query = query_of(link);
    EXPECT_TRUE(is_valid_link("one.png", query, own, 999));
    EXPECT_FALSE(is_valid_link("one.png", query, own, 1000)) << "it has ended";
    EXPECT_FALSE(is_valid_link("two.png", query, own, 999)) << "another image";
    EXPECT_EQ(expiry_of(query), 1000);
}

TEST(Links, CannotBeChanged) {
    const Hosting own = hosting({"a key that is long"});
    const std::string query = query_of(signed_link("one.png", 1000, own.keys[0]));
    for (size_t at = 0; at < query.size(); ++at) {
        std::string changed = query;
        changed[at] = changed[at] == '0' ? '1' : '0';
        EXPECT_FALSE(is_valid_link("one.png", changed, own, 1)) << changed;
        EXPECT_FALSE(is_valid_link("one.png", query.substr(0, at), own, 1));
    }
    for (const char *bad :
         {"", "expires=2000", "signature=00", "expires=&signature=", "expires=-1&signature=0"}) {
        EXPECT_FALSE(is_valid_link("one.png", bad, own, 1)) << bad;
    }
    EXPECT_TRUE(is_valid_link("one.png", "v=1&" + query + "&x=y", own, 1))
        << "others may add theirs";
    EXPECT_FALSE(is_valid_link("one.png", "expires=2000&" + query, own, 1)) << "the first counts";
}

TEST(Links, SignedByTheKeyBeforeAreStillGood) {
    const std::string query = query_of(signed_link("one.png", 1000, "the old key, long"));
    EXPECT_TRUE(
        is_valid_link("one.png", query, hosting({"the new key, long", "the old key, long"}), 1));
    EXPECT_FALSE(is_valid_link("one.png", query, hosting({"the new key, long"}), 1));
    EXPECT_FALSE(is_valid_link("one.png", query, hosting({}), 1));
}

}  // namespace
}  // namespace gateway
