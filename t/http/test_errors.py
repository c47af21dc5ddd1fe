"""All errors have one format, whichever module raised them; and every reply has a request id."""

import json
import re

import pytest
from harness import provider

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
PATH = "/v1/images/generations"
GOOD = {"prompt": "a kite", "size": "16x16"}
LINE_OF_ERROR = {"type", "code", "message", "param", "event_id"}
STEPS = ("auth", "limits", "body", "wait", "provider", "delivery", "own")
OUR_ID = re.compile(r"req_[0-9a-z]{24}")


def assert_error(reply, status, code=None, param=None):
    """Checks the complete format of an error of the gateway."""
    assert reply.status == status, reply
    assert reply.headers.get_all("Content-Type") == ["application/json"]
    assert reply.headers.get_all("Content-Length") == [str(len(reply.body))]
    assert_marked(reply)
    document = reply.json
    error = document.pop("error")
    assert set(error) - {"details"} == LINE_OF_ERROR
    extra = document.pop("extra_fields")
    assert extra["request_type"] == "image_generation" and type(extra["latency"]) is int
    event = reply.headers["x-request-id"]
    assert document == {"event_id": event, "type": error["type"], "is_bifrost_error": True, "status_code": status}
    assert error["event_id"] == event
    assert error["type"] and error["message"] and error["message"][0].isupper() or error["param"]
    assert error["param"] == param
    assert code in (None, error["code"])


def assert_marked(reply):
    assert OUR_ID.fullmatch(*reply.headers.get_all("x-request-id"))
    timing, = reply.headers.get_all("Server-Timing")
    assert re.fullmatch(r"total;dur=\d+" + "".join(rf", {step};dur=\d+" for step in STEPS), timing)


@pytest.fixture
def g(gateway):
    return gateway(OPEN, SANDBOX)


# Raised by the gateway


def test_a_bad_body_is_400_in_our_shape(g):
    assert_error(g.post(PATH, body="{", headers={"Content-Type": "application/json"}), 400, "invalid_json")
    assert_error(g.post(PATH, headers={"Content-Type": "application/json"}), 400, "invalid_json")
    assert_error(g.post(PATH, []), 400, "invalid_type")
    assert_error(g.post(PATH, {}), 400, "missing_required_parameter", "prompt")


def test_everything_that_is_wrong_is_told_at_once(g):
    reply = g.post(PATH, {"prompt": "", "n": "1", "size": "big", "model": 7})
    assert_error(reply, 400, "string_below_min_length", "prompt")
    assert [one["param"] for one in reply.json["error"]["details"]] == ["prompt", "n", "size", "model"]
    assert all(one["code"] and one["message"] for one in reply.json["error"]["details"])


@pytest.mark.parametrize("path", ("/v1/", "/v1/images", "/v1/images/generations/", "/v1/images/generation",
                                  "/v1/%ff%00%22", "/v1/%0d%0aX-Injected:%20yes", f"/v1/{'x' * 2000}"))
def test_an_unknown_path_is_404(g, path):
    for reply in (g.post(path, GOOD), g.get(path)):
        if path != "/v1/%ff%00%22":  # nginx itself refuses a NUL, before it has chosen a location
            assert_error(reply, 404, "unknown_url")
            assert reply.headers["X-Injected"] is None


def test_an_unknown_model_is_404(g):
    for model in ("nobody/x", "gpt-image-99", "sandbox/", "/", ":", "auto/"):
        assert_error(g.generate(model=model), 404, "model_not_found", "model")


@pytest.mark.parametrize("method", ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "BREW"))
def test_another_method_is_405_and_says_which_is_allowed(g, method):
    reply = g.request(method, PATH)
    assert_error(reply, 405, "method_not_allowed")
    assert reply.headers.get_all("Allow") == ["POST"]


def test_a_body_that_is_not_json_is_415(g):
    for given in ("text/plain", "multipart/form-data; boundary=x", "application/jsonx", "json",
                  "application/x-www-form-urlencoded"):
        reply = g.post(PATH, body=json.dumps(GOOD), headers={"Content-Type": given})
        assert_error(reply, 415, "unsupported_media_type")


def test_json_may_be_named_in_several_ways(g):
    for given in ("application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=y"):
        assert g.post(PATH, body=json.dumps(GOOD), headers={"Content-Type": given}).status == 200


@pytest.mark.parametrize("name, value", (
    ("X-Request-Id", "x" * 129), ("X-Request-Id", "two words"), ("X-Request-Id", "caf\xe9"),
    ("X-On-Behalf-Of", "u" * 257), ("X-On-Behalf-Of", "a\x7fb"), ("X-On-Behalf-Of", "\xff"),
    ("Idempotency-Key", "k" * 256),
    ("X-Request-Timeout", "0"), ("X-Request-Timeout", "-1"), ("X-Request-Timeout", "1.5"),
    ("X-Request-Timeout", "soon"), ("X-Request-Timeout", "9" * 30), ("X-Image-Gateway-Fit", "loosely")))
def test_a_header_that_is_wrong_is_400_and_named(g, name, value):
    assert_error(g.generate({name: value}), 400, "invalid_value", name)


ONCE = (("X-On-Behalf-Of", "ada", "bob"), ("X-On-Behalf-Of", "", "bob"), ("X-Request-Id", "r-1", "r-2"),
        ("Idempotency-Key", "k-1", "k-2"), ("X-Request-Timeout", "9", "8"),
        ("X-Image-Gateway-Fit", "adapt", "strict"), ("X-Image-Gateway-Raw", "request", "response"),
        ("Content-Type", "application/json", "text/plain"), ("Origin", "http://127.0.0.1", "http://127.0.0.1:80"),
        ("Sec-Fetch-Site", "none", "same-origin"))


def test_a_header_that_may_stand_once_is_400_when_it_stands_twice(g):
    for name, value, other in ONCE:
        for second in (value, other):
            headers = [(name, value), (name.lower(), second)]
            if name != "Content-Type":
                headers.append(("Content-Type", "application/json"))
            assert_error(g.generate(headers, size="16x16"), 400, "invalid_value", name)


def test_headers_at_their_limits_are_right(g):
    headers = {"X-Request-Id": "x" * 128, "X-On-Behalf-Of": "ада " * 36, "Idempotency-Key": "k" * 255,
               "X-Request-Timeout": "1000000000", "X-Image-Gateway-Fit": "adapt"}
    headers["X-On-Behalf-Of"] = headers["X-On-Behalf-Of"].encode().decode("latin-1")
    assert g.generate(headers, size="16x16").status == 200


# Raised by nginx in our location


# The model in an error


def test_an_error_before_the_plan_names_the_model_that_was_asked_for(g):
    for body, param in (({}, "prompt"), ({"prompt": "a", "n": 0}, "n"), ({"prompt": "a", "size": "large"}, "size"),
                        ({"prompt": 1, "image": "x"}, "prompt")):
        reply = g.post(PATH, {**body, "model": "auto"})
        assert_error(reply, 400, None, param)
        assert reply.json["extra_fields"]["model_requested"] == "auto"


def test_an_error_of_any_step_names_the_model_in_the_path(gateway):
    g = gateway(f"{OPEN} image_gateway_limit address requests=1/m;", SANDBOX, location_path="/openai/")
    path = "/openai/deployments/auto/images/generations"
    bodies = ("{", "[]", "", '{"prompt":"a","prompt":"b"}', '{"model":"other"}', "{}")
    for body in bodies:
        reply = g.post(path, body=body, headers={"Content-Type": "application/json"})
        assert reply.status in (400, 429) and reply.json["extra_fields"]["model_requested"] == "auto", reply
    assert g.post(path, body="{}").json["extra_fields"]["model_requested"] == "auto"


def test_a_model_that_is_no_name_is_not_told_as_one(g):
    for model in (7, "", "a b", "x" * 300):
        reply = g.post(PATH, {"prompt": "a", "model": model})
        assert_error(reply, 400, None, "model")
        assert reply.json["extra_fields"].get("model_requested") is None


def test_a_key_that_appears_twice_is_the_param_of_the_error(g):
    long = "k" * 500
    for body, param in (('{"prompt":"a","prompt":"b"}', "prompt"), ('{"n":1,"x":{"b":1,"b":2}}', "b"),
                        (f'{{"{long}":1,"{long}":2}}', long[:128])):
        assert_error(g.post(PATH, body=body, headers={"Content-Type": "application/json"}), 400, "invalid_json", param)


def test_a_body_too_large_is_413(gateway):
    g = gateway(f"{OPEN} image_gateway_body_max 1k;", SANDBOX)
    assert_error(g.post(PATH, {"prompt": "x" * 1024}), 413, "request_too_large")
    raw = g.connect().send(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n")
    raw.send(b"400\r\n" + b"x" * 1024 + b"\r\n1\r\nx\r\n0\r\n\r\n")
    assert_error(raw.response(), 413, "request_too_large")


def test_a_body_too_large_is_refused_before_it_is_sent(g):
    raw = g.connect(timeout=5).post(PATH, b"", promised=10 ** 12)
    assert_error(raw.response(), 413, "request_too_large")


def test_a_broken_chunk_is_400(g):
    raw = g.connect().send(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    assert_error(raw.response(), 400, "bad_request")


def test_a_body_that_never_comes_ends_the_connection(gateway):
    g = gateway(f"{OPEN} client_body_timeout 300ms;", SANDBOX)
    assert g.connect().post(PATH, b"{", promised=100).receive_all() == b""  # nginx does not answer here
    assert g.access_log(1)[0].startswith("408 ")


@pytest.mark.parametrize("status", (400, 402, 404, 410, 418, 429, 500, 502, 503, 504, 507))
def test_a_return_in_the_location_is_told_in_our_json(gateway, status):
    g = gateway(f"{OPEN} return {status};", SANDBOX)
    for reply in (g.post(PATH, GOOD), g.get(PATH)):
        assert_error(reply, status)


def test_a_return_with_a_text_is_told_in_our_json(gateway):
    assert_error(gateway(f'{OPEN} return 503 "gone fishing";', SANDBOX).post(PATH, GOOD), 503)


def test_an_internal_location_is_404(gateway):
    assert_error(gateway(f"{OPEN} internal;", SANDBOX).post(PATH, GOOD), 404)


def test_other_answers_of_nginxs_in_the_location_stay_as_they_are(gateway):
    g = gateway(f"{OPEN} if ($arg_a = 1) {{ return 200 fine; }} if ($arg_a = 2) {{ return 301 /there; }}", SANDBOX)
    fine, moved = g.get(f"{PATH}?a=1"), g.get(f"{PATH}?a=2")
    assert (fine.status, fine.text) == (200, "fine")
    assert moved.status == 301 and moved.headers["Location"].endswith("/there")
    assert_marked(fine), assert_marked(moved)


# Outside


def test_errors_outside_our_locations_stay_nginxs(gateway):
    g = gateway(OPEN, SANDBOX, extra_locations="location /other { return 503; }",
                server="large_client_header_buffers 2 1k;")
    for reply in (g.get("/other"), g.get("/nothing"), g.get("/v1/", {"X": "x" * 2000})):
        assert reply.status in (400, 404, 503) and b"<html>" in reply.body
        assert reply.headers["x-request-id"] is None and reply.headers["Server-Timing"] is None
    assert b"<html>" in g.connect().send("NONSENSE\r\n\r\n").receive_all()


# HEAD, HTTP/1.0, keep-alive


def test_head_gets_the_head_of_an_error(gateway, g):
    for path, status in ((PATH, 405), ("/v1/nothing", 404)):
        reply = g.request("HEAD", path)
        assert (reply.status, reply.body) == (status, b"") and int(reply.headers["Content-Length"]) > 100
        assert_marked(reply)
    reply = gateway(f"{OPEN} return 503;", SANDBOX).request("HEAD", PATH)
    assert reply.headers.get_content_type() == "application/json"


def test_http_1_0_works(g):
    body = json.dumps(GOOD)
    answer = g.connect().send(f"POST {PATH} HTTP/1.0\r\nContent-Type: application/json\r\n"
                              f"Content-Length: {len(body)}\r\n\r\n{body}").receive_all()
    head, _, made = answer.partition(b"\r\n\r\n")
    assert b" 200 OK" in head and b"Transfer-Encoding" not in head and json.loads(made)["data"]
    answer = g.connect().send(f"GET {PATH} HTTP/1.0\r\n\r\n").receive_all()
    assert b" 405 Not Allowed" in answer and json.loads(answer.partition(b"\r\n\r\n")[2])["status_code"] == 405


def test_http_0_9_harms_nobody(g):
    g.connect().send(f"GET {PATH}\r\n").receive_all()
    assert g.post(PATH, GOOD).status == 200


def test_a_connection_is_usable_after_every_kind_of_answer(g):
    raw = g.connect()
    for body, headers, path, status in (
            (GOOD, {}, PATH, 200), ({}, {}, PATH, 400), (GOOD, {}, "/v1/nothing", 404), (b"x" * 5000, {}, "/v1/", 404),
            ({"prompt": "x" * 300000}, {}, PATH, 400), (GOOD, {}, PATH, 200),
            (GOOD, {"X-Image-Gateway-Fit": "x"}, PATH, 400), (GOOD, {"X-Image-Gateway-Fit": "strict"}, PATH, 200)):
        assert raw.post(path, body, headers).response().status == status


def test_where_nginx_closes_after_an_error_it_says_so(g):
    raw = g.connect()
    reply = raw.post(PATH, GOOD, {"X-Request-Id": "a b"}).response()
    assert reply.status == 400
    if reply.headers["Connection"] != "close":
        assert raw.post(PATH, GOOD).response().status == 200


def test_pipelined_requests_are_answered_in_order(g):
    bodies = [GOOD, {}, {**GOOD, "n": 2}, {**GOOD, "model": "nobody/x"}, GOOD]
    raw = g.connect()
    for body in bodies:
        raw.post(PATH, body)
    raw.send(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n")
    replies = read_pipelined(raw, len(bodies) + 1)
    assert [status for status, _ in replies] == [200, 400, 200, 404, 200, 405]
    assert len({document.get("id") or document["event_id"] for _, document in replies}) == len(replies)


def read_pipelined(raw, count) -> list:
    """Statuses and documents. http.client would lose data that it has read ahead."""
    data, replies = b"", []
    while len(replies) < count:
        head, mark, rest = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1]) if mark else None
        if length is not None and len(rest) >= length:
            replies.append((int(head[9:12]), json.loads(rest[:length])))
            data = rest[length:]
        else:
            more = raw.receive()
            assert more, f"closed after {len(replies)} answers"
            data += more
    return replies


# Headers of every reply


def test_our_id_is_always_fresh(g):
    ids = [g.generate({"X-Request-Id": "theirs"}, size="16x16").headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3 and "theirs" not in ids
    reply = g.generate(size="16x16")
    assert_marked(reply)
    assert reply.json["id"] == reply.headers["x-request-id"]


def test_the_callers_id_goes_to_the_provider_and_else_ours(gateway, openai):
    g = gateway(OPEN, provider("p", openai))
    g.generate({"X-Request-Id": "theirs-1"}, model="p/gpt-image-2")
    ours = g.generate(model="p/gpt-image-2").headers["x-request-id"]
    assert [one.headers["x-client-request-id"] for one in openai.requests] == ["theirs-1", ours]


def test_a_providers_own_headers_do_not_reach_the_caller(gateway, openai):
    reply = gateway(OPEN, provider("p", openai)).generate(model="p/gpt-image-2")
    theirs = ("openai-", "x-ratelimit", "set-cookie", "cf-")
    assert not [name for name in reply.headers if name.lower().startswith(theirs)]


def test_answers_are_not_gzipped(gateway):
    g = gateway(OPEN, SANDBOX, server="gzip on; gzip_min_length 1; gzip_types *; gzip_proxied any;",
                extra_locations="location /text { return 200 'some text that gzip takes'; }")
    wish = {"Accept-Encoding": "gzip"}
    assert g.get("/text", wish).headers["Content-Encoding"] == "gzip"
    reply = g.generate(wish, size="256x256")
    assert reply.status == 200 and reply.headers["Content-Encoding"] is None and reply.json["data"]
    assert_error(g.post(PATH, {}, wish), 400, param="prompt")


def test_nginxs_errors_survive_gzip(gateway):
    reply = gateway(f"{OPEN} return 503;", SANDBOX, server="gzip on; gzip_min_length 1; gzip_types *;").post(
        PATH, GOOD, {"Accept-Encoding": "identity"})
    assert_error(reply, 503)


def test_add_header_in_the_location_still_works(gateway):
    g = gateway(f"{OPEN} add_header X-Mine 1 always; add_header X-Good 1; add_header X-Id $image_gateway_request_id;",
                SANDBOX)
    made, wrong = g.post(PATH, GOOD), g.post(PATH, {})
    assert made.headers["X-Mine"] == wrong.headers["X-Mine"] == made.headers["X-Good"] == "1"
    assert wrong.headers["X-Good"] is None and made.headers["X-Id"] == made.headers["x-request-id"]


@pytest.mark.parametrize("name, value", (("Range", "bytes=0-9"), ("If-Match", '"x"'), ("If-None-Match", "*"),
                                         ("If-Modified-Since", "Wed, 21 Oct 2099 07:28:00 GMT"),
                                         ("If-Unmodified-Since", "Wed, 21 Oct 2015 07:28:00 GMT")))
def test_headers_for_files_do_not_touch_an_answer(g, name, value):
    reply = g.generate({name: value}, size="16x16")
    assert reply.status == 200 and reply.json["data"]
