// One exchange, step by step, in the normal case; and requests that are refused.
#include <gtest/gtest.h>

#include "core/request_id.h"
#include "exchange_world.h"

namespace gateway {
namespace {

TEST_F(ExchangeTest, MakesAnImage) {
    ask(R"({"prompt":"a kite","model":"chain","quality":"hd","x":1})");
    ASSERT_EQ(asked(), "a");
    EXPECT_EQ(world.upstream.calls[0]->call.body.copy(),
              R"({"model":"gpt-image-2","prompt":"a kite","quality":"high"})");
    EXPECT_EQ(told.answers, 0);
    world.loop.advance(Milliseconds(1500));
    world.upstream.deliver(images(1));
    ASSERT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 200);
    const ReadJson json = told.json();
    EXPECT_EQ(json["id"].string(), exchange->request_id());
    EXPECT_EQ(json["created"].integer(), world.clock.unix_seconds());
    EXPECT_EQ(json["model"].string(), "a/gpt-image-2");
    EXPECT_EQ(json["data"].at(0)["b64_json"].string(), kPng);
    EXPECT_EQ(json["extra_fields"]["model_requested"].string(), "chain");
    EXPECT_EQ(json["extra_fields"]["latency"].integer(), 1500);
    ASSERT_EQ(json["extra_fields"]["adjustments"].size(), 2U);
    EXPECT_EQ(json["extra_fields"]["adjustments"].at(0)["param"].string(), "x");
    EXPECT_EQ(json["extra_fields"]["adjustments"].at(1)["param"].string(), "quality");
    EXPECT_EQ(listed(), "a made");
    EXPECT_EQ(exchange->outcome(), "made");
    EXPECT_EQ(exchange->upstream_milliseconds(), 1500);
    EXPECT_EQ(world.loop.running(), 0U) << "the deadline's timer is gone";
    EXPECT_TRUE(world.log.lines.empty());
}

TEST_F(ExchangeTest, MakesAnImageInTheSandbox) {
    add_provider("sandbox", {}, "sandbox");
    ask(R"({"prompt":"a kite","model":"sandbox/placeholder","size":"64x64","n":2})");
    world.loop.advance(Milliseconds(0));
    world.tasks.run_all();
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(told.json()["data"].size(), 2U);
    EXPECT_EQ(told.json()["size"].string(), "64x64");
}

TEST_F(ExchangeTest, PassesTheIdsOn) {
    RequestHead head;
    head.request_id = "mine-1";
    head.idempotency_key = "idem-1";
    head.trace.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    head.trace.tracestate = "a=1";
    head.on_behalf_of = "Zoë";
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", head);
    const HttpCall &call = world.upstream.calls.at(0)->call;
    const auto has = [&](const char *line) {
        return std::find(call.headers.begin(), call.headers.end(), line) != call.headers.end();
    };
    EXPECT_TRUE(has("X-Client-Request-Id: mine-1"));
    EXPECT_TRUE(std::none_of(call.headers.begin(), call.headers.end(), [](const auto &line) {
        return line.starts_with("Idempotency-Key");
    })) << "the provider does not heed it";
    EXPECT_TRUE(has("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    EXPECT_TRUE(has("tracestate: a=1"));
    EXPECT_TRUE(has("Authorization: Bearer sk-secret-a"));
    EXPECT_EQ(call.body.copy(), R"({"model":"gpt-image-2","prompt":"a","user":"Zoë"})");
    EXPECT_NE(exchange->request_id(), "mine-1") << "our own id is always fresh";
    ask(R"({"prompt":"a","model":"a/gpt-image-2","user":"own"})", head);
    EXPECT_EQ(world.upstream.calls.at(1)->call.body.copy(),
              R"({"model":"gpt-image-2","prompt":"a","user":"own"})");
}

// What the caller did not write is never listed as an adjustment and never refused.
TEST_F(ExchangeTest, AnEndUserFromAHeaderIsNoParameterOfTheCallers) {
    add_provider("sandbox", {}, "sandbox");
    RequestHead head;
    head.on_behalf_of = "u-17";
    head.fit = "strict";
    ask(R"({"prompt":"a","model":"sandbox/placeholder","size":"16x16"})", head);
    world.loop.advance(Milliseconds(0));
    world.tasks.run_all();
    ASSERT_EQ(told.status(), 200) << told.json().text();
    EXPECT_FALSE(told.json()["extra_fields"]["adjustments"]);
}

TEST_F(ExchangeTest, FindsTheModelWhereverItIsGiven) {
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(told.status(), 400) << "no default";
    EXPECT_EQ(told.json()["error"]["param"].string(), "model");
    policy.default_model = "b/x";
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(asked(), "b");
    ask(R"({"prompt":"a","model":"c/x"})");
    EXPECT_EQ(asked(), "b c");
    RequestHead head;
    head.path_model = "a/x";
    ask(R"({"prompt":"a","model":"c/x"})", head);
    EXPECT_EQ(asked(), "b c a") << "the path wins";
    for (const char *bad : {"a/x\n", "a/\xC3\xA9", "a b"}) {
        head.path_model = bad;
        ask(R"({"prompt":"a","model":"c/x"})", head);
        EXPECT_EQ(told.status(), 400) << "no name: " << bad;
        EXPECT_EQ(told.json()["error"]["param"].string(), "model");
    }
    policy.default_model = "";
    add_alias("auto", {{"c/y"}});
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(asked(), "b c a c");
}

TEST_F(ExchangeTest, RefusesWhatItCannotUnderstandOrPlan) {
    const struct {
        const char *body;
        int status;
        const char *param;
        const char *code;
    } kRows[] = {
        {"", 400, "", "invalid_json"},
        {R"({"model":"chain","n":0})", 400, "n", "integer_below_min_value"},
        {R"({"prompt":"a","model":"nobody/x"})", 404, "model", "model_not_found"},
        {R"({"prompt":"a","model":"chain","fallbacks":["b/x","nobody/x"]})", 400, "fallbacks[1]",
         "model_not_found"},
    };
    for (const auto &row : kRows) {
        ask(row.body);
        EXPECT_EQ(told.answers, 1) << row.body;
        EXPECT_EQ(told.status(), row.status) << row.body;
        EXPECT_EQ(told.json()["error"]["param"].string(), row.param);
        EXPECT_EQ(told.json()["error"]["code"].string(), row.code);
        EXPECT_EQ(told.json()["is_bifrost_error"].boolean(), true);
        EXPECT_EQ(exchange->outcome(), "refused");
    }
    EXPECT_EQ(asked(), "");
    EXPECT_EQ(world.loop.running(), 0U);
}

TEST_F(ExchangeTest, StrictRefusesWhatAdaptLists) {
    RequestHead head;
    head.fit = "strict";
    ask(R"({"prompt":"a","model":"chain","quality":"hd"})", head);
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(told.json()["error"]["param"].string(), "quality");
    add_provider("d", {"k"});
    ask(R"({"prompt":"a","model":"chain","quality":"hd","fallbacks":["d/takes-anything"]})", head);
    EXPECT_EQ(asked(), "d") << "only candidates that take it as it is";
    head.fit = "loose";
    ask(R"({"prompt":"a","model":"chain"})", head);
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(told.json()["error"]["param"].string(), "X-Image-Gateway-Fit");
}

TEST_F(ExchangeTest, SaysWhenTheFormIsNotTheOneAskedFor) {
    const auto only_adjustment = [this] {
        const ReadJson json = told.json();
        const JsonValue all = json["extra_fields"]["adjustments"];
        EXPECT_LE(all.size(), 1U);
        return std::string(all.at(0)["param"].string()) + " " +
               std::string(all.at(0)["sent"].string());
    };
    const HttpResponse link = response_of(200, R"({"data":[{"url":"https://h/x.png"}]})");
    ask(R"({"prompt":"a","model":"a/gpt-image-2","response_format":"url"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(only_adjustment(), "response_format url");
    EXPECT_TRUE(told.json()["data"].at(0)["url"].string().starts_with("data:image/png;base64,"));
    ask(R"({"prompt":"a","model":"a/gpt-image-2","response_format":"b64_json"})");
    world.upstream.deliver(link);
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(told.answers, 0) << "the link is being fetched";
    world.fetcher.end(0, {{}, "it is gone", false});
    EXPECT_EQ(only_adjustment(), "response_format url");
    ask(R"({"prompt":"a","model":"a/gpt-image-2","response_format":"url"})");
    world.upstream.deliver(link);
    EXPECT_EQ(only_adjustment(), " ");
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.upstream.deliver(link);
    EXPECT_EQ(only_adjustment(), " ");
    ask(R"({"prompt":"a","model":"a/gpt-image-2","response_format":"b64_json"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(only_adjustment(), " ");
}

TEST_F(ExchangeTest, SaysWhenFewerImagesWereMade) {
    ask(R"({"prompt":"a","model":"a/gpt-image-2","n":4})");
    world.upstream.deliver(images(3));
    const ReadJson json = told.json();
    EXPECT_EQ(json["data"].size(), 3U);
    ASSERT_EQ(json["extra_fields"]["adjustments"].size(), 1U);
    EXPECT_EQ(json["extra_fields"]["adjustments"].at(0)["param"].string(), "n");
    EXPECT_EQ(json["extra_fields"]["adjustments"].at(0)["requested"].integer(), 4);
}

TEST(NewRequestId, IsLongUnguessableAndReadable) {
    FakeRandom random(5);
    const std::string one = new_request_id(random);
    EXPECT_EQ(one.size(), 28U);
    EXPECT_TRUE(one.starts_with("req_"));
    EXPECT_EQ(one.find_first_of("ilou", 4), std::string::npos);
    EXPECT_NE(new_request_id(random), one);
}

}  // namespace
}  // namespace gateway
