"""stream: true with providers that do not stream: comments while they work, then the images as events."""

import base64
import json
import re
import time

import pytest
from fakes.behaviours import Json
from fakes.openai import ERRORS, Delay, Hang, Reset
from fakes.sample_images import sample_image
from harness import key_entry, provider, write_keys
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
PING = ": ping\n\n"


def events(text) -> list:
    """Names and data of the events of a whole stream; comments apart."""
    found = []
    for block in text.split("\n\n")[:-1]:
        if block.startswith(":"):
            assert block == ": ping"
            continue
        match = re.fullmatch(r"event: ([a-z_.]+)\ndata: ([^\n]+)", block)
        assert match, block[:200]
        found.append((match[1], json.loads(match[2])))
        assert found[-1][1]["type"] == match[1]
    assert text.endswith("\n\n")
    return found


@pytest.fixture
def streaming(gateway, openai):
    def start(more="", http="", **parts):
        return gateway(f"image_gateway; image_gateway_auth off; {more}", SANDBOX + provider("p", openai) + http, **parts)
    return start


def stream(g, model="p/gpt-image-2", headers=(), **fields):
    return g.generate(headers, model=model, stream=True, **fields)


def test_an_image_is_one_event(streaming):
    reply = stream(streaming(), "auto", size="16x16")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["X-Accel-Buffering"] == "no" and reply.headers["Cache-Control"] == "no-cache"
    (name, data), = events(reply.text)
    assert name == "image_generation.completed"
    assert data["b64_json"].startswith("iVBOR") and data["index"] == 0
    assert (data["size"], data["output_format"]) == ("16x16", "png")
    assert data["usage"]["total_tokens"] > 0 and data["created_at"] > 1_700_000_000
    extra = data["extra_fields"]
    assert extra["request_id"] == reply.headers["x-request-id"]
    assert extra["chunk_index"] == 0 and extra["cost"]["usd"] == 0
    assert {"index": 0, "width": 16, "height": 16, "format": "png"}.items() <= extra["images"][0].items()


def test_three_images_are_three_events_and_totals_are_told_once(streaming):
    found = [data for _, data in events(stream(streaming(), n=3).text)]
    assert [data["index"] for data in found] == [0, 1, 2]
    assert all("usage" in data for data in found)
    assert ["cost" in data["extra_fields"] for data in found] == [False, False, True]
    assert all([one["index"] for one in data["extra_fields"]["images"]] == [data["index"]] for data in found)


def test_while_a_provider_is_silent_comments_are_sent(streaming, openai):
    g = streaming("image_gateway_heartbeat 200ms;")
    openai.next(Delay(1))
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2", "stream": True})
    began = time.monotonic()
    raw.receive_until(PING.encode())
    assert 0.1 < time.monotonic() - began < 0.8
    assert raw.receive_until(b"0\r\n\r\n").count(b"event: image_generation.completed") == 1


def test_a_failure_before_the_first_comment_is_an_ordinary_error(streaming, openai):
    g = streaming()
    for reply in (stream(g, n=99), stream(g, "nobody/x"), g.generate(model="auto", stream="yes")):
        assert reply.status in (400, 404) and reply.headers["Content-Type"] == "application/json"
    openai.next(ERRORS["server_error"])
    reply = stream(g)
    assert reply.status == 502 and reply.json["error"]["code"] == "all_providers_failed"


@pytest.mark.parametrize("failure, code", ((ERRORS["server_error"], "all_providers_failed"),
                                           (ERRORS["moderation_blocked"], "content_policy_violation"),
                                           (Reset(), "all_providers_failed")))
def test_a_failure_after_the_first_comment_is_an_error_event(streaming, openai, failure, code):
    g = streaming("image_gateway_heartbeat 100ms;")
    openai.next(Delay(0.5, failure))
    reply = stream(g)
    assert reply.status == 200 and reply.text.startswith(PING)
    (name, data), = events(reply.text)
    assert name == "error" and data["error"]["code"] == code
    assert data["extra_fields"]["attempts"][0]["provider"] == "p"


def test_the_deadline_ends_a_stream_with_an_error_event(streaming, openai):
    g = streaming("image_gateway_heartbeat 100ms; image_gateway_deadline 700ms;")
    openai.next(Hang())
    (name, data), = events(stream(g).text)
    assert name == "error" and data["error"]["code"] == "deadline_exceeded"


def test_after_comments_another_provider_may_still_be_tried(streaming, openai, openai_factory):
    other = openai_factory()
    g = streaming("image_gateway_heartbeat 100ms;", provider("q", other) + "image_model both p/gpt-image-2 q/gpt-image-2;")
    openai.next(Delay(0.5, ERRORS["server_error"]))
    reply = stream(g, "both")
    assert reply.text.startswith(PING)
    (name, data), = events(reply.text)
    assert name == "image_generation.completed"
    assert [one["provider"] for one in data["extra_fields"]["attempts"]] == ["p", "q"]


def test_a_fan_out_is_one_stream(streaming, openai_factory):
    one_each = openai_factory()
    g = streaming(http=provider("q", one_each))
    found = events(stream(g, "q/gpt-image-2", n=10).text)
    assert sorted(data["index"] for _, data in found) == list(range(10))


def test_images_are_bytes_unless_links_are_asked_for(streaming, openai, openai_factory, scratch):
    links = openai_factory(family="dalle")
    g = streaming(f"image_gateway_fetch_allow 127.0.0.0/8; image_gateway_store {scratch}/store;", provider("d", links))
    (_, data), = events(stream(g, "d/dall-e-3").text)
    assert "b64_json" in data and "url" not in data
    (_, data), = events(stream(g, response_format="url").text)
    assert "b64_json" not in data and g.get(data["url"][len(g.url):]).body.startswith(b"\x89PNG")


def test_a_client_that_leaves_ends_all(streaming, openai):
    g = streaming("image_gateway_heartbeat 100ms;", access_format="$status $image_gateway_outcome")
    openai.next(Hang())
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2", "stream": True})
    raw.receive_until(PING.encode())
    raw.reset()
    openai.wait_aborted()
    assert g.access_log(1)[0].endswith("client_gone")


def test_a_slow_reader_gets_every_byte(streaming):
    g = streaming()
    raw = g.connect(receive_buffer=4096)
    raw.post("/v1/images/generations", {"prompt": "x", "model": "auto", "stream": True, "n": 4, "size": "1024x1024"})
    time.sleep(1)
    reply = raw.response()
    assert [data["index"] for _, data in events(reply.text)] == [0, 1, 2, 3]


def test_a_worker_without_free_memory_refuses_requests(streaming, openai):
    """Until the clients of the held images read."""
    g = streaming(http="image_gateway_memory 1m;", listen="sndbuf=64k")
    openai.always(Json({"created": 1, "data": [{"b64_json": base64.b64encode(sample_image(64, 64, size_bytes=3_000_000)).decode()}]}))
    slow = g.connect(receive_buffer=4096).post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2"})
    slow.receive_until(b"200 OK")
    reply = g.generate(model="p/gpt-image-2")
    assert reply.status == 503
    assert reply.json["error"]["code"] == "overloaded" and reply.headers["Retry-After"] == "1"
    assert g.generate(model="auto").status == 503
    slow.reset()
    assert until(lambda: g.generate(model="auto").status == 200, 5)


def test_it_is_not_compressed(streaming):
    g = streaming(http="gzip on; gzip_types text/event-stream; gzip_min_length 1;")
    reply = stream(g, "auto", {"Accept-Encoding": "gzip"}, size="16x16")
    assert reply.headers["Content-Encoding"] is None and len(events(reply.text)) == 1


def test_it_counts_against_limits(scratch, gateway):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", limits={"images_per_minute": 3, "concurrent": 1})])
    g = gateway(f"image_gateway; image_gateway_keys {keys};", SANDBOX)
    key = {"x-api-key": "sk-bf-a"}
    replies = [stream(g, "auto", key, n=2, size="16x16") for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert replies[0].headers["x-ratelimit-remaining-images"] == "1"


def test_previews_that_are_not_made_are_told(streaming, openai_factory):
    g = streaming("image_gateway_fetch_allow 127.0.0.0/8;", provider("d", openai_factory(family="dalle")))
    (_, data), = events(stream(g, "d/dall-e-3", partial_images=2).text)
    adjustment, = (one for one in data["extra_fields"]["adjustments"] if one["param"] == "partial_images")
    assert adjustment["sent"] is None
