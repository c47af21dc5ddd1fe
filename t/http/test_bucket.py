"""A store that is a bucket: what is put there, the links to it, and that it is removed."""

import base64
import re
import time

import pytest
from fakes.behaviours import Raw
from fakes.images_host import GIF, JPEG, PNG, WEBP, ImagesHost
from fakes.openai import Json
from fakes.s3 import ACCESS_KEY, SECRET_KEY, S3, group_of
from harness import call, key_entry, provider, write_keys
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
ASK = {"response_format": "url", "size": "64x48"}
ENV = {"OPENAI_API_KEY": "sk-test-openai", "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


def store(s3, options="", prefix="kept") -> str:
    return f"image_gateway_store 's3://pictures/{prefix}' endpoint={s3.origin} region=us-east-1 {options};"


@pytest.fixture
def s3():
    with S3() as fake:
        yield fake


@pytest.fixture
def keeps(s3, gateway):
    def start(options="", location=OPEN, http=SANDBOX, prefix="kept", **parts):
        return gateway(location + store(s3, options, prefix), http, env=ENV, **parts)
    return start


def url_of(reply, index=0) -> str:
    assert reply.status == 200, reply
    return reply.json["data"][index]["url"]


def adjusted(reply) -> list:
    return reply.json["extra_fields"].get("adjustments", [])


# What is put, and the links


def test_a_link_leads_to_the_image_in_the_bucket(keeps, s3):
    g = keeps()
    reply = g.generate(**ASK, n=2)
    assert adjusted(reply) == [] and len(s3.objects) == 2
    for index, image in enumerate(reply.json["extra_fields"]["images"]):
        url = url_of(reply, index)
        assert url.startswith(f"{s3.origin}/pictures/kept/20") and "X-Amz-Signature=" in url and SECRET_KEY not in url
        got = call(url)
        assert got.status == 200 and got.body.startswith(b"\x89PNG") and len(got.body) == image["bytes"]
        assert got.headers["content-type"] == "image/png"
        assert re.fullmatch(r"private, max-age=(3600|359\d), immutable", got.headers["cache-control"])
        assert 3599 <= image["expires_at"] - reply.json["created"] <= 3601
    assert len(s3.puts) == 2 and s3.refusals == []
    assert call(re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=7200", url_of(reply))).status == 403


@pytest.mark.parametrize("kind, data", (("png", PNG), ("jpeg", JPEG), ("webp", WEBP), ("gif", GIF)))
def test_each_format_has_its_own_type(keeps, s3, openai_factory, kind, data):
    studio = openai_factory(family="dalle")
    g = keeps(http=provider("studio", studio))
    studio.next(Json({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()}]}))
    url = url_of(g.generate(model="studio/sdxl", response_format="url"))
    got = call(url)
    assert (got.body, got.headers["content-type"]) == (data, f"image/{kind}") and f".{kind}?" in url


@pytest.mark.parametrize("size", (3_000_000, 3_000_001, 3_000_002))
def test_a_large_image_is_put_whole_by_one_request(keeps, s3, openai, size):
    g = keeps(http=provider("openai", openai))
    openai.image_bytes = size
    reply = g.generate(model="openai/gpt-image-2", response_format="url")
    sent = base64.b64decode(openai.document(openai.requests[0])["data"][0]["b64_json"])
    (body, _), = s3.objects.values()
    assert url_of(reply).startswith(s3.origin) and body == sent and len(body) == size
    assert len(s3.puts) == 1 and s3.puts[0].headers["content-length"] == str(size)


def test_with_a_public_address_links_are_short(keeps, s3):
    s3.public = True
    g = keeps(f"public={s3.origin}/pictures/kept/")
    reply = g.generate(**ASK)
    url = url_of(reply)
    assert re.fullmatch(rf"{s3.origin}/pictures/kept/\d{{8}}T\d{{6}}Z/[a-z2-7]{{26}}\.png", url)
    got = call(url)
    assert got.status == 200
    assert re.fullmatch(r"public, max-age=(3600|359\d), immutable", got.headers["cache-control"])


@pytest.mark.parametrize("prefix", ("", "a", "a/b/", "with space", "ü/%2F+&=?#", "a~b-c_d.e", "$(x)@!*,;:"))
def test_any_prefix_is_signed_and_linked_right(keeps, s3, prefix):
    g = keeps(prefix=prefix)
    reply = g.generate(**ASK)
    assert adjusted(reply) == [], g.error_log()
    key, = s3.objects
    assert key.startswith(prefix.rstrip("/")) and group_of(key)
    assert call(url_of(reply)).status == 200


def test_a_store_behind_tls_is_trusted_by_its_own_ca(gateway, certs):
    with S3(tls=certs.good) as s3:
        trusted = gateway(OPEN + store(s3, f"ca={certs.ca}").replace("127.0.0.1", "localhost"), SANDBOX, env=ENV)
        assert url_of(trusted.generate(**ASK)).startswith(f"https://localhost:{s3.port}/pictures/kept/")
        stranger = gateway(OPEN + store(s3).replace("127.0.0.1", "localhost"), SANDBOX, env=ENV)
        assert url_of(stranger.generate(**ASK)).startswith("data:")


def test_the_bucket_may_be_in_the_host(gateway):
    with S3() as s3:
        s3.in_host = True
        address = s3.origin.replace("127.0.0.1", "localhost")
        g = gateway(f"{OPEN} image_gateway_store s3://pictures/kept endpoint={address} region=us-east-1 style=host;", SANDBOX, env=ENV)
        reply = g.generate(**ASK)
        assert reply.status == 200
        if url_of(reply).startswith("http"):  # "pictures.localhost" has an address on this machine
            assert url_of(reply).startswith(f"http://pictures.localhost:{s3.port}/kept/20") and len(s3.puts) == 1


def test_a_host_header_that_makes_no_link_does_not_matter(keeps, s3):
    g = keeps()
    body = b'{"prompt":"x","response_format":"url","size":"16x16"}'
    raw = g.connect()
    raw.send(b'POST /v1/images/generations HTTP/1.1\r\nHost: <b>\r\nContent-Type: application/json\r\n'
             b"Content-Length: %d\r\n\r\n" % len(body) + body)
    reply = raw.response()
    assert reply.status == 400 or url_of(reply).startswith(s3.origin)


def test_the_location_itself_serves_no_images(keeps, s3):
    g = keeps()
    url = url_of(g.generate(**ASK))
    name = url.partition("?")[0].rsplit("/", 1)[1]
    for path in (f"/v1/images/files/{name}?{url.partition('?')[2]}", f"/v1/images/files/{name}?expires=9999999999&signature={'0' * 64}"):
        reply = g.get(path)
        assert (reply.status, reply.json["error"]["code"]) == (404, "unknown_url")


def test_a_providers_link_is_kept_anew_only_where_the_operator_says_so(keeps, s3, openai_factory):
    studio = openai_factory(family="dalle")
    with ImagesHost() as host:
        g = keeps("rehost=on", OPEN + "image_gateway_fetch_allow 127.0.0.1;", provider("studio", studio))
        studio.next(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}]}))
        assert call(url_of(g.generate(model="studio/sdxl"))).body == PNG
        assert len(s3.objects) == 1


def test_a_replay_has_the_links_of_the_first_reply(scratch, s3, gateway):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; {store(s3)}", SANDBOX + f"image_gateway_state {scratch}/state.db;", env=ENV)
    headers = {"x-api-key": "sk-bf-a", "Idempotency-Key": "one"}
    first, second = g.generate(headers, **ASK), g.generate(headers, **ASK)
    assert second.headers["idempotent-replayed"] == "true" and url_of(first) == url_of(second)
    assert call(url_of(second)).status == 200 and len(s3.puts) == 1


# The end


def test_images_are_removed_when_they_have_expired_and_nothing_else_is(keeps, s3):
    foreign = {"kept/20200101T000000Z/thesis.pdf": (b"x", {}), "kept/holiday/" + "a" * 26 + ".png": (b"x", {}),
               "other/20200101T000000Z/" + "a" * 26 + ".png": (b"x", {}), "kept/" + "a" * 26 + ".png": (b"x", {})}
    forgotten = {f"kept/20200101T000000Z/{'a' * 25}{letter}.png": (b"x", {}) for letter in "abcdefghijklmnopqrstuvwxyz"}
    later = {"kept/29990101T000000Z/" + "a" * 26 + ".png": (b"x", {})}
    s3.objects.update(foreign | forgotten | later)
    g = keeps("ttl=2s", workers=2)
    reply = g.generate(**ASK)
    url = url_of(reply)
    assert call(url).status == 200 and reply.json["extra_fields"]["images"][0]["expires_at"] - reply.json["created"] in (2, 3)
    assert until(lambda: set(s3.objects) == set(foreign | later), 20, 0.1), set(s3.objects)
    g.wait_log(r"removed \d+ images from \"s3://pictures/kept\"")
    assert s3.refusals == []
    assert call(url).status == 403, "the link has expired as well"


def test_one_worker_looks_for_what_has_expired_and_rarely(keeps, s3):
    keeps("ttl=8h", workers=2)
    assert until(lambda: s3.lists, 10, 0.1)
    time.sleep(2)
    assert len(s3.lists) == 1


def test_a_bucket_that_may_not_be_listed_is_told_once(keeps, s3):
    s3.always_poll(Raw(403, {}, f"<Error><Code>AccessDenied</Code><Message>{SECRET_KEY}</Message></Error>"))
    g = keeps("ttl=1s")
    assert until(lambda: len(s3.lists) >= 3, 20, 0.1)
    lines = [line for line in g.log_lines("error") if "cannot remove expired images" in line]
    assert len(lines) == 1 and "status 403 AccessDenied" in lines[0] and SECRET_KEY not in g.error_log()
    assert url_of(g.generate(**ASK)).startswith(s3.origin)


# The configuration

GOOD = "image_gateway_store s3://pictures/x endpoint=http://127.0.0.1:9 region=r"
MISTAKES = {
    "no endpoint": ("image_gateway_store s3://pictures/x region=r;", "needs endpoint=URL and region=NAME"),
    "no region": ("image_gateway_store s3://pictures/x endpoint=http://a;", "needs endpoint=URL and region=NAME"),
    "max": (f"{GOOD} max=1g;", '"max" is for a store that is a directory'),
    "no bucket": ("image_gateway_store s3:// endpoint=http://a region=r;", "invalid bucket"),
    "a short bucket": ("image_gateway_store s3://ab endpoint=http://a region=r;", "invalid bucket"),
    "a bucket with a colon": ("image_gateway_store s3://a:b@c/x endpoint=http://a region=r;", "invalid bucket"),
    "dots in the prefix": ("image_gateway_store s3://pictures/a/../b endpoint=http://a region=r;", "invalid bucket"),
    "an empty part of the prefix": ("image_gateway_store s3://pictures/a//b endpoint=http://a region=r;", "invalid bucket"),
    "a long prefix": (f"image_gateway_store s3://pictures/{'a' * 801} endpoint=http://a region=r;", "invalid bucket"),
    "an endpoint with a path": ("image_gateway_store s3://pictures endpoint=http://a/b region=r;", "invalid endpoint"),
    "an endpoint with a user": ("image_gateway_store s3://pictures endpoint=http://a:b@c region=r;", "invalid endpoint"),
    "an endpoint of another kind": ("image_gateway_store s3://pictures endpoint=ftp://a region=r;", "invalid endpoint"),
    "a strange region": ("image_gateway_store s3://pictures endpoint=http://a region=a/b;", "invalid region"),
    "a secret in the configuration": (f"{GOOD} secret_key=abc;", "invalid secret_key, expected env:NAME or file:PATH"),
    "a variable that is not set": (f"{GOOD} secret_key=env:NONE_SUCH;", '"NONE_SUCH" is not set'),
    "no time": (f"{GOOD} ttl=soon;", "invalid time"), "less than a second": (f"{GOOD} ttl=10ms;", "ttl must be at least 1s"),
    "more than a link can last": (f"{GOOD} ttl=8d;", "ttl must be at most 7d"),
    "a style of no kind": (f"{GOOD} style=virtual;", "expected path or host"),
    "rehost of no kind": (f"{GOOD} rehost=yes;", "expected on or off"),
    "public without a host": (f"{GOOD} public=https://;", "invalid public"),
    "public with a query": (f"{GOOD} public=https://a/?b;", "invalid public"),
    "no such ca": (f"{GOOD} ca=DIR/none;", "none"),
    "another word": (f"{GOOD} secret=abc;", "invalid parameter"),
    "twice": (f"{GOOD} ttl=1h ttl=2h;", 'duplicate parameter "ttl"'),
    "too much": (f"{GOOD} ttl=1h public=http://a rehost=on ca=DIR/none access_key=a secret_key=env:A style=path x=1;", "invalid number of arguments"),
    "the same bucket again": (f"{GOOD}; }} location /b/ {{ {OPEN} {GOOD};", "is already defined"),
    "a key of links": (f"{GOOD}; image_gateway_store_key DIR/key;", "signed with its secret_key"),
}


@pytest.mark.parametrize("mistake, told", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_it_is_run(nginx_t, scratch, mistake, told):
    (scratch / "key").write_text("k" * 40 + "\n")
    tested = nginx_t(SANDBOX, OPEN + mistake.replace("DIR", str(scratch)), env=ENV)
    assert not tested.ok and told in tested.output, tested.output
    assert re.search(r"\[emerg\].*nginx.conf:\d+", tested.output) and "abc" not in tested.output


@pytest.mark.parametrize("more", ("image_gateway_cache on;", "image_gateway_jobs on;"))
def test_what_keeps_results_needs_a_directory(nginx_t, scratch, more):
    tested = nginx_t(SANDBOX + f"image_gateway_state {scratch}/state.db;", OPEN + more + GOOD + ";", env=ENV)
    assert not tested.ok and "results are not kept in a bucket" in tested.output, tested.output


def test_its_keys_may_be_in_files_and_are_shown_nowhere(scratch, nginx_t, gateway, s3):
    (scratch / "secret").write_text(SECRET_KEY + "\n")
    options = f"access_key={ACCESS_KEY} secret_key=file:{scratch}/secret"
    g = gateway(OPEN + store(s3, options), SANDBOX, env={})
    assert url_of(g.generate(**ASK)).startswith(s3.origin)
    assert SECRET_KEY not in g.error_log()
    tested = nginx_t(SANDBOX, OPEN + GOOD + ";", env={})
    assert not tested.ok and '"AWS_ACCESS_KEY_ID" is not set' in tested.output
