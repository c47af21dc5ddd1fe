"""image_gateway_buffering off: an image is sent to the client while it arrives from its provider."""

import base64
import json
import os
import re
import time

import pytest

from fakes.behaviours import Chunked, Endless, Trickle, Truncate
from fakes.openai import Images
from harness.configuration import openai_as_auto
from harness.gateway import until
from harness.processes import private_memory

PATH = "/v1/images/generations"
ASK = {"prompt": "x"}
WHOLE = "image_gateway; image_gateway_auth off;"
LOCATION = WHOLE + " image_gateway_buffering off;"
BIG = 8_000_000
SANITIZED = os.environ.get("SANITIZER_PRELOAD")  # sanitizers do not return freed memory at once


def is_passed(reply) -> bool:
    """Whether the image was passed through: then the length of the reply is not known in advance."""
    return "Content-Length" not in reply.headers


def without_change(document: dict) -> dict:
    """The document without the members that differ between requests."""
    document = json.loads(json.dumps(document))
    for name in ("id", "created"):
        document.pop(name)
    document["extra_fields"].pop("latency")
    for attempt in document["extra_fields"]["attempts"]:
        attempt.pop("latency")
    return document


@pytest.mark.parametrize("how", (Images(), Trickle(20_011, 0.001), Chunked(chunk_bytes=30_000)),
                         ids=("at once", "in pieces", "in chunks"))
def test_the_answer_is_the_same(gateway, openai_factory, how):
    openai = openai_factory(image_bytes=300_001)
    openai.always(how)
    g = gateway(LOCATION, openai_as_auto(openai))
    whole = gateway(WHOLE, openai_as_auto(openai))
    passed, kept = g.post(PATH, ASK), whole.post(PATH, ASK)
    assert passed.status == kept.status == 200
    assert is_passed(passed) and not is_passed(kept)
    assert passed.headers["Content-Type"] == kept.headers["Content-Type"]
    assert without_change(passed.json) == without_change(kept.json)
    assert passed.json["extra_fields"]["images"][0]["bytes"] == 300_001
    assert len(base64.b64decode(passed.json["data"][0]["b64_json"])) == 300_001


def test_the_client_has_the_beginning_before_the_provider_has_sent_the_end(gateway, openai_factory):
    openai = openai_factory(image_bytes=300_000)
    openai.always(Trickle(50_000, 0.5))
    g = gateway(LOCATION, openai_as_auto(openai))
    began = time.monotonic()
    with g.connect().post(PATH, ASK) as connection:
        connection.receive_until(b"b64_json")
        assert time.monotonic() - began < 1.5
        assert openai.in_flight == 1
        connection.receive_until(b"0\r\n\r\n")


def test_an_answer_that_breaks_off_is_not_taken_for_whole(gateway, openai_factory):
    openai = openai_factory(image_bytes=300_000)
    openai.always(Truncate(200_000))
    g = gateway(LOCATION, openai_as_auto(openai), access_format="$status $image_gateway_outcome $image_gateway_images")
    with g.connect().post(PATH, ASK) as connection:
        received = connection.receive_all()
    assert received.startswith(b"HTTP/1.1 200")
    assert b"b64_json" in received and not received.endswith(b"0\r\n\r\n")
    assert g.access_log(1) == ["200 unknown -"]
    assert len(openai.work) == 1, "it is not asked for again"


def test_before_the_image_begins_another_provider_may_make_it(gateway, openai_factory):
    first, second = openai_factory(image_bytes=300_000), openai_factory(image_bytes=300_000)
    first.always(Truncate(30))
    g = gateway(LOCATION, f"""
        image_provider first {{ api openai; url {first.url}; key env:OPENAI_API_KEY; }}
        image_provider second {{ api openai; url {second.url}; key env:OPENAI_API_KEY; }}
        image_model auto first/gpt-image-2 second/gpt-image-2 after_unknown=fallback;""")
    reply = g.post(PATH, ASK)
    assert reply.status == 200 and reply.json["extra_fields"]["provider"] == "second"
    assert is_passed(reply)


@pytest.mark.parametrize("what, headers", (({"n": 2}, {}), ({"response_format": "url"}, {}), ({}, {"Connection": "close"})),
                         ids=("two images", "a link", "HTTP/1.0"))
def test_what_cannot_be_passed_through_is_buffered(gateway, openai_factory, what, headers):
    openai = openai_factory(image_bytes=100_000)
    g = gateway(LOCATION, openai_as_auto(openai))
    if headers:
        body = json.dumps(ASK)
        with g.connect().send(f"POST {PATH} HTTP/1.0\r\nContent-Type: application/json\r\n"
                              f"Content-Length: {len(body)}\r\n\r\n{body}") as connection:
            received = connection.receive_all()
        assert re.search(rb"Content-Length: \d{6}\r\n", received)
        return
    reply = g.post(PATH, {**ASK, **what})
    assert reply.status == 200 and not is_passed(reply)


def test_without_chunked_encoding_the_reply_is_buffered(gateway, openai_factory):
    openai = openai_factory(image_bytes=100_000)
    g = gateway(LOCATION + "chunked_transfer_encoding off;", openai_as_auto(openai))
    reply = g.post(PATH, ASK)
    assert reply.status == 200 and not is_passed(reply)


def test_a_slow_reader_makes_the_provider_wait(gateway, openai_factory):
    openai = openai_factory(image_bytes=BIG)
    g = gateway(LOCATION, openai_as_auto(openai))
    pid = g.worker_pids()[0]
    assert g.post(PATH, ASK).status == 200  # what is there from the first request on is nobody's
    before = private_memory(pid)
    connection = g.connect(receive_buffer=65536).post(PATH, ASK)
    head = connection.receive_until(b"b64_json")
    most = 0
    received = len(head)
    for _ in range(20):
        time.sleep(0.03)
        received += len(connection.receive(20_000))
        most = max(most, private_memory(pid) - before)
    assert openai.in_flight == 1, "the fake has not got rid of it"
    assert most < 1_000_000 or SANITIZED, most
    tail = b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        more = connection.receive()
        received, tail = received + len(more), (tail + more)[-7:]
    assert received > BIG * 4 / 3
    connection.close()


def test_a_slow_reader_of_a_stream_makes_the_provider_wait_too(gateway, openai_factory):
    """Events are sent complete: so memory holds the event that arrives and the event that is read."""
    openai = openai_factory(image_bytes=4_000_000)
    g = gateway(WHOLE, openai_as_auto(openai))
    pid = g.worker_pids()[0]
    before = private_memory(pid)
    connection = g.connect(receive_buffer=65536).post(PATH, {**ASK, "n": 6, "stream": True})
    time.sleep(2)
    assert openai.in_flight == 1, "the fake has not got rid of it"
    assert private_memory(pid) - before < 3 * 4_000_000 * 4 / 3 or SANITIZED
    assert connection.response().body.count(b"event: image_generation.completed\n") == 6
    connection.close()


def test_a_reader_that_stops_is_left_and_its_provider_too(gateway, openai_factory):
    openai = openai_factory(image_bytes=BIG)
    g = gateway(LOCATION + "send_timeout 500ms;", openai_as_auto(openai), access_format="$status $image_gateway_outcome")
    connection = g.connect(receive_buffer=4096).post(PATH, ASK)
    assert g.access_log(1, timeout=10) == ["200 client_gone"]
    assert until(lambda: openai.aborted == 1, 5)
    connection.close()


def test_a_client_that_leaves_ends_its_call(gateway, openai_factory):
    openai = openai_factory(image_bytes=BIG)
    g = gateway(LOCATION, openai_as_auto(openai), access_format="$status $image_gateway_outcome")
    connection = g.connect(receive_buffer=4096).post(PATH, ASK)
    connection.receive_until(b"b64_json")
    connection.close()
    assert g.access_log(1, timeout=10) == ["200 client_gone"]
    assert until(lambda: openai.aborted == 1, 5)
    g.wait_idle_descriptors()


def test_a_pause_of_the_client_does_not_count_as_a_stall_of_the_provider(gateway, openai_factory):
    openai = openai_factory(image_bytes=BIG)
    g = gateway(LOCATION, openai_as_auto(openai, "timeout stall=500ms;"))
    connection = g.connect(receive_buffer=4096).post(PATH, ASK)
    time.sleep(1.5)
    assert len(connection.response().json["data"][0]["b64_json"]) > BIG
    connection.close()


def test_clients_that_do_not_read_open_no_breaker(gateway, openai_factory):
    openai = openai_factory(image_bytes=BIG)
    assert gateway(LOCATION, openai_as_auto(openai)).post(PATH, ASK).status == 200  # the fake takes long over the first
    g = gateway(LOCATION, openai_as_auto(openai, "timeout total=3s stall=2s; breaker failures=3;"))
    slow = []
    for _ in range(6):
        slow.append(g.connect(receive_buffer=4096).post(PATH, ASK))
        slow[-1].receive_until(b"b64_json")
    time.sleep(4)  # the provider's timeout would have passed by now
    assert len(g.post(PATH, ASK, timeout=60).json["data"][0]["b64_json"]) > BIG, "the next is served"
    for connection in slow:
        received, tail = 0, b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            piece = connection.receive()
            assert piece, "those are served, too, in the end"
            received, tail = received + len(piece), (tail + piece)[-7:]
        assert received > BIG
        connection.close()


def test_responses_above_our_own_limit_open_no_breaker(gateway, openai_factory):
    openai = openai_factory(image_bytes=20_000)
    g = gateway(WHOLE + " image_gateway_answer_max 1m;", openai_as_auto(openai, "breaker failures=3; retry off;"))
    openai.next(*[Endless()] * 6)
    for _ in range(6):
        assert g.post(PATH, ASK).json["extra_fields"]["attempts"][0]["code"] == "answer_too_large"
    assert g.post(PATH, ASK).status == 200


def test_buffered_replies_leave_memory_while_they_are_read(gateway, openai_factory):
    openai = openai_factory(image_bytes=BIG)
    small = "image_gateway_memory 4m;"  # less than one of them: while it is held nobody else is asked for
    g = gateway(WHOLE, openai_as_auto(openai) + small)
    connection = g.connect(receive_buffer=4096).post(PATH, ASK)
    connection.receive_until(b"b64_json")
    until(lambda: not openai.in_flight, 10)
    assert g.post(PATH, ASK).status == 503
    taken = 0
    while taken < 9_000_000:
        taken += len(connection.receive())
    assert until(lambda: g.post(PATH, {**ASK, "size": "1024x1024"}).status == 200, 5), "though the rest is not taken"
    connection.close()
