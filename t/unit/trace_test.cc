// traceparent and tracestate as callers write them, and the place of a request in a trace.
#include "core/tracing/trace.h"

#include <gtest/gtest.h>

#include <string>

#include "fake_ports.h"

namespace gateway {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";
const std::string kSampled = "00-" + kTrace + "-" + kSpan + "-01";
const std::string kUnsampled = "00-" + kTrace + "-" + kSpan + "-00";

std::string normal_form(std::string_view value) {
    const auto parent = read_traceparent(value);
    return parent ? write_traceparent(*parent) : "";
}

TEST(TraceParent, IsReadAndWritten) {
    EXPECT_EQ(normal_form(kSampled), kSampled);
    EXPECT_EQ(normal_form(kUnsampled), kUnsampled);
    EXPECT_TRUE(read_traceparent(kSampled)->is_sampled());
    EXPECT_FALSE(read_traceparent(kUnsampled)->is_sampled());
}

TEST(TraceParent, KeepsOnlyFlagsThatAreKnown) {
    EXPECT_EQ(normal_form("00-" + kTrace + "-" + kSpan + "-ff"),
              "00-" + kTrace + "-" + kSpan + "-03");
    EXPECT_EQ(normal_form("00-" + kTrace + "-" + kSpan + "-f8"), kUnsampled);
}

TEST(TraceParent, OfALaterVersionIsReadAsFarAsItIsKnown) {
    const std::string rest = kTrace + "-" + kSpan + "-01";
    EXPECT_EQ(normal_form("cc-" + rest), kSampled);
    EXPECT_EQ(normal_form("cc-" + rest + "-what-the-future-brings"), kSampled);
    EXPECT_EQ(normal_form("cc-" + rest + "what"), "");
    EXPECT_EQ(normal_form("ff-" + rest), "");
    EXPECT_EQ(normal_form("cc-" + rest + "-" + std::string(1000, 'x')), "");
}

TEST(TraceParent, IsIgnoredIfItIsWrong) {
    for (const std::string &value : {
             std::string(),
             std::string("00"),
             kSampled + "-",
             kSampled + "-00",
             kSampled.substr(1),
             " " + kSampled,
             kSampled + " ",
             kSampled + "," + kSampled,
             "00-" + std::string(32, '0') + "-" + kSpan + "-01",
             "00-" + kTrace + "-" + std::string(16, '0') + "-01",
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01",
             "00-" + kTrace + "-" + kSpan + "-0g",
             "00_" + kTrace + "-" + kSpan + "-01",
             "00-" + kTrace + "_" + kSpan + "-01",
             "00-" + kTrace + "-" + kSpan + "_01",
             "0x-" + kTrace + "-" + kSpan + "-01",
             "00-" + kTrace + std::string("\0", 1) + kSpan + "-01",
         }) {
        EXPECT_EQ(normal_form(value), "") << value;
    }
}

TEST(TraceState, KeepsItsMembersInOrder) {
    EXPECT_EQ(read_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
              "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
    EXPECT_EQ(read_tracestate(" a=1 ,\tb=2\t, ,,c= 3"), "a=1,b=2,c= 3");
    EXPECT_EQ(read_tracestate("t61@sys=x y!~,1a_-*/=~"), "t61@sys=x y!~,1a_-*/=~");
    EXPECT_EQ(read_tracestate(""), "");
    EXPECT_EQ(read_tracestate(" , ,"), "");
}

TEST(TraceState, IsIgnoredIfAMemberIsWrong) {
    for (const std::string &value :
         {std::string("a"), std::string("=1"), std::string("a="), std::string("A=1"),
          std::string("a=1,a=2"), std::string("a=b=c"), std::string("a=\x7f"),
          std::string("a=1\r\nX-Evil: 1"), std::string("a=\xc3\xa9"), std::string("_a=1"),
          std::string("a b=1"), std::string(257, 'a') + "=1", "a=" + std::string(257, 'x'),
          std::string("a=1\0", 4)}) {
        EXPECT_EQ(read_tracestate("ok=1," + value), "") << value;
    }
    std::string many;
    for (int i = 0; i < 33; ++i) {
        many += (many.empty() ? "k" : ",k") + std::to_string(i) + "=1";
    }
    EXPECT_EQ(read_tracestate(many), "");
    EXPECT_NE(read_tracestate(many.substr(0, many.rfind(','))), "");
}

TEST(TraceState, LeavesOutWhatHasNoRoom) {
    const std::string large = "large=" + std::string(200, 'x');
    const std::string other = "other=" + std::string(200, 'y');
    const std::string small = "small=" + std::string(100, 'z');
    EXPECT_EQ(read_tracestate(large + "," + other + "," + small), large + "," + small);
    std::string many;
    for (int i = 0; i < 10; ++i) {
        many += (many.empty() ? "k" : ",k") + std::to_string(i) + "=" + std::string(90, 'x');
    }
    const std::string kept = read_tracestate(many);
    EXPECT_LE(kept.size(), kTraceStateRoom);
    EXPECT_TRUE(many.starts_with(kept)) << kept;
    EXPECT_GT(kept.size() + 94, kTraceStateRoom);
}

class TraceTest : public testing::Test {
 protected:
    static IncomingTrace from_caller(std::string_view traceparent, std::string tracestate = "a=1") {
        IncomingTrace incoming;
        incoming.traceparent = traceparent;
        incoming.tracestate = std::move(tracestate);
        return incoming;
    }
    AttemptTrace attempt(const Rare<Trace> &trace, TraceMode mode = TraceMode::on) {
        return begin_attempt(trace ? &*trace : nullptr, mode, random);
    }

    FakeRandom random;
};

TEST_F(TraceTest, PassesTheCallersSpanOnIfNothingIsExported) {
    const auto trace = begin_trace(from_caller(kSampled), false, random);
    ASSERT_TRUE(trace);
    EXPECT_FALSE(trace->is_exported());
    for (const TraceMode mode : {TraceMode::on, TraceMode::parent}) {
        EXPECT_EQ(attempt(trace, mode).traceparent, kSampled);
        EXPECT_EQ(attempt(trace, mode).tracestate, "a=1");
        EXPECT_EQ(attempt(trace, mode).span, SpanId{});
    }
    EXPECT_EQ(attempt(trace, TraceMode::off).traceparent, "");
    EXPECT_EQ(attempt(trace, TraceMode::off).tracestate, "");
}

TEST_F(TraceTest, IsNoneWithoutACallersSpanAndWithoutExport) {
    EXPECT_FALSE(begin_trace({}, false, random));
    EXPECT_FALSE(begin_trace(from_caller("nonsense"), false, random));
    EXPECT_EQ(begin_attempt(nullptr, TraceMode::on, random).traceparent, "");
}

TEST_F(TraceTest, GivesEachAttemptASpanOfItsOwn) {
    const auto trace = begin_trace(from_caller(kSampled), true, random);
    ASSERT_TRUE(trace && trace->is_exported());
    EXPECT_EQ(write_id(trace->id), kTrace);
    EXPECT_NE(write_id(trace->span), kSpan);
    const AttemptTrace first = attempt(trace);
    const AttemptTrace second = attempt(trace);
    EXPECT_NE(first.span, second.span);
    EXPECT_EQ(first.traceparent, "00-" + kTrace + "-" + write_id(first.span) + "-01");
    EXPECT_EQ(first.tracestate, "a=1");
    const AttemptTrace of_parent = attempt(trace, TraceMode::parent);
    EXPECT_EQ(of_parent.traceparent, kSampled);
    EXPECT_NE(of_parent.span, SpanId{}) << "it is exported, although the provider does not see it";
    EXPECT_EQ(attempt(trace, TraceMode::off).traceparent, "");
}

TEST_F(TraceTest, BeginsANewOneIfTheCallersIsHostile) {
    const auto trace = begin_trace(from_caller("00-x", "evil=1"), true, random);
    ASSERT_TRUE(trace && trace->is_exported());
    EXPECT_FALSE(trace->parent);
    EXPECT_EQ(trace->state, "") << "it belongs to the caller's trace";
    EXPECT_TRUE(attempt(trace).traceparent.starts_with("00-" + write_id(trace->id) + "-"));
    EXPECT_EQ(attempt(trace, TraceMode::parent).traceparent, "");
    IncomingTrace twice = from_caller(kSampled);
    twice.is_repeated = true;
    EXPECT_FALSE(begin_trace(twice, true, random)->parent);
}

TEST_F(TraceTest, ObeysTheSampledFlag) {
    const auto trace = begin_trace(from_caller(kUnsampled), true, random);
    ASSERT_TRUE(trace);
    EXPECT_FALSE(trace->is_exported());
    EXPECT_EQ(attempt(trace).traceparent, kUnsampled);
    EXPECT_EQ(attempt(trace).span, SpanId{});
}

TEST_F(TraceTest, TakesTheSpanOfNginxsModuleAsItsParent) {
    IncomingTrace incoming = from_caller(kUnsampled);
    incoming.otel_span = "b7ad6b7169203331";
    auto trace = begin_trace(incoming, false, random);
    EXPECT_EQ(attempt(trace).traceparent, "00-" + kTrace + "-b7ad6b7169203331-00");
    EXPECT_EQ(attempt(trace).tracestate, "a=1");
    incoming.otel_span = "B7AD6B7169203331";
    EXPECT_EQ(attempt(begin_trace(incoming, false, random)).traceparent, kUnsampled);

    incoming.otel_span = "b7ad6b7169203331";
    incoming.otel_trace = "0af7651916cd43dd8448eb211c80319c";
    trace = begin_trace(incoming, false, random);
    EXPECT_EQ(attempt(trace).traceparent,
              "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    EXPECT_EQ(attempt(trace).tracestate, "") << "it belongs to another trace";

    incoming.traceparent = "";
    EXPECT_EQ(attempt(begin_trace(incoming, false, random)).traceparent,
              "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    incoming.otel_trace = "";
    EXPECT_FALSE(begin_trace(incoming, false, random)) << "a span without a trace";
}

TEST_F(TraceTest, PutsAttemptsUnderTheSharedMaking) {
    auto leader = begin_trace(from_caller(kSampled), true, random);
    EXPECT_EQ(leader->parent_of_attempts(), leader->span);
    auto follower = begin_trace({}, true, random);
    follow_making(follower, leader);
    EXPECT_FALSE(follower->link) << "there is no making";
    begin_making(leader, random);
    EXPECT_EQ(leader->parent_of_attempts(), leader->making);
    follow_making(follower, leader);
    ASSERT_TRUE(follower->link);
    EXPECT_EQ(follower->link->trace, leader->id);
    EXPECT_EQ(follower->link->span, leader->making);

    auto unsampled = begin_trace(from_caller(kUnsampled), true, random);
    begin_making(unsampled, random);
    EXPECT_EQ(unsampled->making, SpanId{});
    Rare<Trace> none;
    begin_making(none, random);
    follow_making(none, leader);
    follow_making(follower, none);
    EXPECT_FALSE(none);
}

}  // namespace
}  // namespace gateway
