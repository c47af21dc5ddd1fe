"""The fake of OpenAI is as strict as the real API, and misbehaves exactly as a test requests."""

import base64
import http.client
import json
import ssl
import struct
import subprocess
import sys
import time

import pytest
from fakes.openai import (ERRORS, ERRORS_BY_OUTCOME, OUTCOMES, Chunked, CloseIdle, CloseUnanswered, Delay, Error, Hang,
                          Images, Json, KeepAliveClose, Raw, Reset, ResetBeforeBody, SayClose, Trickle, Truncate,
                          UntilClose, output_tokens)
from harness import RawConnection, background, call, together

KEY = {"Authorization": "Bearer sk-test-openai"}
JSON = {**KEY, "Content-Type": "application/json"}
GOOD = {"model": "gpt-image-2", "prompt": "a red kite"}


def ask(fake, headers=KEY, **fields):
    return call(f"{fake.url}/images/generations", "POST", headers=headers, json={**GOOD, **fields})


def raw(fake, **fields):
    connection = RawConnection(fake.port)
    return connection.post("/v1/images/generations", {**GOOD, **fields}, KEY)


def trusting(fake, authority):
    return http.client.HTTPSConnection("localhost", fake.port, context=ssl.create_default_context(cafile=authority))


def png_size(data):
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


def refused(reply):
    error = reply.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return reply.status, error["code"], error["param"]


# The answer


def test_it_answers_with_images_of_the_size_asked_for(openai):
    answer = ask(openai, size="1536x1024", n=2, quality="low").json
    images = [base64.b64decode(one["b64_json"]) for one in answer["data"]]
    assert [png_size(one) for one in images] == [(1536, 1024)] * 2 and images[0] != images[1]
    assert (answer["size"], answer["quality"], answer["background"], answer["output_format"]) == (
        "1536x1024", "low", "opaque", "png")
    assert answer["usage"]["output_tokens"] == 2 * output_tokens("gpt-image-2", "1536x1024", "low")
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]


def test_auto_is_answered_with_what_was_made(openai_factory):
    answer = ask(openai_factory(auto_size="1254x1254"), size="auto").json
    assert answer["size"] == "1254x1254" and answer["quality"] == "high"
    assert png_size(base64.b64decode(answer["data"][0]["b64_json"])) == (1254, 1254)


@pytest.mark.parametrize("output_format, magic", [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8\xff"), ("webp", b"RIFF")])
def test_images_can_have_any_format_and_an_exact_size_in_bytes(openai_factory, output_format, magic):
    fake = openai_factory(image_bytes=2_000_000)
    data = base64.b64decode(ask(fake, output_format=output_format).json["data"][0]["b64_json"])
    assert len(data) == 2_000_000 and data.startswith(magic)


def test_tokens_are_those_that_openai_publishes():
    assert [output_tokens("gpt-image-2.5-flare", "1024x1024", one) for one in ("low", "medium", "high", "xhigh", "max")
            ] == [196, 439, 1756, 3122, 7024]
    assert [output_tokens("gpt-image-2.5-flare", "1536x1024", one) for one in ("low", "medium", "high", "xhigh", "max")
            ] == [158, 343, 1372, 2459, 5488]
    assert output_tokens("gpt-image-1.5", "1024x1536", "high") == 6240


def test_a_compatible_server_takes_dalles_fields_and_hosts_its_images(openai_factory):
    fake = openai_factory(family="dalle")
    linked = ask(fake, model="dall-e-3", response_format="url", style="vivid", size="1792x1024").json["data"][0]
    assert png_size(call(linked["url"]).body) == (1792, 1024) and linked["revised_prompt"]
    plain = ask(fake, model="sdxl", response_format="b64_json", size="512x512").json["data"][0]
    assert png_size(base64.b64decode(plain["b64_json"])) == (512, 512)
    assert len(fake.requests) == 3 and len(fake.work) == 2


# Strictness


@pytest.mark.parametrize("fields, code, param", [
    ({"response_format": "b64_json"}, "unknown_parameter", "response_format"),
    ({"style": "vivid"}, "unknown_parameter", "style"),
    ({"seed": 1}, "unknown_parameter", "seed"),
    ({"prompt": 7}, "invalid_type", "prompt"),
    ({"prompt": None}, "invalid_type", "prompt"),
    ({"prompt": ""}, "string_below_min_length", "prompt"),
    ({"prompt": "ä" * 32001}, "string_above_max_length", "prompt"),
    ({"n": "1"}, "invalid_type", "n"),
    ({"n": 1.0}, "invalid_type", "n"),
    ({"n": True}, "invalid_type", "n"),
    ({"n": 0}, "integer_below_min_value", "n"),
    ({"n": 11}, "integer_above_max_value", "n"),
    ({"size": "512x512"}, "invalid_value", "size"),
    ({"size": "1920x1080"}, "invalid_value", "size"),
    ({"size": "4096x4096"}, "invalid_value", "size"),
    ({"size": "3840x1024"}, "invalid_value", "size"),
    ({"size": "3840x2176"}, "invalid_value", "size"),
    ({"size": "1024X1024"}, "invalid_value", "size"),
    ({"model": "gpt-image-1.5", "size": "2048x2048"}, "invalid_value", "size"),
    ({"quality": "hd"}, "invalid_value", "quality"),
    ({"quality": "max"}, "invalid_value", "quality"),
    ({"background": "transparent"}, "invalid_value", "background"),
    ({"model": "gpt-image-1.5", "background": "transparent", "output_format": "jpeg"}, "invalid_value", "background"),
    ({"output_format": "jpg"}, "invalid_value", "output_format"),
    ({"output_compression": 101, "output_format": "jpeg"}, "integer_above_max_value", "output_compression"),
    ({"output_compression": 80}, "invalid_png_output_compression", "output_compression"),
    ({"moderation": "none"}, "invalid_value", "moderation"),
    ({"stream": "true"}, "invalid_type", "stream"),
    ({"partial_images": 2}, "invalid_value", "partial_images"),
    ({"user": 7}, "invalid_type", "user"),
])
def test_a_wrong_field_is_refused_by_name(openai, fields, code, param):
    assert refused(ask(openai, **fields)) == (400, code, param)
    assert len(openai.refusals) == 1


@pytest.mark.parametrize("fields", [
    {"size": "816x816"}, {"size": "1920x1088"}, {"size": "3840x2160"}, {"size": "3840x1280"}, {"size": "auto"},
    {"n": None, "size": None, "user": None}, {"prompt": "ä" * 32000}, {"output_compression": 100},
    {"output_compression": 0, "output_format": "webp"}, {"model": "gpt-image-2.5-flare", "quality": "max"},
    {"model": "gpt-image-2.5-sunburst", "background": "transparent"}, {"moderation": "low", "user": "u-17"},
])
def test_what_the_documentation_allows_is_accepted(openai, fields):
    assert ask(openai, **fields).status == 200
    assert openai.refusals == []


@pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-2", "dall-e-3", "gpt-image-2.5", "no-such-model", None])
def test_retired_and_unknown_models_are_not_found(openai, model):
    assert refused(ask(openai, model=model)) == (404, "model_not_found", None)


@pytest.mark.parametrize("headers, code", [
    ({}, None),
    ({"Authorization": "Bearer sk-other"}, "invalid_api_key"),
    ({"Authorization": "sk-test-openai"}, "invalid_api_key"),
    ([("Authorization", "Bearer sk-test-openai")] * 2, "invalid_api_key"),
])
def test_only_its_own_keys_are_accepted(openai, headers, code):
    assert refused(ask(openai, headers=headers)) == (401, code, None)


@pytest.mark.parametrize("body", [b"", b"{", b'{"prompt": "a", "prompt": "b"}', b'{"n": NaN}', b'{"prompt": "\xff"}',
                                  b"[]"])
def test_what_is_not_a_json_object_is_refused(openai, body):
    assert call(f"{openai.url}/images/generations", "POST", body, JSON).status == 400


def test_other_types_paths_and_methods_are_refused(openai):
    address = f"{openai.url}/images/generations"
    body = json.dumps(GOOD)
    assert call(address, "POST", body, {**KEY, "Content-Type": "text/plain"}).status == 400
    assert call(f"{openai.url}/images", "POST", body, KEY).status == 404
    assert call(address, "GET", None, KEY).status == 405
    assert call(address, "POST", body, {**KEY, "Content-Type": "application/json; charset=utf-8"}).status == 200


def test_a_refused_request_does_not_use_up_the_script(openai):
    openai.next(Error(500))
    assert ask(openai, size="1x1").status == 400
    assert openai.unplayed == 1
    assert ask(openai).status == 500


def test_bad_http_is_not_answered_but_recorded(openai):
    connection = RawConnection(openai.port).send("POST /v1/images/generations HTTP/1.1\r\nContent-Length: 1\r\n\r\n{")
    assert connection.receive_all() == b""
    assert openai.malformed == ["there must be exactly one Host header"]


# What it records


def test_requests_are_recorded_with_all_that_matters(openai):
    ask(openai, headers={**KEY, "X-Request-Id": "abc"}, user="u-1")
    ask(openai)
    first, second = openai.requests
    assert (first.method, first.path, first.headers["x-request-id"]) == ("POST", "/v1/images/generations", "abc")
    assert first.json == {**GOOD, "user": "u-1"} and json.loads(first.body) == first.json
    assert first.connection != second.connection and first.time < second.time


def test_connections_are_kept_alive_and_fast(openai):
    connection = http.client.HTTPConnection("127.0.0.1", openai.port)
    start = time.monotonic()
    for _ in range(200):
        connection.request("POST", "/v1/images/generations", json.dumps(GOOD), JSON)
        assert connection.getresponse().read()
    connection.close()
    assert time.monotonic() - start < 5
    assert openai.connections == 1 and len(openai.requests) == 200


def test_a_chunked_request_body_is_read(openai):
    connection = RawConnection(openai.port)
    body = json.dumps(GOOD).encode()
    connection.send("POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-test-openai\r\n"
                    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (body[:5], body[5:]):
        connection.send(b"%x\r\n%b\r\n" % (len(part), part))
    assert connection.send(b"0\r\n\r\n").response().status == 200
    connection.close()


def test_it_speaks_tls(openai_factory, certs):
    fake = openai_factory(tls=certs.good)
    connection = trusting(fake, certs.ca)
    connection.request("POST", "/v1/images/generations", json.dumps(GOOD), JSON)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("kind", ["wrong_host", "untrusted"])
def test_the_bad_certificates_are_bad(openai_factory, certs, kind):
    fake = openai_factory(tls=getattr(certs, kind))
    connection = trusting(fake, certs.ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.connect()


# Its behaviours


def test_the_script_is_played_in_order_and_then_the_default(openai):
    openai.next(Error(500), Json({"data": []}))
    openai.always(Error(429, "slow_down"))
    assert [ask(openai).status for _ in range(4)] == [500, 200, 429, 429]
    openai.always()
    assert ask(openai).status == 200


@pytest.mark.parametrize("name", ERRORS)
def test_every_known_error_can_be_played(openai, name):
    openai.next(ERRORS[name])
    reply = ask(openai)
    assert reply.status >= 400
    if isinstance(ERRORS[name], Error):
        assert reply.json == ERRORS[name].envelope and reply.headers["openai-organization"]
    assert name in ERRORS_BY_OUTCOME[OUTCOMES[name]]


def test_errors_take_more_headers(openai):
    openai.next(ERRORS["slow_down"].with_headers(retry_after=7))
    assert ask(openai).headers["retry-after"] == "7"


def test_the_answer_can_be_changed(openai):
    openai.next(Images(change=lambda document: {**document, "data": []}), Images(image_bytes=5000))
    assert ask(openai).json["data"] == []
    assert len(base64.b64decode(ask(openai).json["data"][0]["b64_json"])) == 5000


def test_raw_answers_are_sent_as_they_are(openai):
    openai.next(Raw(502, {"Content-Type": "text/html"}, "<h1>no</h1>"), Raw(200), Raw(200, {"X-Big": "a" * 60000}))
    assert ask(openai).text == "<h1>no</h1>"
    assert ask(openai).body == b""
    assert raw(openai).receive_until(b"\r\n\r\n").count(b"a") >= 60000


def test_a_delay_comes_before_the_first_byte(openai):
    openai.next(Delay(0.3, Error(503)))
    start = time.monotonic()
    assert ask(openai).status == 503
    assert time.monotonic() - start >= 0.3


def test_a_client_that_leaves_a_hanging_request_is_counted(openai):
    openai.always(Hang())
    connections = [raw(openai) for _ in range(3)]
    openai.wait_in_flight(3)
    connections[0].close()
    connections[1].reset()
    openai.wait_aborted(2)
    assert openai.in_flight == 1 and openai.aborted == 2
    connections[2].close()
    openai.wait_aborted(3)


def test_a_client_that_leaves_during_a_long_answer_is_counted(openai_factory):
    fake = openai_factory(image_bytes=20_000_000)
    connection = raw(fake)
    connection.receive(1000)
    connection.close()
    fake.wait_aborted()
    fake.next(Trickle(10, 0.02))
    connection = raw(fake)
    connection.receive(1000)
    connection.close()
    fake.wait_aborted(2)


def test_a_client_that_leaves_within_its_own_request_is_counted(openai):
    RawConnection(openai.port).post("/v1/images/generations", b"{", KEY, promised=100).close()
    openai.wait_aborted()
    assert openai.requests == []


def test_a_stopped_fake_lets_hanging_clients_go(openai_factory):
    fake = openai_factory()
    fake.always(Hang())
    connection = raw(fake)
    fake.wait_in_flight(1)
    fake.stop()
    assert connection.receive_all() == b"" and fake.aborted == 0


@pytest.mark.parametrize("behaviour", [Reset(), ResetBeforeBody(), Truncate(100, reset=True)])
def test_a_reset_is_a_reset(openai, behaviour):
    openai.next(behaviour)
    with pytest.raises(ConnectionResetError):
        raw(openai).receive_all()
    assert [one.complete for one in openai.requests] == [not isinstance(behaviour, ResetBeforeBody)]
    assert openai.aborted == 0


def test_it_can_close_without_an_answer(openai):
    openai.next(CloseUnanswered())
    assert raw(openai).receive_all() == b""


def test_a_truncated_answer_promises_more_than_it_holds(openai):
    openai.next(Truncate(100))
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(openai)
    assert len(broken.value.partial) == 100


def test_an_answer_can_come_slowly_and_in_pieces(openai):
    openai.next(Trickle(4, 0.05, Raw(200, {}, "0123456789")))
    start = time.monotonic()
    assert ask(openai).text == "0123456789"
    assert time.monotonic() - start >= 0.15


def test_an_answer_can_be_chunked_or_end_with_the_connection(openai):
    openai.next(Chunked(), Chunked(unfinished=True), UntilClose())
    reply = ask(openai)
    assert reply.headers["transfer-encoding"] == "chunked" and reply.json["data"]
    with pytest.raises(http.client.IncompleteRead):
        ask(openai)
    assert ask(openai).json["data"]


def test_a_dead_kept_connection_swallows_the_next_request(openai):
    openai.next(CloseIdle())
    connection = raw(openai)
    assert connection.response().status == 200
    assert connection.post("/v1/images/generations", GOOD, KEY).receive_all() == b""
    assert [one.connection for one in openai.requests] == [1, 1]
    assert ask(openai).status == 200


def test_a_connection_can_be_closed_after_the_answer_with_and_without_saying_so(openai):
    openai.next(KeepAliveClose(), SayClose())
    assert b"Connection: close" not in raw(openai).receive_all()
    assert b"Connection: close" in raw(openai).receive_all()


def test_many_at_once_are_served_at_once(openai):
    openai.always(Delay(0.3))
    start = time.monotonic()
    assert {reply.status for reply in together(50, ask, openai)} == {200}
    assert time.monotonic() - start < 5


def test_it_can_be_run_by_hand(project):
    with subprocess.Popen([sys.executable, "-m", "fakes.openai", "--port", "0"], cwd=project / "t", text=True,
                          stdout=subprocess.PIPE) as process:
        url = process.stdout.readline().strip()
        reply = background(call, f"{url}/images/generations", "POST", headers=KEY, json=GOOD).result(10)
        process.terminate()
    assert reply.status == 200
