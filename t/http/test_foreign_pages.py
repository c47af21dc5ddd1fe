"""Requests that a web page of another site makes a browser send are refused, unless image_gateway_cors names the page."""

import json

import pytest
from harness import key_entry, write_keys

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
PATH = "/v1/images/generations"
EVIL = {"Origin": "https://evil.example.com"}
CROSS = {"Sec-Fetch-Site": "cross-site"}


def make(g, headers=()):
    return g.generate({**dict(headers)}, size="16x16")


def assert_foreign(reply):
    assert reply.status == 403 and reply.json["error"]["code"] == "foreign_page", reply


@pytest.fixture
def g(gateway):
    return gateway(OPEN, SANDBOX)


def test_a_body_without_a_type_is_415(g):
    for body in (json.dumps({"prompt": "a", "size": "16x16"}), ""):
        reply = g.post(PATH, body=body)
        assert (reply.status, reply.json["error"]["code"]) == (415, "unsupported_media_type")
    assert g.post(PATH, body="{}", headers={"Content-Type": ""}).status == 415


FOREIGN = (EVIL, CROSS, {**CROSS, "Origin": "http://127.0.0.1"}, {"Origin": "null"}, {"Origin": "garbage"},
           {"Origin": "https://127.0.0.1.evil.example.com"}, {"Origin": "http://evil.example.com:80"},
           {**EVIL, "Sec-Fetch-Site": "same-site"}, {**EVIL, "Cookie": "a=b"}, {**EVIL, "Authorization": "Basic YTpi"})


def test_a_page_of_another_site_is_refused_whatever_it_sends(g):
    for headers in FOREIGN:
        assert_foreign(make(g, headers))
        for kind in ("text/plain", "multipart/form-data; boundary=x"):
            assert_foreign(g.post(PATH, body="{}", headers={**headers, "Content-Type": kind}))


def test_it_is_refused_before_its_body_is_there(g):
    raw = g.connect(timeout=5).post(PATH, b"{", EVIL, promised=1000)
    assert_foreign(raw.response())


def test_a_page_of_ours_and_a_client_that_is_no_page_are_served(g):
    for headers in ({}, {"Origin": "http://127.0.0.1"}, {"Origin": "https://127.0.0.1:9999"},
                    {**EVIL, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"}):
        assert make(g, headers).status == 200, headers


def test_host_names_are_compared_without_port_and_case(g):
    assert make(g, {"Host": "Gateway.Example.com:8080", "Origin": "https://gateway.example.COM"}).status == 200
    assert make(g, {"Host": "[::1]:8080", "Origin": "http://[::1]:3000"}).status == 200
    assert_foreign(make(g, {"Host": "[::1]:8080", "Origin": "http://[::2]"}))


def test_the_public_url_is_ours_as_well(gateway):
    g = gateway(f"{OPEN} image_gateway_public_url https://images.example.com/x;", SANDBOX)
    assert make(g, {"Origin": "https://images.example.com"}).status == make(g, {"Origin": "http://127.0.0.1"}).status == 200
    assert_foreign(make(g, EVIL))


def test_what_links_and_readers_of_other_sites_do_stays_allowed(g):
    for headers in (EVIL, CROSS):
        assert g.get("/v1/models", headers).status == g.get("/v1/models/auto", headers).status == 200


def test_who_has_a_key_of_ours_may_ask_from_anywhere(gateway, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-a")])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_auth optional;", SANDBOX)
    assert make(g, {**EVIL, **CROSS, "Authorization": "Bearer sk-a"}).status == 200
    assert_foreign(make(g, EVIL))


def test_a_page_that_cors_names_is_served(gateway):
    g = gateway(f"{OPEN} image_gateway_cors {EVIL['Origin']};", SANDBOX)
    assert make(g, {**EVIL, **CROSS, "Cookie": "a=b"}).status == 200
    assert_foreign(make(g, {"Origin": "https://other.example.com"}))
    assert_foreign(make(g, CROSS))


def test_every_page_may_ask_where_cors_says_so_but_not_with_the_browsers_credentials(gateway):
    g = gateway(f"{OPEN} image_gateway_cors *;", SANDBOX)
    assert make(g, {**EVIL, **CROSS}).status == 200
    assert_foreign(make(g, {**EVIL, "Cookie": "session=1"}))
    assert_foreign(make(g, {**EVIL, "Authorization": "Basic YTpi"}))
    assert make(g, {"Cookie": "session=1"}).status == 200, "of no foreign page"
