"""The limits of a key in keys.json."""

import time

import pytest
from fakes.openai import ERRORS, Delay, Hang, Reset
from harness import background, key_entry, provider, together, write_keys

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
HEADERS = {"x-api-key": "sk-bf-a"}
KINDS = ("limit", "remaining", "reset")


@pytest.fixture
def limited(gateway, scratch):
    """A gateway whose key sk-bf-a has these limits."""
    def start(http=SANDBOX, workers=1, more="", **limits):
        path = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", limits=limits), key_entry("b", "sk-bf-b")])
        return gateway(f"image_gateway; image_gateway_keys {path}; {more}", http, workers=workers)
    return start


def make(g, headers=HEADERS, **fields):
    return g.generate(headers, **{"size": "16x16", **fields})


def assert_limited(reply):
    assert reply.status == 429 and reply.json["error"]["code"] == "rate_limit_exceeded", reply
    assert reply.json["error"]["type"] == "rate_limit_error"
    assert 1 <= int(reply.headers["Retry-After"]) <= 86400


def quota(reply, what) -> list:
    return [reply.headers[f"x-ratelimit-{kind}-{what}"] for kind in KINDS]


def test_requests_per_minute_are_counted_down_and_then_refused(limited):
    g = limited(requests_per_minute=3)
    replies = [make(g) for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert [quota(reply, "requests")[:2] for reply in replies[:3]] == [["3", "2"], ["3", "1"], ["3", "0"]]
    assert all(1 <= int(quota(reply, "requests")[2].rstrip("s")) <= 61 for reply in replies[:3])
    assert quota(replies[0], "images") == [None] * 3
    for reply in replies[3:]:
        assert_limited(reply)
        assert int(reply.headers["Retry-After"]) <= 61


def test_another_key_is_not_touched_and_without_limits_nothing_is_said(limited):
    g = limited(requests_per_minute=1)
    make(g), assert_limited(make(g))
    reply = make(g, {"x-api-key": "sk-bf-b"})
    assert reply.status == 200 and quota(reply, "requests") == [None] * 3


def test_all_workers_count_together(limited):
    g = limited(requests_per_minute=10, workers=3)
    assert sorted(reply.status for reply in together(20, make, g)) == [200] * 10 + [429] * 10


def test_a_request_that_is_wrong_costs_a_request_and_no_images(limited):
    g = limited(requests_per_minute=3, images_per_minute=5)
    reply = make(g, n=99)
    assert reply.status == 400 and quota(reply, "requests")[:2] == ["3", "2"]
    assert quota(make(g), "images")[:2] == ["5", "4"]


def test_what_is_refused_before_entering_costs_nothing(limited):
    g = limited(requests_per_minute=2)
    g.get("/v1/images/generations", HEADERS), g.post("/v1/nothing", {}, HEADERS), make(g, {"x-api-key": "wrong"})
    assert [make(g).status for _ in range(3)] == [200, 200, 429]


def test_images_per_minute_count_images(limited):
    g = limited(images_per_minute=5)
    first = make(g, n=3)
    assert first.status == 200 and quota(first, "images")[:2] == ["5", "2"]
    refused = make(g, n=3)
    assert_limited(refused)
    assert quota(refused, "images")[:2] == ["5", "2"]
    second = make(g, n=2)
    assert second.status == 200 and quota(second, "images")[:2] == ["5", "0"]
    assert_limited(make(g))


def test_images_per_day_wait_for_the_next_day(limited):
    g = limited(images_per_day=2)
    assert make(g, n=2).status == 200
    reply = make(g)
    assert_limited(reply)
    left = 86400 - int(time.time()) % 86400
    assert abs(int(reply.headers["Retry-After"]) - left) < 60


def test_of_two_limits_the_nearer_is_told(limited):
    assert quota(make(limited(images_per_minute=9, images_per_day=4)), "images")[:2] == ["4", "3"]


@pytest.mark.parametrize("limits", ({"images_per_minute": 2}, {"images_per_day": 2}), ids=str)
def test_more_images_than_the_limit_ever_allows_are_a_mistake_of_the_caller(limited, limits):
    g = limited(**limits)
    for _ in range(2):  # the second time there is no room anyway
        reply = make(g, n=3)
        assert reply.status == 400 and reply.headers["Retry-After"] is None
        error = reply.json["error"]
        assert error["code"] == "invalid_value" and error["param"] == "n" and error["type"] == "invalid_request_error"
        assert "the limit of 2 images per" in error["message"]
        make(g, n=2)


def test_more_images_than_a_models_limit_ever_allows_go_to_another_model(gateway, scratch):
    path = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", model_limits={"one/*": {"images_per_minute": 2}})])
    g = gateway(f"image_gateway; image_gateway_keys {path};",
                "image_provider one { api sandbox; } image_provider two { api sandbox; }"
                "image_model both one/placeholder two/placeholder;")
    reply = make(g, model="both", n=3)
    assert reply.status == 200 and reply.json["extra_fields"]["skipped"][0]["reason"] == "model_limit"
    reply = make(g, model="one/placeholder", n=3)
    assert reply.status == 400 and reply.json["error"]["param"] == "n"
    assert "for the models one/* with this key" in reply.json["error"]["message"]


def test_images_that_were_not_made_are_given_back(limited, openai):
    g = limited(provider("p", openai), images_per_minute=4)
    openai.next(ERRORS["server_error"], ERRORS["moderation_blocked"])
    replies = [make(g, model="p/gpt-image-2", n=4, size="auto") for _ in range(3)]
    assert [reply.status for reply in replies] == [502, 400, 200]
    assert [quota(reply, "images")[1] for reply in replies] == ["4", "4", "0"]


def test_images_that_a_throttled_provider_did_not_make_are_given_back(limited, openai):
    g = limited(provider("p", openai), images_per_minute=4)
    openai.next(ERRORS["rate_limit_exceeded"])
    replies = [make(g, model="p/gpt-image-2", n=4, size="auto") for _ in range(2)]
    assert [reply.status for reply in replies] == [503, 503]
    assert [quota(reply, "images")[1] for reply in replies] == ["4", "4"]
    assert len(openai.requests) == 1  # it rests


def test_images_that_may_have_been_made_are_not_given_back(limited, openai):
    g = limited(provider("p", openai), images_per_minute=4)
    openai.next(Reset())
    assert make(g, model="p/gpt-image-2", n=3, size="auto").status == 502
    assert_limited(make(g, model="p/gpt-image-2", n=2, size="auto"))


# Concurrency


def test_concurrent_requests_are_limited_and_told_to_come_again_soon(limited, openai):
    g = limited(provider("p", openai), concurrent=2)
    openai.always(Delay(1))
    running = [background(make, g, model="p/gpt-image-2", size="auto") for _ in range(2)]
    openai.wait_in_flight(2)
    reply = make(g, model="p/gpt-image-2")
    assert_limited(reply)
    assert int(reply.headers["Retry-After"]) <= 5
    assert make(g, {"x-api-key": "sk-bf-b"}, model="p/gpt-image-2", size="auto").status == 200
    assert [one.result(10).status for one in running] == [200, 200]
    assert make(g, model="p/gpt-image-2", size="auto").status == 200


def place_is_free(g, model="p/gpt-image-2") -> bool:
    """A place is given back shortly after the client has its reply or has left."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        if make(g, model=model, size="auto").status == 200:
            return True
        time.sleep(0.02)
    return False


def test_a_place_is_given_back_however_a_request_ends(limited, openai):
    endings = [*ERRORS.values(), Reset()]
    # After some of these a provider's key rests, so each has its own key.
    http = "".join(provider(f"p{number}", openai) for number in range(len(endings))) + provider("p", openai)
    g = limited(http, concurrent=1, more="client_body_timeout 300ms;")
    for number, behaviour in enumerate(endings):
        openai.next(behaviour)
        assert make(g, model=f"p{number}/gpt-image-2", size="auto").status != 429
        assert openai.unplayed == 0
        assert place_is_free(g)
    for ending in (lambda: make(g, prompt=""), lambda: make(g, model="nobody/x"),
                   lambda: make(g, {**HEADERS, "Content-Type": "text/plain"}),
                   lambda: make(g, {**HEADERS, "X-Request-Timeout": "x"})):
        assert ending().status in (400, 404, 415)
        assert place_is_free(g)


def test_a_place_is_given_back_when_the_client_leaves(limited, openai):
    g = limited(provider("p", openai), concurrent=1)
    openai.next(Hang())
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2"}, HEADERS)
    openai.wait_in_flight(1)
    raw.reset()
    openai.wait_aborted()
    assert place_is_free(g)


@pytest.mark.parametrize("ending", ("timeout", "leaving", "too large", "broken"))
def test_a_place_is_given_back_when_the_body_never_comes_whole(limited, ending):
    g = limited(concurrent=1, more="client_body_timeout 300ms;")
    raw = g.connect().send("POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nx-api-key: sk-bf-a\r\n"
                           "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
    time.sleep(0.05)
    assert_limited(make(g))
    if ending == "leaving":
        raw.reset()
    elif ending == "too large":
        raw.send(b"200000\r\n" + b"x" * 0x100000)
    elif ending == "broken":
        raw.send(b"nonsense\r\n")
    assert place_is_free(g, "auto")
