"""Kept images: the files, the links to them, and how nginx serves them."""

import base64
import re
import stat

import pytest
from fakes.openai import Json
from fakes.images_host import GIF, JPEG, PNG, WEBP
from harness import key_entry, provider, together, write_keys
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
ASK = {"response_format": "url", "size": "64x48"}


@pytest.fixture
def keeps(gateway, scratch):
    def start(options="", location=OPEN, http=SANDBOX, **parts):
        return gateway(f"{location} image_gateway_store {scratch}/store {options};", http, **parts)
    return start


def path_of(g, reply, index=0) -> str:
    assert reply.status == 200, reply
    url = reply.json["data"][index]["url"]
    assert url.startswith(g.url + "/"), url[:200]
    return url.removeprefix(g.url)


def kept(scratch) -> list:
    return [one for one in (scratch / "store").rglob("*") if one.is_file() and one.name != ".key"]


# The file behind a link


def test_each_format_is_served_byte_for_byte_under_its_own_type(keeps, openai_factory):
    studio = openai_factory(family="dalle")
    g = keeps(http="sendfile on;" + provider("studio", studio))
    for kind, data in (("png", PNG), ("jpeg", JPEG), ("webp", WEBP), ("gif", GIF)):
        studio.next(Json({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()}]}))
        reply = g.generate(model="studio/sdxl", response_format="url")
        got = g.get(path_of(g, reply))
        assert (got.status, got.body, got.headers["content-type"]) == (200, data, f"image/{kind}")
        assert got.headers.get_all("x-content-type-options") == ["nosniff"] and f".{kind}?" in path_of(g, reply)


def test_a_large_image_is_kept_whole(keeps, openai):
    g = keeps(http=provider("openai", openai))
    openai.image_bytes = 3_000_001
    reply = g.generate(model="openai/gpt-image-2", response_format="url")
    whole = g.get(path_of(g, reply))
    assert len(whole.body) == 3_000_001 == reply.json["extra_fields"]["images"][0]["bytes"]
    sent = base64.b64decode(openai.document(openai.requests[0])["data"][0]["b64_json"])
    assert whole.body == sent


def test_parts_and_repeated_reads_are_as_of_any_file_of_nginx(keeps):
    g = keeps()
    path = path_of(g, g.generate(**ASK))
    whole = g.get(path)
    size, tag, changed = len(whole.body), whole.headers["etag"], whole.headers["last-modified"]
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, part in (("0-0", whole.body[:1]), ("1-3", b"PNG"), ("-4", whole.body[-4:]), (f"{size - 2}-", whole.body[-2:])):
        got = g.get(path, {"Range": f"bytes={asked}"})
        assert (got.status, got.body) == (206, part)
        assert got.headers["content-range"].endswith(f"/{size}")
    assert g.get(path, {"Range": f"bytes={size}-"}).status == 416
    assert g.get(path, {"Range": "bytes=0-1,4-5"}).headers["content-type"].startswith("multipart/byteranges")
    assert g.get(path, {"Range": "bytes=0-1", "If-Range": tag}).status == 206
    assert g.get(path, {"Range": "bytes=0-1", "If-Range": '"other"'}).status == 200
    for headers in ({"If-None-Match": tag}, {"If-Modified-Since": changed}):
        got = g.get(path, headers)
        assert (got.status, got.body) == (304, b"") and got.headers["etag"] == tag
    assert g.get(path, {"If-None-Match": '"other"'}).status == 200
    assert g.get(path, {"If-Match": '"other"'}).status == 412
    head = g.request("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "content-type", "etag", "x-content-type-options"):
        assert head.headers[name] == whole.headers[name]
    assert re.fullmatch(r"private, max-age=(3600|359\d), immutable", head.headers["cache-control"])


def test_browsers_may_keep_it_as_long_as_the_link_lasts(keeps):
    g = keeps("ttl=100s")
    reply = g.generate(**ASK)
    seconds = int(re.fullmatch(r"private, max-age=(\d+), immutable",
                               g.get(path_of(g, reply)).headers["cache-control"])[1])
    assert 95 <= seconds <= 100
    assert 95 <= reply.json["extra_fields"]["images"][0]["expires_at"] - reply.json["created"] <= 101


def test_files_are_the_workers_own(keeps, scratch):
    g = keeps()
    g.generate(**ASK, n=3)
    files = kept(scratch)
    assert len(files) == 3 and {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert {stat.S_IMODE(one.parent.stat().st_mode) for one in files} == {0o700}
    assert all(one.name.startswith(one.parent.name) and one.suffix == ".png" for one in files)


def test_names_are_never_the_same(keeps, scratch):
    g = keeps(workers=2)
    replies = together(10, g.generate, **ASK, n=4)
    names = {one["url"].partition("?")[0] for reply in replies for one in reply.json["data"]}
    assert len(names) == 40 == len(kept(scratch))


# Who may read it


def test_a_link_is_for_one_image_and_one_time(keeps, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    g = keeps(location=f"image_gateway; image_gateway_keys {keys};")
    reply = g.generate({"x-api-key": "sk-bf-a"}, **ASK, n=2)
    (mine, query), (other, _) = (path_of(g, reply, index).split("?") for index in range(2))
    expires, signature = re.fullmatch(r"expires=(\d+)&signature=([0-9a-f]+)", query).groups()
    later = str(int(expires) + 3600)
    wrong = {
        "another image": f"{other}?{query}", "another ending": f"{mine.replace('.png', '.gif')}?{query}",
        "no query": mine, "no signature": f"{mine}?expires={expires}", "no end": f"{mine}?signature={signature}",
        "an empty signature": f"{mine}?expires={expires}&signature=", "a later end": f"{mine}?expires={later}&signature={signature}",
        "half a signature": f"{mine}?expires={expires}&signature={signature[:32]}",
        "a longer signature": f"{mine}?{query}00", "no hex": f"{mine}?expires={expires}&signature={'x' * 64}",
        "the end written otherwise": f"{mine}?expires=0{expires}&signature={signature}",
        "a sign": f"{mine}?expires=+{expires}&signature={signature}",
        "a second end": f"{mine}?expires={later}&{query}", "a negative end": f"{mine}?expires=-1&signature={signature}",
        "an endless number": f"{mine}?expires={'9' * 40}&signature={signature}",
    }
    for what, path in wrong.items():
        for headers in ({}, {"x-api-key": "sk-bf-a"}):
            got = g.get(path, headers)
            assert (got.status, got.json["error"]["code"]) == (403, "invalid_link"), what
    for good in (f"{mine}?{query}", f"{mine}?signature={signature}&expires={expires}", f"{mine}?x=1&{query}&y=2"):
        for headers in ({}, {"x-api-key": "sk-bf-a"}, {"x-api-key": "wrong"}, {"Authorization": "Basic eA=="}):
            assert g.get(good, headers).status == 200, (good, headers)


def test_only_get_and_head_are_for_images(keeps):
    g = keeps()
    path = path_of(g, g.generate(**ASK))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        reply = g.request(method, path, body=b"x" * 100)
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD"), method
    assert g.get(path).status == 200


def test_an_image_that_is_gone_is_404_and_says_nothing_of_the_disk(keeps, scratch):
    g = keeps()
    path = path_of(g, g.generate(**ASK))
    file, = kept(scratch)
    file.unlink()
    for headers in ({}, {"x-api-key": "wrong"}):
        reply = g.get(path, headers)
        assert (reply.status, reply.json["error"]["code"]) == (404, "picture_not_found")
        assert str(scratch) not in reply.text
    assert g.request("HEAD", path).status == 404
    file.mkdir()
    assert g.get(path).status == 404


def test_tricks_with_paths_lead_to_no_other_file(keeps, scratch):
    g = keeps()
    path, _, query = path_of(g, g.generate(**ASK)).partition("?")
    name = path.rsplit("/", 1)[1]
    (scratch / "store" / "secret.png").write_bytes(b"\x89PNG secret")
    key = (scratch / "store/.key").read_bytes().strip()
    tricks = (".key", "secret.png", "../store/.key", "..%2fstore%2f.key", "%2e%2e/%2e%2e/store/.key", f"{name[:2]}/{name}",
              f"{name[:2]}%2f{name}", f"../{name[:2]}/{name}", f"{name}/", f"{name}.tmp", f"{name}%00", f"{name}%00.png",
              name.upper(), name[:-4], "", ".", "..", "%2e", "a" * 26 + "%2f.png", "a" * 5000, f"{name};x", f".{name}")
    with g.connect() as raw:
        for trick in tricks:
            raw.send(f"GET /v1/images/files/{trick}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            reply = raw.response("GET")
            assert reply.status in (400, 401, 403, 404), (trick, reply)
            assert b"\x89PNG" not in reply.body and key not in reply.body, trick
            if reply.headers["connection"] == "close":
                raw = g.connect()


def test_the_location_s_own_rules_of_access_still_hold(gateway, scratch):
    shared = f"image_gateway_store {scratch}/store;"
    g = gateway(OPEN, SANDBOX + shared, extra_locations=f"location /shut/ {{ {OPEN} deny all; }}"
                f"location /any/ {{ {OPEN} satisfy any; deny all; }}")
    path = path_of(g, g.generate(**ASK))
    assert g.get(path).status == 200
    assert g.get(path.replace("/v1/", "/shut/")).status == 403
    assert g.get(path.replace("/v1/", "/any/")).status == 200, "the link is as good as a key"
    assert g.get(path.replace("/v1/", "/any/")[:-1] + "x").status == 403


def test_a_web_page_of_an_allowed_origin_may_read_it(keeps):
    g = keeps(location=OPEN + "image_gateway_cors https://app.example.com;")
    path = path_of(g, g.generate(**ASK))
    reply = g.get(path, {"Origin": "https://app.example.com"})
    assert reply.status == 200 and reply.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in g.get(path, {"Origin": "https://evil.example.com"}).headers


# How a link begins


@pytest.mark.parametrize("location", ("/v1/", "/a/b/c/", "/", "= /x/images/generations", "'/a \"b/'", "/ä/"))
def test_a_link_leads_back_into_the_location_that_made_it(gateway, scratch, location):
    prefix = {"= /x/images/generations": "/x/", "'/a \"b/'": "/a%20%22b/", "/ä/": "/%C3%A4/"}.get(location, location)
    files = f"location /x/images/files/ {{ {OPEN} }}" if location.startswith("=") else ""
    g = gateway(OPEN, SANDBOX + f"image_gateway_store {scratch}/store;", location_path=location, extra_locations=files)
    reply = g.generate(path=prefix + "images/generations", **ASK)
    path = path_of(g, reply)
    assert path.startswith(prefix + "images/files/") and g.get(path).status == 200


def test_a_link_of_azure_s_path_leads_to_the_image(gateway, scratch):
    g = gateway(OPEN, SANDBOX + f"image_gateway_store {scratch}/store;", location_path="/openai/")
    for model in ("auto", "sandbox%2Fplaceholder"):
        reply = g.generate(path=f"/openai/deployments/{model}/images/generations?api-version=1", **ASK)
        assert g.get(path_of(g, reply)).status == 200


HOSTS = (b'a"b', b"a\\b", b"<b>", b"a b", b"a\x01b", b"\xc3\xa4", b"[::1", b"]", b"a:b", b"a/b", b"x" * 3000, b"a%22b", b"a'b",
         b"{}", b"a,b", b"@evil", b"a@b", b"[::1]:80", b"a.example:8080", b"A.Example", b"..", b"")


def test_whatever_host_a_client_names_the_answer_is_json(keeps):
    g = keeps()
    body = b'{"prompt":"x","response_format":"url","size":"16x16"}'
    head = b"\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    seen = set()
    for host in HOSTS:
        raw = g.connect().send(b"POST /v1/images/generations HTTP/1.1\r\nHost: " + host + head + body)
        reply = raw.response()
        raw.close()
        if b"<html>" in reply.body:  # nginx itself refuses the request
            assert reply.status == 400
            continue
        url = reply.json["data"][0]["url"]
        plain = re.fullmatch(r"http://[A-Za-z0-9.:\[\]_~-]+/v1/images/files/[a-z2-7]{26}\.png\?[a-z0-9&=]+", url)
        assert plain or url.startswith("data:image/png;base64,"), (host, url[:200])
        seen.add(bool(plain))
    assert seen == {True, False}


def test_without_a_host_the_url_is_a_data_url(keeps):
    g = keeps()
    body = b'{"prompt":"x","response_format":"url","size":"16x16"}'
    raw = g.connect().send(b"POST /v1/images/generations HTTP/1.0\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
    reply = raw.response()
    assert reply.json["data"][0]["url"].startswith("data:image/png;base64,")
    assert "response_format" in [one["param"] for one in reply.json["extra_fields"]["adjustments"]]


def test_over_tls_links_are_https(keeps, certs):
    g = keeps(tls=certs.good)
    path = path_of(g, g.generate(**ASK))
    assert g.url.startswith("https://") and g.get(path).status == 200


def test_the_public_url_wins_over_the_host_and_is_each_location_s_own(gateway, scratch):
    store = f"image_gateway_store {scratch}/store; image_gateway_public_url https://a.example/x///;"
    g = gateway(OPEN, SANDBOX + store, extra_locations=f"location /b/ {{ {OPEN} image_gateway_public_url http://[::1]:81; }}")
    for prefix, begins in (("/v1/", "https://a.example/x/images/files/"), ("/b/", "http://[::1]:81/images/files/")):
        url = g.generate({"Host": "evil.example"}, path=prefix + "images/generations", **ASK).json["data"][0]["url"]
        assert url.startswith(begins)
        assert g.get(url.replace(begins, prefix + "images/files/")).status == 200


def test_bytes_are_given_where_bytes_are_asked_also_with_a_store(keeps, scratch):
    g = keeps()
    reply = g.generate(response_format="b64_json", size="16x16")
    assert set(reply.json["data"][0]) == {"b64_json", "index"} and kept(scratch) == []
    assert "expires_at" not in reply.json["extra_fields"]["images"][0]


def test_the_store_s_key_is_made_once_and_outlives_the_server(keeps, scratch):
    g = keeps()
    path = path_of(g, g.generate(**ASK))
    key = (scratch / "store/.key").read_bytes()
    g.reload()
    assert g.get(path).status == 200
    g.allow_worker_change()
    g.quit()
    again = keeps()
    assert again.get(path).status == 200 and (scratch / "store/.key").read_bytes() == key
    assert until(lambda: len(kept(scratch)) == 1, 1)
