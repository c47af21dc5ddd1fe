// Reading responses: strict about everything that two readers could understand differently.
#include "core/http/response_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace gateway {
namespace {

using State = ResponseParser::State;

struct Read {
    State state = State::head;
    int status = 0;
    std::string head;
    std::string body;
    size_t used = 0;
    bool keeps = false;
    std::string problem;
};

// In pieces of these sizes, again and again; `closes`: and then the connection ends.
Read read(std::string_view text, const std::vector<size_t> &sizes = {1'000'000},
          bool closes = false) {
    ResponseParser parser;
    Read result;
    size_t turn = 0;
    while (result.used < text.size()) {
        std::string_view piece = text.substr(result.used, sizes[turn++ % sizes.size()]);
        while (!piece.empty() && (parser.state() == State::head || parser.state() == State::body)) {
            const auto step = parser.take(piece, 5'000);
            result.body += step.body;
            result.used += step.used;
            piece.remove_prefix(step.used);
        }
        if (!piece.empty()) {
            break;
        }
    }
    if (closes) {
        parser.end();
    }
    result.state = parser.state();
    result.status = parser.status();
    result.head = parser.head();
    result.keeps = parser.keeps_connection();
    result.problem = parser.problem();
    return result;
}

std::string lines(std::initializer_list<std::string_view> all) {
    std::string text;
    for (const std::string_view line : all) {
        text.append(line).append("\r\n");
    }
    return text;
}

std::string with_fields(std::initializer_list<std::string_view> fields, std::string_view body) {
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (const std::string_view field : fields) {
        text.append(field).append("\r\n");
    }
    return text.append("\r\n").append(body);
}

TEST(ResponseParser, ReadsABodyOfAKnownLength) {
    const Read result = read(with_fields({"Content-Type: a/b", "content-length:  3 "}, "abcNEXT"));
    EXPECT_EQ(result.state, State::complete);
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.head, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\ncontent-length:  3 \r\n\r\n");
    EXPECT_EQ(result.body, "abc");
    EXPECT_TRUE(result.keeps);
    EXPECT_EQ(result.used, with_fields({"Content-Type: a/b", "content-length:  3 "}, "abc").size())
        << "what comes after a response is not a part of it";
}

TEST(ResponseParser, ReadsChunksTheirExtensionsAndTrailers) {
    const Read result =
        read(with_fields({"Transfer-Encoding: Chunked"},
                         "5\r\nhello\r\n0a;x=\"y\"\r\n, world...\r\n0\r\nTrailer: 1\r\n\r\n"));
    EXPECT_EQ(result.state, State::complete) << result.problem;
    EXPECT_EQ(result.body, "hello, world...");
    EXPECT_TRUE(result.keeps);
}

TEST(ResponseParser, ReadsUntilTheConnectionIsClosedWhereNothingSaysTheLength) {
    const std::string text = with_fields({"Content-Type: a/b"}, "abc");
    EXPECT_EQ(read(text).state, State::body);
    const Read result = read(text, {3}, true);
    EXPECT_EQ(result.state, State::complete);
    EXPECT_EQ(result.body, "abc");
    EXPECT_FALSE(result.keeps);
}

TEST(ResponseParser, ThePiecesMakeNoDifference) {
    std::mt19937 random(1);
    const std::string texts[] = {
        lines({"HTTP/1.1 100 Continue", "", "HTTP/1.1 103 Early Hints", "Link: <x>", "",
               "HTTP/1.1 201 Created", "Content-Length: 4", "", "abcd"}),
        with_fields({"Transfer-Encoding: chunked"},
                    "3;a\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"),
        with_fields({"Content-Length: 1", "Content-Length: 1", "Connection: a, CLOSE"}, "x"),
        with_fields({"Content-Length: 5"}, "ab"),
        with_fields({"Content Length: 5"}, "ab"),
    };
    for (const std::string &text : texts) {
        const Read whole = read(text);
        for (int i = 0; i < 200; ++i) {
            const Read result = read(text, {1 + random() % 5, 1 + random() % 30});
            EXPECT_EQ(result.state, whole.state);
            EXPECT_EQ(result.status, whole.status);
            EXPECT_EQ(result.head, whole.head);
            EXPECT_EQ(result.body, whole.body);
            EXPECT_EQ(result.keeps, whole.keeps);
        }
    }
}

TEST(ResponseParser, PassesOverInformationalResponses) {
    const Read result = read(lines({"HTTP/1.1 102 Processing", "A: 1", "", "HTTP/1.1 404 Not Found",
                                    "Content-Length: 0", ""}));
    EXPECT_EQ(result.state, State::complete);
    EXPECT_EQ(result.status, 404);
    EXPECT_EQ(result.head, lines({"HTTP/1.1 404 Not Found", "Content-Length: 0", ""}));
}

TEST(ResponseParser, KnowsWhichResponsesHaveNoBody) {
    for (const char *line : {"HTTP/1.1 204 No Content", "HTTP/1.1 304"}) {
        const Read result = read(lines({line, "Content-Length: 7", ""}) + "HTTP/1.1");
        EXPECT_EQ(result.state, State::complete) << line;
        EXPECT_EQ(result.body, "");
    }
}

TEST(ResponseParser, KnowsWhetherTheConnectionMayBeUsedAgain) {
    const auto keeps = [](std::string_view line, std::string_view field) {
        return read(lines({line, "Content-Length: 0", field, ""})).keeps;
    };
    EXPECT_TRUE(keeps("HTTP/1.1 200 OK", "A: b"));
    EXPECT_TRUE(keeps("HTTP/1.1 200 OK", "Connection: keep-alive"));
    EXPECT_FALSE(keeps("HTTP/1.1 200 OK", "Connection: Close"));
    EXPECT_FALSE(keeps("HTTP/1.1 200 OK", "Connection: keep-alive , close"));
    EXPECT_FALSE(keeps("HTTP/1.0 200 OK", "A: b"));
    EXPECT_TRUE(keeps("HTTP/1.0 200 OK", "connection: Keep-Alive"));
}

TEST(ResponseParser, RefusesWhatCouldBeUnderstoodDifferently) {
    struct {
        const char *what;
        std::string text;
    } const rows[] = {
        {"HTTP/0.9", "<html></html>\r\n"},
        {"HTTP/2", lines({"HTTP/2 200", ""})},
        {"HTTP/1.2", lines({"HTTP/1.2 200 OK", ""})},
        {"lower case", lines({"http/1.1 200 OK", ""})},
        {"no status", lines({"HTTP/1.1 OK", ""})},
        {"a long status", lines({"HTTP/1.1 2000 OK", ""})},
        {"a short status", lines({"HTTP/1.1 20 OK", ""})},
        {"a status out of range", lines({"HTTP/1.1 600 X", ""})},
        {"a status of zero", lines({"HTTP/1.1 000 X", ""})},
        {"two spaces", lines({"HTTP/1.1  200 OK", ""})},
        {"a tab", lines({"HTTP/1.1\t200 OK", ""})},
        {"a blank before", lines({" HTTP/1.1 200 OK", ""})},
        {"an empty line before", lines({"", "HTTP/1.1 200 OK", ""})},
        {"a bare LF in the status line", "HTTP/1.1 200 OK\n\r\n"},
        {"a bare LF at the end of the head", "HTTP/1.1 200 OK\r\nA: b\r\n\n"},
        {"a bare CR in a value", lines({"HTTP/1.1 200 OK", "A: b\rC: d", ""})},
        {"NUL in a value", lines({"HTTP/1.1 200 OK", std::string_view("A: b\0c", 6), ""})},
        {"a folded line", lines({"HTTP/1.1 200 OK", "A: b", " c", ""})},
        {"a blank before the colon", lines({"HTTP/1.1 200 OK", "Content-Length : 3", ""})},
        {"no colon", lines({"HTTP/1.1 200 OK", "Content-Length", ""})},
        {"no name", lines({"HTTP/1.1 200 OK", ": 3", ""})},
        {"another protocol", lines({"HTTP/1.1 101 Switching Protocols", "Upgrade: x", ""})},
        {"two lengths", with_fields({"Content-Length: 3", "Content-Length: 4"}, "")},
        {"a list of lengths", with_fields({"Content-Length: 3, 3"}, "")},
        {"a signed length", with_fields({"Content-Length: +3"}, "")},
        {"a negative length", with_fields({"Content-Length: -1"}, "")},
        {"a hexadecimal length", with_fields({"Content-Length: 0x3"}, "")},
        {"an empty length", with_fields({"Content-Length:"}, "")},
        {"a huge length", with_fields({"Content-Length: 9223372036854775808"}, "")},
        {"a length that overflows", with_fields({"Content-Length: 18446744073709551617"}, "")},
        {"both lengths", with_fields({"Content-Length: 3", "Transfer-Encoding: chunked"}, "")},
        {"both, the other way",
         with_fields({"Transfer-Encoding: chunked", "Content-Length: 3"}, "")},
        {"another coding", with_fields({"Transfer-Encoding: gzip"}, "")},
        {"two codings", with_fields({"Transfer-Encoding: gzip, chunked"}, "")},
        {"chunked twice",
         with_fields({"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, "")},
        {"a quoted coding", with_fields({"Transfer-Encoding: \"chunked\""}, "")},
        {"an empty coding", with_fields({"Transfer-Encoding:"}, "")},
        {"chunks in HTTP/1.0", lines({"HTTP/1.0 200 OK", "Transfer-Encoding: chunked", ""})},
    };
    for (const auto &row : rows) {
        for (const std::vector<size_t> &sizes : {std::vector<size_t>{1'000'000}, {1}}) {
            const Read result = read(row.text, sizes);
            EXPECT_EQ(result.state, State::invalid) << row.what;
            EXPECT_NE(result.problem, "") << row.what;
            EXPECT_FALSE(result.keeps) << row.what;
        }
    }
}

TEST(ResponseParser, RefusesChunksThatAreNotExact) {
    for (const std::string_view body :
         {"\r\n", "g\r\n", "0x3\r\nabc\r\n", "-3\r\n", "+3\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n",
          "3\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\n", "3\r\nabc3\r\n", "3 x\r\n", "3;\x01\r\n",
          "3;a\rb\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n", "0\r\nno colon\r\n",
          "0\r\nA: b\n"}) {
        const Read result = read(with_fields({"Transfer-Encoding: chunked"}, body), {1});
        EXPECT_EQ(result.state, State::invalid) << body;
    }
}

TEST(ResponseParser, WhatIsNotHttpIsRefusedBeforeItsFirstLineEnds) {
    EXPECT_EQ(read("{\"data\": []}").state, State::invalid);
    EXPECT_EQ(read("HTTP/2", {1}).state, State::invalid);
    EXPECT_EQ(read("HTTP/1", {1}).state, State::head);
    EXPECT_EQ(read("HTTP/1.1 200", {5}).state, State::head);
}

TEST(ResponseParser, AResponseThatBreaksOffIsNeverComplete) {
    for (const std::string &text :
         {std::string(), std::string("HTTP/1.1 2"), lines({"HTTP/1.1 200 OK"}),
          lines({"HTTP/1.1 100 Continue", ""}), with_fields({"Content-Length: 3"}, "ab"),
          with_fields({"Transfer-Encoding: chunked"}, ""),
          with_fields({"Transfer-Encoding: chunked"}, "3\r\nab"),
          with_fields({"Transfer-Encoding: chunked"}, "3\r\nabc\r\n"),
          with_fields({"Transfer-Encoding: chunked"}, "3\r\nabc\r\n0\r\n")}) {
        EXPECT_EQ(read(text, {7}, true).state, State::invalid) << text;
    }
}

TEST(ResponseParser, EndsHeadsThatNeverEnd) {
    std::string storm;
    std::string bomb = "HTTP/1.1 200 OK\r\n";
    while (storm.size() < 1'200'000) {
        storm += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    while (bomb.size() < 1'200'000) {
        bomb += "X-Field: " + std::string(1'000, 'x') + "\r\n";
    }
    const std::string line = "HTTP/1.1 200 " + std::string(200'000, 'x');
    for (const std::string &text : {storm, bomb, line}) {
        const Read result = read(text, {4'096});
        EXPECT_EQ(result.state, State::invalid);
        EXPECT_LE(result.used, size_t{1'100'000});
        EXPECT_LE(result.head.size(), size_t{64} * 1024);
    }
    const Read chunks = read(
        with_fields({"Transfer-Encoding: chunked"}, "1;" + std::string(2'000, 'x') + "\r\na\r\n"));
    EXPECT_EQ(chunks.state, State::invalid);
}

TEST(ResponseParser, NoBytesMakeItReadBeyondThem) {
    std::mt19937 random(9);
    const std::string good[] = {
        with_fields({"Transfer-Encoding: chunked"}, "3\r\nabc\r\n0\r\n\r\n"),
        with_fields({"Content-Length: 3", "Connection: close"}, "abc"),
    };
    constexpr std::string_view kBytes = "\r\n\t :;,0a3xf\x80-";
    for (int round = 0; round < 20'000; ++round) {
        std::string text = good[random() % std::size(good)];
        for (size_t changes = 1 + random() % 4; changes > 0; --changes) {
            const size_t at = random() % text.size();
            const char other = kBytes[random() % kBytes.size()];
            switch (random() % 3) {
                case 0: text[at] = other; break;
                case 1: text.insert(at, 1, other); break;
                default: text.erase(at, 1); break;
            }
        }
        const Read whole = read(text, {1'000'000}, true);
        const Read bytes = read(text, {1}, true);
        EXPECT_EQ(whole.state, bytes.state) << text;
        EXPECT_EQ(whole.body, bytes.body) << text;
        EXPECT_NE(whole.state, State::head) << text;
        EXPECT_NE(whole.state, State::body) << text;
    }
}

}  // namespace
}  // namespace gateway
