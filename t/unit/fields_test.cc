// The table of fields: its order is relied upon, its forms are read here.
#include "core/request/fields.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gateway {
namespace {

TEST(Fields, StandInTheOrderOfParam) {
    ASSERT_EQ(fields().size(), kParamCount);
    for (size_t i = 0; i < fields().size(); ++i) {
        const auto param = static_cast<Param>(i);
        EXPECT_EQ(fields()[i].param, param) << fields()[i].name;
        EXPECT_EQ(&field_of(param), &fields()[i]);
        EXPECT_EQ(name_of(param), fields()[i].name);
    }
    EXPECT_EQ(name_of(Param::prompt), "prompt");
    EXPECT_EQ(name_of(Param::output_compression), "output_compression");
    EXPECT_EQ(name_of(Param::user), "user");
}

TEST(Fields, HaveNamesAndBoundsThatMakeSense) {
    std::set<std::string_view> names;
    for (const Field &field : fields()) {
        EXPECT_TRUE(names.insert(field.name).second) << field.name;
        EXPECT_LE(field.min, field.max) << field.name;
        EXPECT_EQ(field.type == FieldType::choice, !field.choices.empty()) << field.name;
        EXPECT_EQ(field.required, field.param == Param::prompt) << field.name;
    }
}

TEST(Fields, ReadSizesOfTheFormWidthTimesHeight) {
    Pixels pixels;
    EXPECT_TRUE(parse_size("1024x1536", pixels));
    EXPECT_EQ(pixels.width, 1024);
    EXPECT_EQ(pixels.height, 1536);
    for (const char *good : {"1x1", "16384x16384", "9x16"}) {
        EXPECT_TRUE(parse_size(good, pixels)) << good;
    }
    for (const char *bad : {"",
                            "x",
                            "1024",
                            "1024x",
                            "x1024",
                            "0x1024",
                            "1024x0",
                            "-1x1024",
                            "+1x1024",
                            "01024x1024",
                            "1024X1024",
                            "1024x1024x1",
                            "1024 x1024",
                            " 1024x1024",
                            "1024x1024 ",
                            "1e3x1e3",
                            "16385x1",
                            "1x16385",
                            "99999999999999999999x1",
                            "1024:1024",
                            "auto",
                            "1024\xC3\x97"
                            "1024"}) {
        EXPECT_FALSE(parse_size(bad, pixels)) << bad;
    }
}

TEST(Fields, ReadRatiosOfTheFormWToH) {
    for (const char *good : {"1:1", "16:9", "21:9", "9:21", "1024:768"}) {
        EXPECT_TRUE(is_ratio(good)) << good;
    }
    for (const char *bad :
         {"", ":", "16:", ":9", "16x9", "0:9", "16:0", "-16:9", "16:9:1", "1.5:1"}) {
        EXPECT_FALSE(is_ratio(bad)) << bad;
    }
}

TEST(Fields, KnowAChoiceOnlyAsAWholeWord) {
    constexpr std::string_view kChoices = "auto low medium";
    for (const char *word : {"auto", "low", "medium"}) {
        EXPECT_TRUE(is_one_of(word, kChoices)) << word;
    }
    for (const char *word : {"", " ", "aut", "autos", "auto low", "Low", "medium "}) {
        EXPECT_FALSE(is_one_of(word, kChoices)) << word;
    }
    EXPECT_FALSE(is_one_of("auto", ""));
    EXPECT_FALSE(is_one_of("", ""));
}

TEST(Fields, AreShownAsJsonAndShortened) {
    EXPECT_EQ(to_json(ParamValue()), "null");
    EXPECT_EQ(to_json(ParamValue(true)), "true");
    EXPECT_EQ(to_json(ParamValue(int64_t{-7})), "-7");
    EXPECT_EQ(to_json(ParamValue(7.5)), "7.5");
    EXPECT_EQ(to_json(ParamValue(std::string_view("a \"b\"\n"))), R"("a \"b\"\n")");
    const std::string exact(256, 'x');
    EXPECT_EQ(to_json(ParamValue(std::string_view(exact))), "\"" + exact + "\"");
    const std::string longer(257, 'x');
    EXPECT_EQ(to_json(ParamValue(std::string_view(longer))), "\"" + exact + "…\"");
}

}  // namespace
}  // namespace gateway
