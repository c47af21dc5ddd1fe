"""image_gateway_page: the page as HTTP. t/page has what it does in a browser."""

import base64
import gzip
import hashlib
import re

import pytest

PAGE = "location = / {{ image_gateway_page {}; }}"


@pytest.fixture
def g(gateway):
    return gateway(http="image_provider sandbox { api sandbox; }", extra_locations=PAGE.format("api=/v1/"))


def test_it_is_one_document_with_the_headers_of_one(g):
    reply = g.get("/")
    assert reply.status == 200 and reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.body.startswith(b"<!DOCTYPE html>") and reply.body.rstrip().endswith(b"</html>")
    assert reply.headers["x-content-type-options"] == "nosniff" and reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-cache" and reply.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in reply.headers and int(reply.headers["content-length"]) == len(reply.body)


def test_it_is_small_and_compressed_for_those_who_take_gzip(g):
    plain, reply = g.get("/"), g.get("/", {"Accept-Encoding": "br, gzip"})
    assert reply.headers["content-encoding"] == "gzip" and len(reply.body) < 100_000
    assert gzip.decompress(reply.body) == plain.body
    assert reply.headers["etag"] != plain.headers["etag"]
    assert "content-encoding" not in g.get("/", {"Accept-Encoding": "gzip;q=0"}).headers


@pytest.mark.parametrize("encoding", ((), {"Accept-Encoding": "gzip"}))
def test_a_browser_that_has_it_gets_304(g, encoding):
    tag = g.get("/", encoding).headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{20}(-gzip)?"', tag)
    again = g.get("/", {"If-None-Match": tag, **dict(encoding)})
    assert (again.status, again.body) == (304, b"") and again.headers["etag"] == tag
    assert g.get("/", {"If-None-Match": '"other"', **dict(encoding)}).status == 200


def test_head_says_what_get_would(g):
    head, reply = g.request("HEAD", "/"), g.get("/")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(reply.body)) and head.headers["etag"] == reply.headers["etag"]


@pytest.mark.parametrize("method", ("POST", "PUT", "DELETE", "OPTIONS"))
def test_other_methods_are_refused(g, method):
    reply = g.request(method, "/", b"x" if method == "POST" else None)
    assert reply.status == 405 and reply.headers["allow"] == "GET, HEAD"


def test_the_policy_allows_exactly_the_scripts_and_styles_that_are_in_it(g):
    reply = g.get("/")
    rules = dict(rule.strip().split(" ", 1) for rule in reply.headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'" and rules["connect-src"] == "'self'" and rules["img-src"] == "data: blob:"
    assert rules["frame-ancestors"] == "'none'" and rules["base-uri"] == "'none'" and rules["form-action"] == "'none'"
    text = reply.body.decode()
    for rule, tag in (("script-src", "script"), ("style-src", "style")):
        inside = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", text, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inside]
        assert len(inside) == 1 and rules[rule] == f"'sha256-{hashes[0]}'"


def test_it_loads_nothing_and_has_no_inline_handlers(g):
    text = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", g.get("/").body.decode(), flags=re.DOTALL)
    assert not re.search(r"\son\w+=|\sstyle=|javascript:|<iframe|<form|<base", text)
    assert not [link for link in re.findall(r"(?:src|href)=\"([^\"]*)\"", text) if not link.startswith(("data:", "#"))]


def test_no_module_makes_html_of_text(project):
    for path in (project / "src/page").glob("*.js"):
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser|setHTML|</script", text), path


def test_modules_share_one_scope_so_each_name_is_there_once(project):
    names = [name for path in (project / "src/page").glob("*.js")
             for name in re.findall(r"^(?:export )?(?:async )?(?:const|let|class|function\*?) (\w+)", path.read_text(), re.MULTILINE)]
    assert len(names) > 80 and sorted(names) == sorted(set(names))


def test_every_module_is_in_the_page(project):
    listed = re.findall(r"'\./(\w+\.js)'", (project / "src/page/main.js").read_text())
    assert sorted([*listed, "main.js"]) == sorted(path.name for path in (project / "src/page").glob("*.js"))


def test_each_location_has_its_own_settings(gateway):
    g = gateway(http="image_provider sandbox { api sandbox; }", extra_locations=PAGE.format("api=/v1")
                + 'location = /b { image_gateway_page api=/x/ status=/status "title=<A> & \\"B\\" {{api}}"; }')
    first, second = g.get("/"), g.get("/b")
    assert b'<meta name="image-gateway-api" content="/v1/">' in first.body and b"<title>Image gateway</title>" in first.body
    assert b'<meta name="image-gateway-status" content="">' in first.body
    assert b'<meta name="image-gateway-api" content="/x/">' in second.body
    assert b'<meta name="image-gateway-status" content="/status">' in second.body
    assert b"<title>&lt;A&gt; &amp; &quot;B&quot; {{api}}</title>" in second.body
    assert first.headers["etag"] != second.headers["etag"]


@pytest.mark.parametrize("text, expected", (
    ("status=/s", 'needs "api=PATH"'), ("api=v1", 'invalid value "v1" of "api"'), ("api=//evil.example/", "expected a path"),
    ('"api=/v1/?x"', "expected a path"), ("api=/v1/ status=https://x/", 'of "status"'),
    ("api=/v1/ colour=red", "api=PATH, status=PATH or title=TEXT"), ("api=/v1/; image_gateway; image_gateway_auth off", "cannot share a location"),
))
def test_mistakes_are_named(nginx_t, text, expected):
    ok, output = nginx_t("image_provider sandbox { api sandbox; }", extra_locations=PAGE.format(text))
    assert not ok and expected in output, output


def test_it_is_the_page_in_an_if_block_too_and_deny_counts(gateway):
    g = gateway(http="image_provider sandbox { api sandbox; }",
                extra_locations="location = / { image_gateway_page api=/v1/; if ($arg_x) { add_header X-If 1; } }"
                                " location = /closed { image_gateway_page api=/v1/; deny all; }")
    reply = g.get("/?x=1")
    assert reply.status == 200 and reply.headers["x-if"] == "1" and reply.body == g.get("/").body
    assert g.get("/closed").status == 403


def test_a_body_is_no_trouble(g):
    assert g.request("GET", "/", b"x" * 100_000, {"Content-Type": "text/plain"}).status == 200
    assert g.get("/").status == 200


def test_reloads_serve_the_page_of_the_new_configuration(g):
    before = g.get("/").headers["etag"]
    g.reload(extra_locations=PAGE.format("api=/v2/"))
    after = g.get("/", {"If-None-Match": before})
    assert after.status == 200 and b'content="/v2/"' in after.body
