// How providers get input images: the body of each, with its fields and the masks of its kind.
#include "core/providers/image_inputs.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalogues.h"
#include "core/bytes/base64.h"
#include "edit_world.h"
#include "image_files.h"

namespace gateway {
namespace {

struct Sent {
    std::string path;
    std::string body;
};

const std::string kOne = files::png(16, 8);
const std::string kTwo = "jpeg";

class ImageInputsTest : public testing::Test {
 protected:
    // With `count` images, and a mask if it is requested. Boundaries are written as B.
    static Sent sent(const char *api, const char *model, size_t count, bool has_mask = false,
                     Operation operation = Operation::edit,
                     const std::string &asked = R"({"prompt":"a"})") {
        EditWorld world(api, "https://p");
        EXPECT_TRUE(world.dialect.takes_images()) << api;
        world.images = {input_image(kOne), input_image(kTwo, ImageFormat::jpeg)};
        world.images.resize(count);
        world.mask = input_image("mask");
        world.has_mask = has_mask;
        const HttpCall call = world.edit(model, asked, operation);
        std::string body = call.body.copy();
        EXPECT_EQ(body.size(), call.body.size());
        if (body.starts_with("--")) {
            const std::string boundary = body.substr(2, body.find("\r\n") - 2);
            for (size_t at = 0; (at = body.find(boundary)) != std::string::npos;) {
                body.replace(at, boundary.size(), "B");
            }
        }
        return {call.url.substr(9), body};
    }
};

std::string data_url_of(const std::string &bytes, const char *type) {
    return "\"data:image/" + std::string(type) + ";base64," + encode_base64(bytes) + "\"";
}

const std::string kOneUrl = data_url_of(kOne, "png");
const std::string kTwoUrl = data_url_of(kTwo, "jpeg");

std::string file_of(const std::string &field, const std::string &name, const std::string &type,
                    const std::string &bytes) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name +
           "\"\r\nContent-Type: image/" + type + "\r\n\r\n" + bytes + "\r\n";
}

TEST_F(ImageInputsTest, AreUrlObjectsForXai) {
    const char *model = "grok-imagine-image-2.0";
    const std::string front = R"({"model":"grok-imagine-image-2.0","prompt":"a",)";
    const Sent one = sent("xai", model, 1);
    EXPECT_EQ(one.path, "/images/edits");
    EXPECT_EQ(one.body, front + R"("image":{"type":"image_url","url":)" + kOneUrl + "}}");
    EXPECT_EQ(sent("xai", model, 2).body, front + R"("images":[{"type":"image_url","url":)" +
                                              kOneUrl + R"(},{"type":"image_url","url":)" +
                                              kTwoUrl + "}]}");
}

TEST_F(ImageInputsTest, AreTextsOrAListForTogether) {
    const Sent kontext = sent("together", "black-forest-labs/FLUX.1-kontext-pro", 1);
    EXPECT_EQ(kontext.path, "/images/generations");
    EXPECT_TRUE(kontext.body.ends_with(R"("image_url":)" + kOneUrl + "}")) << kontext.body;
    const Sent dev = sent("together", "black-forest-labs/FLUX.2-dev", 1);
    EXPECT_TRUE(dev.body.ends_with(R"("reference_images":[)" + kOneUrl + "]}")) << dev.body;
}

TEST_F(ImageInputsTest, AreNumberedBase64ForFluxOnAzure) {
    const Sent two = sent("azure-flux", "FLUX.2-Flex-1", 2);
    EXPECT_EQ(two.path, "/providers/blackforestlabs/v1/flux-2-flex?api-version=preview");
    EXPECT_EQ(two.body, R"({"model":"FLUX.2-Flex-1","prompt":"a","input_image":")" +
                            encode_base64(kOne) + R"(","input_image_2":")" + encode_base64(kTwo) +
                            R"("})");
    EXPECT_EQ(sent("azure-flux", "../../x?y#", 1).path,
              "/providers/blackforestlabs/v1/flux-2-pro?api-version=preview");
}

TEST_F(ImageInputsTest, AreReferencesForOpenRouter) {
    const Sent one = sent("openrouter", "google/gemini-3-pro-image", 1);
    EXPECT_EQ(one.path, "/images");
    EXPECT_TRUE(one.body.ends_with(
        R"("input_references":[{"type":"image_url","image_url":{"url":)" + kOneUrl + "}}]}"));
}

TEST_F(ImageInputsTest, AreNumberedForSiliconFlow) {
    const Sent two = sent("siliconflow", "Qwen/Qwen-Image-Edit-2509", 2);
    EXPECT_TRUE(two.body.ends_with(R"("image":)" + kOneUrl + R"(,"image2":)" + kTwoUrl + "}"))
        << two.body;
}

TEST_F(ImageInputsTest, ComeBeforeTheTextForGemini) {
    const Sent two = sent("google-gemini", "gemini-3-pro-image", 2);
    EXPECT_TRUE(two.body.starts_with(
        R"({"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":")" +
        encode_base64(kOne) + R"("}},{"inlineData":{"mimeType":"image/jpeg","data":")" +
        encode_base64(kTwo) + R"("}},{"text":"a"}]}])"))
        << two.body;
}

TEST_F(ImageInputsTest, AreFilesForRecraft) {
    const Sent edit = sent("recraft", "recraftv3", 1);
    EXPECT_EQ(edit.path, "/images/imageToImage");
    EXPECT_NE(edit.body.find("name=\"strength\"\r\n\r\n0.5\r\n"), std::string::npos);
    const Sent masked = sent("recraft", "recraftv3", 1, true);
    EXPECT_EQ(masked.path, "/images/inpaint");
    EXPECT_TRUE(masked.body.ends_with(file_of("image", "image.png", "png", kOne) +
                                      file_of("mask", "mask.png", "png", "mask") + "--B--\r\n"));
    EXPECT_EQ(masked.body.find("strength"), std::string::npos);
    const Sent tool = sent("recraft", "removeBackground", 1);
    EXPECT_EQ(tool.path, "/images/removeBackground");
    EXPECT_EQ(tool.body, file_of("image", "image.png", "png", kOne) + "--B--\r\n");
    const Sent erased = sent("recraft", "eraseRegion", 1, true);
    EXPECT_EQ(erased.body.find("name=\"model\""), std::string::npos);
    EXPECT_NE(erased.body.find("name=\"mask\""), std::string::npos);
    const Sent drawn = sent("recraft", "imageToImage", 1);
    EXPECT_EQ(drawn.path, "/images/imageToImage");
    EXPECT_NE(drawn.body.find("name=\"model\"\r\n\r\nrecraftv3\r\n"), std::string::npos);
    EXPECT_NE(drawn.body.find("name=\"strength\"\r\n\r\n0.5\r\n"), std::string::npos);
    const Sent varied = sent("recraft", "recraftv3", 1, false, Operation::variation);
    EXPECT_EQ(varied.path, "/images/variateImage");
    EXPECT_NE(varied.body.find("name=\"size\"\r\n\r\n1024x1024\r\n"), std::string::npos);
}

TEST_F(ImageInputsTest, HaveTheFieldsOfServersOfOnesOwn) {
    const Sent omni = sent("vllm-omni", "m", 2, true);
    EXPECT_EQ(omni.path, "/images/edits");
    EXPECT_NE(omni.body.find(file_of("image[]", "image.png", "png", kOne) +
                             file_of("image[]", "image.jpeg", "jpeg", kTwo) +
                             file_of("mask_image", "mask.png", "png", "mask")),
              std::string::npos);
    const Sent server = sent("sd-server", "m", 1, true);
    EXPECT_NE(server.body.find(file_of("image[]", "image.png", "png", kOne) +
                               file_of("mask", "mask.png", "png", "mask")),
              std::string::npos);
    const Sent strong =
        sent("sd-server", "m", 1, false, Operation::edit, R"({"prompt":"a","strength":0.5})");
    EXPECT_NE(strong.body.find(R"("strength":0.5)"), std::string::npos) << strong.body;
    EXPECT_NE(sent("azure-openai", "gpt-image-2", 1).body.find("name=\"image\""),
              std::string::npos);
}

// A model that can edit says what it takes, and its dialect can send it.
TEST(ImageInputs, AreKnownOfEachModelThatEdits) {
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &row : rows) {
            const bool edits = row.can(Operation::edit) || row.can(Operation::variation);
            const Dialect *dialect = dialect_named(api);
            if (edits && row.status != ModelStatus::shut_down) {
                EXPECT_TRUE(dialect->takes_images()) << api << "/" << row.pattern;
                EXPECT_GE(row.inputs.max, 1) << api << "/" << row.pattern;
            }
        }
    }
}

}  // namespace
}  // namespace gateway
