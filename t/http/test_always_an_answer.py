"""Retries, resting keys, breakers, several calls per request, and deadlines, as callers and providers see them."""

import threading
import time

import pytest
from fakes.openai import ERRORS, Behaviour, Delay, Hang, Images, Json, Reset, Trickle
from harness import background, provider, together

MODEL = "openai/gpt-image-2"
PATH = "/v1/images/generations"
OPEN = "image_gateway; image_gateway_auth off;"
BROKEN, THROTTLED = ERRORS["server_error"], ERRORS["rate_limit_exceeded"]
ONE_AT_A_TIME = """{"apis": {"openai": [{"model": "single", "operations": ["generate"],
    "parameters": {"prompt": {}, "n": {"max": 1}}}, {"model": "few", "operations": ["generate"],
    "parameters": {"prompt": {}, "n": {"max": 4}}}]}}"""


def outcomes(reply) -> list:
    return [(one["provider"], one["outcome"]) for one in reply.json["extra_fields"].get("attempts", [])]


def skipped(reply) -> list:
    return [(one["provider"], one["reason"]) for one in reply.json["extra_fields"].get("skipped", [])]


@pytest.fixture
def pair(gateway, openai_factory):
    """Two providers behind the alias auto; the first has its own rules."""
    def start(rules, **parts):
        first, second = openai_factory(), openai_factory()
        g = gateway(http=provider("first", first, rules) + provider("second", second) +
                    "image_model auto first/gpt-image-2 second/gpt-image-2;", **parts)
        return g, first, second
    return start


@pytest.fixture
def few(gateway, openai_factory, scratch):
    """A model that makes one image at a time, and one that makes four."""
    def start(rules="", **parts):
        (scratch / "catalog.json").write_text(ONE_AT_A_TIME)
        (scratch / "catalog.json").chmod(0o644)
        openai = openai_factory(family="dalle")
        return gateway(OPEN, f"image_gateway_catalog {scratch}/catalog.json;" + provider("p", openai, rules), **parts), openai
    return start


# Retries


def test_by_default_what_is_broken_is_tried_once_more(gateway, openai):
    g = gateway(http=provider("openai", openai).replace("retry off; breaker off;", ""))
    openai.next(BROKEN)
    reply = g.generate(model=MODEL)
    assert reply.status == 200
    assert outcomes(reply) == [("openai", "broken"), ("openai", "made")]
    openai.next(BROKEN, BROKEN)
    assert g.generate(model=MODEL).status == 502
    assert len(openai.requests) == 4


def test_retries_keep_to_what_is_configured(pair):
    g, first, second = pair("retry attempts=4 backoff=10ms..40ms within=5s;")
    first.always(BROKEN)
    reply = g.generate(model="auto")
    assert outcomes(reply) == [("first", "broken")] * 4 + [("second", "made")]
    times = [request.time for request in first.requests]
    assert all(later - earlier < 0.5 for earlier, later in zip(times, times[1:]))


def test_retry_after_is_waited_for(gateway, openai):
    g = gateway(http=provider("openai", openai, "retry attempts=2;"))
    openai.next(ERRORS["server_is_overloaded"].with_headers(retry_after=1))
    assert g.generate(model=MODEL).status == 200
    first, second = openai.requests
    assert 1.0 <= second.time - first.time < 2.5


def test_a_throttled_model_without_another_is_waited_for(gateway, openai):
    g = gateway(http=provider("openai", openai, "retry attempts=2 within=3s;"))
    openai.next(THROTTLED.with_headers(retry_after_ms=600))
    reply = g.generate(model=MODEL)
    assert outcomes(reply) == [("openai", "throttled"), ("openai", "made")]
    openai.next(THROTTLED.with_headers(retry_after=20))
    began = time.monotonic()
    reply = g.generate(model=MODEL)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "20")
    assert time.monotonic() - began < 2


def test_a_client_that_leaves_in_a_pause_ends_it(gateway, openai):
    g = gateway(http=provider("openai", openai, "retry attempts=2 within=60s;"),
                access_format="$status $image_gateway_outcome")
    openai.next(ERRORS["server_is_overloaded"].with_headers(retry_after=30))
    raw = g.connect().post(PATH, {"prompt": "x", "model": MODEL})
    openai.wait_requests(1)
    g.wait_log("server_is_overloaded")
    raw.close()
    assert g.access_log(1) == ["499 client_gone"]
    g.wait_idle_descriptors()
    assert len(openai.requests) == 1


# Keys and breakers, over all workers


def test_a_key_that_was_throttled_rests_in_every_worker(pair):
    g, first, second = pair("", workers=4)
    first.next(THROTTLED.with_headers(retry_after=30))
    assert g.generate(model="auto").status == 200
    replies = together(40, g.generate, model="auto")
    assert {reply.status for reply in replies} == {200}
    assert {tuple(skipped(reply)) for reply in replies} == {(("first", "keys_resting"),)}
    assert len(first.requests) == 1


def test_of_two_keys_the_one_that_is_refused_rests(gateway, openai_factory):
    openai = openai_factory(keys={"sk-good"})
    g = gateway(http=provider("openai", openai, "key env:BAD weight=1000; key env:GOOD;", key=None),
                env={"BAD": "sk-bad", "GOOD": "sk-good"}, workers=2)
    replies = [g.generate(model=MODEL) for _ in range(20)]
    assert {reply.status for reply in replies} == {200}
    assert len(openai.refusals) == 1
    assert "sk-bad" not in g.error_log()


def test_a_breaker_opens_for_all_workers_and_closes_by_one_probe(pair):
    g, first, second = pair("retry off; breaker failures=4 open=1s;", workers=4)
    first.always(BROKEN)
    for _ in range(4):
        assert outcomes(g.generate(model="auto")) == [("first", "broken"), ("second", "made")]
    replies = together(40, g.generate, model="auto")
    assert {tuple(skipped(reply)) for reply in replies} == {(("first", "breaker_open"),)}
    alone = g.generate(model="first/gpt-image-2")
    assert (alone.status, alone.json["error"]["code"]) == (503, "providers_unavailable")
    assert alone.headers["Retry-After"] == "1"
    assert len(first.requests) == 4
    time.sleep(1.05)
    first.always(Delay(0.5, Images()))
    replies = together(12, g.generate, model="auto")
    assert {reply.status for reply in replies} == {200}
    assert len(first.requests) == 5, "one probe"
    assert g.generate(model="auto").json["extra_fields"]["provider"] == "first"


def test_callers_faults_and_refusals_open_no_breaker(pair):
    g, first, second = pair("retry off; breaker failures=2;")
    first.always(ERRORS["invalid_value"])
    for _ in range(5):
        assert g.generate(model="auto").status == 400
    first.always(ERRORS["moderation_blocked"])
    for _ in range(5):
        assert g.generate(model="auto").status == 400
    first.always()
    assert g.generate(model="auto").json["extra_fields"]["provider"] == "first"


def test_breakers_and_rests_outlive_a_reload(pair):
    g, first, second = pair("retry off; breaker failures=1 open=60s;")
    first.next(BROKEN)
    g.generate(model="auto")
    g.reload()
    assert skipped(g.generate(model="auto")) == [("first", "breaker_open")]


def test_no_more_calls_at_once_than_a_provider_takes(gateway, openai):
    g = gateway(http=provider("openai", openai, "max_calls 3; retry within=20s;"), workers=4)
    running, seen, lock = set(), [], threading.Lock()

    class Watched(Behaviour):
        def play(self, call):
            with lock:
                running.add(call)
                seen.append(len(running))
            call.wait(0.05)
            with lock:
                running.remove(call)  # before the reply, because another call may begin after it
            super().play(call)

    openai.always(Watched())
    replies = together(24, g.generate, model=MODEL)
    assert {reply.status for reply in replies} == {200}
    assert max(seen) <= 3


def test_a_full_provider_is_passed_over(pair):
    g, first, second = pair("max_calls 1;", workers=2)
    first.always(Delay(1, Images()))
    waiting = background(g.generate, model="auto")
    first.wait_in_flight(1)
    reply = g.generate(model="auto")
    assert (outcomes(reply), skipped(reply)) == ([("second", "made")], [("first", "busy")])
    reply = g.generate(model="first/gpt-image-2")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert waiting.result(10).json["extra_fields"]["provider"] == "first"


def test_calls_of_a_worker_that_was_killed_are_counted_no_more(gateway, openai):
    g = gateway(http=provider("openai", openai, "max_calls 1;"))
    openai.always(Hang())
    raw = g.connect().post(PATH, {"prompt": "x", "model": MODEL})
    openai.wait_in_flight(1)
    assert g.generate(model=MODEL).status == 503
    [worker] = g.worker_pids()
    g.kill_worker(worker)
    openai.wait_in_flight(0)
    raw.close()
    openai.always()
    end = time.monotonic() + 5
    while (status := g.generate(model=MODEL).status) != 200 and time.monotonic() < end:
        time.sleep(0.05)
    assert status == 200


# Several calls per request


def test_more_images_than_a_call_makes_are_made_by_several(few):
    g, openai = few()
    reply = g.generate(model="p/few", n=10, response_format="b64_json")
    assert reply.status == 200
    assert [one["index"] for one in reply.json["data"]] == list(range(10))
    assert sorted(request.json["n"] for request in openai.work) == [2, 4, 4]
    assert [one["call"] for one in sorted(reply.json["extra_fields"]["attempts"], key=lambda one: one["call"])] == [0, 1, 2]


def test_calls_of_one_request_run_at_the_same_time(few):
    g, openai = few()
    openai.always(Delay(0.5))
    began = time.monotonic()
    assert g.generate(model="p/single", n=8).status == 200
    assert time.monotonic() - began < 2


def test_a_partial_result_reports_what_is_missing_and_is_an_error_with_strict_fitting(few):
    g, openai = few()
    for strict in (False, True):
        openai.next(Images(), BROKEN, Images())
        reply = g.generate({"X-Image-Gateway-Fit": "strict"} if strict else {}, model="p/single", n=3)
        if strict:
            assert (reply.status, reply.json["error"]["code"]) == (502, "incomplete")
            assert sorted(outcome for _, outcome in outcomes(reply)) == ["broken", "made", "made"]
        else:
            assert reply.status == 200 and len(reply.json["data"]) == 2
            line, = [one for one in reply.json["extra_fields"]["adjustments"] if one["param"] == "n"]
            assert line["requested"] == 3 and "only 2 were made" in line["reason"]


def test_a_client_that_leaves_ends_all_calls_of_its_request(few):
    g, openai = few()
    openai.always(Hang())
    raw = g.connect().post(PATH, {"prompt": "x", "model": "p/single", "n": 6})
    openai.wait_in_flight(6)
    raw.reset()
    openai.wait_in_flight(0)


# Deadlines


@pytest.mark.parametrize("behaviour", [
    Hang(), Trickle(chunk_bytes=1, pause=0.05, of=Images()), Delay(0.3, Trickle(chunk_bytes=100, pause=0.2, of=Images())),
    BROKEN, THROTTLED.with_headers(retry_after=1), ERRORS["server_is_overloaded"].with_headers(retry_after=1),
], ids=["hangs", "trickles", "begins and trickles", "is broken", "is throttled", "is overloaded"])
def test_no_request_outlives_its_deadline(gateway, openai, behaviour):
    openai.always(behaviour)
    g = gateway(f"{OPEN} image_gateway_deadline 900ms;",
                provider("openai", openai, "retry attempts=100 backoff=1ms..5ms within=60s; breaker off;"))
    began = time.monotonic()
    reply = g.generate(model=MODEL)
    assert time.monotonic() - began < 1.0 + 0.25  # the client's own share
    assert reply.status in (503, 504, 502)
    assert reply.json["extra_fields"]["latency"] <= 1000


def test_the_deadline_ends_at_the_outcome_and_does_not_limit_a_slow_client(gateway, openai_factory):
    openai = openai_factory(image_bytes=6_000_000)
    g = gateway(f"{OPEN} image_gateway_deadline 2s;", provider("openai", openai))
    slow = g.connect(receive_buffer=4096).post(PATH, {"prompt": "x", "model": MODEL})
    openai.wait_requests(1)
    time.sleep(2.5)
    reply = slow.response()
    assert reply.status == 200 and len(reply.json["data"][0]["b64_json"]) >= 8_000_000


def test_an_answer_that_stalls_is_given_up(pair):
    g, first, second = pair("timeout stall=300ms;")
    first.always(Trickle(chunk_bytes=200, pause=1, of=Images()))
    began = time.monotonic()
    reply = g.generate(model="auto")
    assert outcomes(reply) == [("first", "unknown"), ("second", "made")]
    assert reply.json["extra_fields"]["attempts"][0]["code"] == "timed_out"
    assert time.monotonic() - began < 1.5
    first.always(Trickle(chunk_bytes=4000, pause=0.1, of=Images(image_bytes=60_000)))
    assert outcomes(g.generate(model="auto")) == [("first", "made")], "slow is not stalled"


def test_on_504_the_body_says_whether_somebody_may_still_be_at_work(gateway, openai):
    g = gateway(f"{OPEN} image_gateway_deadline 400ms;",
                provider("openai", openai, "retry attempts=2 backoff=300ms..300ms;") +
                "image_provider nowhere { api openai; url http://127.0.0.1:1/v1; key none; retry attempts=100 backoff=1s..2s; breaker off; }")
    openai.always(Hang())
    reply = g.generate(model=MODEL)
    assert reply.json["extra_fields"]["may_still_be_working"] is True
    assert "may still be working" in reply.json["error"]["message"]
    for _ in range(20):
        reply = g.generate(model="nowhere/x")
        if reply.status == 504:
            assert reply.json["extra_fields"]["may_still_be_working"] is False
            assert "No provider is working" in reply.json["error"]["message"]
            break


# Leaving


def test_a_worker_that_exits_finishes_its_requests_with_their_retries(gateway, openai):
    g = gateway(http=provider("openai", openai, "retry attempts=2 backoff=1ms..2ms;"))
    openai.next(Delay(0.6, BROKEN), Delay(0.6, Images()))
    running = background(g.generate, model=MODEL)
    openai.wait_requests(1)
    assert g.quit() == 0
    assert running.result(10).status == 200
    assert len(openai.requests) == 2


def test_a_worker_with_little_time_left_begins_no_pause_that_outlives_it(gateway, openai):
    g = gateway(http=provider("openai", openai, "retry attempts=2 within=60s;"), main="worker_shutdown_timeout 3s;")
    openai.next(Delay(0.6, ERRORS["server_is_overloaded"].with_headers(retry_after=20)))
    running = background(g.generate, model=MODEL)
    openai.wait_requests(1)
    assert g.quit() == 0
    assert running.result(10).status == 502


def test_a_route_may_go_on_after_a_refusal(gateway, openai_factory):
    first, second = openai_factory(), openai_factory()
    first.always(ERRORS["moderation_blocked"])
    g = gateway(http=provider("first", first) + provider("second", second) +
                "image_model lenient first/gpt-image-2 second/gpt-image-2 after_refusal=fallback;"
                "image_model usual first/gpt-image-2 second/gpt-image-2;")
    assert outcomes(g.generate(model="lenient")) == [("first", "refused_by_policy"), ("second", "made")]
    assert g.generate(model="usual").status == 400


def test_an_unknown_end_is_repeated_only_under_an_idempotency_key(gateway, openai_factory):
    safe, plain = openai_factory(), openai_factory()
    g = gateway(http=provider("safe", safe, "idempotency on; retry attempts=2 backoff=1ms..2ms;") +
                provider("plain", plain, "retry attempts=2 backoff=1ms..2ms;"))
    for fake in (safe, plain):
        fake.next(Reset())
    reply = g.generate(model="safe/gpt-image-2")
    assert outcomes(reply) == [("safe", "unknown"), ("safe", "made")]
    keys = {request.headers.get("idempotency-key") for request in safe.requests}
    assert len(keys) == 1 and None not in keys
    assert g.generate(model="plain/gpt-image-2").status == 502
    assert len(plain.requests) == 1


@pytest.mark.parametrize("bad, where", [("nobody", "fallbacks[0]"), (7, "fallbacks[0]"), ({"provider": "openai"}, "fallbacks[0]"),
                                        ({"provider": "nobody", "model": "x"}, "fallbacks[0]"), (None, "fallbacks[0]")])
def test_a_bad_fallback_names_itself(gateway, openai, bad, where):
    g = gateway(http=provider("openai", openai))
    reply = g.generate(model=MODEL, fallbacks=[bad, MODEL])
    assert (reply.status, reply.json["error"]["param"]) == (400, where)


def test_a_provider_that_sends_useless_json_at_full_speed_does_not_block_others(gateway, openai):
    g = gateway(http=provider("openai", openai))
    openai.always(Json({"data": [{"b64_json": "x" * 100}] * 3000}))
    assert g.generate(model=MODEL).status == 502
