"""The variables for log_format."""

import re
import time

import pytest
from fakes.openai import ERRORS, Delay, Hang
from harness import key_entry, provider, write_keys

NAMES = ("provider", "model", "key", "outcome", "attempts", "upstream_time", "request_id")
FORMAT = " ".join(f"$image_gateway_{name}" for name in NAMES)
HEADERS = {"x-api-key": "sk-bf-a"}


@pytest.fixture
def g(gateway, scratch, openai, openai_factory):
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", "sk-bf-a", limits={"requests_per_minute": 100})])
    studio = openai_factory(family="dalle")
    return gateway(f"image_gateway; image_gateway_keys {keys};",
                   provider("p", openai) + provider("studio", studio) + "image_model auto p/gpt-image-2 studio/sdxl;",
                   extra_locations="location /plain { return 204; } location /open/ { image_gateway; "
                                   "image_gateway_auth off; }", access_format=FORMAT)


def logged(g, count=1) -> dict:
    return dict(zip(NAMES, g.access_log(count)[count - 1].split(" ")))


def test_a_served_request_sets_all_variables(g):
    reply = g.generate(HEADERS)
    line = logged(g)
    assert re.fullmatch(r"\d+\.\d{3}", line.pop("upstream_time"))
    assert line == {"provider": "p", "model": "gpt-image-2", "key": "team-a", "outcome": "made", "attempts": "1",
                    "request_id": reply.headers["x-request-id"]}


def test_after_a_fallback_it_is_the_last_provider_that_is_named(g, openai):
    openai.next(ERRORS["server_error"])
    g.generate(HEADERS)
    line = logged(g)
    assert (line["provider"], line["model"], line["outcome"], line["attempts"]) == ("studio", "sdxl", "made", "2")


def test_a_failure_is_named_by_its_outcome(g, openai):
    openai.next(ERRORS["moderation_blocked"])
    g.generate(HEADERS, model="p/gpt-image-2")
    assert logged(g)["outcome"] == "refused_by_policy"


def test_a_client_that_left_has_the_provider_that_was_asked(g, openai):
    openai.always(Hang())
    with g.connect() as raw:
        raw.post("/v1/images/generations", {"prompt": "a", "model": "p/gpt-image-2"}, HEADERS)
        openai.wait_in_flight(1)
    line = logged(g)
    assert line.pop("request_id") and float(line.pop("upstream_time")) >= 0
    assert line == {"provider": "p", "model": "gpt-image-2", "key": "team-a", "outcome": "client_gone", "attempts": "1"}


def test_an_anonymous_caller_has_no_key(g):
    g.generate(path="/open/images/generations")
    assert logged(g)["key"] == "-"


def test_a_request_that_we_refuse_has_an_id_and_no_provider(g):
    for count, send in enumerate((lambda: g.generate(HEADERS, n=99), lambda: g.generate(HEADERS, model="nobody/x"),
                                  lambda: g.generate(), lambda: g.get("/v1/images/generations", HEADERS),
                                  lambda: g.post("/v1/nothing", {}, HEADERS),
                                  lambda: g.generate({**HEADERS, "X-Request-Timeout": "x"}),
                                  lambda: g.post("/v1/images/generations", {}, {**HEADERS, "Content-Type": "a/b"})), 1):
        reply, line = send(), logged(g, count)
        assert line.pop("request_id") == reply.headers["x-request-id"]
        key = "-" if reply.status == 401 else "team-a"
        assert line == {"provider": "-", "model": "-", "key": key, "outcome": "refused", "attempts": "0",
                        "upstream_time": "-"}, reply


def test_outside_the_gateway_there_is_nothing_to_say(g):
    assert g.get("/plain").status == 204
    assert set(logged(g).values()) == {"-"}


def test_they_may_be_used_anywhere(gateway):
    g = gateway("image_gateway; image_gateway_auth off; if ($image_gateway_provider) { return 500; }"
                "add_header X-Made $image_gateway_provider/$image_gateway_model;",
                "image_provider s { api sandbox; } image_model auto s/x;",
                extra_locations='location /plain { return 200 "[$image_gateway_request_id]"; }')
    assert g.generate(size="16x16").headers["X-Made"] == "s/x"
    assert g.get("/plain").text == "[]"


STEPS = ("auth", "limits", "body", "wait", "provider", "delivery", "own")


def test_the_steps_of_a_request_have_times(gateway, openai):
    more = ("operation", "requested_model", "images_lost", *(f"{step}_time" for step in STEPS))
    g = gateway("image_gateway; image_gateway_auth off;",
                provider("p", openai, "retry attempts=2 backoff=1ms..2ms within=5s;"),
                access_format=" ".join(f"$image_gateway_{name}" for name in more))
    openai.always(Delay(0.4))
    openai.next(ERRORS["server_error"].with_headers(retry_after_ms=250))
    reply = g.generate(model="p/gpt-image-2")
    assert reply.status == 200
    timing = dict(step.split(";dur=") for step in reply.headers["Server-Timing"].split(", "))
    line = dict(zip(more, g.access_log(1)[0].split(" ")))
    assert (line["operation"], line["requested_model"], line["images_lost"]) == ("generate", "p/gpt-image-2", "-")
    for step in STEPS:
        assert abs(float(line[f"{step}_time"]) * 1000 - float(timing[step])) < 100, (step, line, timing)
    assert float(timing["provider"]) >= 390 and float(timing["wait"]) >= 240
    parts = sum(float(timing[step]) for step in STEPS)
    assert abs(parts - float(timing["total"])) < 20, timing


def test_a_slow_upload_is_time_of_the_body(gateway, openai):
    g = gateway("image_gateway; image_gateway_auth off;", provider("p", openai), access_format="$image_gateway_body_time "
                "$image_gateway_own_time")
    body = b'{"prompt": "a", "model": "p/gpt-image-2"}'
    with g.connect() as raw:
        raw.send(b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
        time.sleep(0.4)
        raw.send(body[10:])
        assert raw.response().status == 200
    upload, own = map(float, g.access_log(1)[0].split(" "))
    assert upload >= 0.35 > own
