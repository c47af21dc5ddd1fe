"""Bytes when the client wants links: images that the gateway keeps and serves itself."""

import base64
import os
import re
import shutil

import pytest
from fakes.openai import Json
from fakes.images_host import PNG, ImagesHost
from harness import environment, key_entry, provider, write_keys
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
    url = reply.json["data"][index]["url"]
    assert url.startswith(g.url + "/"), url
    return url.removeprefix(g.url)


def adjusted(reply) -> list:
    return reply.json["extra_fields"].get("adjustments", [])


def kept(scratch) -> list:
    return [one for one in (scratch / "store").rglob("*") if one.is_file() and one.name != ".key"]


def test_a_link_leads_to_the_image_as_a_file_of_nginx(keeps, scratch):
    g = keeps()
    reply = g.generate(**ASK, n=2)
    assert reply.status == 200 and adjusted(reply) == []
    path = path_of(g, reply)
    assert re.fullmatch(r"/v1/images/files/[a-z2-7]{26}\.png\?expires=\d+&signature=[0-9a-f]{64}", path)
    assert path != path_of(g, reply, 1)
    got = g.get(path)
    assert got.status == 200 and got.body.startswith(b"\x89PNG") and got.headers["content-type"] == "image/png"
    assert got.headers["x-content-type-options"] == "nosniff" and "sandbox" in got.headers["content-security-policy"]
    assert re.fullmatch(r"private, max-age=\d+, immutable", got.headers["cache-control"])
    assert len(got.body) == reply.json["extra_fields"]["images"][0]["bytes"]
    part = g.get(path, {"Range": "bytes=1-3"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"PNG", f"bytes 1-3/{len(got.body)}")
    assert g.get(path, {"If-None-Match": got.headers["etag"]}).status == 304
    head = g.request("HEAD", path)
    assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) == len(got.body)
    assert not [one for one in kept(scratch) if one.name.endswith(".tmp")]


@pytest.mark.parametrize("kind", ("png", "jpeg", "webp"))
def test_each_format_has_its_own_type(keeps, openai, kind):
    g = keeps(http=provider("openai", openai))
    reply = g.generate(model="openai/gpt-image-2", response_format="url", output_format=kind)
    got = g.get(path_of(g, reply))
    assert got.headers["content-type"] == f"image/{kind}"
    assert reply.json["extra_fields"]["images"][0]["format"] == kind and f".{kind}?" in path_of(g, reply)


def test_the_link_is_its_own_key(keeps, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    g = keeps(location=f"image_gateway; image_gateway_keys {keys};")
    path = path_of(g, g.generate({"x-api-key": "sk-bf-a"}, **ASK))
    for headers in ({}, {"x-api-key": "sk-bf-a"}, {"Authorization": "Bearer sk-wrong"}):
        assert g.get(path, headers).status == 200
    assert g.post(path).status == 405
    bare, _, query = path.partition("?")
    changed = query[:-1] + ("0" if query[-1] != "0" else "1")
    for bad in (bare, f"{bare}?{changed}", f"{bare}?{query.replace('expires=', 'expires=9')}", f"{bare}?expires=1"):
        reply = g.get(bad)
        assert (reply.status, reply.json["error"]["code"]) == (403, "invalid_link"), bad


def test_nothing_else_on_disk_can_be_had(keeps, scratch):
    g = keeps()
    path = path_of(g, g.generate(**ASK))
    name = path.partition("?")[0].rsplit("/", 1)[1]
    for bad in (".key", "../store/.key", "%2e%2e/.key", f"{name[:2]}/{name}", f"{name}.tmp", f"{name}/", f"{name}%00", ""):
        reply = g.get(f"/v1/images/files/{bad}?{path.partition('?')[2]}")
        assert reply.status in (400, 403, 404), bad
        assert b"PNG" not in reply.body and (scratch / "store/.key").read_bytes().strip() not in reply.body
    assert os.stat(scratch / "store/.key").st_mode & 0o077 == 0


def test_links_and_files_end(keeps, scratch):
    g = keeps("ttl=1s")
    reply = g.generate(**ASK)
    path = path_of(g, reply)
    assert g.get(path).status == 200
    assert reply.json["extra_fields"]["images"][0]["expires_at"] - reply.json["created"] in (1, 2)
    assert until(lambda: g.get(path).status == 403, 5, 0.1)
    assert until(lambda: not kept(scratch), 10, 0.1), "the cache manager sweeps"


def test_the_oldest_make_room(keeps, scratch):
    g = keeps("max=20k")
    size = g.generate(**{**ASK, "size": "512x512"}).json["extra_fields"]["images"][0]["bytes"]
    for _ in range(5):
        g.generate(**{**ASK, "size": "512x512"})
    assert 5 * size > 20480
    assert until(lambda: sum(one.stat().st_size for one in kept(scratch)) <= 20480, 10, 0.1)


def test_every_worker_serves_what_any_has_kept_and_links_outlive_a_reload(keeps):
    g = keeps(workers=2)
    path = path_of(g, g.generate(**ASK))
    assert {g.get(path).status for _ in range(20)} == {200}
    g.reload()
    assert {g.get(path).status for _ in range(20)} == {200}


def test_a_key_can_be_changed_while_links_signed_by_the_old_one_last(keeps, scratch):
    key = scratch / "store.keys"
    key.write_text("the old key is long enough\n")
    g = keeps(location=f"{OPEN} image_gateway_store_key {key};")
    old = path_of(g, g.generate(**ASK))
    key.write_text("the new key is long enough\nthe old key is long enough\n")
    g.reload()
    new = path_of(g, g.generate(**ASK))
    assert g.get(old).status == g.get(new).status == 200
    key.write_text("the new key is long enough\n")
    g.reload()
    assert (g.get(old).status, g.get(new).status) == (403, 200)


def test_links_begin_with_the_public_url_or_as_the_request_was_addressed(keeps):
    g = keeps(location=OPEN, extra_locations="")
    raw = g.connect()
    for host, begins in (("images.example.com:8443", "http://images.example.com:8443/v1/images/files/"),
                         ("a_b.example", "http://a_b.example/v1/images/files/"), ('x"y', "data:image/png;base64,"),
                         ("x\\y", "data:image/png;base64,"), ("<b>", "data:image/png;base64,")):
        body = b'{"prompt":"x","response_format":"url","size":"16x16"}'
        raw.send(b"POST /v1/images/generations HTTP/1.1\r\nHost: " + host.encode() +
                 b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        reply = raw.response()
        if reply.status != 400:  # nginx refuses some of them itself
            assert reply.json["data"][0]["url"].startswith(begins), (host, reply)
    public = keeps(location=OPEN + " image_gateway_public_url https://cdn.example.com/v1/;")
    assert public.generate(**ASK).json["data"][0]["url"].startswith("https://cdn.example.com/v1/images/files/")


def test_a_store_that_cannot_be_written_to_leaves_a_data_url(keeps, scratch):
    g = keeps()
    g.generate(**ASK)
    if environment.is_root():
        shutil.chown(scratch / "store", "root", "root")
    (scratch / "store").chmod(0o500)
    if os.geteuid() == 0 and environment.worker_user() == "root":
        pytest.skip("root writes anywhere")
    for one in (scratch / "store").iterdir():
        if one.is_dir():
            shutil.rmtree(one)
    reply = g.generate(**ASK)
    assert reply.status == 200 and reply.json["data"][0]["url"].startswith("data:image/png;base64,")
    adjustment, = adjusted(reply)
    assert adjustment["param"] == "response_format" and "could not be written" in adjustment["reason"]
    strict = g.generate({"X-Image-Gateway-Fit": "strict"}, **ASK)
    assert (strict.status, strict.json["error"]["code"]) == (500, "picture_not_kept")
    (scratch / "store").chmod(0o700)


@pytest.mark.parametrize("rehost", ("on", "off"))
def test_a_providers_link_is_kept_anew_only_where_the_operator_says_so(keeps, openai_factory, rehost):
    studio = openai_factory(family="dalle")
    with ImagesHost() as host:
        g = keeps(f"rehost={rehost}", OPEN + "image_gateway_fetch_allow 127.0.0.1;", provider("studio", studio))
        for fields in ({"response_format": "url"}, {}):
            studio.next(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}]}))
            url = g.generate(model="studio/sdxl", **fields).json["data"][0]["url"]
            assert url.startswith(g.url if rehost == "on" else host.origin)
            if rehost == "on":
                assert g.get(url.removeprefix(g.url)).body == PNG


@pytest.mark.parametrize("profile, more", (("mka1", {}), ("mka1-2025", {}), ("kkiai", {"aspect_ratio": "1:1"}),
                                           ("truefoundry", {}), ("mpilot", {"model": "auto"})))
def test_the_default_of_each_api_is_a_link_that_works(keeps, profile, more):
    g = keeps(location=f"image_gateway profile={profile}; image_gateway_auth off;")
    reply = g.generate(**more)
    assert reply.status == 200 and set(reply.json["data"][0]) == {"url", "index"}
    assert g.get(path_of(g, reply)).body.startswith(b"\x89PNG")


def test_it_may_be_switched_off_below(keeps, scratch):
    g = keeps(extra_locations=f"location /off/ {{ {OPEN} image_gateway_store off; }}")
    path = path_of(g, g.generate(**ASK))
    assert g.get(path.replace("/v1/", "/off/")).status == 404
    assert g.generate(path="/off/images/generations", **ASK).json["data"][0]["url"].startswith("data:")


@pytest.mark.parametrize("more, problem", (
    ("image_gateway_store /tmp/x max=lots;", "invalid size"), ("image_gateway_store /tmp/x ttl=0;", "invalid time"),
    ("image_gateway_store /tmp/x rehost=maybe;", "expected on or off"), ("image_gateway_store /tmp/x keep=1;", "invalid parameter"),
    ("image_gateway_store {dir}/s; image_gateway_store_key {dir}/short;", "at least 16 characters"),
    ("image_gateway_store {dir}/s; image_gateway_public_url ftp://x;", "invalid image_gateway_public_url"),
    ("image_gateway_fetch_allow 10.0.0.1/8;", "invalid network"), ("image_gateway_fetch_allow everywhere;", "invalid network"),
    ("image_gateway_fetch_allow none 10.0.0.0/8;", "invalid network")))
def test_mistakes_are_told_by_the_test_of_the_configuration(nginx_t, scratch, more, problem):
    (scratch / "short").write_text("too short\n")
    tested = nginx_t(SANDBOX, OPEN + more.format(dir=scratch))
    assert not tested.ok and problem in tested.output, tested.output


# Facts about images


def test_what_the_bytes_say_wins_over_what_the_provider_says(gateway, openai):
    g = gateway(OPEN, provider("openai", openai))
    lie = {"created": 1, "size": "1024x1024", "output_format": "webp", "quality": "low",
           "data": [{"b64_json": base64.b64encode(PNG).decode()}]}
    openai.next(Json(lie))
    reply = g.generate(model="openai/gpt-image-2", size="1024x1024", output_format="webp", quality="low")
    assert (reply.json["size"], reply.json["output_format"]) == ("64x48", "png")
    assert reply.json["extra_fields"]["images"] == [{"index": 0, "width": 64, "height": 48, "format": "png", "bytes": len(PNG), "provenance": None}]
    assert {one["param"]: one["reason"] for one in adjusted(reply)} == {
        "size": "the provider made 64x48", "output_format": "the provider made png"}


@pytest.mark.parametrize("data", (b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", PNG[:25], b"\xff\xd8\xff", b"GIF89a"))
def test_bytes_that_are_no_image_are_no_success(gateway, openai, data):
    g = gateway(OPEN, provider("openai", openai))
    openai.next(Json({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()}]}))
    reply = g.generate(model="openai/gpt-image-2")
    assert reply.status == 502 and reply.json["extra_fields"]["attempts"][0]["outcome"] == "unknown"


def test_of_two_images_the_one_that_is_none_is_left_out(gateway, openai):
    g = gateway(OPEN, provider("openai", openai))
    openai.next(Json({"created": 1, "data": [{"b64_json": base64.b64encode(one).decode()} for one in (PNG[:25], PNG)]}))
    reply = g.generate(model="openai/gpt-image-2", n=2)
    assert len(reply.json["data"]) == 1 and [one["param"] for one in adjusted(reply)] == ["n"]
