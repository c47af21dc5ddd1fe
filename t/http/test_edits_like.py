"""Edits by servers that imitate OpenAI, and by Gemini: in which fields an image is sent, and which part a mask selects."""

import base64
from typing import Callable, NamedTuple, Optional

import pytest
from fakes.aggregator import Aggregator
from fakes.azure_flux import IMAGES as FLUX_IMAGES
from fakes.azure_flux import AzureFlux
from fakes.azure_openai import API_VERSION, AzureOpenAi
from fakes.behaviours import Json
from fakes.edit_forms import read_body
from fakes.edited import mask, opened, original, painted_box, saved
from fakes.google_gemini import GoogleGemini, images_of, text_of
from fakes.json_images import from_base64, from_data_url
from fakes.openai import OpenAI
from fakes.openrouter import OpenRouter, content_of as reference
from fakes.recraft import Recraft
from fakes.sd_server import SdServer, extras_of, words_of
from fakes.siliconflow import SiliconFlow
from fakes.together import Together
from fakes.vllm_omni import MODEL as OMNI
from fakes.vllm_omni import VllmOmni
from fakes.xai import Xai, content_of
from harness import provider
from PIL import Image

OPEN = "image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8;"
SIZE = (320, 256)  # Recraft takes nothing smaller
BOX = (64, 32, 192, 160)
KEYLESS = ("vllm-omni", "sd-server")


class Row(NamedTuple):
    """`fields`: where the images are for one image, and for several. `contents`: the images that a request of the fake had."""

    api: str
    fake: Callable
    model: str
    most: int
    fields: tuple
    contents: Callable
    masks: Optional[str] = None  # the words for the kind of mask, in an adjustment
    cannot: Optional[str] = None  # a model that takes no images


def files_of(request) -> list:
    return [one.content for one in read_body(request)["files"] if one.field.startswith("image")]


def fields_of(request) -> set:
    names = {*FLUX_IMAGES, "image", "images", "image_url", "reference_images", "input_references", "image2", "image3", "image[]", "mask",
             "mask_image"}
    if request.json is not None:
        return names & set(request.json)
    return {one.field for one in read_body(request)["files"]}


def in_json(read, *names):
    def found(request):
        values = [request.json[name] for name in names if name in request.json]
        return [read(one) for value in values for one in (value if isinstance(value, list) else [value])]
    return found


ROWS = [
    Row("azure-openai", AzureOpenAi, "gpt-image-2", 16, ({"image"}, {"image[]"}), files_of, "transparent = edit"),
    Row("azure-openai", AzureOpenAi, "house", 16, ({"image"}, {"image[]"}), files_of, "transparent = edit"),
    Row("azure-flux", AzureFlux, "FLUX.2-pro", 8, (), in_json(from_base64, *FLUX_IMAGES)),
    Row("azure-flux", AzureFlux, "FLUX.2-flex", 10, (), in_json(from_base64, *FLUX_IMAGES)),
    Row("azure-flux", AzureFlux, "house", 8, (), in_json(from_base64, *FLUX_IMAGES)),
    Row("xai", Xai, "grok-imagine-image-2.0", 3, ({"image"}, {"images"}), in_json(content_of, "image", "images")),
    Row("together", Together, "black-forest-labs/FLUX.1-kontext-pro", 1, ({"image_url"},), in_json(from_data_url, "image_url"),
        cannot="black-forest-labs/FLUX.1-schnell"),
    Row("together", Together, "black-forest-labs/FLUX.2-dev", 8, ({"reference_images"},) * 2,
        in_json(from_data_url, "reference_images")),
    Row("together", Together, "black-forest-labs/FLUX.2-pro", 8, ({"image_url"}, {"reference_images"}),
        in_json(from_data_url, "image_url", "reference_images")),
    Row("openrouter", OpenRouter, "openai/gpt-image-2", 16, ({"input_references"},) * 2, in_json(reference, "input_references"),
        cannot="recraft/recraft-v4.1"),
    Row("openrouter", OpenRouter, "google/gemini-3-pro-image", 14, ({"input_references"},) * 2,
        in_json(reference, "input_references")),
    Row("openrouter", OpenRouter, "x-ai/grok-imagine-image-2.0", 3, ({"input_references"},) * 2,
        in_json(reference, "input_references")),
    Row("recraft", Recraft, "recraftv3", 1, ({"image"},), files_of, "white = edit", cannot="recraftv4_1"),
    Row("siliconflow", SiliconFlow, "Qwen/Qwen-Image-Edit", 1, ({"image"},), in_json(from_data_url, "image"),
        cannot="Qwen/Qwen-Image"),
    Row("siliconflow", SiliconFlow, "Qwen/Qwen-Image-Edit-2509", 3, ({"image"}, {"image", "image2", "image3"}),
        in_json(from_data_url, "image", "image2", "image3")),
    Row("vllm-omni", VllmOmni, OMNI, 4, ({"image"}, {"image[]"}), files_of),
    Row("sd-server", SdServer, "sd-cpp-local", 8, ({"image[]"},) * 2, files_of, "white = edit"),
    Row("aggregator", Aggregator, "gpt-image-1.5", 16, ({"image"}, {"image[]"}), files_of, "transparent = edit",
        cannot="flux-kontext-pro"),
    Row("google-gemini", GoogleGemini, "gemini-3.1-flash-image", 14, (set(),) * 2, images_of),
]
BY_API = {row.api: row for row in reversed(ROWS)}
each = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.api} {row.model}")


@pytest.fixture
def studio(gateway):
    """studio(row): a gateway with the row's fake behind it, and the fake."""
    started = []
    def start(row, directives="", unknown="", **options):
        fake = row.fake(**options).start()
        started.append(fake)
        more = {"more": "key none;", "key": None} if row.api in KEYLESS else {}
        return gateway(OPEN + unknown, provider("p", fake, api=row.api, **more) + directives), fake
    yield start
    for fake in started:
        fake.stop()


def edit(g, model, files, **fields):
    return g.edit(files, model=f"p/{model}", response_format="b64_json", **fields)


def image_of(reply, fake) -> bytes:
    assert reply.status == 200, (reply, fake.refusals)
    return base64.b64decode(reply.json["data"][0]["b64_json"])


def refusal(reply) -> tuple:
    return reply.status, reply.json["error"]["code"], reply.json["error"]["param"]


def is_about(box, expected) -> bool:
    """Lossy formats blur the edges of the paint."""
    return box is not None and all(abs(a - b) <= 2 for a, b in zip(box, expected))


def adjusted(reply) -> list:
    return sorted(one["param"] for one in reply.json["extra_fields"].get("adjustments") or ())


@each
def test_images_are_sent_unchanged_in_the_model_s_own_fields(studio, row):
    g, fake = studio(row)
    for count in sorted({1, min(2, row.most), row.most}):
        files = [("image[]", original(SIZE[0] + index, SIZE[1], "JPEG" if index % 2 else "PNG")) for index in range(count)]
        reply = edit(g, row.model, files)
        assert is_about(painted_box(image_of(reply, fake)), (0, 0, SIZE[0], SIZE[1] // 8))
        assert row.contents(fake.work[-1]) == [content for _, content in files]
        if count != 2 or row.most == 2:  # SiliconFlow and FLUX have a field for each
            expected = set(FLUX_IMAGES[:count]) if row.api == "azure-flux" else row.fields[count > 1]
            assert fields_of(fake.work[-1]) == expected
        assert reply.json["extra_fields"]["request_type"] == "image_edit"
    calls = len(fake.requests)
    assert refusal(edit(g, row.model, [("image[]", original(*SIZE))] * (row.most + 1))) == (400, "array_above_max_length", "image")
    varied = edit(g, row.model, [("image", original(*SIZE))], path="/v1/images/variations", prompt=None)
    if row.api != "recraft":
        assert refusal(varied) == (400, "unsupported_operation", "model")
        assert len(fake.requests) == calls
    if row.cannot:
        assert refusal(edit(g, row.cannot, [("image", original(*SIZE))])) == (400, "unsupported_operation", "model")


@each
def test_a_mask_selects_what_changes_or_is_refused(studio, row):
    g, fake = studio(row)
    for box in (BOX, (0, 0, SIZE[0] // 2, SIZE[1])):
        reply = edit(g, row.model, [("image", original(*SIZE)), ("mask", mask(*SIZE, box))])
        if not row.masks:
            assert refusal(reply) == (400, "unsupported_parameter", "mask")
            assert not fake.requests
            continue
        assert is_about(painted_box(image_of(reply, fake)), box)
        told = [one for one in reply.json["extra_fields"]["adjustments"] if one["param"] == "mask"]
        assert [one["sent"] for one in told] == (["the whole image is rendered anew"] if row.masks.startswith("transparent")
                                                 else [row.masks])


# Azure

@pytest.mark.parametrize("words", ("", " edits=/deployments/{model}/images/edits?" + API_VERSION))
def test_older_addresses_of_azure_edit_beside_their_generations(gateway, words):
    with AzureOpenAi(by_path=True) as fake:
        path = "/deployments/{model}/images/generations?" + API_VERSION
        g = gateway(OPEN, provider("p", fake, api=f'azure-openai "path={path}"' + (f' "{words.strip()}"' if words else "")))
        reply = edit(g, "house", [("image", original(*SIZE)), ("mask", mask(*SIZE, BOX))])
        assert painted_box(image_of(reply, fake)) == BOX
        assert fake.work[0].path == "/openai/deployments/house/images/edits"
        assert g.generate(model="p/house").status == 200


def test_microsoft_s_own_models_edit_one_image_without_a_mask(studio):
    class Mai(AzureOpenAi):
        base = "/mai/v1"

        def wrong_address(self, request):
            if (request.path, request.query) != ("/mai/v1/images/edits", "api-version=preview"):
                return self.error(404, request.path)

        def wrong_edit(self, request):
            body = read_body(request)
            if not body.keys() <= {"model", "prompt", "n", "files"} or [one.field for one in body["files"]] != ["image"]:
                return self.error(400, f"only model, prompt, n and image: {body.keys()}")

    row = Row("azure-openai fields=size:width+height edits=/images/edits?api-version=preview", Mai, "mai-image-2.6", 1, (), files_of)
    g, fake = studio(row)
    image = ("image", original(*SIZE))
    reply = edit(g, row.model, [image], n=1, size="1024x768")
    assert painted_box(image_of(reply, fake)) == (0, 0, SIZE[0], SIZE[1] // 8)
    assert adjusted(reply) == ["size"]
    assert refusal(edit(g, row.model, [image, ("mask", mask(*SIZE))])) == (400, "unsupported_parameter", "mask")
    assert refusal(edit(g, row.model, [image, image])) == (400, "array_above_max_length", "image")


def test_flux_on_azure_follows_the_first_image_or_the_requested_size(studio):
    g, fake = studio(BY_API["azure-flux"])
    reply = edit(g, "flux.2-PRO", [("image", original(*SIZE))], size="1024x768", seed=7, output_format="png")
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].path == "/providers/blackforestlabs/v1/flux-2-pro"
    sent = {name: value for name, value in fake.work[0].json.items() if name != "input_image"}
    assert sent == {"model": "flux.2-PRO", "prompt": "a red kite", "width": 1024, "height": 768, "seed": 7, "output_format": "png"}
    flex = edit(g, "FLUX.2-flex", [("image", original(*SIZE))], num_inference_steps=20)
    assert flex.status == 200 and fake.work[-1].json["steps"] == 20
    assert fake.work[-1].path == "/providers/blackforestlabs/v1/flux-2-flex"
    assert adjusted(edit(g, "FLUX.2-pro", [("image", original(*SIZE))], num_inference_steps=20)) == ["num_inference_steps"]
    for strange in ("../../openai/v1/x", "flux?x=1", "a/b"):
        assert edit(g, strange, [("image", original(*SIZE))]).status in (400, 404)
    assert {one.path for one in fake.requests} <= {f"/providers/blackforestlabs/v1/flux-2-{kind}" for kind in ("pro", "flex")}
    assert {one.query for one in fake.requests} == {"api-version=preview"}


@pytest.mark.parametrize("api, model, field", (("azure-flux", "FLUX.2-pro", "input_image"), ("azure-flux", "FLUX.2-pro", "input_image_2"),
                                               ("siliconflow", "Qwen/Qwen-Image-Edit-2509", "image2"),
                                               ("together", "black-forest-labs/FLUX.2-pro", "image_url"),
                                               ("vllm-omni", OMNI, "mask_image")))
def test_no_image_is_forwarded_that_nobody_has_checked(studio, api, model, field):
    g, fake = studio(BY_API[api], unknown=f"image_gateway_unknown_fields pass {field};")
    image = "data:image/png;base64," + base64.b64encode(original(*SIZE)).decode()
    reply = g.generate(model=f"p/{model}", image=image, response_format="b64_json", path="/v1/images/edits", **{field: "aGVsbG8="})
    assert reply.status == 200, (reply, fake.refusals)
    assert field in adjusted(reply)
    assert b"aGVsbG8=" not in fake.work[0].body


def test_kontext_on_azure_edits_one_image_by_a_form(studio):
    class Kontext(AzureOpenAi):
        def wrong_edit(self, request):
            body = read_body(request)
            if not body.keys() <= {"model", "prompt", "n", "files"} or [one.field for one in body["files"]] != ["image"]:
                return self.error(400, f"only model, prompt, n and image: {body.keys()}")

    g, fake = studio(Row("azure-openai", Kontext, "FLUX.1-Kontext-pro", 1, (), files_of))
    image = ("image", original(*SIZE))
    reply = edit(g, "FLUX.1-Kontext-pro", [image], size="1024x1024")
    assert painted_box(image_of(reply, fake)) == (0, 0, SIZE[0], SIZE[1] // 8)
    assert adjusted(reply) == ["size"] and reply.json["extra_fields"]["cost"] == {"usd": 0.04, "basis": "image"}
    assert refusal(edit(g, "FLUX.1-Kontext-pro", [image, ("mask", mask(*SIZE))])) == (400, "unsupported_parameter", "mask")


def test_azure_takes_a_fidelity_but_no_webp(studio):
    g, fake = studio(BY_API["azure-openai"])
    webp = edit(g, "gpt-image-2", [("image", original(*SIZE, "WEBP"))])
    assert refusal(webp) == (400, "unsupported_image_format", "image")
    assert not fake.requests
    reply = edit(g, "gpt-image-1.5", [("image", original(*SIZE))], input_fidelity="high")
    assert reply.status == 200 and adjusted(reply) == [], reply
    assert read_body(fake.work[0])["input_fidelity"] == "high"


def test_a_server_without_edits_is_passed_over(gateway):
    with OpenAI() as fake, OpenAI() as other:
        g = gateway(OPEN, provider("p", fake, api="openai edits=-") + provider("q", other) + "image_model m p/gpt-image-2 q/gpt-image-2;")
        assert refusal(edit(g, "gpt-image-2", [("image", original())])) == (400, "unsupported_operation", "model")
        assert g.edit([("image", original())], model="m").status == 200
        assert (len(fake.work), len(other.work)) == (0, 1)
        assert g.generate(model="p/gpt-image-2").status == 200


# xAI

def test_the_shape_of_a_grok_edit_is_a_ratio_and_a_tier(studio):
    g, fake = studio(BY_API["xai"])
    reply = edit(g, "grok-imagine-image-2.0", [("image", original(*SIZE))], aspect_ratio="16:9", resolution="2K", n=2, quality="low")
    assert reply.status == 200 and len(reply.json["data"]) == 2, (reply, fake.refusals)
    sent = {name: value for name, value in fake.work[0].json.items() if name != "image"}
    assert sent == {"model": "grok-imagine-image-2.0", "prompt": "a red kite", "n": 2, "aspect_ratio": "16:9", "resolution": "2k",
                    "quality": "low", "response_format": "b64_json"}
    webp = edit(g, "grok-imagine-image-2.0", [("image", original(*SIZE, "WEBP"))])
    assert refusal(webp) == (400, "unsupported_image_format", "image")


# Recraft

def test_recraft_edits_inpaints_and_varies_at_paths_of_their_own(studio):
    g, fake = studio(BY_API["recraft"])
    image = ("image", original(*SIZE))
    asked = {"n": 2, "seed": 7, "negative_prompt": "fog", "strength": 0.3, "size": "1536x1024", "output_format": "png"}
    told = {"model": "recraftv3", "n": 2, "random_seed": 7, "image_format": "png", "response_format": "b64_json"}
    prompted = {**told, "prompt": "a red kite", "negative_prompt": "fog"}
    cases = (
        ([image], {}, "imageToImage", {**prompted, "strength": 0.3}, ["size"]),
        ([image, ("mask", mask(*SIZE, BOX))], {}, "inpaint", prompted, ["mask", "size", "strength"]),
        ([image], {"path": "/v1/images/variations"}, "variateImage", {**told, "size": "1536x1024"},
         ["negative_prompt", "prompt", "strength"]),
    )
    for files, more, path, fields, adjustments in cases:
        reply = edit(g, "recraftv3", files, **asked, **more)
        assert reply.status == 200 and len(reply.json["data"]) == 2, (reply, fake.refusals)
        assert fake.work[-1].path == f"/v1/images/{path}"
        assert {name: value for name, value in read_body(fake.work[-1]).items() if name != "files"} == fields
        assert adjusted(reply) == adjustments
        assert reply.json["extra_fields"]["cost"]["basis"] == "provider"


def test_recraft_gets_what_it_needs_if_nobody_asked_for_it(studio):
    g, fake = studio(BY_API["recraft"])
    image = ("image", original(*SIZE))
    assert edit(g, "recraftv3", [image]).status == 200
    assert read_body(fake.work[-1])["strength"] == 0.5
    varied = edit(g, "recraftv3", [image], path="/v1/images/variations", prompt=None)
    assert opened(image_of(varied, fake)).size == (1024, 1024)
    assert varied.json["extra_fields"]["request_type"] == "image_variation"
    small = edit(g, "recraftv3", [("image", original(255, 300))])
    assert refusal(small) == (400, "image_too_large", "image")


@pytest.mark.parametrize("tool, masked, fields", (
    ("imageToImage", False, {"model", "prompt", "strength", "random_seed"}), ("inpaint", True, {"model", "prompt", "random_seed"}),
    ("generateBackground", True, {"model", "prompt", "random_seed"}), ("replaceBackground", False, {"model", "prompt", "random_seed"}),
    ("outpaint", False, {"model", "prompt", "random_seed", "expand_left"}), ("eraseRegion", True, set()),
    ("removeBackground", False, set()), ("crispUpscale", False, set()), ("creativeUpscale", False, set())))
def test_each_tool_of_recraft_is_a_model(studio, tool, masked, fields):
    g, fake = studio(BY_API["recraft"], unknown="image_gateway_unknown_fields pass expand_left;")
    image, told = ("image", original(*SIZE)), mask(*SIZE, BOX)
    given = [image, ("mask", told)] if masked else [image]
    asked = {"expand_left": 64} if tool == "outpaint" else {}
    reply = edit(g, tool, given, output_format="png", prompt="a red kite" if "prompt" in fields else None, **asked)
    assert painted_box(image_of(reply, fake)) == (BOX if masked else (0, 0, SIZE[0], SIZE[1] // 8))
    assert fake.work[-1].path == f"/v1/images/{tool}"
    body = read_body(fake.work[-1])
    assert {*body} == fields | {"files", "response_format", "image_format"}
    assert body.get("model", "recraftv3") == "recraftv3"
    assert reply.json["extra_fields"]["cost"]["basis"] == "provider"
    other = edit(g, tool, [image] if masked else [image, ("mask", told)], prompt="a red kite")
    assert refusal(other) == (400, *(("missing_required_parameter", "mask") if masked else ("unsupported_parameter", "mask")))
    assert refusal(edit(g, tool, [image], path="/v1/images/variations", prompt=None))[1] == "unsupported_operation"
    if "prompt" not in fields:
        assert "prompt" in adjusted(edit(g, tool, given)), "a prompt that the tool has no field for is listed"
    assert g.generate(model=f"p/{tool}").json["error"]["code"] == "unsupported_operation"
    assert len(fake.work) == (1 if "prompt" in fields else 2)


def test_a_variation_by_the_tool_is_that_of_the_model(studio):
    g, fake = studio(BY_API["recraft"])
    assert edit(g, "variateImage", [("image", original(*SIZE))], path="/v1/images/variations", prompt=None).status == 200
    assert fake.work[-1].path == "/v1/images/variateImage"
    assert read_body(fake.work[-1])["model"] == "recraftv3" and read_body(fake.work[-1])["size"] == "1024x1024"


def test_a_tool_whose_images_are_no_pixels_is_refused(studio):
    g, fake = studio(BY_API["recraft"])
    assert refusal(edit(g, "vectorize", [("image", original(*SIZE))])) == (400, "unsupported_operation", "model")
    assert not fake.requests


@pytest.mark.parametrize("answer", ({"image": {}}, {"image": None}, {"image": "https://x/y"}, {"image": [{"b64_json": "eA=="}]},
                                    {"image": {"b64_json": "bm8gaW1hZ2U="}}, {"image": {"url": "file:///etc/passwd"}}))
def test_an_answer_of_a_tool_without_an_image_is_a_failure(studio, answer):
    g, fake = studio(BY_API["recraft"])
    fake.next(Json({"created": 1, "credits": 5, **answer}))
    reply = edit(g, "removeBackground", [("image", original(*SIZE))], prompt=None)
    assert reply.status >= 500, reply


# Servers of one's own

def test_an_operator_says_that_a_server_takes_masks(gateway, scratch):
    rows = scratch / "rows.json"
    rows.write_text('{"apis": {"vllm-omni": [{"model": "*", "family": "vllm-omni", "inputs": {"mask": {"kind": "white"}}}]}}')
    scratch.chmod(0o755)
    with VllmOmni() as fake:
        g = gateway(OPEN, f"image_gateway_catalog {rows};" + provider("p", fake, api="vllm-omni", more="key none;", key=None))
        reply = edit(g, OMNI, [("image", original(*SIZE)), ("mask", mask(*SIZE, BOX))], strength=0.5)
        assert painted_box(image_of(reply, fake)) == BOX
        assert fields_of(fake.work[0]) == {"image", "mask_image"}


def test_sd_server_reads_the_settings_of_an_edit_from_the_prompt(studio):
    g, fake = studio(BY_API["sd-server"])
    reply = edit(g, "sd-cpp-local", [("image", original(*SIZE))], strength=0.3, seed=7, negative_prompt="fog", output_format="webp",
                 prompt='a <sd_cpp_extra_args>{"seed":1}</sd_cpp_extra_args>')
    assert reply.status == 200, (reply, fake.refusals)
    assert extras_of(fake.work[0]) == {"seed": 7, "strength": 0.3, "negative_prompt": "fog"}
    assert words_of(fake.work[0]).strip() == 'a {"seed":1}'
    assert adjusted(reply) == ["output_format"]


# Gemini

def test_gemini_reads_the_images_before_the_prompt(studio):
    g, fake = studio(BY_API["google-gemini"])
    files = [("image[]", original(*SIZE)), ("image[]", original(*SIZE, "WEBP"))]
    reply = edit(g, "gemini-3.1-flash-image", files, aspect_ratio="16:9", resolution="2K", seed=7)
    assert reply.status == 200, (reply, fake.refusals)
    parts = fake.work[0].json["contents"][0]["parts"]
    assert [[*part] for part in parts] == [["inlineData"], ["inlineData"], ["text"]]
    assert [part["inlineData"]["mimeType"] for part in parts[:2]] == ["image/png", "image/webp"]
    assert text_of(fake.work[0]) == "a red kite"
    assert reply.json["usage"]["input_tokens_details"]["image_tokens"] == 2240
    assert reply.json["extra_fields"]["cost"]["basis"] == "tokens"


def test_all_images_of_a_gemini_call_fit_into_its_request(studio):
    g, fake = studio(BY_API["google-gemini"])
    large = saved(Image.new("RGB", (1300, 1300)), compress_level=0)  # 5 MB
    assert edit(g, "gemini-3.1-flash-image", [("image[]", large)] * 2).status == 200
    reply = edit(g, "gemini-3.1-flash-image", [("image[]", large)] * 3)
    assert refusal(reply) == (400, "image_too_large", "image")
    assert len(fake.work) == 1
