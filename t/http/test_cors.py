"""Web pages of other origins: image_gateway_cors."""

import pytest
from harness import key_entry, write_keys

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
PAGE, OTHER = "https://app.example.com", "https://evil.example.com"
PATH = "/v1/images/generations"
SECRET = {"Authorization": "Bearer sk-bf-a"}
ASKS = {"Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang"}


@pytest.fixture
def g(gateway, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    return gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_cors {PAGE} http://localhost:3000;", SANDBOX)


def cors(reply) -> dict:
    return {name.lower(): value for name, value in reply.headers.items() if name.lower().startswith("access-control")}


def test_a_preflight_is_answered_without_a_key_and_without_a_body(g):
    for path in (PATH, "/v1/models", "/v1/models/auto"):
        reply = g.request("OPTIONS", path, headers={"Origin": PAGE, **ASKS})
        assert reply.status == 204 and reply.body == b"" and "Origin" in reply.headers["vary"]
        assert cors(reply) == {"access-control-allow-origin": PAGE, "access-control-allow-credentials": "true",
                               "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
                               "access-control-allow-headers": "authorization,content-type,x-stainless-lang",
                               "access-control-max-age": "3600"}


@pytest.mark.parametrize("origin", (OTHER, "https://app.example.com.evil.com", "https://app.example.com:444",
                                    "http://app.example.com", "null", "HTTPS://APP.EXAMPLE.COM", f"{PAGE}, {OTHER}"))
def test_an_origin_is_allowed_only_to_the_letter(g, origin):
    reply = g.request("OPTIONS", PATH, headers={"Origin": origin, **ASKS})
    assert reply.status == 401 and cors(reply) == {}
    reply = g.generate({"Origin": origin, **SECRET}, size="16x16")
    assert reply.status == 200 and cors(reply) == {} and reply.headers["vary"] == "Origin"


def test_every_answer_may_be_read_by_the_page_also_errors(g):
    for reply, status in ((g.generate({"Origin": PAGE, **SECRET}, size="16x16"), 200),
                          (g.generate({"Origin": PAGE}), 401), (g.generate({"Origin": PAGE, **SECRET}, n=0), 400),
                          (g.get("/v1/nothing", {"Origin": PAGE, **SECRET}), 404),
                          (g.get("/v1/models", {"Origin": PAGE, **SECRET}), 200)):
        assert reply.status == status
        assert cors(reply)["access-control-allow-origin"] == PAGE
        assert "x-request-id" in cors(reply)["access-control-expose-headers"]


def test_an_options_request_that_is_no_preflight_is_like_any_other(g):
    assert g.request("OPTIONS", PATH).status == 401
    assert g.request("OPTIONS", PATH, headers={"Origin": PAGE}).status == 401
    assert g.request("OPTIONS", PATH, headers={"Origin": PAGE, **SECRET}).status == 405


def test_invalid_headers_of_a_preflight_are_not_echoed(g):
    reply = g.request("OPTIONS", PATH, headers={"Origin": PAGE, **ASKS, "Access-Control-Request-Headers": "a;b=<x>"})
    assert reply.status == 204 and "access-control-allow-headers" not in cors(reply)


def test_any_origin_gets_no_credentials(gateway):
    g = gateway("image_gateway; image_gateway_auth off; image_gateway_cors *;", SANDBOX)
    reply = g.request("OPTIONS", PATH, headers={"Origin": OTHER, **ASKS})
    assert reply.status == 204 and cors(reply)["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in cors(reply) and "vary" not in reply.headers


def test_it_is_off_by_default_and_may_be_switched_off_below(gateway):
    location = "image_gateway; image_gateway_auth off;"
    g = gateway(location + " image_gateway_cors off;", f"{SANDBOX} image_gateway_cors {PAGE};",
                extra_locations=f"location /on/ {{ {location} }}")
    assert cors(g.generate({"Origin": PAGE}, size="16x16")) == {}
    assert g.request("OPTIONS", PATH, headers={"Origin": PAGE, **ASKS}).status == 405
    assert cors(g.generate({"Origin": PAGE}, path="/on/images/generations", size="16x16"))


@pytest.mark.parametrize("value, problem", (("app.example.com", "invalid origin"), ("https://a.example/x", "invalid origin"),
                                            ("https://*.example.com", "invalid origin"), ("off https://a.example", "must be the only argument"),
                                            ("* https://a.example", "must be the only argument"), ("https://", "invalid origin")))
def test_a_wrong_origin_fails_the_test_of_the_configuration(nginx_t, value, problem):
    tested = nginx_t(SANDBOX, f"image_gateway; image_gateway_auth off; image_gateway_cors {value};")
    assert not tested.ok and problem in tested.output
