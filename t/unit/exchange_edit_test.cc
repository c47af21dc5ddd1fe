// Requests with input images, from the body to the provider's request and the reply.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/bytes/base64.h"
#include "dialect_world.h"
#include "exchange_world.h"
#include "image_files.h"
#include "png_files.h"
#include "spooled.h"

namespace gateway {
namespace {

// A real PNG: an opaque one, or a mask with a transparent left half.
std::string real_png(uint32_t width, uint32_t height, bool is_mask) {
    PngSamples samples;
    samples.width = width;
    samples.height = height;
    for (uint32_t y = 0; y < height; ++y) {
        for (uint32_t x = 0; x < width; ++x) {
            const bool transparent = is_mask && x < width / 2;
            samples.values.insert(samples.values.end(),
                                  {10, 20, 30, static_cast<uint16_t>(transparent ? 0 : 255)});
        }
    }
    return make_png(samples);
}

const std::string kImage = files::png(16, 8);

struct FormPart {
    std::string name;
    std::string content;
    bool is_file = false;
};

class ExchangeEditTest : public ExchangeTest {
 protected:
    ExchangeEditTest() {
        world.ports.spool = spool;
        policy.raw = true;
    }

    static ReceivedBody form(const std::vector<FormPart> &parts, bool in_file) {
        std::string body;
        for (const FormPart &part : parts) {
            body += "--xyz\r\nContent-Disposition: form-data; name=\"" + part.name + "\"";
            body +=
                part.is_file ? "; filename=\"blob\"\r\nContent-Type: application/octet-stream" : "";
            body += "\r\n\r\n" + part.content + "\r\n";
        }
        body += "--xyz--\r\n";
        ReceivedBody received = in_file ? in_a_file(body) : ReceivedBody(body);
        received.content_type = "multipart/form-data; boundary=xyz";
        return received;
    }
    static ReceivedBody in_a_file(const std::string &body) {
        ReceivedBody received;
        received.file = std::make_shared<MemoryFile>(body);
        received.size = body.size();
        return received;
    }
    void edit(ReceivedBody body, Operation operation = Operation::edit) {
        open();
        ASSERT_EQ(told.answers, 0);
        exchange->run(operation, std::move(body), [this](Answer answer) {
            ++told.answers;
            told.answer = std::move(answer);
        });
        world.tasks.run_all();
    }
    [[nodiscard]] const HttpCall &sent() const { return world.upstream.calls.back()->call; }
    [[nodiscard]] std::string code() const {
        return std::string(told.json()["error"]["code"].string());
    }
    [[nodiscard]] std::string param() const {
        return std::string(told.json()["error"]["param"].string());
    }

    std::shared_ptr<MemoryFiles> spool = std::make_shared<MemoryFiles>();
};

// Everything behind the boundary, with the boundary replaced.
std::string without_boundary(const HttpCall &call) {
    std::string body = call.body.copy();
    const std::string boundary = body.substr(2, body.find("\r\n") - 2);
    for (size_t at = 0; (at = body.find(boundary, at)) != std::string::npos;) {
        body.replace(at, boundary.size(), "B");
    }
    return body;
}

std::string file_part_sent(const std::string &name, const std::string &file,
                           const std::string &bytes) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + file +
           "\"\r\nContent-Type: image/png\r\n\r\n" + bytes + "\r\n";
}

std::string text_part_sent(const std::string &name, const std::string &text) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n";
}

TEST_F(ExchangeEditTest, SendsTheSameFormWhateverTheCallerSent) {
    const std::string expected = text_part_sent("model", "gpt-image-2") +
                                 text_part_sent("prompt", "a kite") + text_part_sent("n", "2") +
                                 file_part_sent("image", "image.png", kImage) + "--B--\r\n";
    const std::string base64 = encode_base64(kImage);
    const std::string front = R"({"model":"a/gpt-image-2","prompt":"a kite","n":2,)";
    std::vector<ReceivedBody> bodies;
    for (const bool in_file : {false, true}) {
        bodies.push_back(form(
            {{"image", kImage, true}, {"model", "a/gpt-image-2"}, {"prompt", "a kite"}, {"n", "2"}},
            in_file));
        bodies.push_back(form({{"n", "2"},
                               {"prompt", "a kite"},
                               {"image[]", kImage, true},
                               {"model", "a/gpt-image-2"}},
                              in_file));
    }
    for (const std::string &image :
         {R"("image":"data:image/png;base64,)" + base64 + "\"", R"("image":")" + base64 + "\"",
          R"("images":[{"image_url":"data:image/jpeg;base64,)" + base64 + "\"}]",
          R"("images":[{"b64_json":")" + base64 + "\"}]",
          R"("input_references":[{"type":"image_url","image_url":{"url":"data:;base64,)" + base64 +
              "\"}}]"}) {
        bodies.emplace_back(front + image + "}");
        bodies.push_back(in_a_file(front + image + "}"));
    }
    for (ReceivedBody &body : bodies) {
        const std::string shown = body.text;
        edit(std::move(body));
        ASSERT_EQ(open_calls(), 1U) << shown << told.json().text();
        EXPECT_EQ(sent().url, "https://a/images/edits");
        EXPECT_EQ(without_boundary(sent()), expected) << shown;
        EXPECT_EQ(sent().body.size(), sent().body.copy().size());
        exchange.reset();
    }
    // The same inside a request for images from text.
    edit(ReceivedBody(front + R"("reference_images":[")" + base64 + "\"]}"), Operation::generate);
    EXPECT_EQ(without_boundary(sent()), expected);
}

TEST_F(ExchangeEditTest, CutsLongImagesOutOfJsonIntoOneFile) {
    const std::string one = files::png(16, 8, {}, {}, 2, std::string(20'000, '1'));
    const std::string two = files::png(16, 8, {}, {}, 2, std::string(70'000, '2'));
    edit(in_a_file(R"({"images":[")" + encode_base64(one) + R"(","data:image/png;base64,)" +
                   encode_base64(two) + R"("],"model":"a/gpt-image-2","prompt":"a"})"));
    ASSERT_EQ(open_calls(), 1U);
    EXPECT_EQ(spool->created, 1);
    EXPECT_EQ(without_boundary(sent()),
              text_part_sent("model", "gpt-image-2") + text_part_sent("prompt", "a") +
                  file_part_sent("image[]", "image.png", one) +
                  file_part_sent("image[]", "image.png", two) + "--B--\r\n");
    for (const CallBody::Insert &insert : sent().body.inserts()) {
        EXPECT_TRUE(insert.content.is_in_file());
    }
    spool->room = 50'000;
    edit(in_a_file(R"({"image":")" + encode_base64(two) + R"(","prompt":"a"})"));
    EXPECT_EQ(told.status(), 507);
}

TEST_F(ExchangeEditTest, SaysWhatTheInputsWere) {
    const std::string image = real_png(20, 10, false);
    const std::string mask = real_png(20, 10, true);
    edit(form(
        {{"image", image, true}, {"mask", mask, true}, {"model", "a/gpt-image-2"}, {"prompt", "a"}},
        true));
    ASSERT_EQ(open_calls(), 1U) << told.json().text();
    EXPECT_NE(without_boundary(sent()).find(file_part_sent("mask", "mask.png", mask)),
              std::string::npos);
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    const ReadJson json = told.json();
    EXPECT_EQ(json["extra_fields"]["request_type"].string(), "image_edit");
    const JsonValue inputs = json["extra_fields"]["inputs"];
    ASSERT_EQ(inputs.size(), 2U);
    EXPECT_EQ(inputs.at(0)["role"].string(), "image");
    EXPECT_EQ(inputs.at(0)["width"].integer(), 20);
    EXPECT_EQ(inputs.at(0)["bytes"].integer(), static_cast<int64_t>(image.size()));
    EXPECT_EQ(inputs.at(1)["role"].string(), "mask");
    EXPECT_EQ(json["extra_fields"]["adjustments"].at(0)["param"].string(), "mask");
}

TEST_F(ExchangeEditTest, RefusesWhatNoModelCouldTake) {
    const std::string large = files::png(20'000, 20'000);
    const std::string cut = kImage.substr(0, kImage.size() - 6);
    const std::string mask = real_png(16, 9, true);
    const struct {
        std::vector<FormPart> parts;
        std::string code;
        std::string param;
    } kRows[] = {
        {{{"image", "no image at all", true}}, "unsupported_image_format", "image"},
        {{{"image", large, true}}, "image_too_large", "image"},
        {{{"image", cut, true}}, "invalid_image", "image"},
        {{{"image", kImage, true}, {"image", cut, true}}, "invalid_image", "image[1]"},
        {{{"image", kImage, true}, {"mask", mask, true}}, "invalid_mask", "mask"},
        {{{"image", kImage, true}, {"mask", files::jpeg(files::frame(16, 8)), true}},
         "unsupported_image_format",
         "mask"},
        {{{"mask", mask, true}}, "missing_required_parameter", "image"},
        {{}, "missing_required_parameter", "image"},
        {{{"image", kImage, true}, {"picture", kImage, true}}, "unsupported_parameter", "picture"},
        {{{"image", kImage, true}, {"n", "two"}}, "invalid_type", "n"},
        {{{"image", kImage, true}, {"n", "11"}}, "integer_above_max_value", "n"},
        {{{"image", "some text"}}, "invalid_type", "image"},
    };
    for (const auto &row : kRows) {
        for (const bool in_file : {false, true}) {
            std::vector<FormPart> parts = row.parts;
            parts.push_back({"prompt", "a"});
            parts.push_back({"model", "a/gpt-image-2"});
            edit(form(parts, in_file));
            EXPECT_EQ(told.status(), 400);
            EXPECT_EQ(code(), row.code) << told.json().text();
            EXPECT_EQ(param(), row.param) << told.json().text();
        }
    }
    EXPECT_TRUE(world.upstream.calls.empty());
}

TEST_F(ExchangeEditTest, ListsAllThatIsWrongWithTheImages) {
    edit(form({{"image[]", "x", true},
               {"image[]", kImage, true},
               {"image[]", files::png(60'000, 60'000), true},
               {"model", "a/gpt-image-2"},
               {"prompt", "a"}},
              false));
    const ReadJson json = told.json();
    ASSERT_EQ(json["error"]["details"].size(), 2U) << json.text();
    EXPECT_EQ(json["error"]["details"].at(0)["param"].string(), "image[0]");
    EXPECT_EQ(json["error"]["details"].at(1)["param"].string(), "image[2]");
}

TEST_F(ExchangeEditTest, FetchesImagesBehindUrls) {
    edit(
        ReceivedBody(R"({"model":"a/gpt-image-2","prompt":"a","image":"https://pictures/1.png"})"));
    ASSERT_EQ(world.fetcher.entries.size(), 1U);
    EXPECT_EQ(world.upstream.calls.size(), 0U);
    EXPECT_EQ(world.fetcher.entries[0]->asked.url, "https://pictures/1.png");
    EXPECT_EQ(world.fetcher.entries[0]->asked.rules, policy.input_rules);
    world.fetcher.end(0, {Bytes::own(encode_base64(kImage))});
    world.tasks.run_all();
    ASSERT_EQ(open_calls(), 1U) << told.json().text();
    EXPECT_NE(sent().body.copy().find(kImage), std::string::npos);

    edit(
        ReceivedBody(R"({"model":"a/gpt-image-2","prompt":"a","image":"https://pictures/2.png"})"));
    world.fetcher.end(1, {{}, "it leads to an address that is not allowed"});
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(code(), "invalid_image");
    EXPECT_NE(told.json()["error"]["message"].string().find("not allowed"), std::string::npos);
}

TEST_F(ExchangeEditTest, PassesOverModelsThatDoNotTakeIt) {
    add_provider("s", {"k"}, "replicate");
    add_alias("either", {{"s/black-forest-labs/flux-schnell"}, {"a/gpt-image-2"}});
    edit(form({{"image", kImage, true}, {"prompt", "a"}, {"model", "either"}}, false));
    EXPECT_EQ(asked(), "a");
    edit(form(
        {{"image", kImage, true}, {"prompt", "a"}, {"model", "s/black-forest-labs/flux-schnell"}},
        false));
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(code(), "unsupported_operation");
}

TEST_F(ExchangeEditTest, ShowsAFormAsAListOfItsParts) {
    RequestHead head;
    head.raw = "request";
    open(head);
    exchange->run(
        Operation::edit,
        form({{"image", kImage, true}, {"prompt", "a"}, {"model", "a/gpt-image-2"}}, false),
        [this](Answer answer) { told.answer = std::move(answer); });
    world.upstream.deliver(images(1));
    const ReadJson json = told.json();
    const JsonValue raw = json["extra_fields"]["raw_request"];
    ASSERT_EQ(raw.size(), 3U) << json.text();
    EXPECT_EQ(raw.at(1)["name"].string(), "prompt");
    EXPECT_EQ(raw.at(1)["value"].string(), "a");
    EXPECT_EQ(raw.at(2)["name"].string(), "image");
    EXPECT_EQ(raw.at(2)["type"].string(), "image/png");
    EXPECT_EQ(raw.at(2)["value"].string(),
              "[" + std::to_string(kImage.size()) + " bytes left out]");
}

TEST_F(ExchangeEditTest, EndsWhereverTheClientLeaves) {
    const auto body = [&] {
        return in_a_file(R"({"model":"a/gpt-image-2","prompt":"a","image":")" +
                         encode_base64(kImage) + R"(","mask":"https://pictures/mask.png"})");
    };
    open();
    exchange->run(Operation::edit, body(), [this](Answer) { ++told.answers; });
    exchange->cancel();  // while the body is read
    world.tasks.run_all();
    open();
    exchange->run(Operation::edit, body(), [this](Answer) { ++told.answers; });
    world.tasks.run_all();
    ASSERT_EQ(world.fetcher.entries.size(), 1U);
    exchange->cancel();  // while the mask is fetched
    world.tasks.run_all();
    EXPECT_EQ(told.answers, 0);
    EXPECT_TRUE(world.upstream.calls.empty());
}

TEST_F(ExchangeEditTest, SaysThatItWasTooLateWhileItReads) {
    open();
    exchange->run(Operation::edit, form({{"image", kImage, true}, {"prompt", "a"}}, true),
                  [this](Answer answer) {
                      ++told.answers;
                      told.answer = std::move(answer);
                  });
    world.loop.advance(policy.deadline);
    EXPECT_EQ(told.status(), 504);
    world.tasks.run_all();
    EXPECT_EQ(told.answers, 1);
}

}  // namespace
}  // namespace gateway
