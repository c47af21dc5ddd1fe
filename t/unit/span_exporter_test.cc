// Spans as they are written, as they wait, and how they are sent to a collector that takes them or
// does not.
#include "core/tracing/span_exporter.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/tracing/span.h"
#include "fake_ports.h"
#include "read_json.h"

namespace gateway {
namespace {

TEST(Span, IsWrittenAsOtlpHasIt) {
    FakeRandom random;
    Span span;
    span.trace = *read_trace_id("4bf92f3577b34da6a3ce929d0e0e4736");
    span.id = *read_span_id("00f067aa0ba902b7");
    span.name = "image_generation x";
    span.kind = SpanKind::client;
    span.begin = 1'800'000'000'123;
    span.end = 1'800'000'001'000;
    span.add("image.outcome", "a \"quoted\" \xff word");
    span.add("empty", "");
    const std::string text_that_is_long(1000, 'x');
    span.add("long", text_that_is_long);
    span.add_number("image.images", 3);
    span.add_real("image.cost_usd", 0.25);
    const std::string text = write_span(span);
    const ReadJson read(text);
    EXPECT_EQ(read["traceId"].string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(read["spanId"].string(), "00f067aa0ba902b7");
    EXPECT_FALSE(read["parentSpanId"]);
    EXPECT_FALSE(read["links"]);
    EXPECT_FALSE(read["traceState"]);
    EXPECT_EQ(read["kind"].integer(), 3);
    EXPECT_EQ(read["startTimeUnixNano"].string(), "1800000000123000000");
    EXPECT_EQ(read["endTimeUnixNano"].string(), "1800000001000000000");
    EXPECT_EQ(read["attributes"].size(), 4U);
    EXPECT_EQ(read["attributes"].at(1)["value"]["stringValue"].string().size(), 256U);
    EXPECT_EQ(read["attributes"].at(2)["value"]["intValue"].string(), "3");
    EXPECT_EQ(read["attributes"].at(3)["value"]["doubleValue"].number(), 0.25);
    EXPECT_FALSE(read["status"]["code"]);

    span.parent = *read_span_id("b7ad6b7169203331");
    span.has_remote_parent = true;
    span.link = SpanLink{span.trace, span.id};
    span.is_error = true;
    span.state = "a=1";
    const ReadJson other(write_span(span));
    EXPECT_EQ(other["parentSpanId"].string(), "b7ad6b7169203331");
    EXPECT_EQ(other["flags"].integer(), 0x301);
    EXPECT_EQ(other["links"].at(0)["spanId"].string(), "00f067aa0ba902b7");
    EXPECT_EQ(other["status"]["code"].integer(), 2);
    EXPECT_EQ(other["traceState"].string(), "a=1");
}

class SpanExporterTest : public testing::Test {
 protected:
    SpanExporterTest() {
        rules.url = "http://collector/v1/traces";
        rules.service = "images";
        rules.limits = {4, 10};
        is_ending = false;
        start();
    }
    ~SpanExporterTest() override { exporter.reset(); }

    void start() {
        exporter.reset();
        queue.emplace(rules.limits, tally);
        exporter.emplace(
            rules, *queue,
            SpanExporter::Parts{clock, loop, random, upstream, log, [] { return is_ending; }},
            tally);
    }
    void add(size_t count) {
        for (size_t i = 0; i < count; ++i) {
            queue->add("{\"n\":" + std::to_string(++added) + "}");
        }
    }
    void advance(int64_t milliseconds) { loop.advance(Milliseconds(milliseconds)); }
    void answer(int status, const std::string &headers = "", const std::string &body = "{}") {
        HttpResponse response;
        response.end = TransferEnd::answered;
        response.status = status;
        response.headers = headers;
        response.body.outline = body;
        upstream.deliver(std::move(response));
    }
    void fail() {
        HttpResponse response;
        response.end = TransferEnd::not_sent;
        response.problem = "connection refused";
        upstream.deliver(std::move(response));
    }
    [[nodiscard]] size_t sent() const { return upstream.calls.size(); }
    // The spans in the last document.
    [[nodiscard]] std::string spans() const {
        const std::string text = upstream.calls.back()->call.body.copy();
        const ReadJson read(text);
        std::string numbers;
        for (const JsonValue span : read["resourceSpans"].at(0)["scopeSpans"].at(0)["spans"]) {
            numbers.append(numbers.empty() ? "" : " ").append(span["n"].number_text());
        }
        return numbers;
    }
    size_t fate(SpanFate one) { return fates[one]; }

    FakeClock clock;
    FakeLoop loop{clock};
    FakeRandom random;
    FakeUpstream upstream;
    FakeLog log;
    ExportRules rules;
    std::map<SpanFate, size_t> fates;
    SpanTally tally = [this](SpanFate one, size_t spans) { fates[one] += spans; };
    std::optional<SpanQueue> queue;
    std::optional<SpanExporter> exporter;
    size_t added = 0;
    static bool is_ending;
};

bool SpanExporterTest::is_ending = false;

TEST_F(SpanExporterTest, SendsWhatItHasAfterTheInterval) {
    add(2);
    advance(4'000);
    EXPECT_EQ(sent(), 0U);
    add(1);
    advance(1'000);
    ASSERT_EQ(sent(), 1U);
    EXPECT_EQ(spans(), "1 2 3");
    const HttpCall &call = upstream.calls.back()->call;
    EXPECT_EQ(call.url, rules.url);
    EXPECT_EQ(call.headers, (std::vector<std::string>{"Content-Type: application/json",
                                                      "Accept: application/json"}))
        << "no traceparent";
    const std::string text = call.body.copy();
    EXPECT_EQ(ReadJson(text)["resourceSpans"]
                  .at(0)["resource"]["attributes"]
                  .at(0)["value"]["stringValue"]
                  .string(),
              "images");
    answer(200);
    EXPECT_EQ(fate(SpanFate::exported), 3U);
    advance(60'000);
    EXPECT_EQ(sent(), 1U);
    EXPECT_EQ(loop.running(), 0U) << "nothing is to do";
}

TEST_F(SpanExporterTest, SendsAFullBatchAtOnceAndOneAtATime) {
    add(9);
    advance(0);
    ASSERT_EQ(sent(), 1U);
    EXPECT_EQ(spans(), "1 2 3 4");
    advance(1'000);
    EXPECT_EQ(sent(), 1U);
    answer(200);
    advance(0);
    ASSERT_EQ(sent(), 2U);
    EXPECT_EQ(spans(), "5 6 7 8");
    answer(200);
    advance(4'900);
    EXPECT_EQ(sent(), 2U);
    advance(200);
    ASSERT_EQ(sent(), 3U);
    EXPECT_EQ(spans(), "9");
}

TEST_F(SpanExporterTest, DropsSpansWithoutRoomAndCountsThem) {
    add(15);
    EXPECT_EQ(queue->size(), 10U);
    EXPECT_EQ(fate(SpanFate::queue_full), 5U);
    advance(0);
    EXPECT_EQ(spans(), "1 2 3 4");
    add(5);
    EXPECT_EQ(fate(SpanFate::queue_full), 6U) << "a batch that is being sent has left the queue";
}

TEST_F(SpanExporterTest, BoundsTheBytesOfTheQueue) {
    const std::string large(9'000, 'x');
    queue->add(large);
    queue->add(large);
    queue->add(large);
    EXPECT_EQ(queue->size(), 2U);
    EXPECT_EQ(fate(SpanFate::queue_full), 1U);
    EXPECT_EQ(queue->take()->count, 2U);
    queue->add(large);
    EXPECT_EQ(queue->size(), 1U) << "their bytes are free again";
}

TEST_F(SpanExporterTest, SendsTheSameAgainAfterAPause) {
    add(4);
    advance(0);
    answer(503);
    advance(499);
    EXPECT_EQ(sent(), 1U);
    advance(501);
    ASSERT_EQ(sent(), 2U);
    EXPECT_EQ(spans(), "1 2 3 4");
    answer(429, "Retry-After: 7\r\n");
    advance(6'900);
    EXPECT_EQ(sent(), 2U);
    advance(200);
    ASSERT_EQ(sent(), 3U);
    answer(200);
    EXPECT_EQ(fate(SpanFate::exported), 4U);
    EXPECT_EQ(fates.size(), 1U);
}

TEST_F(SpanExporterTest, BelievesNoLongRetryAfter) {
    add(4);
    advance(0);
    answer(503, "Retry-After: 999999999\r\n");
    advance(30'000);
    EXPECT_EQ(sent(), 2U);
}

TEST_F(SpanExporterTest, GivesUpABatchAfterFiveTries) {
    add(4);
    advance(0);
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(sent(), static_cast<size_t>(i + 1));
        fail();
        advance(30'000);
    }
    EXPECT_EQ(sent(), 5U);
    EXPECT_EQ(fate(SpanFate::undelivered), 4U);
    add(4);
    advance(0);
    EXPECT_EQ(sent(), 6U);
    EXPECT_EQ(spans(), "5 6 7 8");
}

TEST_F(SpanExporterTest, AsksADeadCollectorRarely) {
    for (int i = 0; i < 10; ++i) {
        add(100);
        advance(0);
        if (upstream.count(FakeUpstream::State::open) > 0) {
            fail();
        }
    }
    EXPECT_EQ(sent(), 1U);
    size_t before = 0;
    for (int minute = 0; minute < 10; ++minute) {
        before = sent();
        for (int second = 0; second < 60; ++second) {
            add(10);
            advance(1'000);
            if (upstream.count(FakeUpstream::State::open) > 0) {
                fail();
            }
        }
    }
    EXPECT_LE(sent() - before, 4U);
    EXPECT_LE(log.lines.size(), 11U) << "one a minute";
    EXPECT_TRUE(log.mentions("connection refused"));
    EXPECT_LE(queue->size(), 10U);
}

TEST_F(SpanExporterTest, DropsWhatTheCollectorRejects) {
    add(4);
    advance(0);
    answer(400);
    EXPECT_EQ(fate(SpanFate::rejected), 4U);
    EXPECT_TRUE(log.mentions("status 400"));
    EXPECT_TRUE(log.mentions("dropped 4 spans"));
    add(4);
    advance(0);
    answer(200, "", R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}})");
    EXPECT_EQ(fate(SpanFate::rejected), 7U);
    EXPECT_EQ(fate(SpanFate::exported), 1U);
    add(4);
    advance(0);
    answer(200, "", R"({"partialSuccess":{"rejectedSpans":-5}})");
    EXPECT_EQ(fate(SpanFate::exported), 5U);
    EXPECT_EQ(log.lines.size(), 1U);
}

TEST_F(SpanExporterTest, SendsAtOnceWhenTheProcessEnds) {
    add(1);
    is_ending = true;
    advance(1'000);
    ASSERT_EQ(sent(), 1U);
    add(1);
    answer(200);
    advance(1);
    ASSERT_EQ(sent(), 2U);
    fail();
    EXPECT_EQ(fate(SpanFate::undelivered), 1U) << "there is no time to send it again";
    advance(1);
    EXPECT_EQ(loop.running(), 0U) << "nothing holds the process up";
    advance(60'000);
    add(1);
    advance(1'000);
    EXPECT_EQ(sent(), 3U) << "a request that ends a minute later has its span sent, too";
}

TEST_F(SpanExporterTest, GivesUpAfterABoundWhenTheProcessEnds) {
    add(9);
    advance(0);
    is_ending = true;
    advance(6'000);
    EXPECT_EQ(loop.running(), 0U);
    EXPECT_EQ(upstream.count(FakeUpstream::State::open), 0U) << "the call is cancelled";
    EXPECT_EQ(fate(SpanFate::exit), 9U);
    EXPECT_TRUE(log.mentions("drops 9 spans"));
}

TEST_F(SpanExporterTest, CountsWhatIsLeftWhenItIsDestroyed) {
    add(5);
    advance(0);
    exporter.reset();
    EXPECT_EQ(fate(SpanFate::exit), 5U);
}

TEST_F(SpanExporterTest, CountsEachSpanOnce) {
    for (int i = 0; i < 1'000; ++i) {
        add(random.below(6));
        advance(static_cast<int64_t>(random.below(3'000)));
        if (upstream.count(FakeUpstream::State::open) > 0) {
            switch (random.below(5)) {
                case 0: fail(); break;
                case 1: answer(503); break;
                case 2: answer(400); break;
                case 3: answer(200, "", R"({"partialSuccess":{"rejectedSpans":1}})"); break;
                default: answer(200); break;
            }
        }
    }
    exporter.reset();
    size_t all = 0;
    for (const auto &[one, spans] : fates) {
        all += spans;
    }
    EXPECT_EQ(all, added);
    EXPECT_EQ(fates.size(), 5U);
}

}  // namespace
}  // namespace gateway
