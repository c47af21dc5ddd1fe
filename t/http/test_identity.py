"""Authentication: credentials and what they allow, before the body is read."""

import time

import pytest
from harness import key_entry, write_keys

SANDBOX = "image_provider sandbox { api sandbox; } image_provider other { api sandbox; }\n" \
          "image_model auto sandbox/placeholder; image_model mix other/a sandbox/b;"
PATH = "/v1/images/generations"
SECRET, ELSE = "sk-bf-team-a", "sk-bf-team-b"
BEARER = {"Authorization": f"Bearer {SECRET}"}

ENTRIES = [
    key_entry("team-a", SECRET),
    key_entry("team-b", ELSE, name="Team B", expires="2199-12-31T23:59:59Z", disabled=False),
    key_entry("old", "sk-bf-old", expires="2020-01-01T00:00:00Z"),
    key_entry("off", "sk-bf-off", disabled=True),
    key_entry("alias", "sk-bf-alias", models=["auto"]),
    key_entry("glob", "sk-bf-glob", models=["other/*"]),
]


@pytest.fixture
def keys(scratch):
    return write_keys(scratch / "keys.json", ENTRIES)


@pytest.fixture
def guarded(gateway, keys):
    """A gateway with keys. Further directives of the location and other parts are optional."""
    def start(more="", **parts):
        return gateway(f"image_gateway; image_gateway_keys {keys}; {more}", SANDBOX, **parts)
    return start


def make(g, headers=(), **fields):
    return g.generate(headers, size="32x32", **fields)


def assert_refused(reply, status, code):
    assert (reply.status, reply.json["error"]["code"]) == (status, code), reply
    assert reply.headers["WWW-Authenticate"] == ("Bearer" if status == 401 else None)


ADMITTED = {
    "bearer": BEARER,
    "bearer in lower case": {"authorization": f"bearer {SECRET}"},
    "bearer with more blanks": {"Authorization": f"BEARER   {SECRET}  "},
    "x-api-key": {"x-api-key": SECRET},
    "api-key, as Azure's client sends it": {"api-key": SECRET},
    "x-bf-vk": {"x-bf-vk": SECRET},
    "the same one twice": {"Authorization": f"Bearer {SECRET}", "x-api-key": SECRET, "api-key": SECRET},
    "an empty one beside it": {"Authorization": f"Bearer {SECRET}", "x-api-key": ""},
    "a key that has not expired": {"Authorization": f"Bearer {ELSE}"},
}


def test_a_key_is_taken_from_any_of_its_headers(guarded):
    g = guarded()
    assert {name: make(g, headers).status for name, headers in ADMITTED.items()} == dict.fromkeys(ADMITTED, 200)


REFUSED = {
    "nothing": ({}, 401, "missing_api_key"),
    "an empty header": ({"x-api-key": ""}, 401, "missing_api_key"),
    "an unknown key": ({"Authorization": "Bearer sk-bf-nobody"}, 401, "invalid_api_key"),
    "a known key and a little more": ({"Authorization": f"Bearer {SECRET}x"}, 401, "invalid_api_key"),
    "the key's hash": ({"x-api-key": ENTRIES[0]["sha256"]}, 401, "invalid_api_key"),
    "the key's id": ({"x-api-key": "team-a"}, 401, "invalid_api_key"),
    "a very long key": ({"x-api-key": "x" * 7000}, 401, "invalid_api_key"),
    "a key that is not ASCII": ({"x-api-key": "schl\xfcssel"}, 401, "invalid_api_key"),
    "two different keys": ({"Authorization": f"Bearer {SECRET}", "x-api-key": ELSE}, 401, "conflicting_api_keys"),
    "two different keys, one unknown": ({"x-api-key": SECRET, "x-bf-vk": "sk-other"}, 401, "conflicting_api_keys"),
    "a key without scheme": ({"Authorization": SECRET}, 401, "invalid_api_key"),
    "a scheme without key": ({"Authorization": "Bearer "}, 401, "invalid_api_key"),
    "another scheme": ({"Authorization": "Basic dTpw"}, 401, "invalid_api_key"),
    "an expired key": ({"x-api-key": "sk-bf-old"}, 401, "expired_api_key"),
    "a disabled key": ({"x-api-key": "sk-bf-off"}, 403, "disabled_api_key"),
}


def test_everybody_else_is_refused(guarded):
    g = guarded()
    for headers, status, code in REFUSED.values():
        assert_refused(make(g, headers), status, code)


def test_two_bearer_headers_must_agree(guarded):
    g = guarded()
    assert make(g, [("X-Api-Key", SECRET), ("X-Api-Key", SECRET)]).status == 200
    assert_refused(make(g, [("X-Api-Key", SECRET), ("X-Api-Key", ELSE)]), 401, "conflicting_api_keys")


# Which models

ALLOWED = [
    ("sk-bf-alias", "auto", 200), ("sk-bf-alias", None, 200),
    ("sk-bf-alias", "sandbox/placeholder", 403), ("sk-bf-alias", "mix", 403),
    ("sk-bf-glob", "other/whatever", 200), ("sk-bf-glob", "other:whatever", 200),
    ("sk-bf-glob", "sandbox/whatever", 403), ("sk-bf-glob", "auto", 403),
    (SECRET, "sandbox/placeholder", 200), (SECRET, "mix", 200),
]


def test_a_key_may_use_the_models_on_its_list(guarded):
    g = guarded()
    for secret, model, status in ALLOWED:
        reply = make(g, {"x-api-key": secret}, model=model)
        assert reply.status == status, (secret, model, reply)
        if status == 403:
            error = reply.json["error"]
            assert (error["code"], error["param"]) == ("model_not_allowed", "model")


def test_of_an_alias_that_is_not_listed_the_listed_members_remain(guarded):
    attempts = make(guarded(), {"x-api-key": "sk-bf-glob"}, model="mix").json["extra_fields"]["attempts"]
    assert [(one["provider"], one["model"]) for one in attempts] == [("other", "a")]


def test_an_unknown_model_is_404_whatever_the_key_may_use(guarded):
    assert make(guarded(), {"x-api-key": "sk-bf-glob"}, model="nobody/nothing").status == 404


def test_a_fallback_from_the_body_must_be_allowed_too(guarded):
    reply = make(guarded(), {"x-api-key": "sk-bf-glob"}, model="other/a", fallbacks=["sandbox/b"])
    assert reply.status == 403 and reply.json["error"]["param"] == "fallbacks[0]"


# image_gateway_auth


def test_with_auth_optional_anybody_may_ask_but_a_wrong_key_is_wrong(guarded):
    g = guarded("image_gateway_auth optional;")
    assert make(g).status == 200
    assert make(g, BEARER).status == 200
    assert make(g, {"x-api-key": "sk-bf-alias"}, model="mix").status == 403
    assert_refused(make(g, {"x-api-key": "sk-bf-nobody"}), 401, "invalid_api_key")
    assert_refused(make(g, {"x-api-key": "sk-bf-off"}), 403, "disabled_api_key")


def test_with_auth_off_credentials_mean_nothing(guarded):
    g = guarded("image_gateway_auth off;")
    assert [make(g, headers).status for headers in ({}, BEARER, {"x-api-key": "sk-bf-nobody"},
                                                    {"Authorization": "Basic dTpw"})] == [200] * 4


# Before the body


def impatient(g, start: bytes, headers: bytes = b""):
    """Sends headers that announce a body, but no body. Returns status and reply, or fails."""
    raw = g.connect(timeout=5).send(start + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                    b"Content-Length: 900000\r\n" + headers + b"\r\n")
    began = time.monotonic()
    reply = raw.response()
    assert time.monotonic() - began < 3
    return reply


@pytest.mark.parametrize("expect", (b"", b"Expect: 100-continue\r\n"), ids=("plain", "expecting 100"))
def test_a_refusal_does_not_wait_for_the_body(guarded, expect):
    g = guarded()
    known = b"x-api-key: " + SECRET.encode() + b"\r\n"
    for start, headers, status in (
            (b"POST /v1/images/generations", b"", 401),
            (b"POST /v1/images/generations", b"x-api-key: sk-bf-off\r\n", 403),
            (b"PUT /v1/images/generations", known, 405),
            (b"POST /v1/nothing", known, 404),
            (b"POST /v1/images/generations", known + b"X-Request-Timeout: soon\r\n", 400)):
        reply = impatient(g, start, headers + expect)
        assert reply.status == status and reply.json["status_code"] == status


def test_no_100_is_sent_before_a_refusal(guarded):
    g = guarded()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    assert g.connect().send(head).receive_until(b"\r\n").startswith(b"HTTP/1.1 401 ")


def test_who_may_ask_is_told_to_go_on(guarded):
    raw = guarded().connect()
    raw.send(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {SECRET}\r\nContent-Length: 33\r\n"
             "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n")
    assert raw.receive_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert raw.send(b'{"prompt": "kite", "size":"8x8"}\n').response().status == 200


def test_the_key_is_asked_for_before_path_and_method_are_looked_at(guarded):
    g = guarded()
    assert [g.get(path).status for path in ("/v1/", PATH, "/v1/nothing")] == [401] * 3
