#include "core/sse/event_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace gateway {
namespace {

struct Seen {
    std::string name;
    std::string data;
    bool operator==(const Seen &) const = default;
};

void PrintTo(const Seen &seen, std::ostream *out) {
    *out << "{" << seen.name << ": " << seen.data << "}";
}

std::vector<Seen> read(std::string_view text, const std::vector<size_t> &cuts = {},
                       bool finish = true) {
    static const auto pool = BlockPool::create(16);
    std::vector<Seen> seen;
    EventReader reader(pool, [&](const ServerEvent &event) {
        seen.push_back({event.name, event.data.raw.copy()});
    });
    size_t from = 0;
    for (const size_t cut : cuts) {
        reader.feed(text.substr(from, cut - from));
        from = cut;
    }
    reader.feed(text.substr(from));
    if (finish) {
        reader.finish();
    }
    return seen;
}

using Events = std::vector<Seen>;

TEST(EventReader, ReadsNamesAndData) {
    EXPECT_EQ(read("event: a\ndata: {\"x\":1}\n\ndata:2\n\n"),
              (Events{{"a", "{\"x\":1}"}, {"", "2"}}));
}

TEST(EventReader, TakesEveryKindOfLineEnd) {
    const Events expected{{"a", "1"}, {"b", "2"}};
    EXPECT_EQ(read("event: a\r\ndata: 1\r\n\r\nevent: b\r\ndata: 2\r\n\r\n"), expected);
    EXPECT_EQ(read("event: a\rdata: 1\r\revent: b\rdata: 2\r\r"), expected);
    EXPECT_EQ(read("event: a\rdata: 1\n\r\nevent: b\ndata: 2\r\n\n"), expected);
}

TEST(EventReader, JoinsLinesOfData) {
    EXPECT_EQ(read("data: a\ndata\ndata:  b\ndata: \n\n"), (Events{{"", "a\n\n b\n"}}));
}

TEST(EventReader, LeavesOutCommentsAndFieldsOfNoMeaning) {
    EXPECT_EQ(read(": ping\n\n:\nid: 7\nretry: 10\ndatabase: no\ndat: no\ndata: yes\n: ping\n\n\n"),
              (Events{{"", "yes"}}));
}

TEST(EventReader, AnEventWithoutDataIsNone) {
    EXPECT_EQ(read("event: a\n\ndata: 1\n\n"), (Events{{"", "1"}}));
}

TEST(EventReader, TakesAFieldNameThatIsWrittenTwice) {
    EXPECT_EQ(read("data: data: 1\n\ndata: data:2\n\ndata: dat\n\ndata: : PING\n\n"),
              (Events{{"", "1"}, {"", "2"}, {"", "dat"}, {"", ": PING"}}));
}

TEST(EventReader, AMarkAtTheBeginningIsNoPartOfAName) {
    EXPECT_EQ(read("\xEF\xBB\xBF"
                   "data: 1\n\n"),
              (Events{{"", "1"}}));
}

TEST(EventReader, WhatBreaksOffIsNoEventAndWhatEndsIsOne) {
    EXPECT_EQ(read("data: 1\n\ndata: 2", {}, false), (Events{{"", "1"}}));
    EXPECT_EQ(read("data: 1\n\ndata: 2", {}, true), (Events{{"", "1"}, {"", "2"}}));
}

TEST(EventReader, LiftsImagesOutOfTheirData) {
    const std::string image(200'000, 'A');
    std::vector<ServerEvent> events;
    EventReader reader(BlockPool::create(16),
                       [&](ServerEvent event) { events.push_back(std::move(event)); });
    reader.feed("data: {\"b64_json\":\"" + image + "\"}\r\n\r\n");
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].data.outline, "{\"b64_json\":\"\"}");
    ASSERT_EQ(events[0].data.strings.size(), 1U);
    EXPECT_EQ(events[0].data.strings[0].content.copy(), image);
}

std::string random_stream(std::mt19937 &random) {
    static constexpr std::string_view kParts[] = {
        "data",     "event",  "id",           ":",         ": ",
        " ",        "\n",     "\n\n",         "\r",        "\r\n",
        "\r\n\r\n", "data: ", "event: x",     "{\"a\":1}", "data: data: ",
        "[DONE]",   ": ping", "\xEF\xBB\xBF", "d",         "data:",
    };
    std::string text;
    for (size_t count = random() % 40; count > 0; --count) {
        text += kParts[random() % std::size(kParts)];
    }
    return text;
}

TEST(EventReaderProperty, ThePiecesMakeNoDifference) {
    std::mt19937 random(1);
    size_t events = 0;
    for (int round = 0; round < 4000; ++round) {
        const std::string text = random_stream(random);
        const Events whole = read(text);
        std::vector<size_t> bytes(text.size());
        for (size_t i = 0; i < text.size(); ++i) {
            bytes[i] = i;
        }
        ASSERT_EQ(read(text, bytes), whole) << text;
        std::vector<size_t> cuts(random() % 6);
        for (size_t &cut : cuts) {
            cut = random() % (text.size() + 1);
        }
        std::sort(cuts.begin(), cuts.end());
        ASSERT_EQ(read(text, cuts), whole) << text;
        events += whole.size();
    }
    EXPECT_GT(events, 2000U);
}

TEST(EventReaderProperty, TheKindOfLineEndMakesNoDifference) {
    std::mt19937 random(2);
    for (int round = 0; round < 2000; ++round) {
        std::string lines = random_stream(random);
        std::erase(lines, '\r');
        std::string returns;
        std::string both;
        for (const char c : lines) {
            returns += c == '\n' ? '\r' : c;
            both += c == '\n' ? "\r\n" : std::string(1, c);
        }
        const Events expected = read(lines);
        ASSERT_EQ(read(returns), expected) << lines;
        ASSERT_EQ(read(both), expected) << lines;
    }
}

}  // namespace
}  // namespace gateway
