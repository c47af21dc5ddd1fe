"""image_gateway_otlp and image_gateway_trace: spans at the collector, and what providers see of traces."""

import os
import re
import signal
import time

import pytest
from fakes.behaviours import Delay, Endless, Hang, Json, Raw
from fakes.collector import Collector
from fakes.openai import ERRORS, Reset
from harness import background, key_entry, provider, write_keys
from harness.gateway import until
from harness.metrics import scrape
from ports import free_port

OPEN = "image_gateway; image_gateway_auth off;"
METRICS = "location = /metrics { image_gateway_metrics; } "
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
QUICK = "interval=50ms"
INTERNAL, SERVER, CLIENT = 1, 2, 3
MODEL = "p/gpt-image-2"


@pytest.fixture
def collector():
    with Collector() as one:
        yield one


@pytest.fixture
def traced(gateway, openai, collector):
    """A gateway with a provider p that exports spans."""
    def start(more="", location=OPEN, otlp=QUICK, http="", **parts):
        return gateway(location, f"image_gateway_otlp {collector.url} {otlp};" + provider("p", openai, more) + http,
                       extra_locations=METRICS, **parts)
    return start


def seen(fake, number: int = -1) -> tuple:
    headers = fake.requests[number].headers
    return headers.get("traceparent"), headers.get("tracestate")


def fates(g) -> dict:
    return {fate: int(count) for (fate,), count in scrape(g).by("image_gateway_spans_total", "fate").items()}


# What is exported


def test_a_request_and_its_attempt_are_spans_of_the_callers_trace(traced, openai, collector):
    g = traced(otlp=QUICK + " service=studio")
    before = time.time_ns()
    reply = g.generate({"traceparent": PARENT, "tracestate": "a=1 , b=2"}, model=MODEL, prompt="a red kite")
    assert reply.status == 200
    spans = collector.wait_spans(2)
    request, = collector.of_kind(SERVER)
    attempt, = collector.of_kind(CLIENT)
    assert {one.trace for one in spans} == {TRACE} and {one.service for one in spans} == {"studio"}
    assert request.parent == SPAN and attempt.parent == request.id and request.state == "a=1,b=2"
    assert seen(openai) == (f"00-{TRACE}-{attempt.id}-01", "a=1,b=2")
    assert before - 10**9 < request.begin <= attempt.begin <= attempt.end <= request.end < time.time_ns() + 10**9
    assert request.attributes.pop("image.cost_usd") == pytest.approx(reply.json["extra_fields"]["cost"]["usd"])
    assert request.attributes == {
        "http.request.method": "POST", "http.response.status_code": 200, "image.request_id": reply.headers["x-request-id"],
        "image.operation": "generate", "image.outcome": "made", "gen_ai.operation.name": "image_generation",
        "gen_ai.request.model": MODEL, "gen_ai.provider.name": "openai", "image.provider": "p",
        "gen_ai.response.model": "gpt-image-2", "image.attempts": 1, "image.images": 1,
        "gen_ai.usage.input_tokens": reply.json["usage"]["input_tokens"],
        "gen_ai.usage.output_tokens": reply.json["usage"]["output_tokens"]}
    assert attempt.name == "image_generation gpt-image-2" and not attempt.failed and not request.failed
    assert attempt["gen_ai.request.model"] == "gpt-image-2" and attempt["image.attempt"] == 1
    assert attempt["gen_ai.usage.output_tokens"] == reply.json["usage"]["output_tokens"]
    assert until(lambda: fates(g) == {"exported": 2}, 5)


def test_a_request_without_a_trace_begins_one(traced, openai, collector):
    g = traced()
    for _ in range(2):
        assert g.generate(model=MODEL).status == 200
    collector.wait_spans(4)
    first, second = collector.of_kind(SERVER)
    assert first.trace != second.trace and first.parent is None
    assert {seen(openai, i)[0][3:35] for i in range(2)} == {first.trace, second.trace}
    assert seen(openai)[1] is None


def test_attempts_that_fail_are_spans_with_the_reason(traced, openai, collector):
    g = traced("retry attempts=2 backoff=1ms..2ms within=5s;")
    openai.next(ERRORS["server_error"], Reset())
    assert g.generate(model=MODEL).status >= 500
    collector.wait_spans(3)
    first, second = sorted(collector.of_kind(CLIENT), key=lambda one: one["image.attempt"])
    assert (first["error.type"], first["http.response.status_code"], first.failed) == ("broken", 500, True)
    assert (second["error.type"], second["http.response.status_code"], second["gen_ai.response.model"]) == ("unknown", None, None)
    request, = collector.of_kind(SERVER)
    assert request.failed and request["error.type"] == "unknown" and request["image.images"] == 0
    assert first.parent == second.parent == request.id and seen(openai, 0)[0][36:52] == first.id


def test_refused_requests_are_spans_without_attempts(traced, scratch, collector):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    g = traced(location=f"image_gateway; image_gateway_keys {keys};")
    key = {"x-api-key": "sk-bf-a"}
    assert g.generate(model=MODEL).status == 401
    assert g.generate(key, model=MODEL, n=99).status == 400
    assert g.generate(key, model="nobody/x").status == 404
    assert g.get("/v1/models", key).status == 200
    spans = collector.wait_spans(4)
    assert [(one.name, one["http.response.status_code"], one["error.type"]) for one in spans] == [
        ("image_generation", 401, "refused"), ("image_generation p/gpt-image-2", 400, "refused"),
        ("image_generation nobody/x", 404, "refused"), ("models", 200, None)]
    assert not any(one.failed for one in spans)


def test_a_client_that_leaves_is_seen(traced, openai, collector):
    g = traced()
    openai.always(Hang())
    with g.connect() as raw:
        raw.post("/v1/images/generations", {"prompt": "a", "model": MODEL})
        openai.wait_in_flight(1)
    collector.wait_spans(2)
    assert {one["image.outcome"] for one in collector.spans} == {"client_gone"}
    assert collector.of_kind(SERVER)[0]["http.response.status_code"] == 499


def test_prompts_keys_and_end_users_are_in_no_span(traced, openai, scratch, collector):
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", "sk-bf-secret")])
    g = traced(location=f"image_gateway; image_gateway_keys {keys};")
    headers = {"x-api-key": "sk-bf-secret", "X-On-Behalf-Of": "alice", "X-Request-Id": "theirs"}
    assert g.generate(headers, model=MODEL, prompt="a red kite").status == 200
    openai.next(ERRORS["content_policy_violation"])
    g.generate(headers, model=MODEL, prompt="a red kite")
    g.generate({"x-api-key": "sk-bf-wrong"}, model=MODEL, prompt="a red kite")
    collector.wait_spans(5)
    sent = b"".join(one.body for one in collector.requests)
    for secret in (b"kite", b"sk-", b"alice", b"team-a"):
        assert secret not in sent


# The callers' headers


def test_an_unsampled_trace_is_not_exported_and_goes_on_unsampled(traced, openai, collector):
    g = traced()
    unsampled = f"00-{TRACE}-{SPAN}-00"
    assert g.generate({"traceparent": unsampled, "tracestate": "a=1"}, model=MODEL).status == 200
    assert seen(openai) == (unsampled, "a=1")
    assert g.generate(model=MODEL).status == 200
    assert {one.trace for one in collector.wait_spans(2)} != {TRACE}


HOSTILE = ("", "00", "-" * 55, PARENT + "-x", PARENT.upper(), "ff" + PARENT[2:], f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
           "x" * 4000, f"{PARENT},{PARENT}", "\xff" * 55, "00-" + "é" * 16 + f"-{SPAN}-01", '"};DROP')


def test_hostile_values_are_ignored_and_a_new_trace_begins(traced, openai, collector):
    g = traced()
    for value in HOSTILE:
        assert g.generate([("traceparent", value.encode().decode("latin-1")), ("tracestate", "evil=1")], model=MODEL).status == 200, value
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", seen(openai)[0]) and TRACE not in seen(openai)[0]
        assert seen(openai)[1] is None
    assert g.generate([("traceparent", PARENT), ("Traceparent", PARENT), ("tracestate", "evil=1")], model=MODEL).status == 200
    assert TRACE not in seen(openai)[0] and seen(openai)[1] is None
    spans = collector.wait_spans(2 * len(HOSTILE) + 2)
    assert all(one.parent is None and TRACE not in one.trace for one in collector.of_kind(SERVER))
    assert len({one.trace for one in spans}) == len(HOSTILE) + 1


def test_a_hostile_tracestate_is_not_passed_on(traced, openai):
    g = traced()
    for value in ("a", "a=1,a=2", "A=1", ",".join(f"k{i}=1" for i in range(33)), "a=é", "a=" + "x" * 257, "=1", "a=b=c"):
        assert g.generate([("traceparent", PARENT), ("tracestate", value.encode().decode("latin-1"))], model=MODEL).status == 200
        assert seen(openai)[0].startswith(f"00-{TRACE}-") and seen(openai)[1] is None, value
    several = [("tracestate", f"k{i}={'x' * 100}") for i in range(20)]
    assert g.generate([("traceparent", PARENT), *several], model=MODEL).status == 200
    assert seen(openai)[1].startswith("k0=") and len(seen(openai)[1]) <= 512


def test_names_that_callers_make_up_are_cut(traced, collector):
    g = traced()
    g.generate(model="p/" + 'x"\\' * 80)
    g.generate(model="y" * 20000)
    collector.wait(lambda: len(collector.of_kind(SERVER)) == 2, 10)
    assert not collector.refusals and all(len(one["gen_ai.request.model"] or "") <= 256 and len(one.name) <= 256 for one in collector.spans)


# What providers see


@pytest.mark.parametrize("mode, with_export, without", (("off", None, None), ("parent", PARENT, PARENT), ("on", "new", PARENT)))
def test_a_provider_sees_what_its_configuration_says(gateway, traced, openai, collector, mode, with_export, without):
    g = traced(f"image_gateway_trace {mode};")
    headers = {"traceparent": PARENT, "tracestate": "a=1"}
    assert g.generate(headers, model=MODEL).status == 200
    collector.wait_spans(2)
    attempt, = collector.of_kind(CLIENT)
    shown = f"00-{TRACE}-{attempt.id}-01" if with_export == "new" else with_export
    assert seen(openai) == (shown, "a=1" if shown else None)
    g.quit()
    other = gateway(OPEN, provider("p", openai, f"image_gateway_trace {mode};"))
    assert other.generate(headers, model=MODEL).status == 200
    assert seen(openai) == (without, "a=1" if without else None)
    assert other.generate(model=MODEL).status == 200
    assert seen(openai) == (None, None)


@pytest.mark.parametrize("by", ("set", "map"))
def test_the_span_of_nginxs_own_module_is_the_parent(gateway, openai, by):
    other_trace, other_span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    define = {"set": {"server": "set $otel_span_id $http_x_span; set $otel_trace_id $http_x_trace;"},
              "map": {"http": "map $http_x_span $otel_span_id { default $http_x_span; }"
                              "map $http_x_trace $otel_trace_id { default $http_x_trace; }"}}[by]
    g = gateway(OPEN, provider("p", openai) + define.pop("http", ""), **define)
    for headers, expected in (
            ({"traceparent": PARENT}, PARENT),
            ({"traceparent": PARENT, "X-Span": other_span}, f"00-{TRACE}-{other_span}-01"),
            ({"traceparent": PARENT, "X-Span": "evil"}, PARENT),
            ({"traceparent": PARENT, "X-Span": other_span, "X-Trace": other_trace}, f"00-{other_trace}-{other_span}-01"),
            ({"X-Span": other_span, "X-Trace": other_trace}, f"00-{other_trace}-{other_span}-01"),
            ({"X-Span": other_span}, None), ({}, None)):
        assert g.generate(headers, model=MODEL).status == 200
        assert seen(openai)[0] == expected, headers


def test_the_log_has_the_ids(traced, collector):
    g = traced(access_format="$image_gateway_trace_id $image_gateway_span_id")
    g.generate({"traceparent": PARENT}, model=MODEL)
    collector.wait_spans(2)
    assert g.access_log(1)[0] == f"{TRACE} {collector.of_kind(SERVER)[0].id}"


# Makings without a client

KEY = {"x-api-key": "sk-a"}


@pytest.fixture
def keyed(scratch):
    return f"image_gateway; image_gateway_keys {write_keys(scratch / 'keys.json', [key_entry('a', 'sk-a')])};"


def shared_spans(collector) -> tuple:
    making, = collector.of_kind(INTERNAL)
    attempt, = collector.of_kind(CLIENT)
    return making, attempt


def test_followers_link_to_the_making_of_their_leader(traced, openai, collector, keyed):
    g = traced(location=keyed + "image_gateway_coalesce on unseeded=on;")
    openai.always(Delay(1))
    leader = background(g.generate, {**KEY, "traceparent": PARENT}, model=MODEL, prompt="same")
    openai.wait_in_flight(1)
    other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    follower = background(g.generate, {**KEY, "traceparent": other, "tracestate": "evil=1"}, model=MODEL, prompt="same")
    assert leader.result(20).status == follower.result(20).status == 200
    assert len(openai.requests) == 1 and seen(openai)[0].startswith(f"00-{TRACE}-") and seen(openai)[1] is None
    collector.wait_spans(4)
    making, attempt = shared_spans(collector)
    led, = [one for one in collector.of_kind(SERVER) if one.trace == TRACE]
    followed, = [one for one in collector.of_kind(SERVER) if one.trace != TRACE]
    assert attempt.parent == making.id and making.parent == led.id and not led.links
    assert followed.links == [(TRACE, making.id)] and followed["image.outcome"] == "shared"
    assert making["image.outcome"] == "made" and making["image.images"] == 1


def test_the_span_of_a_job_ends_with_the_job(scratch, traced, openai, collector, keyed):
    g = traced(location=keyed + f"image_gateway_jobs on; image_gateway_store {scratch}/store;",
               http=f"image_gateway_state {scratch}/state/state.db;")
    openai.always(Delay(0.5))
    accepted = g.generate({**KEY, "Prefer": "respond-async", "traceparent": PARENT}, model=MODEL)
    assert accepted.status == 202
    collector.wait_spans(3)
    making, attempt = shared_spans(collector)
    request, = collector.of_kind(SERVER)
    assert request["http.response.status_code"] == 202 and request.end < making.end
    assert making.parent == request.id and attempt.parent == making.id and not making.failed


# The collector


def test_spans_are_sent_in_batches(traced, openai, collector):
    g = traced(otlp="batch=4 interval=60s")
    for _ in range(3):
        assert g.generate(model=MODEL).status == 200
    collector.wait_spans(4)
    assert collector.documents == [4]


def test_a_collector_that_is_down_delays_nobody_and_its_spans_are_counted(gateway, openai):
    g = gateway(OPEN, f"image_gateway_otlp http://127.0.0.1:{free_port()} {QUICK} batch=2 queue=6;" + provider("p", openai),
                extra_locations=METRICS)
    for _ in range(6):
        assert g.generate(model=MODEL).status == 200
    assert until(lambda: fates(g) == {"queue_full": 4}, 5), fates(g)  # 6 wait, and a batch of 2 is being sent
    assert until(lambda: len(g.log_lines("error")) == 1, 5)
    assert "spans cannot be exported to http://127.0.0.1:" in g.log_lines("error")[0]


def test_what_the_collector_does_not_take_for_now_is_sent_again(traced, openai, collector):
    g = traced()
    collector.next(Raw(503, {"Retry-After": "1"}, b"busy"))
    began = time.monotonic()
    assert g.generate(model=MODEL).status == 200
    collector.wait_spans(2)
    assert 0.9 < time.monotonic() - began < 8 and collector.documents == [2, 2]
    assert until(lambda: fates(g) == {"exported": 2}, 5)


@pytest.mark.parametrize("answer, expected", (
    (Raw(400, {}, b"no"), {"rejected": 2}),
    (Json({"partialSuccess": {"rejectedSpans": "1", "errorMessage": "no"}}), {"exported": 1, "rejected": 1}),
    (Json({"partialSuccess": {"rejectedSpans": 10 ** 6}}), {"rejected": 2}),
    (Raw(200, {}, b"not JSON {"), {"exported": 2}),
    (Endless(Raw(500, {}, b"")), {"rejected": 2})))
def test_what_the_collector_rejects_is_counted(traced, collector, answer, expected):
    g = traced()
    collector.next(answer)
    assert g.generate(model=MODEL).status == 200
    assert until(lambda: fates(g) == expected, 8), fates(g)
    assert g.generate(model=MODEL).status == 200
    collector.wait_spans(2)


def test_a_slow_collector_delays_nobody(traced, collector):
    g = traced()
    collector.always(Hang())
    for _ in range(3):
        began = time.monotonic()
        assert g.generate(model=MODEL).status == 200
        assert time.monotonic() - began < 2
    collector.wait_in_flight(1)
    collector.always()
    assert until(lambda: len(collector.spans) >= 6, 15)


@pytest.mark.parametrize("way", ("down", "hangs"))
def test_each_span_that_a_collector_never_took_is_counted(gateway, openai, collector, way):
    """t/chaos/collector.py does it with 100,000 requests."""
    collector.always(Hang())
    url = collector.url if way == "hangs" else f"http://127.0.0.1:{free_port()}"
    g = gateway(OPEN, f"image_gateway_otlp {url} {QUICK} batch=8 queue=32;" + provider("p", openai), workers=2,
                extra_locations=METRICS)
    count = 100
    times = []
    for _ in range(count):
        began = time.monotonic()
        assert g.generate(model=MODEL).status == 200
        times.append(time.monotonic() - began)
    assert max(times) < 4  # the exporter waits for five seconds
    g.reload(extra_locations=METRICS)
    assert until(lambda: sum(fates(g).values()) == 2 * count, 20), fates(g)
    assert "exported" not in fates(g) and fates(g)["queue_full"] > count


# Reload and exit


def test_a_reload_loses_no_span(traced, openai, collector):
    g = traced(otlp="interval=60s")
    openai.next(Delay(1.5))
    running = background(g.generate, model=MODEL)
    openai.wait_in_flight(1)
    g.allow_worker_change()
    g.reload()
    assert running.result(20).status == 200
    collector.wait_spans(2)
    assert g.generate(model=MODEL).status == 200
    g.quit()
    collector.wait_spans(4)


def test_a_worker_that_ends_waits_a_bounded_time_for_the_collector(traced, collector):
    g = traced(otlp="interval=60s")
    collector.always(Hang())
    assert g.generate(model=MODEL).status == 200
    began = time.monotonic()
    g.quit()
    assert time.monotonic() - began < 9
    assert any("drops 2 spans" in line for line in g.log_lines("warn"))


def test_a_worker_that_must_end_at_once_says_what_it_drops(traced, collector):
    g = traced(otlp="interval=60s")
    assert g.generate(model=MODEL).status == 200
    os.kill(g.pid, signal.SIGTERM)
    g.wait_exit()
    assert not collector.requests and any("drops 2 spans" in line for line in g.log_lines("warn"))


# The configuration


@pytest.mark.parametrize("directive, problem", (
    ("image_gateway_otlp ftp://x;", 'invalid url "ftp://x"'), ("image_gateway_otlp http://u:p@x;", "must not contain a user name"),
    ("image_gateway_otlp http://;", "invalid url"), ("image_gateway_otlp http://x?k=v;", "invalid url"),
    ("image_gateway_otlp http://x batch=0;", "batch"), ("image_gateway_otlp http://x batch=9 queue=8;", "must not be greater"),
    ("image_gateway_otlp http://x service=;", "invalid service"), ("image_gateway_otlp http://x colour=red;", "batch=N, interval=TIME"),
    ("image_gateway_otlp http://x ca=/nowhere;", "/nowhere"),
    ("image_provider p { api sandbox; image_gateway_trace maybe; }", "expected off, parent or on")))
def test_a_mistake_in_the_configuration_is_told(nginx_t, directive, problem):
    ok, output = nginx_t(directive)
    assert not ok and problem in output, output
