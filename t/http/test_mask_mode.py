"""mask_mode "exact": outside of the mask the reply has the original's pixels, whatever the model returned. And what becomes of
Content Credentials, which the image loses by that."""

import base64
import io
import json
import random
import time

import pytest
from fakes.credentials import with_credentials
from fakes.edited import mask, saved
from fakes.event_stream import Events
from fakes.openai import Images, Json
from harness import background, form, key_entry, provider, write_keys
from harness.gateway import until
from harness.links import ALLOW
from PIL import Image

OPEN = "image_gateway; image_gateway_auth off;"
MODEL = "openai/gpt-image-1.5"
STRICT = {"X-Image-Gateway-Fit": "strict"}
WIDTH, HEIGHT = 64, 48


def noise(seed: int, size=(WIDTH, HEIGHT), mode="RGB") -> Image.Image:
    return Image.frombytes(mode, size, random.Random(seed).randbytes(size[0] * size[1] * len(mode)))


ORIGINAL = noise(1)
RETURNED = noise(2)  # a model that renders all of it anew
LEFT = mask()  # to edit


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def returns(*contents: bytes) -> Images:
    """An answer to an edit with these images."""
    return Images(change=lambda document: {**document, "data": [{"b64_json": b64(one)} for one in contents]})


def opened(reply, index=0) -> Image.Image:
    assert reply.status == 200, reply
    return Image.open(io.BytesIO(base64.b64decode(reply.json["data"][index]["b64_json"], validate=True)))


def facts(reply) -> list:
    return reply.json["extra_fields"]["images"]


def listed(reply, param="mask_mode") -> list:
    return [one for one in reply.json["extra_fields"].get("adjustments", []) if one["param"] == param]


def boxes(image: Image.Image, *sizes) -> list:
    return [image.convert("RGB").crop(box).tobytes() for box in sizes]


@pytest.fixture
def g(gateway, openai):
    return gateway(OPEN, provider("openai", openai) + "image_provider sandbox { api sandbox; }")


def edit(g, headers=(), original=None, mask_file=LEFT, **fields):
    files = [("image", saved(ORIGINAL) if original is None else original)]
    files += [("mask", mask_file)] if mask_file else []
    return g.edit(files, headers, **{"model": MODEL, "mask_mode": "exact", **fields})


def test_outside_of_the_mask_every_pixel_is_the_original(g, openai):
    openai.next(returns(saved(RETURNED)))
    reply = edit(g, STRICT)
    image = opened(reply)
    assert image.format == "PNG" and image.size == (WIDTH, HEIGHT)
    kept, inside = (32, 0, WIDTH, HEIGHT), (0, 0, 32 - 8, HEIGHT)
    assert boxes(image, kept) == boxes(ORIGINAL, kept)
    assert boxes(image, inside) == boxes(RETURNED, inside)
    assert image.convert("RGB").tobytes() not in (ORIGINAL.tobytes(), RETURNED.tobytes())
    assert facts(reply)[0]["outside_mask_changed"] == 1
    assert facts(reply)[0]["bytes"] == len(base64.b64decode(reply.json["data"][0]["b64_json"]))
    assert not listed(reply) and not listed(reply, "mask_feather")
    openai.next(returns(saved(RETURNED)))
    hard = opened(edit(g, mask_feather=0))
    assert boxes(hard, (0, 0, 32, HEIGHT)) == boxes(RETURNED, (0, 0, 32, HEIGHT))
    openai.next(returns(saved(RETURNED)))
    assert opened(edit(g, mask_mode="model")).convert("RGB").tobytes() == RETURNED.tobytes()
    sent = json.dumps([one.body.decode("latin-1") for one in openai.work])
    assert "mask_mode" not in sent and "mask_feather" not in sent


def test_a_mask_that_is_opaque_changes_no_pixel(g, openai):
    opaque = saved(Image.new("RGBA", (WIDTH, HEIGHT), (9, 9, 9, 255)))
    for original in (ORIGINAL, noise(3, mode="RGBA"), ORIGINAL.quantize(200)):
        openai.next(returns(saved(RETURNED)))
        reply = edit(g, original=saved(original), mask_file=opaque)
        assert opened(reply).convert("RGBA").tobytes() == original.convert("RGBA").tobytes()
        assert facts(reply)[0]["outside_mask_changed"] > 0.99


def test_the_share_of_changed_pixels_is_that_of_the_kept_ones(g, openai):
    partly = ORIGINAL.copy()
    partly.paste((1, 2, 3), (48, 0, 64, 24))  # a quarter of the right half
    partly.paste((1, 2, 3), (0, 0, 32, 48))
    openai.next(returns(saved(partly)))
    assert facts(edit(g))[0]["outside_mask_changed"] == 0.25
    openai.next(returns(saved(ORIGINAL)))
    assert facts(edit(g))[0]["outside_mask_changed"] == 0
    assert "outside_mask_changed" not in facts(edit(g, mask_mode="model"))[0]


def test_each_image_of_a_request_is_put_together(g, openai):
    others = [saved(noise(seed)) for seed in (4, 5)] + [saved(noise(6, (40, 40)))]
    openai.next(returns(*others))
    reply = edit(g, n=3)
    kept = (32, 0, WIDTH, HEIGHT)
    assert [boxes(opened(reply, index), kept) == boxes(ORIGINAL, kept) for index in (0, 1)] == [True, True]
    assert opened(reply, 2).size == (40, 40)
    assert [one.get("outside_mask_changed") is None for one in facts(reply)] == [False, False, True]
    only, = listed(reply)
    assert (only["requested"], only["sent"]) == ("exact", "model")
    assert only["reason"] == ("image 2 is as the model returned it outside of the mask, too: the returned image has 40x40 pixels, "
                              "the original 64x48")


@pytest.mark.parametrize("returned, why", (
    (saved(RETURNED, "JPEG"), "a jpeg image, not a png"), (saved(RETURNED, "WEBP"), "a webp image, not a png"),
    (saved(RETURNED)[:-60] + saved(RETURNED)[-12:], "the returned image"), (saved(noise(1, (48, 64))), "48x64 pixels")))
def test_what_cannot_be_put_together_comes_as_it_is(g, openai, returned, why):
    for headers in ((), STRICT):
        openai.next(returns(returned))
        reply = edit(g, headers)
        assert base64.b64decode(reply.json["data"][0]["b64_json"]) == returned
        assert "outside_mask_changed" not in facts(reply)[0]
        assert why in listed(reply)[0]["reason"], "also strict fitting: it is paid for"


def rotated(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(image, exif=exif)


@pytest.mark.parametrize("change, field, why", (
    ({"mask_file": None}, "mask_mode", "the request has no mask"),
    ({"original": saved(ORIGINAL, "JPEG")}, "mask_mode", "the first image is a jpeg, not a png"),
    ({"original": rotated(ORIGINAL)}, "mask_mode", "the first image has an EXIF orientation"),
    ({"original": saved(Image.frombytes("I;16", (WIDTH, HEIGHT), bytes(WIDTH * HEIGHT * 2)))}, "mask_mode",
     "the first image has 16 bits per channel"),
    ({"output_format": "webp"}, "mask_mode", "the images will be webp, not png"),
    ({"size": "1024x1024"}, "mask_mode", "the images will have 1024x1024 pixels, the first image has 64x48"),
    ({"mask_mode": "model", "mask_feather": 2}, "mask_feather", "only for mask_mode exact")))
def test_what_is_known_beforehand_is_listed_and_strict_fitting_refuses_it(g, openai, change, field, why):
    reply = edit(g, STRICT, **change)
    assert (reply.status, reply.json["error"]["param"]) == (400, field) and why in reply.json["error"]["message"]
    assert not openai.work, "before anything is spent"
    reply = edit(g, **change)
    assert reply.status == 200, (reply, openai.refusals)
    assert [one["reason"] for one in listed(reply, field)] == [why]
    assert "outside_mask_changed" not in facts(reply)[0]


@pytest.mark.parametrize("fields", ({"mask_mode": "sharp"}, {"mask_feather": 65}, {"mask_feather": -1}, {"mask_mode": "exact", "mask_feather": "x"}))
def test_wrong_words_are_a_400(g, openai, fields):
    assert edit(g, **fields).status == 400 and not openai.work


def test_other_profiles_have_no_such_field(gateway, openai):
    g = gateway("image_gateway profile=mpilot; image_gateway_auth off;", provider("openai", openai))
    openai.next(returns(saved(RETURNED)))
    reply = edit(g, response_format="b64_json")
    assert opened(reply).convert("RGB").tobytes() == RETURNED.tobytes()
    assert listed(reply)[0]["reason"] == "not a parameter of this API"


def test_an_edit_whose_mask_is_black_and_white_is_put_together(g, openai):
    black_and_white = Image.new("L", (WIDTH, HEIGHT), 0)
    black_and_white.paste(255, (0, 0, 32, HEIGHT))
    openai.next(returns(saved(RETURNED)))
    reply = edit(g, mask_file=saved(black_and_white), mask_feather=0)
    kept, inside = (32, 0, WIDTH, HEIGHT), (0, 0, 32, HEIGHT)
    assert boxes(opened(reply), kept) == boxes(ORIGINAL, kept) and boxes(opened(reply), inside) == boxes(RETURNED, inside)


def test_a_narrow_mask_has_a_smaller_feather(g, openai):
    openai.next(returns(saved(RETURNED)))
    reply = edit(g, mask_file=mask(box=(10, 10, 14, 14)), mask_feather=20)
    only, = listed(reply, "mask_feather")
    assert only["requested"] == 20 and only["sent"] < 4 and "narrow" in only["reason"]


def test_completed_images_of_a_stream_are_put_together_and_previews_are_not(g, openai):
    def rendered(sent):
        return [(name, {**event, "b64_json": b64(saved(RETURNED))}) for name, event in sent]

    openai.next(Events(rendered))
    reply = edit(g, stream="true", partial_images=1)
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    assert [one["type"] for one in events] == ["image_edit.partial_image", "image_edit.completed"]
    preview, done = (Image.open(io.BytesIO(base64.b64decode(one["b64_json"]))).convert("RGB") for one in events)
    assert preview.tobytes() == RETURNED.tobytes()
    kept = (32, 0, WIDTH, HEIGHT)
    assert boxes(done, kept) == boxes(ORIGINAL, kept) and done.tobytes() != ORIGINAL.tobytes()
    extra = events[1]["extra_fields"]
    assert extra["images"][0]["outside_mask_changed"] == 1
    assert any(one["param"] == "mask_mode" and "previews" in one["reason"] for one in extra["adjustments"])


def test_an_image_is_not_passed_through(gateway, openai):
    g = gateway(f"{OPEN} image_gateway_buffering off;", provider("openai", openai))
    size, box = (300, 200), (150, 0, 300, 200)
    original, returned = noise(1, size), saved(noise(2, size))
    files = {"original": saved(original), "mask_file": mask(*size)}
    openai.next(returns(returned), returns(returned))
    reply = edit(g, **files)
    assert "Content-Length" in reply.headers
    assert boxes(opened(reply), box) == boxes(original, box)
    assert "Content-Length" not in edit(g, mask_mode="model", **files).headers


def test_the_store_keeps_the_new_image(gateway, openai, scratch):
    g = gateway(f"{OPEN} image_gateway_store {scratch}/store;", provider("openai", openai))
    openai.next(returns(saved(RETURNED)))
    reply = edit(g, response_format="url")
    kept = g.get(reply.json["data"][0]["url"].removeprefix(g.url)).body
    box = (32, 0, WIDTH, HEIGHT)
    assert boxes(Image.open(io.BytesIO(kept)), box) == boxes(ORIGINAL, box)
    assert facts(reply)[0]["outside_mask_changed"] == 1 and facts(reply)[0]["bytes"] == len(kept)


def linked(host, content) -> Json:
    host.paths["/image"] = content
    return Json({"created": 1, "data": [{"url": f"{host.origin}/image"}]})


@pytest.mark.parametrize("store, form", (("", "b64_json"), ("", None), ("rehost=off", "url"), ("rehost=on", "url"), ("rehost=on", None)))
def test_links_are_fetched_for_it_and_stay_links_if_it_is_not_possible(gateway, openai, host, scratch, store, form):
    keep = f"image_gateway_store {scratch}/store {store};" if store else ""
    g = gateway(f"{OPEN} {ALLOW} {keep}", provider("openai", openai))

    def content_of(reply):
        one = reply.json["data"][0]
        if "b64_json" in one:
            return base64.b64decode(one["b64_json"])
        assert one["url"].startswith(g.url)
        return g.get(one["url"].removeprefix(g.url)).body

    openai.next(linked(host, saved(RETURNED)))
    reply = edit(g, response_format=form)
    box = (32, 0, WIDTH, HEIGHT)
    assert boxes(Image.open(io.BytesIO(content_of(reply))), box) == boxes(ORIGINAL, box)
    small = saved(noise(1, (8, 8)))
    openai.next(linked(host, small))
    reply = edit(g, response_format=form)
    assert "8x8 pixels" in listed(reply)[0]["reason"]
    if form == "b64_json" or store == "rehost=on":
        assert content_of(reply) == small
    else:
        assert reply.json["data"][0]["url"] == f"{host.origin}/image", "as the provider sent it"
    openai.next(Json({"created": 1, "data": [{"url": f"{host.origin}/nothing"}]}))
    reply = edit(g, response_format=form)
    assert reply.json["data"][0]["url"] == f"{host.origin}/nothing"
    assert "its link could not be fetched" in listed(reply)[0]["reason"]


def test_content_credentials_are_lost_and_the_reply_says_so(g, openai):
    openai.next(returns(with_credentials(saved(RETURNED))))
    reply = edit(g)
    assert facts(reply)[0]["provenance"] == "c2pa_lost"
    assert b"caBX" not in base64.b64decode(reply.json["data"][0]["b64_json"])
    only, = listed(reply)
    assert (only["requested"], only["sent"]) == ("exact", "exact") and "Content Credentials are lost" in only["reason"]


def test_an_operator_may_require_that_content_credentials_are_kept(gateway, openai):
    g = gateway(f"{OPEN} image_gateway_provenance require;", provider("openai", openai))
    signed = with_credentials(saved(RETURNED))
    for headers in ((), STRICT):
        openai.next(returns(signed))
        reply = edit(g, headers)
        assert base64.b64decode(reply.json["data"][0]["b64_json"]) == signed
        assert facts(reply)[0]["provenance"] == "c2pa" and "outside_mask_changed" not in facts(reply)[0]
        assert "image_gateway_provenance" in listed(reply)[0]["reason"]
    openai.next(returns(saved(RETURNED)))
    reply = edit(g)
    assert facts(reply)[0]["provenance"] is None and facts(reply)[0]["outside_mask_changed"] == 1


def test_what_takes_too_much_memory_is_not_begun(gateway, openai):
    g = gateway(OPEN, provider("openai", openai) + "image_gateway_memory 8m;")
    for side, begun in ((500, True), (1000, False)):
        original = Image.new("RGB", (side, side), (1, 2, 3))
        openai.next(returns(saved(Image.new("RGB", (side, side), (9, 9, 9)))))
        reply = edit(g, original=saved(original), mask_file=mask(side, side))
        assert ("outside_mask_changed" in facts(reply)[0]) == begun, reply
        assert begun or "this may need 8 MB of memory" in listed(reply)[0]["reason"]


def test_clients_that_leave_keep_nobody_waiting(gateway, openai):
    g = gateway(OPEN, provider("openai", openai))
    side = 2000
    returned, original = saved(Image.new("RGB", (side, side), (9, 9, 9))), saved(Image.new("RGB", (side, side), (1, 2, 3)))
    answer = Json({"created": 1, "data": [{"b64_json": b64(returned)}] * 4})
    content_type, body = form([("image", original), ("mask", mask(side, side)), ("model", MODEL), ("prompt", "a"), ("n", "4"),
                               ("mask_mode", "exact")])
    for number in range(4):
        openai.next(answer)
        raw = g.connect()
        raw.send(f"POST /v1/images/edits HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n")
        raw.send(body)
        assert until(lambda: len(openai.work) > number and openai.in_flight == 0, 30)
        time.sleep(0.1)  # the images are being put together
        raw.close()
    openai.next(returns(saved(RETURNED)))
    assert facts(edit(g))[0]["outside_mask_changed"] == 1


def test_neighbours_get_their_own_pixels(g, openai):
    def one(seed):
        original = noise(100 + seed)
        reply = edit(g, original=saved(original), mask_feather=0)
        box = (32, 0, WIDTH, HEIGHT)
        return boxes(opened(reply), box) == boxes(original, box)
    waiting = [background(one, seed) for seed in range(12)]
    assert all(future.result(60) for future in waiting)


def test_what_is_kept_is_kept_for_the_same_mask_mode(scratch, gateway, openai):
    """A repeated key gets the same image; the cache never gives one mode's image for the other."""
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-a")])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_store {scratch}/store;",
                f"image_gateway_state {scratch}/state/state.db; image_gateway_cache on unseeded=on;" + provider("openai", openai))
    caller = {"x-api-key": "sk-a"}
    openai.next(*[returns(saved(RETURNED))] * 4)
    first = edit(g, {**caller, "Idempotency-Key": "k"})
    second = edit(g, {**caller, "Idempotency-Key": "k"})
    assert second.headers["idempotent-replayed"] == "true" and first.json["data"] == second.json["data"]
    assert facts(second)[0]["outside_mask_changed"] == 1 and len(openai.work) == 1
    assert edit(g, {**caller, "Idempotency-Key": "k"}, mask_feather=0).status == 422
    modes = [{"mask_mode": "model"}, {"mask_feather": 0}, {"mask_mode": "model"}, {"mask_feather": 0}]
    images = [opened(edit(g, caller, **mode)).convert("RGB").tobytes() for mode in modes]
    assert images[0] == images[2] == RETURNED.tobytes() and images[1] == images[3]
    hard, kept = Image.frombytes("RGB", (WIDTH, HEIGHT), images[1]), (32, 0, WIDTH, HEIGHT)
    assert boxes(hard, kept) == boxes(ORIGINAL, kept)


def test_the_sandbox_changes_nothing_outside(g):
    reply = edit(g, STRICT, model="sandbox/placeholder")
    assert facts(reply)[0]["outside_mask_changed"] == 0
    assert boxes(opened(reply), (32, 0, WIDTH, HEIGHT)) == boxes(ORIGINAL, (32, 0, WIDTH, HEIGHT))
