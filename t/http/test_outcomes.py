"""What a provider does, and what the caller and the operator learn about it."""

import email.utils
import time

import pytest
from fakes.openai import (ERRORS, ERRORS_BY_OUTCOME, OUTCOMES, Chunked, CloseIdle, CloseUnanswered, Hang, Images, Json,
                          Raw, Reset, Trickle, Truncate)
from harness import provider

ALIAS = "image_model auto first/gpt-image-2 second/gpt-image-2;"
FALLS_BACK = ("our_credentials", "out_of_quota", "throttled", "not_here", "broken", "unknown")


@pytest.fixture
def pair(gateway, openai_factory):
    """A gateway with two providers, tried in order."""
    first, second = openai_factory(), openai_factory()
    return gateway(http=provider("first", first) + provider("second", second) + ALIAS), first, second


def attempts(response) -> list:
    return [(each["provider"], each["outcome"]) for each in response.json["extra_fields"]["attempts"]]


@pytest.mark.parametrize("name", [name for name in OUTCOMES if OUTCOMES[name] in FALLS_BACK])
def test_a_failure_that_is_the_provider_s_own_goes_to_the_next(pair, name):
    g, first, second = pair
    first.always(ERRORS[name])
    response = g.generate(model="auto")
    assert response.status == 200
    assert attempts(response) == [("first", OUTCOMES[name]), ("second", "made")]
    assert response.json["extra_fields"]["provider"] == "second"
    assert len(first.requests) == 1


@pytest.mark.parametrize("name", ERRORS_BY_OUTCOME["callers_fault"] | ERRORS_BY_OUTCOME["refused_by_policy"])
def test_a_failure_that_is_the_caller_s_is_told_and_asked_nowhere_else(pair, name):
    g, first, second = pair
    first.always(ERRORS[name])
    response = g.generate(model="auto")
    told = ERRORS[name]
    assert (response.status, response.json["is_bifrost_error"]) == (400, False)
    assert attempts(response) == [("first", OUTCOMES[name])]
    if hasattr(told, "code"):
        refused = OUTCOMES[name] == "refused_by_policy"
        assert response.json["error"]["code"] == ("content_policy_violation" if refused else told.code or "bad_request")
        assert response.json["extra_fields"]["attempts"][0]["code"] == (told.code or None)
        assert response.json["error"]["param"] == told.param
        assert told.message in response.json["error"]["message"]
    assert second.requests == []


UNKNOWN = {
    "the connection is reset after the request": Reset(),
    "the connection is closed without an answer": CloseUnanswered(),
    "the answer is cut off": Truncate(after_bytes=400),
    "a chunked answer is cut off": Chunked(of=Images(), unfinished=True),
    "a 200 is not JSON": Raw(200, {"Content-Type": "text/html"}, "<html>\"hello\"</html>"),
    "a 200 is empty": Raw(200, {"Content-Type": "application/json"}, ""),
    "a 200 holds no image": Json({"created": 1, "data": []}),
    "a 200 holds something that is no image": Json({"created": 1, "data": [{"b64_json": "aGVsbG8gd29ybGQ="}]}),
    "a 200 holds a long text that is no image": Json({"created": 1, "data": [{"b64_json": "A" * 100_000}]}),
    "a 200 is an array": Json([1, 2, 3]),
    "a gateway in between gives up": Raw(504, {"Content-Type": "text/html"}, "<h1>504</h1>"),
    "a redirect": Raw(302, {"Location": "http://127.0.0.1:1/"}, ""),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_may_have_been_billed_says_so_and_is_never_repeated_there(pair, what):
    g, first, second = pair
    first.always(UNKNOWN[what])
    response = g.generate(model="auto")
    assert response.status == 200
    assert attempts(response) == [("first", "unknown"), ("second", "made")]
    assert response.json["extra_fields"]["attempts"][0]["billed"] == "unknown"
    assert len(first.requests) == 1


def test_after_unknown_fail_asks_nobody_else(gateway, openai_factory):
    first, second = openai_factory(), openai_factory()
    first.always(Reset())
    g = gateway(http=provider("first", first) + provider("second", second) +
                "image_model dear first/gpt-image-2 second/gpt-image-2 after_unknown=fail;")
    response = g.generate(model="dear")
    assert (response.status, response.json["error"]["code"]) == (502, "all_providers_failed")
    assert second.requests == []


def test_curl_s_silent_second_post_on_a_dead_connection_is_caught(pair):
    g, first, second = pair
    first.next(CloseIdle())
    assert g.generate(model="auto").status == 200
    response = g.generate(model="auto")
    assert attempts(response) == [("first", "unknown"), ("second", "made")]
    assert len(first.requests) == 2  # never a third


def test_a_provider_that_refuses_connections_was_not_billed(gateway, openai_factory):
    gone, second = openai_factory(), openai_factory()
    port_of_nobody = provider("first", gone)
    gone.stop()
    g = gateway(http=port_of_nobody + provider("second", second) + ALIAS)
    response = g.generate(model="auto")
    assert attempts(response) == [("first", "broken"), ("second", "made")]
    assert "billed" not in response.json["extra_fields"]["attempts"][0]


@pytest.mark.parametrize("limit, behaviour", [
    ("first_byte=300ms", Hang()),
    ("total=400ms", Hang()),
    ("total=500ms", Trickle(chunk_bytes=50, pause=0.2, of=Images())),
], ids=["no first byte", "no answer", "a slow answer"])
def test_a_provider_that_is_too_slow_is_left_for_the_next(gateway, openai_factory, limit, behaviour):
    first, second = openai_factory(), openai_factory()
    first.always(behaviour)
    g = gateway(http=provider("first", first, f"timeout {limit};") + provider("second", second) + ALIAS)
    response = g.generate(model="auto")
    assert attempts(response) == [("first", "unknown"), ("second", "made")]
    assert response.json["extra_fields"]["attempts"][0]["code"] == "timed_out"
    first.wait_in_flight(0)


def test_the_deadline_ends_it_with_504_and_cancels_upstream(gateway, openai):
    openai.always(Hang())
    g = gateway("image_gateway; image_gateway_auth off; image_gateway_deadline 400ms;", provider("openai", openai))
    response = g.generate(model="openai/gpt-image-2")
    assert (response.status, response.json["error"]["code"]) == (504, "deadline_exceeded")
    assert response.json["extra_fields"]["attempts"][-1]["outcome"] == "too_late"
    openai.wait_in_flight(0)


def test_a_request_s_own_timeout_may_only_be_shorter(gateway, openai):
    openai.always(Hang())
    g = gateway("image_gateway; image_gateway_auth off; image_gateway_deadline 500ms;", provider("openai", openai))
    response = g.generate(model="openai/gpt-image-2", headers={"X-Request-Timeout": "3600"}, timeout=10)
    assert response.status == 504
    assert g.generate(model="openai/gpt-image-2", headers={"X-Request-Timeout": "soon"}).status == 400


def test_another_key_serves_when_one_is_throttled(gateway, openai_factory):
    openai = openai_factory(keys={"sk-good"})
    g = gateway(http=provider("openai", openai, "key env:BAD weight=1000; key env:GOOD;", key=None),
                env={"BAD": "sk-bad", "GOOD": "sk-good"})
    responses = [g.generate(model="openai/gpt-image-2") for _ in range(5)]
    assert {response.status for response in responses} == {200}
    assert any(len(response.json["extra_fields"]["attempts"]) == 2 for response in responses)


def test_when_all_are_throttled_it_is_503_with_the_shortest_wait(pair):
    g, first, second = pair
    first.always(ERRORS["rate_limit_exceeded"].with_headers(retry_after=30))
    second.always(ERRORS["rate_limit_exceeded"].with_headers(retry_after_ms=6500))
    response = g.generate(model="auto")
    assert (response.status, response.headers["Retry-After"]) == (503, "7")


def test_an_answer_larger_than_allowed_is_not_taken(gateway, openai_factory):
    openai = openai_factory(image_bytes=2_000_000)
    g = gateway(http=provider("openai", openai, "image_gateway_answer_max 1m;"))
    response = g.generate(model="openai/gpt-image-2")
    assert response.status == 502
    assert response.json["extra_fields"]["attempts"][0]["code"] == "answer_too_large"


def test_the_provider_s_account_and_limits_stay_with_us(gateway, openai):
    g = gateway(http=provider("openai", openai))
    response = g.generate(model="openai/gpt-image-2")
    leaked = [name for name, _ in response.headers.items()
              if name.lower().startswith(("openai", "x-ratelimit", "set-cookie", "cf-"))]
    assert (response.status, leaked) == (200, [])


@pytest.mark.parametrize("size", [2_000_000, 12_000_000])
@pytest.mark.parametrize("wrap", [lambda images: images, lambda images: Chunked(of=images)], ids=["length", "chunked"])
def test_a_large_image_arrives_as_it_left(gateway, openai_factory, size, wrap):
    openai = openai_factory()
    openai.always(wrap(Images(image_bytes=size)))
    seen = []
    openai.always(wrap(Images(image_bytes=size, change=lambda document: seen.append(document) or document)))
    g = gateway(http=provider("openai", openai))
    response = g.generate(model="openai/gpt-image-2", n=2)
    assert [each["b64_json"] for each in response.json["data"]] == [each["b64_json"] for each in seen[-1]["data"]]
    assert response.json["usage"]["total_tokens"] == seen[-1]["usage"]["total_tokens"]


def test_an_answer_in_the_smallest_pieces_is_the_same(gateway, openai):
    openai.always(Trickle(chunk_bytes=7, pause=0.0005, of=Images(image_bytes=6_000)))
    g = gateway(http=provider("openai", openai))
    response = g.generate(model="openai/gpt-image-2", size="1024x1024")
    assert response.status == 200
    assert response.json["size"] == "1024x1024"


def test_a_failed_attempt_is_one_log_line_at_its_level_without_secrets(gateway, openai_factory):
    strict, openai = openai_factory(keys={"sk-other"}), openai_factory(keys={"sk-very-secret-indeed"})
    g = gateway(http=provider("strict", strict) + provider("openai", openai),
                env={"OPENAI_API_KEY": "sk-very-secret-indeed"})
    assert g.generate(model="strict/gpt-image-2").status == 502
    errors = [line for line in g.log_lines("error") if "image gateway" in line]
    assert len(errors) == 1 and "our_credentials" in errors[0]
    openai.next(ERRORS["moderation_blocked"] if "moderation_blocked" in ERRORS else
                next(iter(ERRORS_BY_OUTCOME["refused_by_policy"].values())))
    g.generate(model="openai/gpt-image-2")
    assert len([line for line in g.log_lines("info") if "refused_by_policy" in line]) == 1
    openai.next(ERRORS["server_error"] if "server_error" in ERRORS else
                next(iter(ERRORS_BY_OUTCOME["broken"].values())))
    g.generate(model="openai/gpt-image-2")
    assert len([line for line in g.log_lines("warn") if "broken" in line]) == 1
    assert "sk-very-secret-indeed" not in g.error_log()


# What a reply reports of a failure besides its code


def alone(gateway, openai):
    return gateway(http=provider("p", openai) + "image_model known p/gpt-image-2;")


def test_what_an_unknown_outcome_said_is_in_the_attempts(gateway, openai):
    openai.always(Json({"error": {"message": "The renderer went away: sk-test-openai.", "type": None, "code": None}}, 502))
    reply = alone(gateway, openai).generate(model="known")
    attempt, = reply.json["extra_fields"]["attempts"]
    assert (attempt["outcome"], attempt["message"]) == ("unknown", "The renderer went away: [secret].")
    assert reply.headers["x-should-retry"] == "false"


def test_a_date_to_wait_for_counts_without_the_answers_own(gateway, openai):
    g = alone(gateway, openai)
    until = email.utils.formatdate(time.time() + 50, usegmt=True)
    openai.next(Json({"error": {"message": "slowly", "type": "requests", "code": None}}, 429, {"Retry-After": until}))
    reply = g.generate(model="known")
    assert reply.status == 503 and 20 <= int(reply.headers["Retry-After"]) <= 50, reply
    assert (reply.json["error"]["code"], reply.headers["x-should-retry"]) == ("rate_limit_exceeded", "true")
    assert g.generate(model="known").status == 503
    assert len(openai.requests) == 1
