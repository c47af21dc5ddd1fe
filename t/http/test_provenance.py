"""Content Credentials (C2PA): what a provider signed reaches the client and the store unchanged, and the reply says that
it is there."""

import base64
import hashlib

import pytest
from fakes.credentials import avif, with_credentials
from fakes.event_stream import COMPLETED, PARTIAL, Events
from fakes.images_host import GIF, JPEG, PNG, WEBP
from fakes.openai import Json
from fakes.sample_images import sample_image
from harness import provider
from harness.links import ALLOW, OPEN
from test_streams import events, stream

SIGNED = {"png": with_credentials(PNG), "jpeg": with_credentials(JPEG), "webp": with_credentials(WEBP),
          "avif": avif(64, 48, credentials=True)}
PLAIN = {"png": PNG, "jpeg": JPEG, "webp": WEBP, "gif": GIF, "avif": avif(64, 48, credentials=False)}
ALL = [(kind, data, "c2pa") for kind, data in SIGNED.items()] + [(kind, data, None) for kind, data in PLAIN.items()]
EACH = pytest.mark.parametrize("kind, data, provenance", ALL, ids=[f"{kind}-{said}" for kind, _, said in ALL])


def hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def decoded(text: str) -> str:
    return hashed(base64.b64decode(text, validate=True))


def with_bytes(*images) -> Json:
    return Json({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()} for data in images]})


def said(reply) -> list:
    assert reply.status == 200, reply
    return [image["provenance"] for image in reply.json["extra_fields"]["images"]]


@pytest.fixture
def keeps(scratch, gateway, studio):
    return gateway(f"{OPEN} {ALLOW} image_gateway_store {scratch}/store rehost=on;", provider("studio", studio))


def stored(scratch, kind) -> list:
    return [hashed(one.read_bytes()) for one in (scratch / "store").rglob(f"*.{kind}")]


@EACH
def test_bytes_are_given_as_they_came(gateway, studio, kind, data, provenance):
    g = gateway(OPEN, provider("studio", studio))
    studio.next(with_bytes(data))
    reply = g.generate(model="studio/sdxl", response_format="b64_json")
    assert decoded(reply.json["data"][0]["b64_json"]) == hashed(data)
    assert reply.json["extra_fields"]["images"] == [{"index": 0, "width": 64, "height": 48, "format": kind,
                                                     "bytes": len(data), "provenance": provenance}]


@EACH
def test_a_fetched_link_is_given_as_it_came(ask, host, kind, data, provenance):
    host.paths["/image"] = data
    reply = ask()(host.origin + "/image")
    assert decoded(reply.json["data"][0]["b64_json"]) == hashed(data) and said(reply) == [provenance]


@EACH
def test_the_store_keeps_and_serves_bytes_as_they_came(scratch, keeps, studio, host, kind, data, provenance):
    host.paths["/image"] = data
    for answer in (with_bytes(data), Json({"created": 1, "data": [{"url": host.origin + "/image"}]})):
        studio.next(answer)
        reply = keeps.generate(model="studio/sdxl", response_format="url")
        assert said(reply) == [provenance]
        got = keeps.get(reply.json["data"][0]["url"].removeprefix(keeps.url))
        assert (got.status, got.headers["content-type"]) == (200, f"image/{kind}") and hashed(got.body) == hashed(data)
    assert stored(scratch, kind) == [hashed(data)] * 2


@EACH
def test_a_data_url_has_the_bytes_as_they_came(gateway, studio, kind, data, provenance):
    g = gateway(OPEN, provider("studio", studio))
    studio.next(with_bytes(data))
    reply = g.generate(model="studio/sdxl", response_format="url")
    prefix, text = reply.json["data"][0]["url"].split(",")
    assert prefix == f"data:image/{kind};base64" and decoded(text) == hashed(data) and said(reply) == [provenance]


@pytest.mark.parametrize("kind", ("png", "jpeg", "webp"))
def test_an_image_that_is_passed_through_is_read_as_it_goes_by(gateway, studio, kind):
    """Also where the credentials come last, as in a WebP, when nearly all has been sent."""
    g = gateway(OPEN + "image_gateway_buffering off;", provider("studio", studio))
    plain = sample_image(64, 48, kind, size_bytes=900_000)
    for data, provenance in ((with_credentials(plain), "c2pa"), (plain, None)):
        studio.next(with_bytes(data))
        reply = g.generate(model="studio/sdxl", response_format="b64_json")
        assert "Content-Length" not in reply.headers, "it is passed through"
        assert decoded(reply.json["data"][0]["b64_json"]) == hashed(data) and said(reply) == [provenance]
        assert reply.json["extra_fields"]["images"][0]["bytes"] == len(data)


def test_a_link_whose_bytes_are_not_seen_says_nothing(gateway, studio, host):
    host.paths["/image"] = SIGNED["png"]
    studio.next(Json({"created": 1, "data": [{"url": host.origin + "/image"}]}))
    reply = gateway(OPEN, provider("studio", studio)).generate(model="studio/sdxl", response_format="url")
    assert reply.json["data"][0]["url"] == host.origin + "/image" and said(reply) == [None]


def test_it_is_said_of_each_image(gateway, studio):
    g = gateway(OPEN, provider("studio", studio))
    studio.next(with_bytes(PNG, SIGNED["webp"], SIGNED["jpeg"]))
    reply = g.generate(model="studio/sdxl", response_format="b64_json", n=3)
    assert [decoded(one["b64_json"]) for one in reply.json["data"]] == [
        hashed(PNG), hashed(SIGNED["webp"]), hashed(SIGNED["jpeg"])]
    assert said(reply) == [None, "c2pa", "c2pa"]


@pytest.mark.parametrize("form", ("b64_json", "url"))
@pytest.mark.parametrize("kind", SIGNED)
def test_events_of_a_stream_have_the_bytes_as_they_came(scratch, gateway, openai, kind, form):
    data = SIGNED[kind]

    def signed(sent):
        return [(name, {**event, "b64_json": base64.b64encode(data).decode()}) for name, event in sent]

    g = gateway(f"{OPEN} image_gateway_store {scratch}/store;", provider("p", openai))
    openai.next(Events(signed))
    found = events(stream(g, "p/gpt-image-1.5", partial_images=1, response_format=form).text)
    assert [name for name, _ in found] == [PARTIAL, COMPLETED]
    preview, done = found[0][1], found[1][1]
    assert decoded(preview["b64_json"] if form == "b64_json" else preview["url"].split(",")[1]) == hashed(data)
    image, = done["extra_fields"]["images"]
    assert (image["format"], image["provenance"]) == (kind, "c2pa")
    if form == "b64_json":
        assert decoded(done["b64_json"]) == hashed(data)
    else:
        assert hashed(g.get(done["url"].removeprefix(g.url)).body) == hashed(data) == stored(scratch, kind)[0]
