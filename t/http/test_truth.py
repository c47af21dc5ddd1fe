"""The facts about images in a reply are those of their bytes."""

import base64
from itertools import product

import pytest
from fakes.openai import Json
from fakes.sample_images import sample_image
from fakes.images_host import GIF, JPEG, PNG, WEBP
from harness import provider

OPEN = "image_gateway; image_gateway_auth off;"
MODEL = "openai/gpt-image-2"
IMAGES = {"png": PNG, "jpeg": JPEG, "webp": WEBP, "gif": GIF}


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def g(gateway, openai):
    return gateway(OPEN, provider("openai", openai) + f"image_model auto {MODEL};")


@pytest.fixture
def gives(g, openai):
    """Sends a request; the provider returns these bytes."""
    def ask(*images, told=None, headers=(), **fields):
        openai.next(Json({"created": 1, **(told or {}), "data": [{"b64_json": coded(one)} for one in images]}))
        return g.generate(headers, model=MODEL, **{"n": len(images), **fields})
    return ask


def adjusted(reply) -> dict:
    return {one["param"]: one["reason"] for one in reply.json["extra_fields"].get("adjustments", [])}


# Facts


def test_each_format_tells_its_own_facts(gives):
    for kind, data in IMAGES.items():
        reply = gives(data)
        assert reply.json["extra_fields"]["images"] == [
            {"index": 0, "width": 64, "height": 48, "format": kind, "bytes": len(data), "provenance": None}]
        assert (reply.json["output_format"], reply.json["size"]) == (kind, "64x48")


def test_facts_of_all_sizes_are_those_of_the_bytes(g, openai):
    for size, kind, padded in (("1024x1024", "png", 3_000_001), ("1536x1024", "jpeg", 200_001), ("816x1456", "webp", 0)):
        openai.image_bytes = padded
        reply = g.generate(model=MODEL, size=size, output_format=kind, n=2)
        width, height = map(int, size.split("x"))
        sent = [len(base64.b64decode(one["b64_json"])) for one in reply.json["data"]]
        assert reply.json["extra_fields"]["images"] == [
            {"index": index, "width": width, "height": height, "format": kind, "bytes": sent[index], "provenance": None} for index in range(2)]
        assert adjusted(reply) == {} and (not padded or sent == [padded] * 2)


def test_images_of_one_answer_may_differ_and_each_says_what_it_is(gives):
    reply = gives(PNG, JPEG, sample_image(32, 16, "webp"), GIF)
    assert [(one["index"], one["format"], one["width"], one["height"]) for one in reply.json["extra_fields"]["images"]] == [
        (0, "png", 64, 48), (1, "jpeg", 64, 48), (2, "webp", 32, 16), (3, "gif", 64, 48)]


def test_a_data_url_names_the_format_of_the_bytes(gives):
    for kind, data in IMAGES.items():
        reply = gives(data, response_format="url", output_format="png")
        assert reply.json["data"][0]["url"] == f"data:image/{kind};base64,{coded(data)}"
        assert ("output_format" in adjusted(reply)) == (kind != "png")


# Images that differ from the request


def test_bytes_win_over_the_provider_s_words_in_every_respect(gives):
    told = {"size": "1024x1024", "output_format": "webp"}
    reply = gives(JPEG, told=told, size="1024x1024", output_format="webp")
    assert (reply.json["size"], reply.json["output_format"]) == ("64x48", "jpeg")
    assert adjusted(reply) == {"size": "the provider made 64x48", "output_format": "the provider made jpeg"}
    reply = gives(JPEG, told=told)
    assert (reply.json["size"], reply.json["output_format"]) == ("64x48", "jpeg") and adjusted(reply) == {}


def test_what_is_as_asked_is_no_adjustment_whatever_the_provider_says(gives):
    right = sample_image(1024, 1024, "webp")
    reply = gives(right, told={"size": "64x64", "output_format": "png"}, size="1024x1024", output_format="webp")
    assert adjusted(reply) == {} and (reply.json["size"], reply.json["output_format"]) == ("1024x1024", "webp")


def test_a_size_of_the_provider_s_choice_is_no_adjustment(gives):
    assert adjusted(gives(PNG, size="auto")) == {}


def test_fewer_images_than_asked_are_an_adjustment(gives):
    assert adjusted(gives(PNG, n=3)) == {"n": "the provider made only 1"}


def test_a_ratio_that_was_not_kept_is_an_adjustment(gives):
    reply = gives(sample_image(1024, 1024), aspect_ratio="16:9")
    assert any("1024x1024" in reason for reason in adjusted(reply).values()), adjusted(reply)


def test_a_second_image_of_another_size_is_an_adjustment(gives):
    reply = gives(sample_image(1024, 1024), PNG, size="1024x1024")
    assert "size" in adjusted(reply)


# Bytes that are not images


NO_IMAGES = {
    "text": b"hello world, this is no image at all", "a page": b"<!doctype html><html><title>Sorry</title></html>",
    "json": b'{"error": {"message": "no"}}', "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a magic number": b"\x89PNG\r\n\x1a\n", "a png cut off in its header": PNG[:26], "a jpeg cut off": JPEG[:30],
    "a webp cut off": WEBP[:20], "a gif cut off": GIF[:9], "a png of no size": PNG[:16] + bytes(8) + PNG[24:],
    "a bitmap": b"BM" + bytes(60), "a document": b"%PDF-1.7\n" + bytes(60), "zeros": bytes(1000), "one byte": b"\x89",
}


def test_bytes_that_are_no_image_are_never_a_success_and_may_be_billed(gives, openai):
    for name, data in NO_IMAGES.items():
        reply = gives(data)
        assert reply.status == 502, (name, reply)
        attempt, = reply.json["extra_fields"]["attempts"]
        assert attempt["outcome"] == "unknown", name
        assert coded(data) not in reply.text and "b64_json" not in reply.text
    assert len(openai.requests) == len(NO_IMAGES), "asked again, it would be billed again"


def test_text_that_is_not_base64_is_never_a_success(g, openai):
    for text in ("", "<html>", "****", "iVBOR", coded(PNG)[:40] + "<", "data:image/png;base64,", "data:,x", None, 7, [coded(PNG)]):
        openai.next(Json({"created": 1, "data": [{"b64_json": text}]}))
        reply = g.generate(model=MODEL)
        assert reply.status == 502 and reply.json["extra_fields"]["attempts"][0]["outcome"] == "unknown", (text, reply)


def test_one_of_several_that_is_no_image_is_left_out_and_told(gives):
    for place in range(3):
        images = [PNG, JPEG, WEBP]
        images[place] = b"<html>no image</html>"
        reply = gives(*images)
        assert reply.status == 200 and len(reply.json["data"]) == 2
        assert [one["index"] for one in reply.json["data"]] == [0, 1] == [one["index"] for one in reply.json["extra_fields"]["images"]]
        assert [base64.b64decode(one["b64_json"]) for one in reply.json["data"]] == [one for one in images if b"html" not in one]
        assert adjusted(reply) == {"n": "the provider made only 2"}


# Links and bytes, whichever the provider returns


PROFILES = ("unified", "mka1", "mka1-2025", "kkiai", "truefoundry", "mpilot")
MODELS = {"openai/gpt-image-2": "b64_json", "studio/sdxl": "url", "sandbox/placeholder": "b64_json"}


@pytest.mark.parametrize("store", ("with", "without"))
def test_each_form_works_for_every_api_and_every_provider(gateway, openai, openai_factory, scratch, store):
    studio = openai_factory(family="dalle")
    http = provider("openai", openai) + provider("studio", studio) + "image_provider sandbox { api sandbox; }"
    http += "image_gateway_fetch_allow 127.0.0.1;" + (f"image_gateway_store {scratch}/store;" if store == "with" else "")
    g = gateway(OPEN, http, extra_locations="".join(
        f"location /{one}/ {{ image_gateway profile={one}; image_gateway_auth off; }}" for one in PROFILES))
    for profile, (model, made), asked in product(PROFILES, MODELS.items(), (None, "url", "b64_json")):
        fields = {"aspect_ratio": "1:1"} if profile == "kkiai" else {}
        fields |= {"response_format": asked} if asked else {}
        case = (profile, model, asked)
        reply = g.generate(path=f"/{profile}/images/generations", model=model, **fields)
        assert reply.status == 200, (case, reply)
        wanted = asked or (made if profile == "unified" else "url")
        one, = reply.json["data"]
        assert set(one) - {"revised_prompt"} == {wanted, "index"}, (case, reply)
        if wanted == "b64_json":
            data = base64.b64decode(one["b64_json"], validate=True)
        elif made == "url":
            assert one["url"].startswith(studio.origin), case
            continue
        elif store == "with":
            data = g.get(one["url"].removeprefix(g.url)).body
        else:
            data = base64.b64decode(one["url"].removeprefix("data:image/png;base64,"), validate=True)
        assert data.startswith(b"\x89PNG") and len(data) == reply.json["extra_fields"]["images"][0]["bytes"], case
