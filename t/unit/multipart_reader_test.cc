// The reader of multipart/form-data finds the same parts whatever the pieces, buffers no data, and
// says what is wrong with a body that it cannot read.
#include "core/request/multipart_reader.h"

#include "how_many.h"
#include "multipart_bodies.h"

namespace gateway {
namespace {

std::string boundary_or_problem(std::string_view content_type) {
    const auto boundary = read_boundary(content_type);
    return boundary ? *boundary : "problem: " + boundary.error().message;
}

TEST(MultipartBoundary, IsFoundInAContentType) {
    EXPECT_EQ(boundary_or_problem("multipart/form-data; boundary=abc"), "abc");
    EXPECT_EQ(boundary_or_problem("Multipart/Form-Data;BOUNDARY=aBc"), "aBc");
    EXPECT_EQ(boundary_or_problem("multipart/form-data; charset=utf-8; boundary=\"a b:c\"; x=y"),
              "a b:c");
    EXPECT_EQ(boundary_or_problem(" multipart/form-data ;; boundary=\"x\" ; "), "x");
    EXPECT_EQ(boundary_or_problem("multipart/form-data; boundary===1==; x=\"a;b\""), "==1==");
    EXPECT_EQ(boundary_or_problem("multipart/form-data; boundary=----formdata-undici-012345678901"),
              "----formdata-undici-012345678901");
    const std::string longest(70, 'x');
    EXPECT_EQ(boundary_or_problem("multipart/form-data; boundary=" + longest), longest);
}

TEST(MultipartBoundary, IsRefusedWithAReason) {
    EXPECT_EQ(boundary_or_problem("multipart/form-data"),
              "problem: Content-Type has no boundary. Do not set this header yourself: the HTTP "
              "library that writes the form knows its boundary.");
    EXPECT_EQ(boundary_or_problem("multipart/mixed; boundary=a"),
              "problem: Content-Type must be multipart/form-data.");
    EXPECT_EQ(boundary_or_problem("multipart/form-data; boundary=a; boundary=a"),
              "problem: Content-Type has more than one boundary.");
    for (const std::string_view bad :
         {"boundary", "boundary =a", "boundary=\"a", "boundary=\"a\"b", "=a"}) {
        EXPECT_EQ(boundary_or_problem("multipart/form-data; " + std::string(bad)),
                  "problem: Content-Type cannot be read. It must be of the form: "
                  "multipart/form-data; boundary=\"…\".");
    }
    for (const std::string &bad :
         {std::string(), std::string("\"\""), std::string("\"a \""), std::string("a\"b"),
          std::string("ä"), std::string("a{b"), std::string("\"a\\\"b\""), std::string("a\rb"),
          std::string("a\0b", 3), std::string(71, 'x')}) {
        EXPECT_TRUE(boundary_or_problem("multipart/form-data; boundary=" + bad)
                        .starts_with("problem: The boundary in Content-Type must have"))
            << bad;
    }
}

TEST(MultipartBoundary, OnlyFormsAreForms) {
    EXPECT_TRUE(is_multipart_form("multipart/form-data"));
    EXPECT_TRUE(is_multipart_form("MULTIPART/FORM-DATA ; boundary=x"));
    EXPECT_FALSE(is_multipart_form("multipart/form-data-2; boundary=x"));
    EXPECT_FALSE(is_multipart_form("application/json"));
    EXPECT_FALSE(is_multipart_form(""));
}

TEST(MultipartReader, ReadsPartsWithNamesTypesAndOffsets) {
    const std::string body = text_part("B", "prompt", "p \xc3\xa9") +
                             file_part("B", "image", "a.png", "image/png", "\r\n--\r\n--A\r") +
                             closing("B");
    EXPECT_EQ(read_parts(body, "B"), "part prompt|-||" + std::to_string(body.find("p \xc3\xa9")) +
                                         ": p \xc3\xa9\n" + "part image|a.png|image/png|" +
                                         std::to_string(body.find("\r\n--\r\n--A")) +
                                         ": \r\n--\r\n--A\r\n");
}

TEST(MultipartReader, ToleratesPreambleEpilogueAndBlanksAfterTheBoundary) {
    const std::string head = "Content-Disposition: form-data; name=a\r\n\r\n";
    const std::string plain = read_parts("--B\r\n" + head + "x\r\n--B--", "B");
    EXPECT_EQ(plain, "part a|-||" + std::to_string(5 + head.size()) + ": x\n");
    EXPECT_EQ(read_parts("--B\r\n" + head + "x\r\n--B--\r\n\r\nmore\r\n--B\r\n", "B"), plain);
    EXPECT_EQ(read_parts("--B\r\n" + head + "x\r\n--B \t --\r\n", "B").substr(0, plain.size()),
              plain);
    EXPECT_TRUE(
        read_parts("a form\r\n--Bx\r\n--B \t \r\n" + head + "x\r\n--B--", "B").ends_with(": x\n"));
    EXPECT_EQ(read_parts("\r\n--B\r\n" + head + "x\r\n--B--", "B"),
              "part a|-||" + std::to_string(7 + head.size()) + ": x\n");
}

TEST(MultipartReader, ReadsFormsAndPartsWithoutData) {
    EXPECT_EQ(read_parts("--B--\r\n", "B"), "");
    EXPECT_EQ(read_parts("--B--", "B"), "");
    EXPECT_TRUE(read_parts(text_part("B", "a", "") + closing("B"), "B").ends_with(": \n"));
    // By RFC 2046, the CRLF of the empty line may be the one before the boundary.
    EXPECT_TRUE(read_parts("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--", "B")
                    .ends_with(": \n"));
}

TEST(MultipartReader, DataMayBeginLikeABoundary) {
    const std::string boundary = "----x--x";
    const std::string delimiter = "\r\n--" + boundary;
    for (size_t length = 0; length <= delimiter.size(); ++length) {
        const std::string front = delimiter.substr(0, length);
        if (length == delimiter.size()) {
            // Whole, but it goes on like a longer boundary.
            const std::string body = text_part(boundary, "a", front + "y") + closing(boundary);
            ASSERT_TRUE(read_parts(body, boundary).ends_with(": " + front + "y\n"));
            break;
        }
        for (const std::string &data :
             {front + "y", front + front + "y", "\r" + front + "y", "y" + front + "\r\n\r\ny"}) {
            const std::string body = text_part(boundary, "a", data) + closing(boundary);
            ASSERT_TRUE(read_parts(body, boundary).ends_with(": " + data + "\n")) << length;
        }
        // At the end, and with a whole delimiter after it.
        const std::string body = text_part(boundary, "a", "y" + front) + closing(boundary);
        ASSERT_TRUE(read_parts(body, boundary).ends_with(": y" + front + "\n")) << length;
    }
}

TEST(MultipartReader, ABoundaryMayBeAtEveryOffsetOfThePieces) {
    std::string body;
    for (size_t i = 0; i < 24; ++i) {
        body +=
            file_part("BOUND", "a", "b", "image/png", std::string(i, '\r') + std::string(i, 'x'));
    }
    body += closing("BOUND");
    const std::string whole = read_cut(body, "BOUND", {});
    for (size_t first = 0; first < 80; ++first) {
        std::vector<size_t> cuts = cuts_every(61, body.size());
        for (size_t &cut : cuts) {
            cut = std::min(cut + first, body.size());
        }
        ASSERT_EQ(read_cut(body, "BOUND", cuts), whole) << first;
    }
    for (size_t cut = 0; cut <= body.size(); ++cut) {
        ASSERT_EQ(read_cut(body, "BOUND", {cut}), whole) << cut;
    }
}

std::string name_of_part(std::string_view disposition) {
    const std::string text = read_parts(
        part_of("B", "Content-Disposition: " + std::string(disposition), "") + closing("B"), "B");
    return text.starts_with("part ") ? text.substr(5, text.rfind("||") - 5) : text;
}

TEST(MultipartReader, UnderstandsTheWaysToWriteNames) {
    EXPECT_EQ(name_of_part("form-data; name=\"image[]\"; filename=\"a.png\""), "image[]|a.png");
    EXPECT_EQ(name_of_part("FORM-DATA;NAME=image ; FileName=a b.png"), "image|a b.png");
    EXPECT_EQ(name_of_part(R"(form-data; name="i"; filename="a\"b\\c.png")"), "i|a\"b\\c.png");
    EXPECT_EQ(name_of_part(R"(form-data; name="i"; filename="C:\dir\a.png")"), "i|C:\\dir\\a.png");
    EXPECT_EQ(name_of_part("form-data; name=\"a%22b\"; filename=\"%22%0D%0A.png\""),
              "a\"b|\"%0D%0A.png");
    EXPECT_EQ(name_of_part("form-data; name=\"\xc3\xa9\"; filename=\"\xe6\x97\xa5;.png\""),
              "\xc3\xa9|\xe6\x97\xa5;.png");
    EXPECT_EQ(name_of_part("form-data; name=\"i\"; filename=\"\""), "i|");
    EXPECT_EQ(name_of_part("form-data; filename=\"x\"; name=\"i\"; size=4"), "i|x");
    EXPECT_EQ(name_of_part("form-data; name=i; filename=\"a\xff.png\""), "i|a\xEF\xBF\xBD.png");
}

TEST(MultipartReader, PrefersTheFileNameOfRfc8187) {
    EXPECT_EQ(name_of_part("form-data; name=i; filename=x; filename*=utf-8''%e2%82%AC%20a.png"),
              "i|\xe2\x82\xac a.png");
    EXPECT_EQ(name_of_part("form-data; name=i; filename*=UTF-8'en'a%00b%0A.png"),
              "i|a\xEF\xBF\xBD"
              "b\xEF\xBF\xBD.png");
    EXPECT_EQ(name_of_part("form-data; name=i; filename*=iso-8859-1''%e9; filename=x"), "i|x");
    EXPECT_EQ(name_of_part("form-data; name=i; filename*=utf-8''%e; filename=x"), "i|x");
    EXPECT_EQ(name_of_part("form-data; name=i; filename*=utf-8''%zz"), "i|");
    EXPECT_EQ(name_of_part("form-data; name=i; filename*=utf-8"), "i|");
}

TEST(MultipartReader, RefusesNamesThatItCannotRead) {
    const auto problem = [](std::string_view text, std::string_view param = "") {
        return "problem " + std::string(param) + "|invalid_multipart|Part 1 " + std::string(text);
    };
    EXPECT_TRUE(name_of_part("form-data").starts_with(problem("has no name.")));
    EXPECT_TRUE(name_of_part("form-data; name=\"\"").starts_with(problem("has no name.")));
    EXPECT_TRUE(name_of_part("form-data; filename=x").starts_with(problem("has no name.")));
    EXPECT_EQ(name_of_part("attachment; name=a"),
              problem("has a Content-Disposition that is not form-data."));
    EXPECT_EQ(name_of_part("form-data; name=a; name=b"),
              problem("has 'name' twice in its header lines."));
    EXPECT_EQ(name_of_part("form-data; name=\"\xff\""),
              problem("has a name that is not UTF-8, or has a control character."));
    EXPECT_EQ(name_of_part("form-data; name=\"a\tb\"; filename=\"a\tb\""),
              problem("has a name that is not UTF-8, or has a control character."));
    EXPECT_EQ(name_of_part("form-data; name=a; filename=\"a\tb\""),
              "a|a\xEF\xBF\xBD"
              "b");
    EXPECT_EQ(name_of_part("form-data; name=\"" + std::string(257, 'x') + "\""),
              problem("has a name of more than 256 bytes."));
    EXPECT_TRUE(name_of_part("form-data; name=\"a\"; filename=\"x\"y.png\"")
                    .starts_with(problem("has a Content-Disposition that cannot be read.")));
    EXPECT_TRUE(name_of_part("form-data; name=\"a")
                    .starts_with(problem("has a Content-Disposition that cannot be read.")));
}

std::string head_problem(const std::string &head, const MultipartLimits &limits = {}) {
    const std::string text = read_parts("--B\r\n" + head + "\r\n\r\nx\r\n--B--", "B", limits);
    return text.substr(text.rfind('|') + 1);
}

constexpr const char *kNamed = "Content-Disposition: form-data; name=\"image\"";

TEST(MultipartReader, RefusesHeadsThatItCannotRead) {
    EXPECT_TRUE(head_problem("Content-Type: image/png")
                    .starts_with("Part 1 has no Content-Disposition header."));
    EXPECT_TRUE(head_problem("").starts_with("Part 1 has no Content-Disposition header."));
    for (const char *line : {"no colon", ": x", "a b: c", "a : c"}) {
        EXPECT_EQ(head_problem(std::string(kNamed) + "\r\n" + line),
                  "Part 1 has a header line that is not of the form 'Name: value'.");
    }
    for (const char *line : {"a: x\x01", "a: x\ry", "a: x\x7f"}) {
        EXPECT_EQ(head_problem(std::string(kNamed) + "\r\n" + line),
                  "Part 1 has a control character in its header lines.");
    }
    EXPECT_EQ(head_problem(std::string(kNamed) + std::string("\r\na: \0", 6)),
              "Part 1 has a control character in its header lines.");
    EXPECT_EQ(head_problem(std::string(kNamed) + ";\r\n filename=x"),
              "Part 1 has a header that continues on the next line. Write each in one line.");
    EXPECT_EQ(head_problem(std::string(kNamed) + "\r\n" + kNamed),
              "Part 1 has 'Content-Disposition' twice in its header lines.");
    EXPECT_EQ(head_problem(std::string(kNamed) + "\r\ncontent-type: a\r\nContent-Type: b"),
              "Part 1 has 'Content-Type' twice in its header lines.");
}

TEST(MultipartReader, RefusesEncodingsAndNestedBodies) {
    for (const char *same : {"binary", "8BIT", "7bit"}) {
        EXPECT_TRUE(head_problem(std::string(kNamed) + "\r\nContent-Transfer-Encoding: " + same)
                        .ends_with(": x\n"));
    }
    EXPECT_EQ(head_problem(std::string(kNamed) + "\r\nContent-Transfer-Encoding: base64"),
              "Part 1 ('image') has a Content-Transfer-Encoding that is not binary. Send the bytes "
              "as they are, without an encoding.");
    for (const char *nested :
         {"multipart/mixed; boundary=C", "multipart/mixed", "multipart/form-data; boundary=C"}) {
        EXPECT_EQ(head_problem(std::string(kNamed) + "\r\nContent-Type: " + nested),
                  "Part 1 ('image') is itself a multipart body. Send each file as a part of its "
                  "own.");
    }
    // From Retrofit, for a single value.
    EXPECT_TRUE(
        head_problem(std::string(kNamed) + "\r\nContent-Type: multipart/form-data; charset=utf-8")
            .ends_with(": x\n"));
}

TEST(MultipartReader, BoundsHeads) {
    const std::string large = "Part 1 has more than 8192 bytes of header lines.";
    EXPECT_EQ(head_problem(std::string(kNamed) + "\r\na: " + std::string(8192, 'x')), large);
    EXPECT_EQ(read_cut("--B\r\n" + std::string(8193, 'x'), "B", {}),
              "problem |invalid_multipart|" + large);
    const std::string filled = std::string(kNamed) + "\r\na: ";
    const size_t room = 8192 - filled.size() - 4;
    EXPECT_TRUE(head_problem(filled + std::string(room, 'x')).ends_with(": x\n"));
    EXPECT_EQ(head_problem(filled + std::string(room + 1, 'x')), large);
    std::string lines = kNamed;
    for (int i = 1; i < 32; ++i) {
        lines += "\r\na: b";
    }
    EXPECT_TRUE(head_problem(lines).ends_with(": x\n"));
    EXPECT_EQ(head_problem(lines + "\r\na: b"), "Part 1 has more than 32 header lines.");
}

TEST(MultipartReader, BoundsPartsPreambleAndEpilogue) {
    std::string body;
    for (int i = 0; i < 512; ++i) {
        body += text_part("B", "a", "x");
    }
    EXPECT_TRUE(read_cut(body + closing("B"), "B", {}).ends_with(": x\n"));
    EXPECT_TRUE(read_cut(body + text_part("B", "a", "x") + closing("B"), "B", {})
                    .ends_with("problem |invalid_multipart|The form has more than 512 parts."));
    const std::string part = text_part("B", "a", "x");
    EXPECT_TRUE(read_cut(std::string(8192, 'x') + "\r\n" + part + closing("B"), "B", {})
                    .ends_with(": x\n"));
    EXPECT_EQ(read_parts(std::string(8193, 'x') + "\r\n" + part, "B"),
              "problem |invalid_multipart|The boundary that Content-Type names is not within the "
              "first 8192 bytes of the body.");
    const std::string whole = part + "--B--";
    EXPECT_TRUE(read_cut(whole + std::string(8192, 'x'), "B", {}).ends_with(": x\n"));
    EXPECT_TRUE(read_parts(whole + std::string(8193, 'x'), "B")
                    .ends_with("The body has more than 8192 bytes after its closing boundary."));
}

TEST(MultipartReader, RefusesLinesThatEndWithLineFeeds) {
    EXPECT_EQ(
        read_parts("--B\nContent-Disposition: form-data; name=a\n\nx\n--B--\n", "B"),
        "problem |invalid_multipart|The line of a boundary ends with LF. Lines in a multipart "
        "body must end with CRLF.");
    EXPECT_EQ(read_parts("--B\r\nContent-Disposition: form-data; name=a\n\nx\r\n--B--\r\n", "B"),
              "problem |invalid_multipart|Part 1 has a header line that ends with LF. Lines in a "
              "multipart body must end with CRLF.");
}

TEST(MultipartReader, RefusesBoundariesWithTextAfterThem) {
    const std::string problem =
        "problem |invalid_multipart|A boundary in the body must be followed by CRLF, or by '--' if "
        "it is the last one.";
    for (const std::string &end : {std::string("-x"), std::string(" x"), std::string("\rx"),
                                   std::string("-\r\n"), std::string(257, ' ')}) {
        EXPECT_EQ(read_parts("--B" + end + "\r\n\r\n\r\n--B--\r\n", "B"), problem) << end;
    }
}

TEST(MultipartReader, SaysThatABodyIsIncomplete) {
    const std::string body =
        text_part("B", "a", "x") + file_part("B", "image", "a", "image/png", "DATA") + "--B--";
    const size_t data = body.find("DATA");
    for (size_t size = 0; size < body.size(); ++size) {
        const std::string text = read_parts(std::string_view(body).substr(0, size), "B");
        const std::string problem = text.substr(std::min(text.find("problem "), text.size()));
        if (size == 0) {
            ASSERT_EQ(problem, "problem |invalid_multipart|The body is empty.");
        } else if (size < 3) {
            ASSERT_EQ(problem,
                      "problem |invalid_multipart|The boundary that Content-Type names is not in "
                      "the body.");
        } else if (size >= data && size < body.size() - 1 && size < data + 9) {
            ASSERT_EQ(problem,
                      "problem image|incomplete_body|The body ends within part 2 ('image'), before "
                      "the closing boundary. Part of it is missing.")
                << size;
        } else {
            ASSERT_TRUE(problem.find("|incomplete_body|The body ends ") != std::string::npos)
                << size << problem;
        }
    }
}

class Refusing final : public PartListener {
 public:
    std::optional<Problem> on_part(const PartHead & /*head*/) override { return at("part"); }
    std::optional<Problem> on_data(std::string_view /*piece*/, uint64_t /*offset*/) override {
        return at("data");
    }
    std::optional<Problem> on_part_end() override { return at("end"); }

    std::string refused;
    int calls = 0;

 private:
    std::optional<Problem> at(const char *call) {
        ++calls;
        return call == refused ? std::optional(Problem{"p", "c", refused}) : std::nullopt;
    }
};

TEST(MultipartReader, EndsWhenTheListenerRefuses) {
    const std::string body = text_part("B", "a", "\r\nx") + text_part("B", "b", "y") + closing("B");
    for (const char *call : {"part", "data", "end"}) {
        for (const size_t step : {size_t{1}, size_t{1000}}) {
            Refusing listener;
            listener.refused = call;
            MultipartReader reader("B", listener);
            EXPECT_FALSE(feed_cut(reader, body, cuts_every(step, body.size())));
            const int calls = listener.calls;
            EXPECT_FALSE(reader.feed(body));
            EXPECT_FALSE(reader.finish());
            EXPECT_EQ(listener.calls, calls);
            EXPECT_EQ(reader.problem().message, call);
        }
    }
}

// Written in the plainest way, for whole bodies.
std::string read_simply(const std::string &body, const std::string &boundary) {
    const std::string text = "\r\n" + body;
    const std::string delimiter = "\r\n--" + boundary;
    const auto find = [&](size_t at) {
        for (at = text.find(delimiter, at); at != std::string::npos;
             at = text.find(delimiter, at + 1)) {
            const size_t end = at + delimiter.size();
            if (end < text.size() && std::string_view("\r\n\t -").find(text[end]) != SIZE_MAX) {
                return at;
            }
        }
        return at;
    };
    std::string log;
    size_t at = find(0);
    while (at != std::string::npos) {
        at += delimiter.size();
        if (text.compare(at, 2, "--") == 0) {
            return log;
        }
        at = text.find_first_not_of(" \t", at);
        if (at == std::string::npos || text.compare(at, 2, "\r\n") != 0) {
            break;
        }
        at += 2;
        const bool no_lines = text.compare(at, 2, "\r\n") == 0;
        const size_t end = no_lines ? at - 2 : text.find("\r\n\r\n", at);
        if (end == std::string::npos) {
            break;
        }
        const auto head =
            read_part_head(std::string_view(text).substr(at, no_lines ? 0 : end + 2 - at), 1);
        if (!head) {
            break;
        }
        const size_t data = end + 4;
        at = find(data - 2);
        log += "part " + head->name + "|" + head->file_name.value_or("-") + "|" +
               head->content_type + "|" + std::to_string(data - 2) + ": ";
        if (at == std::string::npos) {
            break;
        }
        log += text.substr(data, std::max(at, data) - data) + "\n";
    }
    return log + "problem";
}

std::string random_data(std::mt19937 &random, const std::string &boundary) {
    const std::string delimiter = "\r\n--" + boundary;
    std::string data;
    for (size_t count = random() % 12; count > 0; --count) {
        switch (random() % 6) {
            case 0: data += delimiter.substr(0, random() % (delimiter.size() + 1)); break;
            case 1: data += delimiter.substr(random() % delimiter.size()); break;
            case 2: data += "\r\n"; break;
            case 3: data += std::string(random() % 5, '\r'); break;
            case 4: data += static_cast<char>(random()); break;
            default: data += std::string(random() % 9, 'x'); break;
        }
    }
    return data;
}

std::string random_body(std::mt19937 &random, const std::string &boundary) {
    std::string body = random() % 4 == 0 ? random_data(random, boundary) + "\r\n" : "";
    for (size_t count = random() % 5; count > 0; --count) {
        const std::string name = "n" + std::to_string(random() % 10);
        const std::string data = random_data(random, boundary);
        body += random() % 2 == 0 ? text_part(boundary, name, data)
                                  : file_part(boundary, name, "f", "image/png", data);
    }
    body += random() % 8 == 0 ? "" : closing(boundary);
    if (random() % 4 == 0 && !body.empty()) {
        body.erase(random() % body.size(), random() % 4);
    }
    return body;
}

TEST(MultipartReaderProperty, ThePiecesMakeNoDifferenceAndASimpleReaderAgrees) {
    std::mt19937 random(18);
    size_t complete = 0;
    const std::string boundaries[] = {"B", "--", "-----x", "\'()+_,-./:=? x", "openai-8f3"};
    for (int round = 0; round < of_cases(100'000); ++round) {
        const std::string &boundary = boundaries[random() % std::size(boundaries)];
        const std::string body = random_body(random, boundary);
        const std::string whole = read_cut(body, boundary, {});
        const std::string simple = read_simply(body, boundary);
        const size_t problem = whole.find("problem ");
        complete += problem == std::string::npos ? 1 : 0;
        // Data before a problem may have been passed on, or not.
        if (simple.ends_with("problem")) {
            ASSERT_NE(problem, std::string::npos) << body;
            ASSERT_TRUE(whole.starts_with(simple.substr(0, simple.size() - 7))) << body;
        } else {
            ASSERT_EQ(whole, simple) << body;
        }
        ASSERT_EQ(read_cut(body, boundary, cuts_every(1, body.size())), whole) << body;
        for (int i = 0; i < 3; ++i) {
            ASSERT_EQ(read_cut(body, boundary, random_cuts(random, body.size())), whole) << body;
        }
    }
    EXPECT_GT(complete, 1000U);
}

// Only counts, so that the time is the reader's own.
class Counting final : public PartListener {
 public:
    std::optional<Problem> on_part(const PartHead & /*head*/) override { return std::nullopt; }
    std::optional<Problem> on_data(std::string_view piece, uint64_t /*offset*/) override {
        bytes += piece.size();
        ++pieces;
        return std::nullopt;
    }
    std::optional<Problem> on_part_end() override { return std::nullopt; }
    uint64_t bytes = 0;
    uint64_t pieces = 0;
};

TEST(MultipartReader, PassesDataOnInThePiecesThatItComesIn) {
    std::mt19937 random(1);
    std::string data(1 << 20, ' ');
    std::generate(data.begin(), data.end(), [&] { return static_cast<char>(random()); });
    data.replace(5000, 4, "\r\n--");
    for (const size_t size : {size_t{100}, size_t{4096}, size_t{65536}}) {
        Counting listener;
        MultipartReader reader("boundary", listener);
        const std::string body = text_part("boundary", "a", data) + closing("boundary");
        ASSERT_TRUE(feed_cut(reader, body, cuts_every(size, body.size())));
        EXPECT_EQ(listener.bytes, data.size());
        // One call for each piece, and one more where a piece ends like the front of a boundary.
        EXPECT_LE(listener.pieces, data.size() / size + data.size() / size / 50 + 4);
    }
}

TEST(MultipartReader, StandsFloods) {
    for (const std::string_view unit : {"\r", "\r\n", "\r\n--", "\r\n--boundar", "\n", "-"}) {
        std::string data;
        while (data.size() < 1 << 20) {
            data += unit;
        }
        Counting listener;
        MultipartReader reader("boundary", listener);
        const std::string body = text_part("boundary", "a", data) + closing("boundary");
        ASSERT_TRUE(feed_cut(reader, body, cuts_every(1000, body.size())));
        EXPECT_EQ(listener.bytes, data.size());
    }
    std::string parts;
    for (int i = 0; i < 100'000; ++i) {
        parts += text_part("B", "a", "");
    }
    Counting listener;
    MultipartReader many("B", listener);
    EXPECT_FALSE(many.feed(parts));
    EXPECT_EQ(many.problem().message, "The form has more than 512 parts.");
    MultipartReader unlimited("B", listener, {SIZE_MAX, 8192, 32, 8192});
    EXPECT_TRUE(unlimited.feed(parts + closing("B")));
    EXPECT_TRUE(unlimited.finish());
}

}  // namespace
}  // namespace gateway
