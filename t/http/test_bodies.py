"""Large, slow and malicious request bodies."""

import json
import time

import pytest

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
PATH = "/v1/images/generations"
JSON = {"Content-Type": "application/json"}


def body_of(size: int) -> bytes:
    """A valid request of exactly this many bytes, padded with white space."""
    body = b'{"prompt": "a kite", "size": "16x16"}'
    return body + b" " * (size - len(body))


def chunks(data: bytes, size: int):
    for start in range(0, len(data), size):
        part = data[start:start + size]
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def send_chunked(g, body: bytes, size: int, pause: float = 0, headers: str = ""):
    raw = g.connect().send(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           f"Transfer-Encoding: chunked\r\n{headers}\r\n")
    for chunk in chunks(body, size):
        raw.send(chunk)
        time.sleep(pause)
    return raw.response()


@pytest.fixture
def g(gateway):
    return gateway(OPEN, SANDBOX)


@pytest.mark.parametrize("limit", ("image_gateway_body_max 4k;", "image_gateway_body_max 4k; client_max_body_size 1k;",
                                   "image_gateway_body_max 4k; client_max_body_size 0; client_body_buffer_size 1k;"))
def test_a_body_of_body_max_is_taken_and_one_byte_more_is_not(gateway, limit):
    g = gateway(f"{OPEN} {limit}", SANDBOX)
    assert g.post(PATH, body=body_of(4096), headers=JSON).status == 200
    assert g.post(PATH, body=body_of(4097), headers=JSON).status == 413
    assert send_chunked(g, body_of(4096), 1000).status == 200
    assert send_chunked(g, body_of(4097), 1000).status == 413


def test_without_a_directive_a_megabyte_is_taken(g):
    assert g.post(PATH, body=body_of(1024 * 1024), headers=JSON).status == 200
    assert g.post(PATH, body=body_of(1024 * 1024 + 1), headers=JSON).status == 413


@pytest.mark.parametrize("kept", ("in memory", "in a file"))
def test_a_body_that_another_location_has_read_is_bounded_as_well(gateway, kept):
    first = "client_max_body_size 100m; " + ("client_body_buffer_size 16m;" if kept == "in memory" else "")
    g = gateway(f"{first} proxy_pass http://127.0.0.1:9; error_page 502 = @gateway;", SANDBOX,
                extra_locations=f"location @gateway {{ {OPEN} image_gateway_body_max 1m; }}")
    assert g.post(PATH, body=body_of(1024 * 1024), headers=JSON).status == 200
    for size in (1024 * 1024 + 1, 8 * 1024 * 1024):
        reply = g.post(PATH, body=body_of(size), headers=JSON)
        assert (reply.status, reply.json["error"]["code"]) == (413, "request_too_large")
    assert send_chunked(g, body_of(3 * 1024 * 1024), 1 << 20).status == 413


def test_body_max_says_nothing_about_other_locations(gateway):
    other = "location /v1/other/ { proxy_pass http://127.0.0.1:$server_port/ok; }"
    g = gateway(f"{OPEN} image_gateway_body_max 4k; {other}", SANDBOX, server="client_max_body_size 8k;",
                extra_locations="location /ok { return 200 ok; }")
    assert g.post("/v1/other/", body=b"x" * 8192).status == 200
    assert g.post("/v1/other/", body=b"x" * 8193).status == 413


@pytest.mark.parametrize("how", ("client_body_in_file_only on;", "client_body_in_file_only clean;",
                                 "client_body_in_single_buffer off;", "client_body_buffer_size 16;"))
@pytest.mark.parametrize("size", (37, 5000, 300000))
def test_it_does_not_matter_where_nginx_keeps_the_body(gateway, how, size):
    g = gateway(f"{OPEN} {how}", SANDBOX)
    assert g.post(PATH, body=body_of(size), headers=JSON).status == 200
    assert send_chunked(g, body_of(size), 1000).status == 200


def test_an_empty_body_kept_in_a_file_is_400(gateway):
    g = gateway(f"{OPEN} client_body_in_file_only clean;", SANDBOX)
    assert g.post(PATH, body=b"", headers=JSON).status == g.post(PATH, headers=JSON).status == 400
    assert send_chunked(g, b"", 1).status == 400


def test_a_body_in_tiny_chunks_is_put_together(g):
    assert send_chunked(g, body_of(100), 1).status == 200
    assert send_chunked(g, body_of(60), 1, pause=0.002).status == 200
    assert send_chunked(g, body_of(1024 * 1024), 97).status == 200


def test_a_body_that_comes_byte_by_byte_is_put_together(g):
    raw = g.connect().post(PATH, b"", promised=60)
    for byte in body_of(60):
        raw.send(bytes((byte,)))
        time.sleep(0.001)
    assert raw.response().status == 200


def test_huge_headers_leave_the_body_whole(g):
    headers = "".join(f"X-Filler-{i}: {'f' * 7000}\r\n" for i in range(3))
    assert send_chunked(g, body_of(50000), 5000, headers=headers).status == 200
    assert g.post(PATH, body=body_of(50000), headers={**JSON, "X-Filler": "f" * 7000}).status == 200


def nested(depth: int) -> bytes:
    return b'{"prompt": "x", "a": ' + b"[" * depth + b"]" * depth + b"}"


HOSTILE = {
    "a megabyte of [": b"[" * 1024 * 1024,
    "a megabyte of {": b'{"a":' * (1024 * 1024 // 5),
    "a deep array": nested(100000),
    "one level too many": nested(32),
    "many members": json.dumps({f"k{i}": i for i in range(50000)}).encode(),
    "members of equal hash": json.dumps({f"{i:040}": 0 for i in range(20000)}).encode(),
    "many values": b'{"prompt": "x", "a": [' + b"0," * 100000 + b"0]}",
    "a key twice": b'{"prompt": "x", "n": 1, "n": 2}',
    "a key twice, one escaped": rb'{"prompt": "x", "prompt": "y"}'.replace(b'"prompt": "y"', b'"\\u0070rompt": "y"'),
    "a key twice, deeper": b'{"prompt": "x", "a": {"b": 1, "b": 2}}',
    "bytes that are no UTF-8": b'{"prompt": "\xff\xfe"}',
    "an overlong encoding": b'{"prompt": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"prompt": "\xed\xa0\x80"}',
    "half a surrogate pair": rb'{"prompt": "\ud83e"}',
    "beyond Unicode": b'{"prompt": "\xf4\x90\x80\x80"}',
    "UTF-16": '{"prompt": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"prompt": "x"}',
    "a NUL": b'{"prompt": "x"}\0',
    "a raw control character": b'{"prompt": "a\nb"}',
    "two documents": b'{"prompt": "x"}{"prompt": "y"}',
    "a comma too many": b'{"prompt": "x",}',
    "a comment": b'{"prompt": "x" /* here */}',
    "single quotes": b"{'prompt': 'x'}",
    "NaN": b'{"prompt": "x", "guidance": NaN}',
    "infinity": b'{"prompt": "x", "guidance": 1e999}',
    "a number of a megabyte": b'{"prompt": "x", "seed": ' + b"9" * 1000000 + b"}",
    "a leading zero": b'{"prompt": "x", "n": 01}',
    "a bad escape": rb'{"prompt": "\x41"}',
    "half a document": b'{"prompt": "x',
    "white space": b" \n\t" * 1000,
    "a text": b'"prompt"', "null": b"null", "a number": b"7",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_is_400_at_once(g, body):
    began = time.monotonic()
    reply = g.post(PATH, body=body, headers=JSON)
    assert time.monotonic() - began < 2
    assert reply.status == 400 and reply.json["error"]["code"], reply
    assert len(reply.body) < 4000


def test_what_is_at_the_limits_is_taken(g):
    assert g.post(PATH, body=nested(31), headers=JSON).status == 200
    members = {f"k{i}": i for i in range(250)}
    assert g.generate(size="16x16", **members).status == 200


def test_hostile_json_does_not_hold_up_others(gateway):
    """With one worker, every request waits while a body is parsed."""
    g = gateway(OPEN, SANDBOX, extra_locations="location /ping { return 204; }")
    raws = [g.connect().post(PATH, body) for body in list(HOSTILE.values()) * 3]
    began = time.monotonic()
    assert g.get("/ping").status == 204
    assert time.monotonic() - began < 2
    assert {raw.response().status for raw in raws} == {400}
