"""image_gateway_heartbeat plain=TIME: white space before a document, so that a slow reply is not silent."""

import json
import shutil
import socket
import subprocess
import time

import pytest
from fakes.behaviours import Delay, Hang
from fakes.images_host import PNG
from fakes.openai import ERRORS
from harness import key_entry, provider, write_keys
from harness.gateway import until
from harness.http2 import Http2Connection

OPEN = "image_gateway; image_gateway_auth off;"
PLAIN = OPEN + "image_gateway_heartbeat 15s plain=200ms;"
MODEL = {"model": "p/gpt-image-2"}
ASK = {"prompt": "x", **MODEL}


@pytest.fixture
def plain(gateway, openai):
    return lambda location=PLAIN, http="", **parts: gateway(location, provider("p", openai) + http, **parts)


def committed(reply) -> dict:
    """The document after the white space."""
    assert reply.status == 200 and reply.body.startswith(b" "), reply
    document = json.loads(reply.body)
    assert document["extra_fields"]["status_committed"] is True
    return document


def test_a_slow_reply_begins_with_white_space(plain, openai):
    openai.next(Delay(1.1))
    g = plain()
    reply = g.generate(**MODEL)
    document = committed(reply)
    assert 4 <= len(reply.body) - len(reply.body.lstrip()) <= 7
    quick = g.generate(**MODEL)
    assert quick.body.startswith(b"{") and "status_committed" not in quick.json["extra_fields"]
    assert "content-length" in quick.headers and "content-length" not in reply.headers
    assert document["data"] == quick.json["data"] and reply.headers["content-type"] == "application/json"
    assert reply.headers.get_all("x-request-id") and len(reply.headers.get_all("x-request-id")) == 1


def test_without_it_nothing_is_sent_before_the_end(plain, openai):
    for location in (OPEN, OPEN + "image_gateway_heartbeat 100ms;", OPEN + "image_gateway_heartbeat 100ms plain=off;"):
        openai.next(Delay(0.5))
        assert plain(location).generate(**MODEL).body.startswith(b"{")


def test_the_first_space_comes_after_the_time(plain, openai):
    openai.next(Hang())
    raw = plain().connect().post("/v1/images/generations", ASK)
    began = time.monotonic()
    raw.receive_until(b"\r\n\r\n1\r\n \r\n")
    assert 0.1 < time.monotonic() - began < 2


@pytest.mark.parametrize("failure, status, code", (
    (ERRORS["moderation_blocked"], 400, "content_policy_violation"), (ERRORS["server_error"], 502, "all_providers_failed")))
def test_a_failure_after_it_stands_in_the_body(plain, openai, failure, status, code):
    openai.always(Delay(0.5, failure))
    g = plain(access_format="$status $image_gateway_outcome")
    document = committed(g.generate(**MODEL))
    assert document["status_code"] == status and document["error"]["code"] == code and "data" not in document
    assert document["extra_fields"]["attempts"][0]["provider"] == "p"
    assert g.access_log(1)[0].startswith("200 ") and not g.access_log(1)[0].endswith("made")


@pytest.mark.parametrize("stream", (False, True))
def test_metrics_count_a_failure_after_it_with_its_status(plain, openai, stream):
    openai.always(Delay(0.5, ERRORS["server_error"]))
    g = plain(OPEN + "image_gateway_heartbeat 200ms plain=200ms;",
              extra_locations="location = /metrics { image_gateway_metrics; } location = /status { image_gateway_status; }")
    assert g.generate(**MODEL, stream=stream).status == 200
    made = until(lambda: [line for line in g.get("/metrics").text.splitlines()
                          if line.startswith("image_gateway_requests_total") and 'operation="generate"' in line], 5)
    assert len(made) == 1 and 'status="502"' in made[0], made
    assert sum(minute["failed"] for minute in g.get("/status").json["requests"]["last_minutes"]) == 1


def test_the_deadline_stands_in_the_body(plain, openai):
    openai.next(Hang())
    document = committed(plain(PLAIN + "image_gateway_deadline 700ms;").generate(**MODEL))
    assert document["status_code"] == 504 and document["error"]["code"] == "deadline_exceeded"


def test_what_can_be_refused_is_refused_with_its_status(gateway, openai, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-a", limits={"images_per_minute": 1})])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_heartbeat 15s plain=1ms;", provider("p", openai))
    a = {"x-api-key": "sk-a"}
    assert g.generate(**MODEL).status == 401
    assert g.generate(a, model="nobody/x").status == 404
    assert g.generate(a, **MODEL, n="many").status == 400
    openai.next(Delay(0.2))
    assert committed(g.generate(a, **MODEL))["data"]
    refused = g.generate(a, **MODEL)
    assert refused.status == 429 and int(refused.headers["retry-after"]) > 0


def test_an_edit_and_a_second_provider_have_it_too(plain, openai, openai_factory):
    other = openai_factory()
    openai.next(Delay(0.5, ERRORS["server_error"]))
    g = plain(http=provider("q", other) + "image_model both p/gpt-image-2 q/gpt-image-2;")
    document = committed(g.generate(model="both"))
    assert [one["provider"] for one in document["extra_fields"]["attempts"]] == ["p", "q"]
    openai.next(Delay(0.5))
    assert committed(g.edit([("image", PNG)], **MODEL))["data"]


def test_over_http2_it_is_the_same(plain, openai):
    openai.next(Delay(0.7), Delay(0.7, ERRORS["moderation_blocked"]))
    connection = Http2Connection(plain(listen="http2").port)
    reply = connection.post("/v1/images/generations", ASK).response()
    assert committed(_As(reply))["data"] and "content-length" not in reply.headers
    assert committed(_As(connection.post("/v1/images/generations", ASK).response()))["status_code"] == 400
    connection.close()


class _As:
    def __init__(self, stream):
        self.status, self.body = stream.status, bytes(stream.body)


def test_over_http_1_0_the_end_of_the_connection_is_the_end(plain, openai):
    openai.next(Delay(0.7))
    g = plain()
    body = json.dumps(ASK).encode()
    with socket.create_connection(("127.0.0.1", g.port), 30) as sock:
        sock.sendall(b"POST /v1/images/generations HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        reply = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, document = reply.partition(b"\r\n\r\n")
    assert b" 200 OK" in head and b"chunked" not in head and document.startswith(b" ") and json.loads(document)["data"]


def test_a_client_that_leaves_ends_the_call(plain, openai):
    openai.next(Hang())
    raw = plain(access_format="$image_gateway_outcome").connect().post("/v1/images/generations", ASK)
    raw.receive_until(b"1\r\n \r\n")
    raw.reset()
    openai.wait_aborted()


def test_jobs_keep_their_status(scratch, plain, openai):
    openai.always(Delay(1.5))
    g = plain(PLAIN + f"image_gateway_jobs on; image_gateway_store {scratch}/store;", f"image_gateway_state {scratch}/state/state.db;")
    for prefer in ("respond-async", "respond-async, wait=1"):
        reply = g.generate({"Prefer": prefer}, **MODEL)
        assert reply.status == 202 and reply.body.startswith(b"{")
    done = until(lambda: (r := g.get(reply.headers["location"].removeprefix(g.url))).json["status"] == "completed" and r, 10)
    assert "status_committed" not in done.json["result"]["extra_fields"]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_curl_and_jq_read_it(plain, openai):
    openai.next(Delay(0.7), Delay(0.7, ERRORS["moderation_blocked"]))
    g = plain()
    def asked(what):
        return subprocess.run(f"curl -sS {g.url}/v1/images/generations -H 'Content-Type: application/json' -d '{json.dumps(ASK)}'"
                              f" | jq -r '{what}'", shell=True, capture_output=True, text=True, timeout=30, check=True).stdout
    assert asked(".data | length") == "1\n"
    assert asked(".error.code") == "content_policy_violation\n"


@pytest.mark.parametrize("line", ("15s plain=0", "15s plain=x", "15s x=1s", "0", "15s plain=1s plain=2s"))
def test_mistakes_are_told_by_nginx_t(nginx_t, openai, line):
    assert not nginx_t(provider("p", openai), OPEN + f"image_gateway_heartbeat {line};").ok
