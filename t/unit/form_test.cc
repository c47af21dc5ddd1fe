// Forms as real SDKs send them (their bytes were recorded), and as they should not.
#include "core/request/form.h"

#include "core/json/document.h"
#include "how_many.h"
#include "multipart_bodies.h"

namespace gateway {
namespace {

// What a form is, as one text: its fields, then its files with their data, or a problem.
std::string collect_cut(std::string_view body, std::string_view boundary,
                        const std::vector<size_t> &cuts, const FormLimits &limits = {}) {
    FormCollector form(nullptr, limits);
    MultipartReader reader(boundary, form);
    if (!feed_cut(reader, body, cuts)) {
        const Problem &problem = reader.problem();
        return "problem " + problem.param + "|" + problem.code + "|" + problem.message;
    }
    std::string text = form.fields().json() + "\n";
    for (const FormFile &file : form.files()) {
        text += file.field + " " + std::to_string(file.index) + " " + file.name + "|" +
                file.file_name + "|" + file.declared_type + "=" +
                std::string(body.substr(file.offset, file.size)) + "\n";
    }
    return text;
}

std::string collect(std::string_view body, std::string_view boundary,
                    const FormLimits &limits = {}) {
    std::string whole = collect_cut(body, boundary, {}, limits);
    std::mt19937 random(static_cast<unsigned>(body.size()));
    EXPECT_EQ(collect_cut(body, boundary, cuts_every(1, body.size()), limits), whole);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(collect_cut(body, boundary, random_cuts(random, body.size()), limits), whole);
    }
    return whole;
}

std::string png() {
    return std::string(kPngBytes);
}

std::string file_line(std::string_view field, int index, std::string_view name,
                      std::string_view file_name, std::string_view type, std::string_view data) {
    std::string line(field);
    line += " " + std::to_string(index) + " ";
    line.append(name).append("|").append(file_name).append("|").append(type).append("=");
    return line.append(data) + "\n";
}

TEST(FormOfSdk, OpenaiPythonSendsTextsThenImagesThenTheMask) {
    const std::string_view b = "0123456789abcdef0123456789abcdef";
    const std::string body = text_part(b, "prompt", "p \xc3\xa9") + text_part(b, "n", "2") +
                             text_part(b, "stream", "true") + text_part(b, "x[a]", "1") +
                             text_part(b, "l[]", "1") + text_part(b, "l[]", "2") +
                             text_part(b, "svg[reasoning][effort]", "low") +
                             file_part(b, "image[]", "a.png", "image/png", png()) +
                             file_part(b, "image[]", "b.jpg", "image/jpeg", kJpegBytes) +
                             file_part(b, "mask", "m.png", "image/png", png()) + closing(b);
    EXPECT_EQ(collect(body, b),
              R"({"prompt":"p é","n":"2","stream":"true","x":{"a":"1"},"l":["1","2"],)"
              R"("svg":{"reasoning":{"effort":"low"}}})"
              "\n" +
                  file_line("image", 0, "image[]", "a.png", "image/png", png()) +
                  file_line("image", 1, "image[]", "b.jpg", "image/jpeg", kJpegBytes) +
                  file_line("mask", 0, "mask", "m.png", "image/png", png()));
}

TEST(FormOfSdk, OpenaiPythonSendsBytesAsUploadsAndNamesAsTheyAre) {
    const std::string_view b = "b";
    const std::string body = text_part(b, "prompt", "x") +
                             file_part(b, "image", "upload", "application/octet-stream", png()) +
                             file_part(b, "mask", "\xe6\x97\xa5%22.png", "image/png", png()) +
                             closing(b);
    EXPECT_EQ(collect(body, b),
              "{\"prompt\":\"x\"}\n" +
                  file_line("image", 0, "image", "upload", "application/octet-stream", png()) +
                  file_line("mask", 0, "mask", "\xe6\x97\xa5\".png", "image/png", png()));
}

TEST(FormOfSdk, OpenaiNodeMaySendFilesBeforeTexts) {
    const std::string_view b = "openai-1a2b3c";
    const std::string body =
        file_part(b, "image", "a.png", "application/octet-stream", png()) +
        file_part(b, "mask", "unknown_file", "application/octet-stream", png()) +
        text_part(b, "model", "gpt-image-1") + text_part(b, "prompt", "two\nlines\r\n") +
        "--openai-1a2b3c--\r\n\r\n";
    EXPECT_EQ(collect(body, b),
              "{\"model\":\"gpt-image-1\",\"prompt\":\"two\\nlines\\r\\n\"}\n" +
                  file_line("image", 0, "image", "a.png", "application/octet-stream", png()) +
                  file_line("mask", 0, "mask", "unknown_file", "application/octet-stream", png()));
}

TEST(FormOfSdk, OpenaiNodeSendsFilesWithTheirTypes) {
    const std::string_view b = "----formdata-undici-012345678901";
    const std::string body = file_part(b, "image[]", "a.png", "image/png", png()) +
                             file_part(b, "image[]", "b.jpg", "image/jpeg", kJpegBytes) +
                             text_part(b, "x[a]", "1") + closing(b);
    EXPECT_EQ(collect(body, b),
              "{\"x\":{\"a\":\"1\"}}\n" +
                  file_line("image", 0, "image[]", "a.png", "image/png", png()) +
                  file_line("image", 1, "image[]", "b.jpg", "image/jpeg", kJpegBytes));
}

TEST(FormOfSdk, AnExplodedBufferIsRefusedAtItsThirdByte) {
    const std::string_view b = "openai-1";
    const std::string problem =
        "problem image|invalid_value|Field 'image' was sent as one text part for each byte "
        "('image[2]' is 78). This is what becomes of a JavaScript Buffer or Uint8Array. Pass a "
        "file "
        "instead: await toFile(buffer, 'image.png', {type: 'image/png'}) with the OpenAI SDK, or "
        "new File([buffer], 'image.png', {type: 'image/png'}).";
    std::string body = text_part(b, "image[0]", "137") + text_part(b, "image[1]", "80") +
                       text_part(b, "image[2]", "78");
    EXPECT_EQ(collect(body + "--openai-1\r", b), problem);  // the rest has not arrived
    for (int i = 3; i < 1000; ++i) {
        body += text_part(b, "image[" + std::to_string(i) + "]", "0");
    }
    EXPECT_EQ(collect_cut(body, b, {}), problem);
    EXPECT_TRUE(collect(text_part(b, "image[][0]", "137") + closing(b), b)
                    .starts_with("problem image|invalid_value|Field 'image' was sent as one text "
                                 "part for each byte"));
    // What is no image may have numbers, and images may be links.
    EXPECT_EQ(collect(text_part(b, "l[0]", "1") + text_part(b, "l[1]", "2") +
                          text_part(b, "l[2]", "3") + closing(b),
                      b),
              "{\"l\":[\"1\",\"2\",\"3\"]}\n");
    EXPECT_EQ(
        collect(text_part(b, "image[0]", "https://a") + text_part(b, "image[1]", "256") +
                    text_part(b, "image[2]", "1234") + text_part(b, "image[]", "") + closing(b),
                b),
        "{\"image\":[\"https://a\",\"256\",\"1234\",\"\"]}\n");
}

TEST(FormOfSdk, VercelSendsBlobs) {
    const std::string_view b = "----formdata-undici-099999999999";
    const std::string body =
        text_part(b, "model", "gpt-image-1") + text_part(b, "prompt", "x") +
        file_part(b, "image", "blob", "image/png", png()) +
        file_part(b, "image", "blob", "image/jpeg", kJpegBytes) +  // repeated, for DeepInfra
        file_part(b, "mask", "blob", "image/png", png()) + text_part(b, "n", "1") +
        text_part(b, "k[]", "v") + closing(b);
    EXPECT_EQ(collect(body, b),
              "{\"model\":\"gpt-image-1\",\"prompt\":\"x\",\"n\":\"1\",\"k\":[\"v\"]}\n" +
                  file_line("image", 0, "image", "blob", "image/png", png()) +
                  file_line("image", 1, "image", "blob", "image/jpeg", kJpegBytes) +
                  file_line("mask", 0, "mask", "blob", "image/png", png()));
}

TEST(FormOfSdk, LitellmSendsEveryImageInAList) {
    const std::string_view b = "d0f3";
    const std::string body = text_part(b, "response_format", "url") +
                             file_part(b, "image[]", "image.png", "image/png", png()) +
                             file_part(b, "mask[]", "mask.png", "image/png", png()) + closing(b);
    EXPECT_EQ(collect(body, b),
              "{\"response_format\":\"url\"}\n" +
                  file_line("image", 0, "image[]", "image.png", "image/png", png()) +
                  file_line("mask", 0, "mask[]", "mask.png", "image/png", png()));
}

TEST(FormOfSdk, BifrostRepeatsFallbacks) {
    EXPECT_EQ(collect(text_part("b", "fallbacks", "openai/a") +
                          text_part("b", "fallbacks", "xai/b") + closing("b"),
                      "b"),
              "{\"fallbacks\":[\"openai/a\",\"xai/b\"]}\n");
    EXPECT_EQ(collect(text_part("b", "fallbacks", "openai/a") + closing("b"), "b"),
              "{\"fallbacks\":[\"openai/a\"]}\n");
}

TEST(FormOfSdk, DotNetAndJavaDeclareTheTypesOfTexts) {
    const std::string_view b = "b";
    const std::string body =
        part_of(b,
                "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; "
                "name=prompt",
                "x") +
        part_of(b,
                "Content-Disposition: form-data; name=\"user\"\r\nContent-Type: "
                "multipart/form-data; charset=utf-8\r\nContent-Length: 1",
                "y") +
        part_of(b,
                "Content-Disposition: form-data; name=\"extra\"\r\nContent-Type: "
                "Application/JSON",
                "{\"a\":1}") +
        part_of(b,
                "Content-Disposition: form-data; name=image; filename=a.png; "
                "filename*=utf-8''a%20b.png",
                png()) +
        part_of(b,
                "Content-Disposition: form-data; name=\"mask\"\r\nContent-Transfer-Encoding: "
                "binary\r\nContent-Type: image/*",
                png()) +
        closing(b);
    EXPECT_EQ(collect(body, b), "{\"prompt\":\"x\",\"user\":\"y\",\"extra\":\"{\\\"a\\\":1}\"}\n" +
                                    file_line("image", 0, "image", "a b.png", "", png()) +
                                    file_line("mask", 0, "mask", "", "image/*", png()));
}

TEST(Form, AllSpellingsOfImageAreOneList) {
    std::string body;
    std::string expected = "{}\n";
    int index = 0;
    for (const char *name : {"image", "image[]", "image[0]", "images", "images[]", "image[7]"}) {
        body += file_part("b", name, "f", "image/png", std::to_string(index));
        expected += file_line("image", index, name, "f", "image/png", std::to_string(index));
        ++index;
    }
    body += file_part("b", "input_image[1]", "f", "image/png", "x") +
            file_part("b", "x[a]", "f", "image/png", "y") +
            file_part("b", "[]", "f", "image/png", "z") + closing("b");
    expected += file_line("input_image", 0, "input_image[1]", "f", "image/png", "x") +
                file_line("x[a]", 0, "x[a]", "f", "image/png", "y") +
                file_line("[]", 0, "[]", "f", "image/png", "z");
    EXPECT_EQ(collect(body, "b"), expected);
}

TEST(Form, AnImageWithoutNameAndTypeIsAFileByItsBytes) {
    const std::string gif = "GIF89a" + std::string(30, 'x');
    const std::string webp = "RIFFxxxxWEBPVP8 xxxx";
    const std::string heic(
        "\0\0\0\x18"
        "ftypheic",
        12);
    for (const std::string &data :
         {png(), std::string(kJpegBytes), gif, webp, heic, png() + png()}) {
        EXPECT_EQ(collect(text_part("b", "image[]", data) + closing("b"), "b"),
                  "{}\n" + file_line("image", 0, "image[]", "", "", data));
    }
    for (const std::string text : {"", "x", "https://example.com/a/long/path.png", "日本",
                                   "a fifteen byte日本語", "data:image/png;base64,iVBOR"}) {
        EXPECT_EQ(collect(text_part("b", "image", text) + closing("b"), "b"),
                  "{\"image\":\"" + text + "\"}\n");
    }
    // Not for other fields, nor if it is declared to be text.
    EXPECT_TRUE(collect(text_part("b", "prompt", png()) + closing("b"), "b")
                    .starts_with("problem prompt|invalid_value|Field 'prompt' is text that is not "
                                 "UTF-8."));
    EXPECT_TRUE(collect(part_of("b",
                                "Content-Disposition: form-data; name=image\r\nContent-Type: "
                                "text/plain",
                                png()) +
                            closing("b"),
                        "b")
                    .starts_with("problem image|invalid_value|"));
}

TEST(Form, AFileInputThatNobodyHasFilledInIsNoFile) {
    const std::string_view type = "application/octet-stream";
    EXPECT_EQ(
        collect(file_part("b", "mask", "", type, "") + file_part("b", "image", "", type, "x") +
                    file_part("b", "image", "empty.png", type, "") + closing("b"),
                "b"),
        "{}\n" + file_line("image", 0, "image", "", type, "x") +
            file_line("image", 1, "image", "empty.png", type, ""));
}

std::string fields_of(const std::vector<std::pair<std::string, std::string>> &fields) {
    std::string body;
    for (const auto &[name, value] : fields) {
        body += text_part("b", name, value);
    }
    const std::string text = collect(body + closing("b"), "b");
    return text.starts_with("problem ") ? text.substr(8) : text.substr(0, text.size() - 1);
}

TEST(FormFields, BracketsMakeObjectsAndLists) {
    EXPECT_EQ(fields_of({{"x[a]", "1"}, {"x[b][c]", "2"}, {"y", "3"}, {"x[b][d]", "4"}}),
              R"({"x":{"a":"1","b":{"c":"2","d":"4"}},"y":"3"})");
    EXPECT_EQ(fields_of({{"l[]", "1"}, {"l[1]", "2"}, {"l[]", "3"}}), R"({"l":["1","2","3"]})");
    EXPECT_EQ(fields_of({{"l[0][a]", "1"}, {"l[0][b]", "2"}, {"l[1][a]", "3"}}),
              R"({"l":[{"a":"1","b":"2"},{"a":"3"}]})");
    EXPECT_EQ(fields_of({{"l[0][]", "1"}, {"l[0][]", "2"}, {"l[1][0]", "3"}}),
              R"({"l":[["1","2"],["3"]]})");
    EXPECT_EQ(fields_of({{"a[b][c][d]", "1"}}), R"({"a":{"b":{"c":{"d":"1"}}}})");
    EXPECT_EQ(fields_of({{"x[01]", "1"}, {"x[ 1]", "2"}}), R"({"x":{"01":"1"," 1":"2"}})");
    EXPECT_EQ(fields_of({{"a%22\\b", "\"\\\n\x01 é"}}), R"({"a\"\\b":"\"\\\n\u0001 é"})");
    EXPECT_EQ(fields_of({}), "{}");
}

TEST(FormFields, SaysWhichFieldIsWrong) {
    EXPECT_EQ(fields_of({{"n", "1"}, {"n", "2"}}),
              "n|duplicate_parameter|Field 'n' is in the form more than once. For a list, put [] "
              "after the name.");
    EXPECT_EQ(fields_of({{"x[a]", "1"}, {"x[a]", "1"}}).substr(0, 24), "x[a]|duplicate_parameter");
    EXPECT_EQ(fields_of({{"l[0]", "1"}, {"l[0]", "1"}}).substr(0, 24), "l[0]|duplicate_parameter");
    for (const char *name :
         {"x[", "x]", "x[a", "x[a]b", "[a]", "x[[a]]", "x[a]]", "a[b][c][d][e]", "x][", "[]"}) {
        EXPECT_EQ(fields_of({{name, "1"}}),
                  std::string(name) + "|invalid_value|Field '" + name +
                      "' has a name that cannot be read. Brackets must be closed, as in x[a], l[] "
                      "or l[0], and at most 3 may follow each other.");
    }
    for (const auto &[first, second] : {std::pair("x", "x[a]"),
                                        {"x", "x[]"},
                                        {"x[a]", "x[]"},
                                        {"x[]", "x[a]"},
                                        {"x[a]", "x"},
                                        {"x[a]", "x[a][b]"},
                                        {"x[a][b]", "x[a]"},
                                        {"l[0][a]", "l[0]"},
                                        {"l[0]", "l[0][a]"}}) {
        EXPECT_EQ(fields_of({{first, "1"}, {second, "1"}}),
                  std::string(second) + "|invalid_value|Field '" + second +
                      "' contradicts an earlier field of the form: the same name is used for a "
                      "text, a list or an object.");
    }
    for (const char *name : {"l[1]", "l[99999999999999999999999]", "l[18446744073709551615]",
                             "l[4294967295]", "l[1][a]"}) {
        EXPECT_EQ(fields_of({{name, "1"}}),
                  std::string(name) + "|invalid_value|Field '" + name +
                      "' does not follow the item before it. Number the items of a list 0, 1, 2 "
                      "and so on, in this order.");
    }
    EXPECT_EQ(fields_of({{"l[][a]", "1"}}),
              "l[][a]|invalid_value|Field 'l[][a]' has brackets after []. Number the items of a "
              "list of lists or objects, as in l[0][a].");
}

TEST(Form, TextsMustBeUtf8) {
    for (const std::string text :
         {"\xff", "a\xc3", "\xe6\x97", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80",
          "abc\xff"
          "defghijkl"}) {
        EXPECT_EQ(collect(text_part("b", "prompt", text) + closing("b"), "b"),
                  "problem prompt|invalid_value|Field 'prompt' is text that is not UTF-8. Send a "
                  "file as a part with a file name.");
    }
    EXPECT_EQ(collect(text_part("b", "p", "日本\xf0\x9f\x98\x80") + closing("b"), "b"),
              "{\"p\":\"日本\xf0\x9f\x98\x80\"}\n");
}

TEST(Form, TextsAreBounded) {
    const FormLimits limits{10, 15};
    EXPECT_EQ(collect(text_part("b", "p", "0123456789") + closing("b"), "b", limits),
              "{\"p\":\"0123456789\"}\n");
    EXPECT_EQ(collect(text_part("b", "p", "0123456789a") + closing("b"), "b", limits),
              "problem p|string_above_max_length|Field 'p' has more than 10 bytes of text. Send a "
              "file as a part with a file name.");
    EXPECT_EQ(
        collect(text_part("b", "p", "0123456789") + text_part("b", "q", "012345") + closing("b"),
                "b", limits),
        "problem q|string_above_max_length|The text fields of the form have more than 15 "
        "bytes in all.");
    EXPECT_EQ(collect(text_part("b", "image", std::string(11, 'x')) + closing("b"), "b", limits)
                  .substr(0, 37),
              "problem image|string_above_max_length");
    // Files do not count.
    EXPECT_EQ(collect(file_part("b", "f", "f", "image/png", std::string(100, 'x')) + closing("b"),
                      "b", limits),
              "{}\n" + file_line("f", 0, "f", "f", "image/png", std::string(100, 'x')));
    FormCollector form;
    MultipartReader reader("b", form);
    ASSERT_TRUE(reader.feed(text_part("b", "p", std::string(1 << 20, 'x')) +
                            text_part("b", "q", std::string(1 << 20, 'x'))));
    EXPECT_EQ(form.text_bytes(), size_t{2} << 20);
    EXPECT_FALSE(reader.feed(text_part("b", "r", "x") + closing("b")));
}

TEST(Form, HasNoMoreTextThanTheReaderOfJsonTakes) {
    const std::string most(kCallersJson.escapes - 1, '\n');
    const auto read = [](const std::string &body) {
        FormCollector form;
        MultipartReader reader("b", form);
        if (!reader.feed(body) || !reader.finish()) {
            return reader.problem().message;
        }
        const std::string json = form.fields().json();
        EXPECT_TRUE(JsonDocument::read(json, kCallersJson));
        return std::to_string(json.size());
    };
    EXPECT_EQ(read(text_part("b", "p", most) + text_part("b", "q%22", "x") + closing("b")),
              std::to_string(2 * most.size() + 18));
    EXPECT_EQ(read(text_part("b", "p", most) + text_part("b", "q%22", "\"") + closing("b")),
              "The text fields of the form have more than 80000 line ends, quotes, backslashes and "
              "control characters.");
    std::string body;
    for (int i = 0; i < 256; ++i) {
        body += text_part("b", "f" + std::to_string(i), "x");
    }
    EXPECT_EQ(read(body + closing("b")), std::to_string(2 + 256 * 8 + 10 + 90 * 2 + 156 * 3 - 1));
    EXPECT_EQ(
        read(body + text_part("b", "g", "x") + closing("b")),
        "Field 'g' is one too many. There may be at most 256 text fields, and as many members "
        "or items in each.");
}

// Joins the bytes of each file, and may refuse.
class RecordingFiles final : public FileListener {
 public:
    std::optional<Problem> on_file(const FormFile &file) override {
        EXPECT_EQ(file.size, 0U);
        log += "(" + file.field + std::to_string(file.index) + ":";
        return at("begin");
    }
    std::optional<Problem> on_file_data(std::string_view piece) override {
        EXPECT_FALSE(piece.empty());
        log += piece;
        return at("data");
    }
    std::optional<Problem> on_file_end(const FormFile &file) override {
        log += ":" + std::to_string(file.size) + ")";
        return at("end");
    }
    std::string log;
    std::string refused;

 private:
    [[nodiscard]] std::optional<Problem> at(const char *call) const {
        return call == refused ? std::optional(Problem{"image", "c", refused}) : std::nullopt;
    }
};

TEST(Form, AListenerSeesTheBytesOfFilesAsTheyPass) {
    const std::string body = text_part("b", "prompt", "x") + text_part("b", "image", png()) +
                             file_part("b", "mask", "", "a/b", "") +
                             file_part("b", "image", "e", "a/b", "") +
                             file_part("b", "mask", "m", "a/b", "\r\n--b") + closing("b");
    const std::string expected = "(image0:" + png() + ":20)(image1::0)(mask0:\r\n--b:5)";
    for (const size_t step : {size_t{1}, size_t{5}, size_t{1000}}) {
        RecordingFiles files;
        FormCollector form(&files);
        MultipartReader reader("b", form);
        const std::string_view text = body;
        // A whole delimiter inside the data needs another character after it to be data.
        std::string changed(text);
        changed.replace(changed.find("\r\n--b\r\n--b--"), 5, "\r\n--a");
        ASSERT_TRUE(feed_cut(reader, changed, cuts_every(step, changed.size())));
        std::string wanted = expected;
        wanted.replace(wanted.find("\r\n--b:5"), 5, "\r\n--a");
        EXPECT_EQ(files.log, wanted);
    }
    for (const char *call : {"begin", "data", "end"}) {
        RecordingFiles files;
        files.refused = call;
        FormCollector form(&files);
        MultipartReader reader("b", form);
        EXPECT_FALSE(reader.feed(file_part("b", "image", "a", "a/b", "x") + closing("b")));
        EXPECT_EQ(reader.problem().message, call);
    }
}

std::string random_name(std::mt19937 &random) {
    static constexpr const char *kBases[] = {"image", "mask", "x", "l", "fallbacks"};
    static constexpr const char *kBrackets[] = {"[]", "[0]", "[1]", "[a]", "[b]", "[", "]"};
    std::string name = kBases[random() % std::size(kBases)];
    while (random() % 2 == 0) {
        name += kBrackets[random() % std::size(kBrackets)];
    }
    return name;
}

std::string random_value(std::mt19937 &random) {
    static const std::string kValues[] = {
        "1", "255", "é", "\xff\xfe\xfd\xfc", png(), "", "text that is longer than sixteen bytes"};
    std::string value = kValues[random() % std::size(kValues)];
    if (random() % 4 == 0) {
        value += kValues[random() % std::size(kValues)];
    }
    return value;
}

TEST(FormProperty, ThePiecesMakeNoDifferenceAndFieldsAreJson) {
    std::mt19937 random(3);
    size_t good = 0;
    for (int round = 0; round < of_cases(50'000); ++round) {
        std::string body;
        for (size_t count = random() % 5; count > 0; --count) {
            const std::string name = random_name(random);
            const std::string value = random_value(random);
            body += random() % 3 != 0
                        ? text_part("b", name, value)
                        : file_part("b", name, random() % 2 == 0 ? "f" : "", "a/b", value);
        }
        body += closing("b");
        const FormLimits limits{20 + random() % 40, 20 + random() % 80};
        const std::string whole = collect_cut(body, "b", {}, limits);
        ASSERT_EQ(collect_cut(body, "b", cuts_every(1, body.size()), limits), whole) << body;
        ASSERT_EQ(collect_cut(body, "b", random_cuts(random, body.size()), limits), whole) << body;
        if (!whole.starts_with("problem ")) {
            ++good;
            const std::string json = whole.substr(0, whole.find('\n'));
            ASSERT_TRUE(JsonDocument::read(json, kCallersJson)) << json;
        }
    }
    EXPECT_GT(good, 1000U);
}

}  // namespace
}  // namespace gateway
