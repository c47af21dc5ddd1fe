"""Edits and variations by Black Forest Labs, Replicate and fal: which field an image is sent in, and which part a mask selects."""

import base64

import pytest
from fakes.black_forest_labs import BlackForestLabs
from fakes.edited import mask, original, painted_box
from fakes.fal import Fal, FalRun
from fakes.replicate import Replicate
from harness import provider

OPEN = "image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8;"
FAKES = {"black-forest-labs": BlackForestLabs, "replicate": Replicate, "fal": Fal, "fal-run": FalRun}
LEFT_HALF = (0, 0, 32, 48)
STRIP = (0, 0, 64, 6)  # what the fakes paint without a mask

# Each with the fields that the images are sent in.
MASKED = {
    ("black-forest-labs", "flux-pro-1.0-fill"): {"image", "mask"},
    ("replicate", "black-forest-labs/flux-fill-pro"): {"image", "mask"},
    ("replicate", "black-forest-labs/flux-fill-dev"): {"image", "mask"},
    ("replicate", "stability-ai/sdxl"): {"image", "mask"},
    ("replicate", "stability-ai/stable-diffusion-inpainting"): {"image", "mask"},
    ("replicate", "ideogram-ai/ideogram-v2"): {"image", "mask"},
    ("replicate", "ideogram-ai/ideogram-v3-turbo"): {"image", "mask"},
    ("replicate", "ideogram-ai/ideogram-4-5"): {"images", "mask"},
    ("replicate", "ideogram-ai/ideogram-4-5-precise-edit"): {"image", "mask"},
    ("fal", "fal-ai/flux-pro/v1/fill"): {"image_url", "mask_url"},
    ("fal-run", "fal-ai/flux-pro/v1/fill"): {"image_url", "mask_url"},
}
# With one image, and with as many as the model takes.
UNMASKED = {
    ("black-forest-labs", "flux-2-pro", 8): {"input_image", *(f"input_image_{number}" for number in range(2, 9))},
    ("black-forest-labs", "flux-2-klein-9b", 4): {"input_image", "input_image_2", "input_image_3", "input_image_4"},
    ("black-forest-labs", "flux-kontext-max", 4): {"input_image", "input_image_2", "input_image_3", "input_image_4"},
    ("black-forest-labs", "flux-pro-1.0-expand", 1): {"image"},
    ("replicate", "black-forest-labs/flux-dev", 1): {"image"},
    ("replicate", "black-forest-labs/flux-kontext-pro", 1): {"input_image"},
    ("replicate", "black-forest-labs/flux-2-klein-4b", 5): {"images"},
    ("replicate", "qwen/qwen-image-edit", 1): {"image"},
    ("replicate", "google/nano-banana-2", 14): {"image_input"},
    ("replicate", "openai/gpt-image-1.5", 16): {"input_images"},
    ("replicate", "bytedance/seedream-5-pro", 10): {"image_input"},
    ("fal", "fal-ai/flux-2-pro", 8): {"image_urls"},
    ("fal", "fal-ai/flux-2", 4): {"image_urls"},
    ("fal", "fal-ai/flux-2-flex/edit", 8): {"image_urls"},
    ("fal", "fal-ai/flux-pro/kontext/text-to-image", 1): {"image_url"},
    ("fal", "fal-ai/flux-pro/kontext/max", 1): {"image_url"},
    ("fal", "fal-ai/flux/dev/image-to-image", 1): {"image_url"},
    ("fal", "fal-ai/nano-banana-pro", 14): {"image_urls"},
    ("fal", "fal-ai/nano-banana-2/edit", 14): {"image_urls"},
    ("fal", "fal-ai/bytedance/seedream/v4.5/edit", 10): {"image_urls"},
    ("fal-run", "fal-ai/qwen-image-edit", 1): {"image_url"},
    ("fal-run", "fal-ai/wan-25-preview/image-to-image", 2): {"image_urls"},
}
VARIED = {
    ("black-forest-labs", "flux-dev"): {"image_prompt"},
    ("black-forest-labs", "flux-pro-1.1-ultra"): {"image_prompt"},
    ("replicate", "black-forest-labs/flux-redux-dev"): {"redux_image"},
    ("fal", "fal-ai/flux-pro/v1.1/redux"): {"image_url"},
}
IMAGE_FIELDS = set().union(*MASKED.values(), *UNMASKED.values(), *VARIED.values())


@pytest.fixture
def ask(gateway):
    started = {}

    def to(api):
        if api not in started:
            fake = FAKES[api]().start()
            started[api] = fake, gateway(OPEN, provider("p", fake, api=api))
        return started[api]
    yield to
    for fake, _ in started.values():
        fake.stop()


def told(fake, api) -> dict:
    """The image fields of the last request."""
    body = fake.work[-1].json
    body = body["input"] if api == "replicate" else body
    return {name for name in body if name in IMAGE_FIELDS}


def image_of(reply, fake) -> bytes:
    assert reply.status == 200, (reply, fake.refusals)
    return base64.b64decode(reply.json["data"][0]["b64_json"])


def edit(g, files, model, **fields):
    return g.edit(files, model=f"p/{model}", response_format="b64_json", **fields)


@pytest.mark.parametrize("api, model", MASKED)
def test_a_mask_selects_the_same_part_whatever_its_colours_mean_there(ask, api, model):
    fake, g = ask(api)
    reply = edit(g, [("image", original()), ("mask", mask())], model)
    assert painted_box(image_of(reply, fake)) == LEFT_HALF
    assert told(fake, api) == MASKED[api, model]


@pytest.mark.parametrize("api, model, most", UNMASKED)
def test_images_are_sent_in_the_model_s_own_fields(ask, api, model, most):
    fake, g = ask(api)
    for count in {1, most}:
        files = [("image[]", original(output_format="JPEG" if index else "PNG")) for index in range(count)]
        assert painted_box(image_of(edit(g, files, model), fake)) == STRIP
    assert told(fake, api) <= UNMASKED[api, model, most]
    many = edit(g, [("image[]", original())] * (most + 1), model)
    assert (many.status, many.json["error"]["code"]) == (400, "array_above_max_length")
    masked = edit(g, [("image", original()), ("mask", mask())], model)
    assert (masked.status, masked.json["error"]["code"]) == (400, "unsupported_parameter")


@pytest.mark.parametrize("api, model", VARIED)
def test_variations_need_no_prompt(ask, api, model):
    fake, g = ask(api)
    reply = edit(g, [("image", original())], model, path="/v1/images/variations", prompt=None)
    assert painted_box(image_of(reply, fake)) == STRIP
    assert told(fake, api) == VARIED[api, model]


@pytest.mark.parametrize("api, model", (("black-forest-labs", "flux-pro-1.0-fill"), ("replicate", "ideogram-ai/ideogram-v3-quality"),
                                        ("fal", "fal-ai/flux-pro/v1/fill")))
def test_what_needs_a_mask_is_not_asked_without_one(ask, api, model):
    fake, g = ask(api)
    reply = edit(g, [("image", original())], model)
    assert (reply.status, reply.json["error"]["param"]) == (400, "mask")
    assert not fake.work


@pytest.mark.parametrize("api, model", (("black-forest-labs", "flux-pro-1.1"), ("replicate", "black-forest-labs/flux-3-image"),
                                        ("replicate", "somebody/kites"), ("fal", "ideogram/v4.5"), ("fal", "fal-ai/flux/schnell")))
def test_other_models_are_not_asked_to_edit(ask, api, model):
    fake, g = ask(api)
    reply = edit(g, [("image", original())], model)
    assert (reply.status, reply.json["error"]["code"]) == (400, "unsupported_operation")
    assert not fake.work


def test_an_endpoint_beside_the_model_edits(ask):
    fake, g = ask("fal-run")
    assert g.generate(model="p/fal-ai/flux-2-pro").status == 200
    assert edit(g, [("image", original())], "fal-ai/flux-2-pro").status == 200
    assert [one.path for one in fake.work] == ["/fal-ai/flux-2-pro", "/fal-ai/flux-2-pro/edit"]


def test_flux_2_on_replicate_keeps_the_shape_of_the_image(ask):
    fake, g = ask("replicate")
    assert edit(g, [("image", original())], "black-forest-labs/flux-2-pro").status == 200
    assert fake.work[-1].json["input"]["aspect_ratio"] == "match_input_image"
