"""`stream: true` with edits: over providers that stream them, and over all others. Clients wait for `image_edit` events."""

import base64
import json

import pytest
from fakes.aggregator import STREAMED, Aggregator
from fakes.automatic1111 import Automatic1111
from fakes.azure_flux import AzureFlux
from fakes.azure_openai import API_VERSION, AzureOpenAi
from fakes.black_forest_labs import BlackForestLabs
from fakes.cloudflare import Cloudflare
from fakes.edit_forms import read_body
from fakes.edited import mask, original, painted_box
from fakes.event_stream import Events, breaks_off_after, failure
from fakes.fal import Fal, FalRun
from fakes.google_gemini import GoogleGemini
from fakes.huggingface import HuggingFace
from fakes.openai import Hang, OpenAI, Trickle
from fakes.openrouter import OpenRouter
from fakes.recraft import Recraft
from fakes.replicate import Replicate
from fakes.sample_images import sample_image
from fakes.sd_server import SdServer
from fakes.siliconflow import SiliconFlow
from fakes.stability import Stability
from fakes.together import Together
from fakes.vllm_omni import MODEL as OMNI
from fakes.vllm_omni import VllmOmni
from fakes.xai import Xai
from harness import provider
from test_streams import events

OPEN = "image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8;"
PARTIAL, COMPLETED = "image_edit.partial_image", "image_edit.completed"
SIZE = (320, 256)  # Recraft takes nothing smaller
BOX = (64, 32, 192, 160)
MODEL = "p/gpt-image-1.5"
KEYLESS = ("vllm-omni", "sd-server", "automatic1111")
# The api, its fake, a model, and how many previews come if two are requested.
PROVIDERS = (
    ("openai", OpenAI, "gpt-image-1.5", 2),
    ("openai", OpenAI, "gpt-image-2", 2),
    ("azure-openai", AzureOpenAi, "gpt-image-2", 2),
    ("azure-openai", AzureOpenAi, "house", 2),
    ("azure-flux", AzureFlux, "FLUX.2-pro", 0),
    ("openrouter", OpenRouter, "openai/gpt-image-2", 1),  # as many as it likes
    ("openrouter", OpenRouter, "google/gemini-3-pro-image", 0),
    ("xai", Xai, "grok-imagine-image-2.0", 0),
    ("together", Together, "black-forest-labs/FLUX.2-pro", 0),
    ("recraft", Recraft, "recraftv3", 0),
    ("siliconflow", SiliconFlow, "Qwen/Qwen-Image-Edit", 0),
    ("vllm-omni", VllmOmni, OMNI, 0),
    ("sd-server", SdServer, "sd-cpp-local", 0),
    ("aggregator", Aggregator, STREAMED, 0),
    ("google-gemini", GoogleGemini, "gemini-3.1-flash-image", 0),
    ("stability", Stability, "sd3.5-large", 0),
    ("huggingface", HuggingFace, "black-forest-labs/FLUX.1-Kontext-dev", 0),
    ("cloudflare-workers-ai", Cloudflare, "@cf/runwayml/stable-diffusion-v1-5-img2img", 0),
    ("automatic1111", Automatic1111, "loaded", 0),
    ("black-forest-labs", BlackForestLabs, "flux-2-pro", 0),
    ("replicate", Replicate, "black-forest-labs/flux-kontext-pro", 0),
    ("fal", Fal, "fal-ai/flux-2-pro", 0),
    ("fal-run", FalRun, "fal-ai/qwen-image-edit", 0),
)


@pytest.fixture
def behind(gateway):
    """behind(api, fake): a gateway with this provider, and the fake."""
    started = []

    def start(api, fake, more=""):
        started.append(fake.start())
        keyless = {"more": "key none;", "key": None} if api in KEYLESS else {}
        return gateway(OPEN, provider("p", fake, api=api, **keyless) + more), fake
    yield start
    for fake in started:
        fake.stop()


def stream(g, model=MODEL, files=None, headers=(), **fields):
    return g.edit(files or [("image", original(*SIZE))], headers, model=model, **{"stream": "true", "partial_images": 2, **fields})


def found(reply) -> list:
    assert reply.status == 200, reply
    return events(reply.text)


def names(told) -> list:
    return [name for name, _ in told]


def box_of(data):
    return painted_box(base64.b64decode(data["b64_json"]))


@pytest.mark.parametrize("api, fake, model, previews", PROVIDERS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_edit_is_a_stream_over_every_provider(behind, api, fake, model, previews):
    g, _ = behind(api, fake())
    told = found(stream(g, f"p/{model}"))
    assert names(told) == [PARTIAL] * previews + [COMPLETED]
    for number, (name, data) in enumerate(told[:-1]):
        assert data["type"] == name and data["partial_image_index"] == number
        assert data["extra_fields"]["request_type"] == "image_edit_stream"
    last = told[-1][1]
    assert last["type"] == COMPLETED and box_of(last) is not None
    assert last["extra_fields"]["request_type"] == "image_edit_stream"
    assert last["extra_fields"]["inputs"] == [{"role": "image", "width": SIZE[0], "height": SIZE[1], "format": "png",
                                               "bytes": len(original(*SIZE))}]
    none = found(stream(g, f"p/{model}", partial_images=0))
    assert names(none) == [COMPLETED]


@pytest.mark.parametrize("api, fake, model, previews", [row for row in PROVIDERS if row[3]], ids=lambda value: str(value)[:40])
def test_what_streams_is_asked_to_stream(behind, api, fake, model, previews):
    g, asked = behind(api, fake())
    files = [("image[]", original(*SIZE)), ("image[]", original(*SIZE, "JPEG"))]
    if api != "openrouter":
        files.append(("mask", mask(*SIZE, BOX)))
    told = found(stream(g, f"p/{model}", files, n=2))
    assert names(told).count(COMPLETED) == 2
    assert [data["index"] for name, data in told if name == COMPLETED] == [0, 1]
    body = asked.work[0].json or read_body(asked.work[0])
    assert body["stream"] is True and body.get("partial_images") == (None if api == "openrouter" else 2)
    if api != "openrouter":
        assert {box_of(data) for name, data in told if name == COMPLETED} == {BOX}


def test_what_does_not_stream_is_not_asked_to(behind):
    for api, fake, model, previews in PROVIDERS:
        if api in ("vllm-omni", "aggregator", "xai", "recraft"):
            g, asked = behind(api, fake())
            assert names(found(stream(g, f"p/{model}"))) == [COMPLETED]
            body = asked.work[0].json or read_body(asked.work[0])
            assert not {"stream", "partial_images"} & body.keys()


def test_an_older_address_of_azure_streams_edits(behind):
    path = "/deployments/{model}/images/generations?" + API_VERSION
    g, fake = behind(f'azure-openai "path={path}"', AzureOpenAi(by_path=True))
    assert names(found(stream(g, "p/house", partial_images=1))) == [PARTIAL, COMPLETED]
    assert fake.work[0].path == "/openai/deployments/house/images/edits"


def test_a_reseller_streams_edits_if_the_catalogue_says_so(behind, scratch):
    rows = scratch / "rows.json"
    rows.write_text(json.dumps({"apis": {"aggregator": [{"model": STREAMED, "family": "gpt-image"}]}}))
    rows.chmod(0o644)
    g, fake = behind("aggregator", Aggregator(), f"image_gateway_catalog {rows};")
    told = found(stream(g, f"p/{STREAMED}", [("image", original(*SIZE)), ("mask", mask(*SIZE, BOX))], n=2, partial_images=1))
    assert sorted(names(told)) == [COMPLETED, COMPLETED, PARTIAL, PARTIAL]
    assert "url" not in told[-1][1] and box_of(told[-1][1]) is not None
    assert read_body(fake.work[0])["stream"] is True


def test_names_of_the_provider_s_events_do_not_matter(behind):
    """A client of an edit waits for `image_edit` events, even if a server says that it generates."""
    g, fake = behind("openai", OpenAI())
    for wrap in (lambda text: text.replace("image_edit.", "image_generation."), lambda text: text.replace("event: ", "x: ")):
        fake.next(Events(wrap=wrap))
        assert names(found(stream(g, partial_images=1))) == [PARTIAL, COMPLETED]


def test_a_failure_after_a_preview_of_an_edit_is_an_event(behind, openai):
    g, fake = behind("openai", OpenAI(), provider("q", openai) + f"image_model both {MODEL} q/gpt-image-2;")
    for behaviour in (breaks_off_after(1, failure()), breaks_off_after(1)):
        fake.next(behaviour)
        told = found(stream(g, "both"))
        assert names(told) == [PARTIAL, "error"]
        assert told[-1][1]["error"]["code"]
    assert not openai.work


def test_a_preview_of_an_edit_comes_while_the_provider_draws(behind):
    class FirstThenHang(Hang):
        def play(self, call):
            reply = Events().reply(call)
            call.connection.send(reply.head() + reply.body[: reply.body.index(b"\n\n") + 2])
            call.wait(None)

    g, fake = behind("azure-openai", AzureOpenAi())
    fake.next(FirstThenHang())
    body = {"prompt": "x", "model": "p/gpt-image-2", "stream": True, "partial_images": 3,
            "image": "data:image/png;base64," + base64.b64encode(original()).decode()}
    raw = g.connect().post("/v1/images/edits", body)
    raw.receive_until(b'"partial_image_index":0')
    assert fake.in_flight == 1
    raw.reset()
    fake.wait_aborted()


def test_an_endless_stream_of_an_edit_ends(gateway):
    """A provider that never stops sending previews: those that were not requested go nowhere, and the answer has a bound."""
    drawn = base64.b64encode(sample_image(64, 64, "png", 1)).decode()
    preview = {"type": PARTIAL, "partial_image_index": 0, "b64_json": drawn}
    with OpenAI() as fake:
        g = gateway(OPEN + "image_gateway_answer_max 1m;", provider("p", fake))
        fake.next(Events(lambda _: [(PARTIAL, preview)] * 20_000))
        told = found(stream(g, partial_images=1))
        assert names(told) == [PARTIAL, "error"]
        fake.next(Events(lambda completed: completed + [(COMPLETED, {"type": COMPLETED, "b64_json": drawn})] * 20_000))
        told = found(stream(g, partial_images=1))
        assert names(told) == [PARTIAL, COMPLETED]


@pytest.mark.parametrize("wrong", (
    {"b64_json": "bm90IGFuIGltYWdl"}, {"b64_json": ""}, {"b64_json": None, "url": "javascript:alert(1)"}, {}, {"b64_json": [1]}))
def test_a_completed_edit_without_an_image_is_no_edit(behind, wrong):
    g, fake = behind("openai", OpenAI())
    fake.next(Events(lambda _: [(COMPLETED, {"type": COMPLETED, **wrong})]))
    reply = stream(g, partial_images=0)
    assert reply.status >= 500 and reply.json["error"]["code"], reply


def test_an_image_of_another_size_in_a_stream_is_not_put_together(behind):
    g, fake = behind("openai", OpenAI())
    drawn = base64.b64encode(sample_image(64, 64, "png", 1)).decode()
    fake.next(Events(lambda _: [(COMPLETED, {"type": COMPLETED, "b64_json": drawn})]))
    told = found(stream(g, files=[("image", original(*SIZE)), ("mask", mask(*SIZE, BOX))], mask_mode="exact", partial_images=0))
    assert names(told) == [COMPLETED]
    assert told[0][1]["b64_json"] == drawn
    assert "mask_mode" in [one["param"] for one in told[0][1]["extra_fields"]["adjustments"]]


def test_an_edit_that_arrives_in_small_pieces_is_whole(behind):
    g, fake = behind("openai", OpenAI())
    fake.next(Trickle(97, 0.0005, Events()))
    told = found(stream(g, partial_images=1))
    assert names(told) == [PARTIAL, COMPLETED] and box_of(told[-1][1]) is not None


def test_the_sandbox_streams_its_edits(gateway):
    g = gateway(OPEN, "image_provider sandbox { api sandbox; }")
    told = found(stream(g, "sandbox/placeholder", [("image", original(*SIZE)), ("mask", mask(*SIZE, BOX))], partial_images=1))
    assert names(told) == [PARTIAL, COMPLETED]
    assert told[-1][1]["size"] == "320x256"
