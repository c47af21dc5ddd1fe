"""Edits by Stability, Hugging Face, Cloudflare and AUTOMATIC1111: each image and mask reaches the provider in its form."""

import base64
import io
from typing import Callable, NamedTuple, Optional

import pytest
from fakes.automatic1111 import EDIT_PATH, Automatic1111
from fakes.cloudflare import MODELS, Cloudflare, images_of, input_of
from fakes.edited import mask, opened, original, painted_box, saved
from fakes.huggingface import HuggingFace
from fakes.sample_images import sample_image
from fakes.stability import ROOT, Stability, form_of, parts_of
from harness import provider
from PIL import Image

OPEN = ("image_gateway; image_gateway_auth off;"
        "image_gateway_unknown_fields pass search_prompt select_prompt left up control_strength mode strange;")
WIDTH, HEIGHT = 96, 64
BOX = (16, 8, 48, 40)


class Row(NamedTuple):
    """A provider, and its models for each case. `images`: what the provider got, given its fake's request."""

    api: str
    fake: Callable
    images: Callable
    edits: str
    masks: Optional[str] = None
    several: Optional[tuple] = None  # a model, and how many images it takes
    varies: Optional[str] = None
    cannot: Optional[str] = None  # a model that takes no images


def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def cloudflare_images(request) -> list:
    return images_of(request, MODELS[request.path.split("/run/")[1]])


ROWS = [
    Row("stability", Stability, lambda request: [one.content for one in parts_of(request)[1]], "sd3.5-large", "edit/inpaint",
        ("control/style-transfer", 2), None, "stable-image-core"),
    Row("huggingface", HuggingFace, lambda request: [decoded(request.json["inputs"])], "black-forest-labs/FLUX.1-Kontext-dev",
        cannot="black-forest-labs/FLUX.1-schnell"),
    Row("cloudflare-workers-ai", Cloudflare, cloudflare_images, "@cf/runwayml/stable-diffusion-v1-5-img2img", None,
        ("@cf/black-forest-labs/flux-2-klein-4b", 4), None, "@cf/runwayml/stable-diffusion-v1-5-inpainting"),
    Row("automatic1111", Automatic1111, lambda request: [decoded(one) for one in request.json["init_images"]], "loaded", "loaded",
        varies="loaded"),
]


def rows_with(name: str) -> list:
    return [pytest.param(row, id=row.api) for row in ROWS if getattr(row, name)]


@pytest.fixture
def studio(gateway):
    """studio(row): a gateway with the row's fake behind it, and the fake."""
    started = []
    def start(row):
        fake = row.fake().start()
        started.append(fake)
        keyless = {"more": "key none;", "key": None} if row.api == "automatic1111" else {}
        return gateway(OPEN, provider("p", fake, api=row.api, **keyless)), fake
    yield start
    for fake in started:
        fake.stop()


def stability(studio):
    return studio(ROWS[0])


def edit(g, model, files, **fields):
    return g.edit(files, model=f"p/{model}", response_format="b64_json", **fields)


def image_of(reply) -> bytes:
    return decoded(reply.json["data"][0]["b64_json"])


def refusal(reply) -> tuple:
    return reply.status, reply.json["error"]["code"], reply.json["error"]["param"]


def noisy(width=400, height=300) -> bytes:
    """More than 64 KB, so that the body is in a file."""
    noise = Image.effect_noise((width, height), 60).point(lambda value: value // 2)
    return saved(Image.merge("RGB", [noise] * 3), compress_level=0)


@pytest.mark.parametrize("row", rows_with("edits"))
@pytest.mark.parametrize("content", (original(WIDTH, HEIGHT), original(WIDTH, HEIGHT, "JPEG"), noisy()),
                         ids=("png", "jpeg", "in a file"))
def test_an_edit_sends_the_image_unchanged(studio, row, content):
    g, fake = studio(row)
    reply = edit(g, row.edits, [("image", content)])
    assert reply.status == 200, (reply, fake.refusals)
    assert row.images(fake.work[0]) == [content]
    painted = painted_box(image_of(reply))
    width, height = opened(content).size
    assert painted[:3] == (0, 0, width) and abs(painted[3] - height // 8) <= 2, painted


@pytest.mark.parametrize("row", rows_with("masks"))
@pytest.mark.parametrize("box", (BOX, (0, 0, WIDTH // 2, HEIGHT)))
def test_the_mask_selects_what_changes(studio, row, box):
    g, fake = studio(row)
    reply = edit(g, row.masks, [("image", original(WIDTH, HEIGHT)), ("mask", mask(WIDTH, HEIGHT, box))])
    assert reply.status == 200, (reply, fake.refusals)
    assert painted_box(image_of(reply)) == box
    line, = [one for one in reply.json["extra_fields"]["adjustments"] if one["param"] == "mask"]
    assert (line["requested"], line["sent"]) == ("transparent = edit", "white = edit")


@pytest.mark.parametrize("row", rows_with("several"))
def test_an_edit_of_several_images_sends_all_in_order(studio, row):
    g, fake = studio(row)
    model, most = row.several
    files = [("image[]", original(WIDTH + 8 * index, HEIGHT)) for index in range(most)]
    reply = edit(g, model, files)
    assert reply.status == 200, (reply, fake.refusals)
    assert row.images(fake.work[0]) == [content for _, content in files]
    one_more = edit(g, model, [*files, ("image[]", original(WIDTH, HEIGHT))])
    assert refusal(one_more) == (400, "array_above_max_length", "image")
    assert len(fake.work) == 1


@pytest.mark.parametrize("row", rows_with("edits"))
def test_what_a_model_does_not_take_is_refused_before_any_call(studio, row):
    g, fake = studio(row)
    two = [("image[]", original(WIDTH, HEIGHT))] * 2
    assert refusal(edit(g, row.edits, two)) == (400, "array_above_max_length", "image")
    if row.masks != row.edits:
        masked = [("image", original(WIDTH, HEIGHT)), ("mask", mask(WIDTH, HEIGHT))]
        assert refusal(edit(g, row.edits, masked)) == (400, "unsupported_parameter", "mask")
    if row.cannot:
        assert refusal(edit(g, row.cannot, two[:1])) == (400, "unsupported_operation", "model")
    if not row.varies:
        varied = edit(g, row.edits, two[:1], path="/v1/images/variations", prompt=None)
        assert refusal(varied) == (400, "unsupported_operation", "model")
    assert not fake.requests


@pytest.mark.parametrize("row", rows_with("varies"))
def test_a_variation_needs_no_prompt(studio, row):
    g, fake = studio(row)
    content = original(WIDTH, HEIGHT)
    reply = edit(g, row.varies, [("image", content)], path="/v1/images/variations", prompt=None)
    assert reply.status == 200, (reply, fake.refusals)
    assert reply.json["extra_fields"]["request_type"] == "image_variation"
    assert row.images(fake.work[0]) == [content]
    assert (fake.work[0].json["prompt"], fake.work[0].json["denoising_strength"]) == ("", 0.5)


# Stability

def test_an_image_to_image_has_a_strength_and_no_ratio(studio):
    g, fake = stability(studio)
    for model, told in (("sd3.5-medium", {"mode": "image-to-image", "model": "sd3.5-medium"}), ("stable-image-ultra", {})):
        reply = edit(g, model, [("image", original(WIDTH, HEIGHT))], size="1024x1024", strength=0.4)
        assert reply.status == 200, (reply, fake.refusals)
        assert form_of(fake.work[-1]) == {"prompt": "a red kite", "strength": "0.4", **told}
        assert [one["param"] for one in reply.json["extra_fields"]["adjustments"]] == ["size"]
        assert edit(g, model, [("image", original(WIDTH, HEIGHT))]).status == 200
        assert form_of(fake.work[-1])["strength"] == "0.7"
    generated = g.generate(model="p/sd3.5-medium", strength=0.4, mode="image-to-image")
    assert generated.status == 200, (generated, fake.refusals)
    assert form_of(fake.work[-1]) == {"prompt": "a red kite", "model": "sd3.5-medium"}


TOOLS = {
    "edit/inpaint": {}, "edit/erase": {}, "edit/outpaint": {"left": 100, "up": 20},
    "edit/search-and-replace": {"search_prompt": "x"}, "edit/search-and-recolor": {"select_prompt": "x"}, "edit/remove-background": {}, "control/sketch": {"control_strength": 0.5},
    "control/structure": {}, "control/style": {"aspect_ratio": "16:9"}, "control/style-transfer": {}, "upscale/fast": {},
    "upscale/conservative": {},
}
PROMPTLESS = {"edit/erase", "edit/remove-background", "upscale/fast"}
OTHERS = {"seed": 7, "output_format": "webp", "negative_prompt": "blur", "strength": 0.5, "guidance": 3, "quality": "high"}


@pytest.mark.parametrize("model", TOOLS)
def test_each_tool_is_a_model_that_only_edits(studio, model):
    g, fake = stability(studio)
    files = [("image[]", original(WIDTH, HEIGHT))] * (2 if model == "control/style-transfer" else 1)
    if model in ("edit/inpaint", "edit/erase"):
        files.append(("mask", mask(WIDTH, HEIGHT, BOX)))
    reply = edit(g, model, files, **TOOLS[model], **OTHERS)
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].path == ROOT + model
    form = form_of(fake.work[0])
    assert form.items() >= {name: str(value) for name, value in TOOLS[model].items()}.items()
    assert form["output_format"] == "webp" and ("prompt" in form) == (model not in PROMPTLESS)
    assert opened(image_of(reply)).size == ((384, 256) if model == "upscale/fast" else (WIDTH, HEIGHT))
    assert "usd" not in reply.json["extra_fields"]["cost"] or reply.json["extra_fields"]["cost"]["usd"] is None
    without = edit(g, model, files, prompt=None, **TOOLS[model])
    optional = model in {*PROMPTLESS, "edit/outpaint", "control/style-transfer"}
    assert without.status == (200 if optional else 400), (without, fake.refusals)
    assert refusal(g.generate(model=f"p/{model}")) == (400, "unsupported_operation", "model")


def test_an_image_with_transparent_pixels_is_its_own_mask(studio):
    g, fake = stability(studio)
    image = opened(original(WIDTH, HEIGHT)).convert("RGBA")
    image.paste((0, 0, 0, 0), BOX)
    reply = edit(g, "edit/inpaint", [("image", saved(image))])
    assert reply.status == 200, (reply, fake.refusals)
    assert painted_box(image_of(reply)) == BOX
    opaque = edit(g, "edit/inpaint", [("image", original(WIDTH, HEIGHT))])
    assert (opaque.status, opaque.json["error"]["message"].startswith("mask: is required")) == (400, True)


def test_a_soft_mask_stays_soft(studio):
    g, fake = stability(studio)
    soft = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 255))
    soft.paste((0, 0, 0, 100), BOX)
    assert edit(g, "edit/inpaint", [("image", original(WIDTH, HEIGHT)), ("mask", saved(soft))]).status == 200
    sent = opened(parts_of(fake.work[0])[1][1].content)
    assert (sent.mode, sent.getpixel((20, 20)), sent.getpixel((0, 0))) == ("L", 155, 0)


@pytest.mark.parametrize("model, size", (("edit/inpaint", (200, 63)), ("sd3.5-large", (3073, 3072)),
                                         ("edit/remove-background", (2049, 2048)), ("upscale/fast", (1537, 64))))
def test_images_of_other_sizes_are_refused_before_any_call(studio, model, size):
    g, fake = stability(studio)
    reply = edit(g, model, [("image", sample_image(*size))])
    assert refusal(reply) == (400, "image_too_large", "image")
    assert not fake.requests


# Cloudflare and Hugging Face

def test_flux_2_takes_images_of_at_most_512_pixels(studio):
    g, fake = studio(ROWS[2])
    model = "@cf/black-forest-labs/flux-2-dev"
    reply = edit(g, model, [("image", original(512, 512))], size="512x256", seed=7)
    assert reply.status == 200, (reply, fake.refusals)
    assert input_of(fake.work[0], MODELS[model]) == {"prompt": "a red kite", "width": 512, "height": 256, "seed": 7}
    assert refusal(edit(g, model, [("image", original(513, 100))])) == (400, "image_too_large", "image")


def test_an_image_to_image_of_cloudflare_has_a_strength(studio):
    g, fake = studio(ROWS[2])
    reply = edit(g, ROWS[2].edits, [("image", original(WIDTH, HEIGHT))], strength=0.3, seed=7)
    assert reply.status == 200, (reply, fake.refusals)
    sent = {name: value for name, value in fake.work[0].json.items() if name != "image_b64"}
    assert sent == {"prompt": "a red kite", "strength": 0.3, "seed": 7}


def test_hugging_face_gets_a_target_size_and_no_seed(studio):
    g, fake = studio(ROWS[1])
    reply = edit(g, ROWS[1].edits, [("image", original(WIDTH, HEIGHT))], size="128x64", seed=7)
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].json["parameters"] == {"prompt": "a red kite", "target_size": {"width": 128, "height": 64}}
    assert opened(image_of(reply)).size == (128, 64)
    assert [one["param"] for one in reply.json["extra_fields"]["adjustments"]] == ["seed"]


# AUTOMATIC1111

def test_the_size_is_that_of_the_image_unless_one_is_requested(studio):
    g, fake = studio(ROWS[3])
    wide = {"size": "256x128"}
    for size, sent, asked in (((WIDTH, HEIGHT), (96, 64), {}), ((101, 67), (104, 64), {}), ((101, 67), (256, 128), wide)):
        reply = edit(g, "loaded", [("image", original(*size))], **asked)
        assert reply.status == 200, (reply, fake.refusals)
        assert fake.work[-1].path == EDIT_PATH
        assert opened(image_of(reply)).size == (fake.work[-1].json["width"], fake.work[-1].json["height"]) == sent


def test_an_image_that_the_server_would_turn_has_no_mask(studio):
    g, fake = studio(ROWS[3])
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x112] = 6
    opened(original(WIDTH, HEIGHT)).save(turned, "JPEG", exif=exif)
    image = ("image", turned.getvalue())
    assert refusal(edit(g, "loaded", [image, ("mask", mask(HEIGHT, WIDTH))])) == (400, "bad_request", "mask")
    assert not fake.requests
    reply = edit(g, "loaded", [image])
    assert opened(image_of(reply)).size == (HEIGHT, WIDTH)


def test_several_images_of_one_edit_are_made_by_one_call(studio):
    g, fake = studio(ROWS[3])
    reply = edit(g, "loaded", [("image", original(WIDTH, HEIGHT))], n=3, strength=0.6)
    assert len(reply.json["data"]) == 3 and len(fake.work) == 1
    assert (fake.work[0].json["n_iter"], fake.work[0].json["denoising_strength"]) == (3, 0.6)
