"""Replies over HTTP/2, where a connection has many streams and each stream has its own window."""

import base64
import threading
from dataclasses import dataclass, field

import pytest
from fakes.event_stream import COMPLETED, PARTIAL, Events
from fakes.openai import ERRORS, Delay, Hang
from harness import environment, provider
from harness.http2 import Http2Connection
from test_previews import MODEL, names
from test_streams import PING, SANDBOX, events

pytestmark = pytest.mark.skipif("--with-http_v2_module" not in environment.build_arguments(), reason="nginx has no HTTP/2")

PATH = "/v1/images/generations"


@dataclass
class Interrupted(Events):
    """Sends the first event, and the others when the test allows it."""

    told: threading.Event = field(default_factory=threading.Event)

    def play(self, call):
        reply = self.reply(call)
        end = reply.body.index(b"\n\n") + 2
        call.connection.send(reply.head() + reply.body[:end])
        while not self.told.is_set():
            call.wait(0.02)
        call.connection.send(reply.body[end:])


@pytest.fixture
def connect(gateway, openai):
    """A connection to a gateway, and the gateway."""
    connections = []

    def start(more="", http="", window=65535, **parts):
        g = gateway(f"image_gateway; image_gateway_auth off; {more}", SANDBOX + provider("p", openai) + http,
                    listen="http2", **parts)
        connections.append(Http2Connection(g.port, window))
        return connections[-1], g

    yield start
    for connection in connections:
        connection.close()


def ask(connection, model=MODEL, headers=(), **fields):
    return connection.post(PATH, {"prompt": "a red kite", "model": model, **fields}, headers)


def stream(connection, model=MODEL, headers=(), partial_images=1, **fields):
    return ask(connection, model, headers, stream=True, partial_images=partial_images, **fields)


def sent_by(openai) -> bytes:
    return base64.b64decode(openai.document(openai.work[0])["data"][0]["b64_json"])


def test_a_preview_comes_before_the_image_is_made(connect, openai):
    openai.next(rest := Interrupted())
    connection, _ = connect()
    answer = stream(connection)
    assert names(events(answer.receive_until(b"\n\n").decode())) == [PARTIAL]
    assert openai.in_flight == 1 and not answer.ended
    rest.told.set()
    assert names(events(answer.response().text)) == [PARTIAL, COMPLETED]


def test_signs_of_life_come_while_a_provider_is_silent(connect, openai):
    openai.next(Hang())
    connection, _ = connect("image_gateway_heartbeat 100ms;")
    answer = stream(connection)
    answer.receive_until(2 * PING.encode())
    assert openai.in_flight == 1 and not answer.ended


def test_a_stream_ends_cleanly_and_the_connection_is_there_for_the_next(connect):
    connection, g = connect()
    for _ in range(3):
        answer = stream(connection, "auto", n=2, size="64x64").response()
        assert answer.status == 200 and answer.reset is None
        assert sorted(names(events(answer.text))) == [COMPLETED] * 2 + [PARTIAL] * 2
    assert ask(connection, "auto", size="64x64").response().json["data"][0]["b64_json"]
    assert len(g.access_log(4)) == 4


def test_a_failure_ends_it_as_cleanly(connect, openai):
    connection, _ = connect("image_gateway_heartbeat 100ms;")
    openai.next(Delay(0.5, ERRORS["moderation_blocked"]))
    (name, data), = events(stream(connection).response().text)
    assert name == "error" and data["error"]["code"] == "content_policy_violation"
    openai.next(ERRORS["moderation_blocked"])
    answer = stream(connection, "p/gpt-image-2").response()
    assert answer.status == 400 and answer.json["error"]["code"] == "content_policy_violation"


def test_the_head_is_a_streams(connect):
    connection, _ = connect()
    answer = stream(connection, "auto", size="16x16").response()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-accel-buffering"] == "no" and answer.headers["cache-control"] == "no-cache"
    assert "content-length" not in answer.headers and "transfer-encoding" not in answer.headers


def test_it_is_not_compressed(connect, openai):
    openai.next(rest := Interrupted())
    connection, _ = connect(http="gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;",
                            extra_locations="location /text { return 200 'some text that gzip takes'; }")
    wish = {"accept-encoding": "gzip"}
    assert connection.post("/text", {}, wish).response().headers["content-encoding"] == "gzip"
    answer = stream(connection, headers=wish)
    answer.receive_until(b"\n\n")
    rest.told.set()
    assert len(events(answer.response().text)) == 2 and "content-encoding" not in answer.headers


def test_a_large_answer_is_whole(connect, openai):
    openai.image_bytes = 8_000_000
    connection, _ = connect()
    answer = ask(connection).response()
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert base64.b64decode(answer.json["data"][0]["b64_json"]) == sent_by(openai)


def test_a_stream_of_a_large_image_is_whole(connect, openai):
    openai.image_bytes = 8_000_000
    connection, _ = connect()
    found = events(stream(connection).response().text)
    assert names(found) == [PARTIAL, COMPLETED]
    assert base64.b64decode(found[-1][1]["b64_json"]) == sent_by(openai)


def test_a_large_kept_image_is_whole(scratch, connect, openai):
    openai.image_bytes = 8_000_000
    connection, g = connect(f"image_gateway_store {scratch}/store;", "sendfile on;")
    (_, data), = events(stream(connection, partial_images=0, response_format="url").response().text)
    assert data["url"].startswith(f"{g.url}/v1/images/files/")
    answer = connection.get(data["url"].removeprefix(g.url)).response()
    assert answer.status == 200 and answer.headers["content-type"] == "image/png"
    assert bytes(answer.body) == sent_by(openai)


@pytest.mark.parametrize("window", (100, 10_000))
def test_a_reader_with_a_small_window_gets_every_byte(connect, openai, window):
    """It gets the bytes that arrive while the provider works, and those that wait while the reader is slow."""
    openai.image_bytes = 100_000
    openai.next(rest := Interrupted())
    connection, _ = connect(window=window)
    answer = stream(connection)
    answer.receive_until(b'"b64_json"')
    rest.told.set()
    openai.wait_in_flight(0)
    found = events(answer.response().text)
    assert names(found) == [PARTIAL, COMPLETED]
    assert base64.b64decode(found[-1][1]["b64_json"]) == sent_by(openai)


def test_one_that_is_not_read_holds_up_no_other(connect):
    connection, _ = connect(window=10_000)
    slow = stream(connection, "auto", n=4, size="512x512")
    for _ in range(3):
        quick = stream(connection, "auto", n=2, size="64x64").response()
        assert len(events(quick.text)) == 4
    assert not slow.is_over and len(slow.body) <= 10_000
    found = events(slow.response().text)
    assert sorted(data["index"] for name, data in found if name == COMPLETED) == [0, 1, 2, 3]


def test_many_at_once_on_one_connection(connect):
    connection, _ = connect(window=5_000)
    answers = [stream(connection, "auto", n=2, size="128x128") for _ in range(20)]
    for answer in reversed(answers):
        assert len(events(answer.response().text)) == 4


def test_whoever_leaves_a_stream_leaves_no_other(connect, openai):
    openai.next(rest := Interrupted(), Interrupted())
    connection, g = connect(access_format="$status $image_gateway_outcome")
    stays = stream(connection)
    stays.receive_until(b"\n\n")
    leaves = stream(connection)
    leaves.receive_until(b"\n\n")
    leaves.leave()
    openai.wait_aborted()
    assert g.access_log(1)[0].endswith("client_gone")
    rest.told.set()
    assert names(events(stays.response().text)) == [PARTIAL, COMPLETED]


def test_whoever_leaves_with_the_connection_leaves_all(connect, openai):
    openai.always(Interrupted())
    connection, g = connect(access_format="$status $image_gateway_outcome")
    for _ in range(3):
        stream(connection).receive_until(b"\n\n")
    connection.close()
    openai.wait_aborted(3)
    assert all(line.endswith("client_gone") for line in g.access_log(3))


def test_a_stream_that_nobody_reads_is_given_up(connect, openai):
    """send_timeout ends the reply, as in all of nginx, and also the call that is in progress for it."""
    openai.next(Interrupted())
    connection, _ = connect("send_timeout 1s;", window=100)
    unread = stream(connection)
    openai.wait_aborted(timeout=10)
    connection.read(unread, lambda: False)
    assert unread.reset is not None and not unread.ended and len(unread.body) == 100
    assert ask(connection, "auto", size="16x16").response().status == 200
