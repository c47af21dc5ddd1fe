"""Images that are truncated or not base64 are not returned as made."""

import base64
import json

import pytest

from fakes.behaviours import Chunked, Raw
from fakes.event_stream import Events, stream_reply
from fakes.openai import Images
from fakes.sample_images import sample_image
from harness.configuration import with_usual_http

PATH = "/v1/images/generations"
OPEN = "image_gateway; image_gateway_auth off;"
SIZE = 60_004  # its base64 ends with padding


def provider(fake, more: str = "") -> str:
    more = with_usual_http(fake, more)
    return (f"image_provider openai {{ api openai; url {fake.url}; key env:OPENAI_API_KEY; {more} }}\n"
            "image_model auto openai/gpt-image-2;\n")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def with_letter(letter: str):
    return lambda text: text[:30_000] + letter + text[30_001:]


BROKEN = {
    "a dot in the middle": with_letter("."),
    "a letter of base64url": with_letter("_"),
    "a space": with_letter(" "),
    "padding in the middle": with_letter("="),
    "one letter too many": lambda text: text.rstrip("=") + "A" * (1 + len(text) - len(text.rstrip("="))),
    "three characters of padding": lambda text: text.rstrip("=") + "===",
    "the text cut short": lambda text: text[:40_000],
    "the text cut short within a group": lambda text: text[:40_002],
    "the image cut short": lambda text: encoded(base64.b64decode(text)[:-7]),
    "the image cut at half": lambda text: encoded(base64.b64decode(text)[:30_000]),
}
FORMATS = ("png", "jpeg", "webp")


def changed(how, places=None) -> Images:
    """The normal response with all its images changed, or only those at `places`."""
    def change(document):
        for place, item in enumerate(document["data"]):
            if places is None or place in places:
                item["b64_json"] = how(item["b64_json"])
        return document
    return Images(SIZE, change)


@pytest.fixture
def broken(gateway, openai_factory):
    openai = openai_factory()
    g = gateway(OPEN, provider(openai), access_format="$image_gateway_outcome",
                extra_locations=f"location /off/ {{ {OPEN} image_gateway_buffering off; }}")
    return g, openai


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("how", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_image_is_an_unknown_outcome(broken, how, output_format):
    g, openai = broken
    openai.always(changed(how))
    reply = g.generate(output_format=output_format)
    attempt, = reply.json["extra_fields"]["attempts"]
    assert (reply.status, attempt["outcome"], attempt["code"]) == (502, "unknown", "unreadable_answer")
    assert g.access_log(1) == ["unknown"] and len(openai.work) == 1, "it may be billed: it is not asked again"


def test_of_several_images_only_those_that_are_whole_are_answered(broken):
    g, openai = broken
    openai.always(changed(with_letter("."), {1, 3}))
    reply = g.generate(n=4)
    assert reply.status == 200
    whole = [encoded(sample_image(1024, 1024, "png", index, SIZE)) for index in (0, 2)]
    assert [item["b64_json"] for item in reply.json["data"]] == whole


@pytest.mark.parametrize("how", (BROKEN["a dot in the middle"], BROKEN["the image cut short"], BROKEN["the text cut short"]),
                         ids=("a letter", "no end", "cut short"))
def test_a_broken_image_of_a_stream_is_an_error(broken, how):
    g, openai = broken
    def spoil(events):
        return [(name, {**data, "b64_json": how(data["b64_json"])} if "b64_json" in data else data)
                for name, data in events]
    openai.always(Streamed(spoil))
    reply = g.generate(stream=True)
    assert b"image_generation.completed" not in reply.body
    assert g.access_log(1) == ["unknown"]


class Streamed(Images):
    """A stream of the normal response's events, changed."""

    def __init__(self, change):
        super().__init__(SIZE)
        self.spoil = change

    def reply(self, call):
        return stream_reply(call.server.document(call.request, SIZE), 0, Events(self.spoil))


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("how", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_image_that_is_handed_on_breaks_off(broken, how, output_format):
    g, openai = broken
    openai.always(Chunked(changed(how), chunk_bytes=5_000))
    body = {"prompt": "x", "output_format": output_format}
    with g.connect().post("/off/images/generations", body, {"Connection": "close"}) as connection:
        received = connection.receive_all()
    # These JPEGs have their size far inside. A mistake that is found before it is an ordinary error.
    begun = received.startswith(b"HTTP/1.1 200")
    assert begun or (output_format == "jpeg" and received.startswith(b"HTTP/1.1 502"))
    assert not begun or not received.endswith(b"0\r\n\r\n")
    assert g.access_log(1) == ["unknown"]


@pytest.mark.parametrize("path", (PATH, "/off/images/generations"))
@pytest.mark.parametrize("size", (60_002, 60_004))
def test_missing_padding_is_added(broken, path, size):
    g, openai = broken
    def strip(document):
        for item in document["data"]:
            item["b64_json"] = item["b64_json"].rstrip("=")
        return document
    openai.always(Images(size, strip))
    reply = g.post(path, {"prompt": "x"})
    assert reply.status == 200
    assert base64.b64decode(reply.json["data"][0]["b64_json"], validate=True) == sample_image(1024, 1024, "png", 0, size)
    assert reply.json["extra_fields"]["images"][0]["bytes"] == size


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("path", (PATH, "/off/images/generations"))
def test_a_whole_image_is_taken(broken, path, output_format):
    g, openai = broken
    openai.always(Images(SIZE))
    reply = g.post(path, {"prompt": "x", "output_format": output_format})
    assert reply.status == 200
    assert base64.b64decode(reply.json["data"][0]["b64_json"]) == sample_image(1024, 1024, output_format, 0, SIZE)


def test_a_jpeg_with_a_few_bytes_behind_its_end_is_taken(broken):
    g, openai = broken
    openai.always(changed(lambda text: encoded(base64.b64decode(text) + b"\r\n\0\0")))
    assert g.generate(output_format="jpeg").status == 200


def test_an_image_behind_a_link_that_is_cut_short_stays_a_link(gateway, openai_factory):
    host = openai_factory(family="dalle")
    whole = sample_image(16, 16, size_bytes=5_000)
    host._files.update({"/files/0.png": whole, "/files/1.png": whole[:-5]})
    openai = openai_factory(family="dalle")
    openai.always(Raw(200, {"Content-Type": "application/json"},
                      json.dumps({"created": 1, "data": [{"url": f"{host.origin}/files/{i}.png"} for i in range(2)]})))
    g = gateway(OPEN + "image_gateway_fetch_allow 127.0.0.0/8;",
                f"image_provider p {{ api openai; url {openai.url}; key env:OPENAI_API_KEY; }} image_model auto p/dall-e-2;")
    reply = g.generate(n=2, response_format="b64_json")
    assert base64.b64decode(reply.json["data"][0]["b64_json"]) == whole
    assert reply.json["data"][1]["url"].endswith("/files/1.png")
