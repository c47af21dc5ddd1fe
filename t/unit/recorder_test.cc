// What is counted of requests and attempts, and how metrics and status show it.
#include "core/metrics/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/metrics/exposition.h"
#include "core/metrics/status.h"
#include "exchange_world.h"

namespace gateway {
namespace {

class RecorderTest : public ExchangeTest {
 protected:
    RecorderTest() {
        EXPECT_TRUE(Counters::prepare(counters_memory.region(), true));
        counters.note_configuration(world.clock.unix_seconds());
        recorder.emplace(counters, models, world.clock, true);
        observers = {&*recorder};
        world.ports.observers = observers;
    }

    void record(int status = 0) {
        recorder->record(
            {*exchange, "generate", true, status == 0 ? told.status() : status, 100, 2'000, 5});
    }
    ReportSources sources() {
        return {counters,
                models,
                health,
                ledger,
                world.clock,
                [](int32_t) { return true; },
                {{policy.keys, policy.limits.key}},
                0,
                false,
                "1.22.1",
                {}};
    }
    // The whole reply. No turn may write much.
    static std::string written(Report &report) {
        std::string all;
        bool more = true;
        while (more) {
            Bytes part;
            more = report.write_some(part);
            EXPECT_LT(part.size(), size_t{48} * 1024);
            all += part.copy();
        }
        return all;
    }
    std::string text(ExpositionForm form = {}) {
        Exposition exposition(sources(), form);
        return written(exposition);
    }
    // The value of a series with all its labels, as written.
    std::string value(const std::string &series, ExpositionForm form = {}) {
        const std::string all = "\n" + text(form);
        const size_t line = all.find("\n" + series + " ");
        if (line == std::string::npos) {
            return "none";
        }
        const size_t begin = line + series.size() + 2;
        return all.substr(begin, all.find('\n', begin) - begin);
    }

    FakeMemory counters_memory{Counters::size()};
    Counters counters{counters_memory};
    std::optional<Recorder> recorder;
    std::vector<Observer *> observers;
};

TEST_F(RecorderTest, CountsARequestWithItsImageAndItsTimes) {
    ask(R"({"prompt":"a","model":"chain","quality":"hd","size":"1024x1024"})");
    EXPECT_EQ(value("image_gateway_calls_in_progress{provider=\"a\"}"), "0")
        << "the process has no place for its gauges";
    world.loop.advance(Milliseconds(1500));
    world.upstream.deliver(images(1));
    record();
    EXPECT_EQ(value("image_gateway_requests_total{operation=\"generate\",model=\"chain\","
                    "provider=\"a\",status=\"200\",outcome=\"made\"}"),
              "1");
    EXPECT_EQ(value("image_gateway_attempts_total{provider=\"a\",model=\"gpt-image-2\","
                    "outcome=\"made\"}"),
              "1");
    EXPECT_EQ(value("image_gateway_images_total{provider=\"a\",model=\"gpt-image-2\"}"), "1");
    EXPECT_EQ(value("image_gateway_adjustments_total{parameter=\"quality\"}"), "1");
    EXPECT_EQ(value("image_gateway_received_bytes_total{operation=\"generate\"}"), "100");
    EXPECT_EQ(value("image_gateway_sent_bytes_total{operation=\"generate\"}"), "2000");
    const std::string labels = "{operation=\"generate\",provider=\"a\"";
    const std::string name = "image_gateway_request_duration_seconds";
    EXPECT_EQ(value(name + "_sum" + labels + "}"), "1.5");
    EXPECT_EQ(value(name + "_count" + labels + "}"), "1");
    EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"1.0\"}"), "0");
    EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"2.5\"}"), "1");
    EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"+Inf\"}"), "1");
    EXPECT_EQ(value("image_gateway_request_own_seconds_sum{operation=\"generate\"}"), "0");
    EXPECT_EQ(value("image_gateway_request_first_byte_seconds_sum{operation=\"generate\"}"),
              "0.005");
    EXPECT_EQ(value("image_gateway_unpriced_requests_total{provider=\"a\",model=\"gpt-image-2\"}"),
              "1");
    EXPECT_FALSE(exchange->cost());
}

TEST_F(RecorderTest, CountsRetriesFallbacksAndPauses) {
    add_provider("d", {"sk-d"})->retry = {.attempts = 2, .within = Milliseconds(60'000)};
    add_alias("two", {{"d/gpt-image-2"}, {"a/gpt-image-2"}});
    ASSERT_TRUE(counters.enter_process(7, 0, [](int32_t) { return true; }));
    ask(R"({"prompt":"a","model":"two"})");
    EXPECT_EQ(value("image_gateway_calls_in_progress{provider=\"d\"}"), "1");
    world.upstream.deliver(response_for(OutcomeType::broken));
    EXPECT_EQ(value("image_gateway_calls_in_progress{provider=\"d\"}"), "0");
    EXPECT_EQ(value("image_gateway_requests_parked"), "1");
    world.loop.advance(Milliseconds(10'000));
    EXPECT_EQ(value("image_gateway_requests_parked"), "0");
    world.upstream.deliver(response_for(OutcomeType::broken));
    world.upstream.deliver(images(1));
    record();
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(value("image_gateway_retries_total{provider=\"d\"}"), "1");
    EXPECT_EQ(value("image_gateway_fallbacks_total{provider=\"a\"}"), "1");
    EXPECT_EQ(value("image_gateway_attempts_total{provider=\"d\",model=\"gpt-image-2\","
                    "outcome=\"broken\"}"),
              "2");
    EXPECT_GT(exchange->timing().wait, Milliseconds(0));
    EXPECT_EQ(exchange->timing().own(), Milliseconds(0));
    EXPECT_EQ(exchange->timing().wait + exchange->timing().provider, exchange->timing().total);
}

TEST_F(RecorderTest, AClientThatLeavesIsCountedWithItsAttempt) {
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.loop.advance(Milliseconds(700));
    exchange->cancel();
    record(499);
    EXPECT_EQ(value("image_gateway_requests_total{operation=\"generate\",model=\"a/gpt-image-2\","
                    "provider=\"a\",status=\"499\",outcome=\"client_gone\"}"),
              "1");
    EXPECT_EQ(value("image_gateway_attempts_total{provider=\"a\",model=\"gpt-image-2\","
                    "outcome=\"client_gone\"}"),
              "1");
    EXPECT_TRUE(counters.failures().empty()) << "it is no failure of the provider";
    EXPECT_EQ(exchange->timing().provider, Milliseconds(700));
}

TEST_F(RecorderTest, ALimitThatRefusesIsNamed) {
    policy.keys = ring_of(key_json("k", R"("limits":{"requests_per_minute":1})"));
    policy.auth = AuthMode::required;
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", as("sk-bf-k"));
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", as("sk-bf-k"));
    ASSERT_EQ(told.status(), 429);
    record();
    EXPECT_EQ(
        value("image_gateway_limits_exceeded_total{party=\"key\",limit=\"requests_per_minute\"}"),
        "1");
    const ExpositionForm form{.keys = true};
    EXPECT_EQ(value("image_gateway_key_limit{key=\"k\",limit=\"requests_per_minute\"}", form), "1");
    EXPECT_EQ(value("image_gateway_key_used{key=\"k\",limit=\"requests_per_minute\"}", form), "1");
    EXPECT_EQ(value("image_gateway_key_limit{key=\"k\",limit=\"requests_per_minute\"}"), "none");
}

TEST_F(RecorderTest, TenThousandNamesOfCallersAddNoSeries) {
    const auto ask_for = [&](const std::string &model, const std::string &secret) {
        ask("{\"prompt\":\"a\",\"model\":\"" + model + "\"}", as(secret));
        if (told.answers == 0) {
            world.upstream.deliver(response_for(OutcomeType::broken));
        }
        record();
    };
    policy.auth = AuthMode::optional;
    policy.keys = ring_of(key_json("k"));
    ask_for("nobody/x", "sk-bf-k");
    ask_for("a/made-up", "sk-bf-k");
    ask_for("x", "sk-bf-z");
    const size_t rows = counters.rows();
    for (int i = 0; i < 5'000; ++i) {
        const std::string name = "m" + std::to_string(i);
        ask_for((i % 2 == 0 ? "nobody/" : "a/") + name, "sk-bf-k");
        ask_for(name, "sk-bf-" + name);
    }
    EXPECT_EQ(counters.rows(), rows);
    EXPECT_EQ(value("image_gateway_attempts_total{provider=\"a\",model=\"other\","
                    "outcome=\"broken\"}"),
              "2501");
    const std::string all = text({.keys = true, .gen_ai = true});
    EXPECT_EQ(all.find("m17"), std::string::npos);
}

TEST_F(RecorderTest, RequestsOfDifferentKindsInTurnAreCountedApart) {
    add_provider("d", {"sk-d"});
    const auto count = [&](const std::string &provider, const std::string &status,
                           const std::string &outcome) {
        return value("image_gateway_requests_total{operation=\"generate\",model=\"" + provider +
                     "/gpt-image-2\",provider=\"" + provider + "\",status=\"" + status +
                     "\",outcome=\"" + outcome + "\"}");
    };
    for (int i = 0; i < 3; ++i) {
        for (const char *provider : {"a", "d"}) {
            ask(std::string(R"({"prompt":"a","model":")") + provider + "/gpt-image-2\"}");
            world.upstream.deliver(i == 1 ? response_for(OutcomeType::refused_by_policy)
                                          : images(1));
            record();
        }
    }
    for (const char *provider : {"a", "d"}) {
        const std::string labels = std::string("{provider=\"") + provider + "\"";
        EXPECT_EQ(count(provider, "200", "made"), "2");
        EXPECT_EQ(count(provider, "400", "refused_by_policy"), "1");
        EXPECT_EQ(value("image_gateway_images_total" + labels + ",model=\"gpt-image-2\"}"), "2");
        EXPECT_EQ(value("image_gateway_attempts_total" + labels +
                        ",model=\"gpt-image-2\",outcome=\"refused_by_policy\"}"),
                  "1");
        EXPECT_EQ(value("image_gateway_images_lost_total" + labels + ",model=\"gpt-image-2\"}"),
                  "none")
            << "there is a series only of what has happened";
    }
}

TEST_F(RecorderTest, OneBufferWithAnotherTextIsAnotherLabel) {
    LabelBook labels(models);
    std::string buffer = "first";
    const LabelBook::Id first = labels.of_text(buffer);
    EXPECT_EQ(labels.of_text(buffer), first);
    buffer = "other";
    EXPECT_EQ(labels.of_text(buffer), LabelBook::kOther);
    buffer = "third";
    EXPECT_EQ(labels.text(labels.of_text(buffer)), "third");
    buffer = "first";
    EXPECT_EQ(labels.of_text(buffer), first);
    for (const int status : {200, 404, 200, 99'999, -1}) {
        EXPECT_EQ(labels.text(labels.of_status(status)), std::to_string(status));
    }
}

TEST_F(RecorderTest, AModelThatANewCatalogueListsIsALabel) {
    LabelBook labels(models);
    const Provider &a = *models.provider("a");
    EXPECT_EQ(labels.of_model(a, "new"), LabelBook::kOther);
    EXPECT_EQ(labels.of_request("a/new"), LabelBook::kOther);
    const auto catalogue = Catalogue::read(
        R"({"apis":{"openai":[{"model":"new","operations":["generate"],"parameters":{"prompt":{}}}]}})",
        models.catalogue().get());
    ASSERT_TRUE(catalogue);
    models.use(std::make_shared<const Catalogue>(*catalogue));
    EXPECT_EQ(labels.text(labels.of_model(a, "new")), "new");
    EXPECT_EQ(labels.text(labels.of_request("a/new")), "a/new");
}

TEST_F(RecorderTest, SpellingsOfOneModelAreOneLabel) {
    for (const char *name : {"a/gpt-image-2", "a:gpt-image-2", "gpt-image-2"}) {
        ask(std::string(R"({"prompt":"a","model":")") + name + "\"}");
        world.upstream.deliver(images(1));
        record();
    }
    EXPECT_EQ(value("image_gateway_requests_total{operation=\"generate\",model=\"a/gpt-image-2\","
                    "provider=\"a\",status=\"200\",outcome=\"made\"}"),
              "3");
}

TEST_F(RecorderTest, TwinsAreNamedAsByOpenTelemetry) {
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(images(1));
    record();
    const std::string labels =
        "{gen_ai_operation_name=\"image_generation\",gen_ai_provider_name=\"openai\","
        "gen_ai_request_model=\"chain\",gen_ai_response_model=\"gpt-image-2\"";
    const ExpositionForm form{.gen_ai = true};
    EXPECT_EQ(value("gen_ai_server_request_duration_seconds_count" + labels + "}", form), "1");
    EXPECT_EQ(value("gen_ai_server_request_duration_seconds_count" + labels + "}"), "none");
    EXPECT_EQ(
        value("gen_ai_client_token_usage_count" + labels + ",gen_ai_token_type=\"output\"}", form),
        "1");
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.upstream.deliver(response_for(OutcomeType::broken));
    record();
    EXPECT_NE(text(form).find("error_type=\"broken\""), std::string::npos);
}

TEST_F(RecorderTest, OpenMetricsNamesCountersWithoutTotalAndEnds) {
    const ExpositionForm form{.open_metrics = true};
    const std::string all = text(form);
    EXPECT_NE(all.find("# TYPE image_gateway_reloads counter\nimage_gateway_reloads_total 0\n"),
              std::string::npos);
    EXPECT_TRUE(all.ends_with("# EOF\n"));
    EXPECT_EQ(text().find("# EOF"), std::string::npos);
    EXPECT_TRUE(wants_open_metrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"));
    EXPECT_FALSE(wants_open_metrics("text/plain;version=0.0.4"));
}

TEST_F(RecorderTest, NamesAreEscapedInLabels) {
    const std::vector<std::string_view> labels{"a\"b\\c\nd"};
    counters.add(counters.row(Series::retries, labels), 1);
    EXPECT_NE(text().find(R"(provider="a\"b\\c\nd")"), std::string::npos);
}

TEST_F(RecorderTest, FullTablesAreWrittenInManyTurns) {
    for (int i = 0; i < 500; ++i) {
        const std::string name = "p" + std::to_string(i);
        counters.observe(
            counters.row(Series::attempt_duration, std::vector<std::string_view>{name, "m"}), 1);
    }
    Exposition exposition(sources(), {});
    const std::string all = written(exposition);
    EXPECT_NE(all.find("provider=\"p499\""), std::string::npos);
    size_t types = 0;
    for (size_t at = 0;
         (at = all.find("# TYPE image_gateway_attempt_duration_seconds ", at)) != std::string::npos;
         ++at) {
        ++types;
    }
    EXPECT_EQ(types, 1U);
}

TEST_F(RecorderTest, AKeyOfSeveralFilesIsShownOnce) {
    policy.keys = ring_of(key_json("k", R"("budgets":[{"usd":2,"per":"day"}])"));
    ReportSources twice = sources();
    twice.keys.push_back(twice.keys.front());
    Exposition exposition(twice, {.keys = true});
    const std::string all = written(exposition);
    const std::string line = "image_gateway_key_budget_usd{key=\"k\",per=\"day\"} 2\n";
    const size_t first = all.find(line);
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(all.find(line, first + 1), std::string::npos);
    Status status(twice);
    EXPECT_EQ(ReadJson(written(status))["keys"].size(), 1U);
}

TEST_F(RecorderTest, KeysBeyondTheFirstThousandAreOther) {
    std::string keys;
    for (int i = 0; i < 1'100; ++i) {
        keys += (i == 0 ? "" : ",") + key_json("k" + std::to_string(i));
    }
    policy.keys = ring_of(keys);
    const ExpositionForm form{.keys = true};
    EXPECT_EQ(value("image_gateway_key_spent_usd{key=\"k999\",per=\"day\"}", form), "0");
    EXPECT_EQ(value("image_gateway_key_spent_usd{key=\"k1000\",per=\"day\"}", form), "none");
    EXPECT_EQ(value("image_gateway_key_spent_usd{key=\"other\",per=\"day\"}", form), "0");
    Status status(sources());
    EXPECT_EQ(ReadJson(written(status))["keys"].size(), 1'000U);
}

TEST_F(RecorderTest, TheStatusShowsBreakersKeysAndFailures) {
    remembers_health = true;
    Provider *provider = add_provider("d", {"sk-1", "sk-2"});
    provider->breaker.failures = 1;
    provider->finish();
    add_alias("one", {{"d/gpt-image-2"}});
    ask(R"({"prompt":"a","model":"one"})");
    world.upstream.deliver(response_for(OutcomeType::throttled));
    world.upstream.deliver(response_for(OutcomeType::broken));
    record();
    ReportSources not_ready = sources();
    not_ready.not_ready = {"keys_unavailable"};
    Status status(not_ready);
    EXPECT_FALSE(status.is_ready());
    const std::string text = written(status);
    const ReadJson json(text);
    EXPECT_EQ(json["object"].string(), "status");
    EXPECT_EQ(json["not_ready"].at(0).string(), "keys_unavailable");
    const JsonValue shown = json["providers"].at(3);
    EXPECT_EQ(shown["name"].string(), "d");
    EXPECT_EQ(shown["type"].string(), "openai");
    EXPECT_EQ(shown["models"].at(0).string(), "gpt-image-2");
    EXPECT_EQ(shown["breakers"].at(0)["state"].string(), "open");
    EXPECT_EQ(shown["breakers"].at(0)["until"].integer(), world.clock.unix_seconds() + 15);
    int resting = 0;
    for (const JsonValue key : shown["keys"]) {
        resting += key["reason"].string() == "throttled" ? 1 : 0;
    }
    EXPECT_EQ(resting, 1);
    EXPECT_EQ(shown["outcomes"]["broken"].integer(), 1);
    EXPECT_EQ(json["failures"].size(), 2U);
    EXPECT_EQ(json["failures"].at(0)["outcome"].string(), "broken");
    EXPECT_EQ(json["models"].at(0)["model"].string(), "one");
    EXPECT_EQ(json["requests"]["last_minutes"].at(0)["failed"].integer(), 1);
    EXPECT_NE(text.find(R"("jobs":null,"store":null)"), std::string::npos);
    EXPECT_NE(text.find(R"("state":null)"), std::string::npos);
    EXPECT_EQ(text.find("sk-1"), std::string::npos);
    world.loop.advance(Milliseconds(15'000));
    Status later(sources());
    EXPECT_EQ(ReadJson(written(later))["providers"].at(3)["breakers"].at(0)["state"].string(),
              "half_open");
}

}  // namespace
}  // namespace gateway
