"""The gateway together with nginx's own access rules, redirects and subrequests."""

import base64
import time

import pytest
from harness import key_entry, provider, write_keys

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;"
PATH = "/v1/images/generations"
KNOWN = {"x-api-key": "sk-bf-team-a"}
OPEN = "image_gateway; image_gateway_auth off;"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"ada:secret").decode()}


@pytest.fixture
def keyed(scratch):
    """The directives of a location that requires keys."""
    return f"image_gateway; image_gateway_keys {write_keys(scratch / 'keys.json', [key_entry('a', 'sk-bf-team-a')])};"


@pytest.fixture
def passwords(scratch):
    path = scratch / "passwords"
    path.write_text("ada:{PLAIN}secret\n")
    path.chmod(0o644)
    return f'auth_basic "staff"; auth_basic_user_file {path};'


def make(g, headers=(), path=PATH):
    return g.generate(headers, path=path, size="16x16")


def assert_ours(reply, status, code=None):
    assert reply.status == status, reply
    assert reply.headers.get_content_type() == "application/json"
    assert reply.json["status_code"] == status and reply.json["event_id"] == reply.headers["x-request-id"]
    assert code in (None, reply.json["error"]["code"])


# allow, deny, satisfy


def test_deny_is_an_error_in_our_json(gateway, keyed):
    g = gateway(f"{keyed} deny all;", SANDBOX)
    assert_ours(make(g, KNOWN), 403, "forbidden")
    assert_ours(make(g), 401, "missing_api_key")


def test_deny_works_where_the_gateway_itself_asks_nothing(gateway):
    assert_ours(make(gateway(f"{OPEN} deny all;", SANDBOX)), 403, "forbidden")


def test_with_satisfy_any_either_an_address_or_a_key_is_enough(gateway, keyed):
    g = gateway(f"{keyed} satisfy any; allow 127.0.0.1; deny all;", SANDBOX,
                extra_locations=f"location /far/ {{ {keyed} satisfy any; deny all; }}")
    assert make(g).status == make(g, KNOWN).status == 200
    assert make(g, KNOWN, "/far/images/generations").status == 200
    reply = make(g, path="/far/images/generations")
    assert_ours(reply, 401, "missing_api_key")
    assert reply.headers.get_all("WWW-Authenticate") == ["Bearer"]


def test_with_satisfy_any_an_address_does_not_excuse_bad_headers(gateway, keyed, openai):
    g = gateway(f"{keyed} satisfy any; allow all;", provider("p", openai))
    reply = g.generate({"X-Request-Id": "x" * 129}, model="p/gpt-image-2")
    assert_ours(reply, 400, "invalid_value")
    assert openai.requests == []


def test_with_satisfy_any_and_auth_off_the_others_decide(gateway):
    g = gateway(f"{OPEN} satisfy any; deny all;", SANDBOX)
    assert_ours(make(g), 403, "forbidden")


def test_with_satisfy_any_and_auth_optional_a_key_is_as_good_as_an_address(gateway, keyed):
    g = gateway(f"{keyed} image_gateway_auth optional; satisfy any; deny all;", SANDBOX)
    assert make(g, KNOWN).status == 200
    assert_ours(make(g), 403, "forbidden")


# auth_basic, auth_request, limit_req


def test_auth_basics_challenge_is_kept(gateway, keyed, passwords):
    reply = make(gateway(f"{keyed} {passwords}", SANDBOX), KNOWN)
    assert_ours(reply, 401)
    assert reply.headers.get_all("WWW-Authenticate") == ['Basic realm="staff"']


def test_a_password_is_enough_where_the_gateway_asks_nothing(gateway, passwords):
    g = gateway(f"{OPEN} {passwords}", SANDBOX)
    assert make(g, BASIC).status == 200
    assert_ours(make(g), 401)


def test_with_satisfy_any_either_a_password_or_a_key_is_enough(gateway, keyed, passwords):
    g = gateway(f"{keyed} {passwords} satisfy any;", SANDBOX)
    assert make(g, BASIC).status == make(g, KNOWN).status == 200
    assert_ours(make(g), 401, "missing_api_key")


@pytest.mark.parametrize("verdict, status", (("return 204;", 200), ("return 403;", 403), ("return 500;", 500),
                                             ("add_header WWW-Authenticate Custom always; return 401;", 401)))
def test_auth_request_decides_and_its_refusal_is_told_in_our_json(gateway, keyed, verdict, status):
    g = gateway(f"{keyed} auth_request /ask;", SANDBOX, extra_locations=f"location /ask {{ {verdict} }}")
    reply = make(g, KNOWN)
    assert reply.status == status
    if status != 200:
        assert_ours(reply, status)
    assert reply.headers["x-request-id"] and len(reply.headers.get_all("x-request-id")) == 1


def test_a_subrequest_of_auth_request_is_not_changed(gateway):
    g = gateway(f"{OPEN} auth_request /ask;", SANDBOX, extra_locations="location /ask { return 403; }")
    reply = g.get("/ask")
    assert reply.status == 403 and reply.headers.get_content_type() == "text/html"
    assert reply.headers["x-request-id"] is None


@pytest.mark.parametrize("status", (503, 429))
def test_limit_req_is_told_in_our_json(gateway, status):
    g = gateway(f"{OPEN} limit_req zone=slow; limit_req_status {status};",
                f"{SANDBOX} limit_req_zone $server_name zone=slow:1m rate=1r/m;")
    assert make(g).status == 200
    assert_ours(make(g), status)


# limit_except, if, rewrite


def test_limit_except_refuses_in_our_json_and_hides_no_key(gateway, keyed):
    g = gateway(f"{keyed} limit_except POST {{ deny all; }}", SANDBOX)
    assert make(g, KNOWN).status == 200
    assert_ours(g.get(PATH, KNOWN), 403, "forbidden")
    assert_ours(g.get(PATH), 401)


def test_limit_except_that_allows_leaves_the_gateway_in_place(gateway, keyed):
    g = gateway(f"{keyed} limit_except GET {{ allow all; }}", SANDBOX)
    assert make(g, KNOWN).status == 200
    assert_ours(make(g), 401)


def test_an_if_leaves_the_gateway_in_place(gateway, keyed):
    g = gateway(f'{keyed} if ($arg_a) {{ set $unused 1; add_header X-If 1; }} if ($arg_b) {{ return 402; }}', SANDBOX)
    reply = make(g, KNOWN, f"{PATH}?a=1")
    assert reply.status == 200 and reply.headers["X-If"] == "1"
    assert_ours(make(g, path=f"{PATH}?a=1"), 401)
    assert_ours(make(g, KNOWN, f"{PATH}?b=1"), 402)


def test_another_handler_in_an_if_stays_in_effect(gateway, keyed):
    g = gateway(f"{keyed} if ($arg_old) {{ proxy_pass http://127.0.0.1:$server_port/old?; }}", SANDBOX,
                extra_locations="location /old { return 200 old; }")
    assert g.post(f"{PATH}?old=1", {}, KNOWN).text == "old"
    assert make(g, KNOWN).status == 200


def test_a_rewrite_leads_into_the_gateway_and_past_no_key(gateway, keyed):
    g = gateway(keyed, SANDBOX, server=f"rewrite ^/draw$ {PATH} last;")
    assert make(g, KNOWN, "/draw").status == 200
    assert_ours(make(g, path="/draw"), 401)


# error_page


def test_an_error_page_outside_the_gateway_is_not_changed(gateway, keyed):
    g = gateway(f"{keyed} image_gateway_input_max 1m total=1m; error_page 401 /sorry; error_page 403 @closed;"
                "error_page 413 =400 /large;", SANDBOX,
                extra_locations="location /sorry { default_type text/plain; return 401 'sorry'; }"
                                "location @closed { default_type text/plain; return 403 'closed'; }"
                                "location /large { default_type text/plain; return 200 'large'; }"
                                f"location /v1/closed/ {{ {keyed} deny all; error_page 403 @closed; }}")
    sorry, closed = make(g), make(g, KNOWN, "/v1/closed/images/generations")
    assert (sorry.status, sorry.text, sorry.headers["x-request-id"]) == (401, "sorry", None)
    assert (closed.status, closed.text) == (403, "closed")
    large = g.post(PATH, {"prompt": "x" * 1024 * 1024}, KNOWN)
    assert (large.status, large.text) == (400, "large")


def test_an_error_page_inside_the_gateway_is_our_json(gateway, keyed):
    g = gateway(f"{keyed} error_page 401 /v1/sorry;", SANDBOX)
    assert_ours(make(g), 401, "missing_api_key")


def test_an_error_page_with_another_status_keeps_it(gateway, keyed):
    g = gateway(f"{keyed} deny all; error_page 403 =404 /v1/gone;", SANDBOX)
    reply = make(g, KNOWN)
    assert reply.headers.get_content_type() == "application/json" and reply.status in (403, 404)
    assert reply.json["status_code"] == reply.status


# Named locations and internal redirects


def test_a_named_location_may_be_a_gateway(gateway, keyed):
    g = gateway("try_files /nothing @gateway;", SANDBOX, extra_locations=f"location @gateway {{ {keyed} }}")
    assert make(g, KNOWN).status == 200
    assert_ours(make(g), 401, "missing_api_key")


def test_an_open_location_gives_no_access_to_a_protected_one(gateway, keyed):
    g = gateway(f"{OPEN} deny all; error_page 403 = @closed;", SANDBOX,
                extra_locations=f"location @closed {{ {keyed} }}")
    assert_ours(make(g), 401, "missing_api_key")
    assert make(g, KNOWN).status == 200


def test_an_internal_redirect_may_lead_to_an_open_location(gateway, keyed):
    g = gateway(f"{keyed} error_page 401 = @open;", SANDBOX,
                extra_locations=f"location @open {{ {OPEN} }}", access_format="$status [$image_gateway_key]")
    assert make(g).status == make(g, KNOWN).status == 200
    assert g.access_log(2) == ["200 [-]", "200 [a]"]


def test_it_takes_over_from_a_proxy_that_failed_after_reading_the_body(gateway, keyed):
    g = gateway("proxy_pass http://127.0.0.1:9; error_page 502 = @gateway;", SANDBOX,
                extra_locations=f"location @gateway {{ {keyed} }}")
    assert make(g, KNOWN).status == 200
    assert_ours(make(g), 401)


def test_an_x_accel_redirect_into_the_gateway_needs_a_key(gateway, keyed):
    g = gateway(keyed, SANDBOX, extra_locations="location /go { proxy_pass http://127.0.0.1:$server_port/back; }"
                                                f"location /back {{ add_header X-Accel-Redirect {PATH}; return 204; }}")
    assert_ours(g.post("/go", {"prompt": "a kite"}), 401)
    assert g.get("/go", KNOWN).status == 405


# Subrequests


def never_asked(fake, seconds=0.3) -> bool:
    time.sleep(seconds)
    return fake.requests == []


@pytest.mark.parametrize("front", ("return_ok", "gateway"))
def test_a_mirrored_request_does_not_get_past_the_keys(gateway, keyed, openai, front):
    """mirror keeps method and body, and subrequests do not run the access phase."""
    main = "proxy_pass http://127.0.0.1:$server_port/ok;" if front == "return_ok" else OPEN
    g = gateway(f"{main} mirror {PATH};", f"{SANDBOX} {provider('p', openai)}", location_path="/open/",
                extra_locations=f"location /v1/ {{ {keyed} image_gateway_default_model p/gpt-image-2; }}"
                                "location /ok { return 200 ok; }")
    reply = make(g, path="/open/images/generations")
    assert reply.status == 200 and never_asked(openai)
    if front == "gateway":
        assert reply.json["model"] == "sandbox/placeholder"


@pytest.mark.parametrize("front", ("proxy_pass http://127.0.0.1:$server_port/ok;", OPEN))
@pytest.mark.parametrize("mirrors", (f"mirror {PATH};", f"mirror {PATH}; mirror {PATH};"), ids=("one", "two"))
def test_mirrors_into_an_open_gateway_harm_nobody(gateway, front, mirrors):
    g = gateway(f"{front} {mirrors}", SANDBOX, location_path="/open/",
                extra_locations=f"location /v1/ {{ {OPEN} }} location /ok {{ return 200 ok; }}")
    assert [make(g, path="/open/images/generations").status for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("front", ("return 200 text;", OPEN))
@pytest.mark.parametrize("include", ("add_after_body", "add_before_body", "auth_request"))
def test_a_subrequest_into_the_gateway_harms_nobody(gateway, keyed, front, include):
    g = gateway(f"{front} addition_types *; {include} {PATH};", SANDBOX, location_path="/open/",
                extra_locations=f"location /v1/ {{ {keyed} }}")
    for _ in range(3):
        assert make(g, path="/open/images/generations").status in (200, 401, 403, 500)
    assert make(g, KNOWN).status == 200


def test_a_gateway_may_be_mirrored_to_elsewhere(gateway, openai):
    g = gateway(f"{OPEN} mirror /copy;", SANDBOX,
                extra_locations=f"location /copy {{ proxy_pass {openai.url}/images/generations; }}")
    assert make(g).status == 200
    assert openai.wait_requests(1)[0].json["prompt"] == "a red kite"
