// Forms: no value and no name can end the form early.
#include "core/providers/multipart.h"

#include <gtest/gtest.h>

#include "dialect_world.h"
#include "read_json.h"

namespace gateway {
namespace {

// Draws the same numbers again and again.
class Stuck final : public Random {
 public:
    void fill(std::span<uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), 0xAB); }
};

TEST(MultipartTest, WritesEachFieldAsAPart) {
    MultipartForm form;
    form.add("prompt", "a \"red\"\r\nkité");
    form.add("negative_prompt", "");
    form.add("seed", "7");
    HttpCall call;
    Stuck random;
    std::move(form).move_into(call, random);
    EXPECT_EQ(call.headers,
              std::vector<std::string>{"Content-Type: multipart/form-data; "
                                       "boundary=image-gateway-abababababababababababababababab"});
    EXPECT_EQ(call.body.copy(),
              "--image-gateway-abababababababababababababababab\r\n"
              "Content-Disposition: form-data; name=\"prompt\"\r\n\r\n"
              "a \"red\"\r\nkité\r\n"
              "--image-gateway-abababababababababababababababab\r\n"
              "Content-Disposition: form-data; name=\"seed\"\r\n\r\n"
              "7\r\n"
              "--image-gateway-abababababababababababababababab--\r\n");
}

TEST(MultipartTest, TakesABoundaryThatIsNowhereInTheForm) {
    MultipartForm form;
    form.add("prompt", "x\r\n--image-gateway-abababababababababababababababab--\r\n");
    form.add("image-gateway-abababababababababababababababac", "y");
    HttpCall call;
    Stuck random;
    std::move(form).move_into(call, random);
    EXPECT_EQ(header_of(call, "Content-Type"),
              "multipart/form-data; boundary=image-gateway-abababababababababababababababad");
    EXPECT_EQ(form_of(call),
              "prompt=x\r\n--image-gateway-abababababababababababababababab--\r\n\n"
              "image-gateway-abababababababababababababababac=y\n");
}

TEST(MultipartTest, KeepsANameWithinItsQuotesAndItsLine) {
    MultipartForm form;
    form.add("a\"; filename=\"x\r\nContent-Type: text/html\r\n\r\n", "v");
    HttpCall call;
    FakeRandom random;
    std::move(form).move_into(call, random);
    EXPECT_EQ(form_of(call), "a%22; filename=%22x%0D%0AContent-Type: text/html%0D%0A%0D%0A=v\n");
}

TEST(MultipartTest, SaysValuesAsTheyAre) {
    EXPECT_EQ(form_text(ParamValue()), "");
    EXPECT_EQ(form_text(ParamValue(std::string_view("a \"b\""))), "a \"b\"");
    EXPECT_EQ(form_text(ParamValue(int64_t{4294967294})), "4294967294");
    EXPECT_EQ(form_text(ParamValue(5.5)), "5.5");
    EXPECT_EQ(form_text(ParamValue(true)), "true");
    const ReadJson json(R"({"text":"a \"b\"","number":1.50,"list":[1,"x"]})");
    EXPECT_EQ(form_text(json["text"]), "a \"b\"");
    EXPECT_EQ(form_text(json["number"]), "1.50");
    EXPECT_EQ(form_text(json["list"]), R"([1,"x"])");
}

}  // namespace
}  // namespace gateway
