// Which spans a request and its attempts make.
#include "core/routing/span_recorder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exchange_world.h"

namespace gateway {
namespace {

class SpanRecorderTest : public ExchangeTest {
 protected:
    SpanRecorderTest() {
        world.ports.observers = observers;
        world.ports.spans = &queue;
    }
    // Those since the last call.
    std::vector<ReadJson> spans() {
        std::vector<ReadJson> all;
        while (const auto batch = queue.take()) {
            all.emplace_back(batch->spans);
        }
        return all;
    }
    void end_request(int status) {
        recorder.record({.trace = *exchange->trace(),
                         .method = "POST",
                         .operation = "generate",
                         .makes_images = true,
                         .request_id = exchange->request_id(),
                         .requested_model = exchange->requested_model(),
                         .outcome = exchange->outcome(),
                         .status = status,
                         .latency = exchange->milliseconds()});
    }
    static std::string text(const ReadJson &span, std::string_view key) {
        for (const JsonValue one : span["attributes"]) {
            if (one["key"].string() == key) {
                const JsonValue value = one["value"];
                return std::string(value["stringValue"] ? value["stringValue"].string()
                                                        : value["intValue"].string());
            }
        }
        return "";
    }
    static RequestHead sampled() {
        RequestHead head;
        head.trace.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        return head;
    }

    SpanQueue queue{{1, 100}, [](SpanFate, size_t) {}};
    SpanRecorder recorder{queue, models, world.clock};
    std::vector<Observer *> observers = {&recorder};
};

TEST_F(SpanRecorderTest, AnAttemptIsAChildOfItsRequest) {
    ask(R"({"prompt":"a red kite","model":"chain"})", sampled());
    world.loop.advance(Milliseconds(1'500));
    world.upstream.deliver(response_for(OutcomeType::broken));
    world.loop.advance(Milliseconds(500));
    world.upstream.deliver(images(1));
    end_request(200);
    const auto all = spans();
    ASSERT_EQ(all.size(), 3U);
    for (const ReadJson &span : all) {
        EXPECT_EQ(span["traceId"].string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        EXPECT_EQ(text(span, "image.request_id"), exchange->request_id());
        EXPECT_EQ(span.text().find("kite"), std::string::npos);
    }
    const auto request = all[2]["spanId"].string();
    EXPECT_EQ(all[2]["parentSpanId"].string(), "00f067aa0ba902b7");
    EXPECT_EQ(all[0]["parentSpanId"].string(), request);
    EXPECT_EQ(all[1]["parentSpanId"].string(), request);
    EXPECT_EQ(text(all[0], "error.type"), "broken");
    EXPECT_EQ(text(all[0], "image.provider"), "a");
    EXPECT_EQ(text(all[1], "image.provider"), "b");
    EXPECT_EQ(text(all[1], "image.attempt"), "2");
    EXPECT_EQ(text(all[1], "error.type"), "");
    EXPECT_EQ(all[1]["startTimeUnixNano"].string(), "1800000001500000000");
    EXPECT_EQ(all[1]["endTimeUnixNano"].string(), "1800000002000000000");
    for (size_t i = 0; i < 2; ++i) {
        const auto &headers = world.upstream.calls.at(i)->call.headers;
        const std::string line = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-" +
                                 std::string(all[i]["spanId"].string()) + "-01";
        EXPECT_NE(std::find(headers.begin(), headers.end(), line), headers.end()) << line;
    }
}

TEST_F(SpanRecorderTest, AnUnsampledRequestMakesNoSpans) {
    RequestHead head = sampled();
    head.trace.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    ask(R"({"prompt":"a","model":"chain"})", head);
    world.upstream.deliver(images(1));
    end_request(200);
    EXPECT_TRUE(spans().empty());
}

TEST_F(SpanRecorderTest, AnAttemptThatIsDroppedIsASpan) {
    ask(R"({"prompt":"a","model":"chain"})");
    exchange->cancel();
    const auto all = spans();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(text(all[0], "image.outcome"), "client_gone");
    EXPECT_EQ(all[0]["status"]["code"].integer(), 2);
}

TEST_F(SpanRecorderTest, AFailureOfTheGatewayIsAnErrorAndACallersIsNot) {
    ask("{");
    end_request(400);
    end_request(502);
    const auto all = spans();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(text(all[0], "error.type"), "refused");
    EXPECT_FALSE(all[0]["status"]["code"]);
    EXPECT_EQ(all[1]["status"]["code"].integer(), 2);
}

}  // namespace
}  // namespace gateway
