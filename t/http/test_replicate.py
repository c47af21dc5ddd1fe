"""Special features of Replicate: inputs of models, waiting, states of predictions, cancelling, failures as texts."""

import base64
import time

import pytest
from fakes.behaviours import Delay, Json, Reset
from fakes.sample_images import sample_image
from fakes.replicate import KEY, UNFINISHED, Ends, Replicate, Starts, status
from harness import call, provider

SCHNELL = "black-forest-labs/flux-schnell"


@pytest.fixture
def replicate(gateway, request):
    """replicate(): a gateway with the fake behind it, and the fake."""
    def start(more="", location=""):
        fake = Replicate().start()
        request.addfinalizer(fake.stop)
        g = gateway(f"image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8; {location}",
                    provider("r", fake, more, api="replicate"))
        return g, fake
    return start


def ask(g, model=SCHNELL, **fields):
    return g.generate(model=f"r/{model}", **fields)


def extra(reply) -> dict:
    return reply.json["extra_fields"]


def outcomes(reply) -> list:
    return [one["outcome"] for one in extra(reply)["attempts"]]


# Model, the requested parameters besides the prompt, and the whole input without the seed.
MODELS = {
    SCHNELL: ({"size": "512x512", "num_inference_steps": 9, "guidance": 3},
              {"aspect_ratio": "1:1", "megapixels": "0.25", "num_inference_steps": 4}),
    "black-forest-labs/flux-dev": ({"n": 2, "guidance": 3.5, "num_inference_steps": 20, "moderation": "low"},
                                   {"num_outputs": 2, "guidance": 3.5, "num_inference_steps": 20,
                                    "disable_safety_checker": True}),
    "black-forest-labs/flux-1.1-pro": ({"size": "1024x768", "moderation": "low"},
                                       {"aspect_ratio": "custom", "width": 1024, "height": 768,
                                        "safety_tolerance": 6}),
    "black-forest-labs/flux-1.1-pro-ultra": ({"aspect_ratio": "21:9", "output_format": "jpeg", "seed": 3},
                                             {"aspect_ratio": "21:9", "output_format": "jpg"}),
    "black-forest-labs/flux-kontext-pro": ({"size": "1600x900"}, {"aspect_ratio": "16:9"}),
    "black-forest-labs/flux-kontext-max": ({"output_format": "png", "moderation": "low"},
                                           {"output_format": "png", "safety_tolerance": 6}),
    "black-forest-labs/flux-2-pro": ({"aspect_ratio": "2:1", "moderation": "low"},
                                     {"aspect_ratio": "custom", "width": 1472, "height": 736, "safety_tolerance": 5}),
    "black-forest-labs/flux-2-max": ({"size": "2048x2048", "output_format": "webp", "output_compression": 70},
                                     {"aspect_ratio": "custom", "width": 2048, "height": 2048,
                                      "output_format": "webp", "output_quality": 70}),
    "black-forest-labs/flux-2-flex": ({"num_inference_steps": 30, "guidance": 4.5},
                                      {"steps": 30, "guidance": 4.5, "prompt_upsampling": False}),
    "black-forest-labs/flux-2-klein-4b": ({"size": "1920x1080", "moderation": "low"},
                                          {"aspect_ratio": "16:9", "output_megapixels": "2",
                                           "disable_safety_checker": True}),
    "black-forest-labs/flux-3-image": ({"size": "1280x720", "seed": 3}, {"aspect_ratio": "16:9", "resolution": "1k"}),
    "ideogram-ai/ideogram-v3-turbo": ({"aspect_ratio": "10:16"},
                                      {"aspect_ratio": "10:16", "magic_prompt_option": "Off"}),
    "ideogram-ai/ideogram-v3-balanced": ({"style": "vivid"}, {"magic_prompt_option": "Off"}),
    "ideogram-ai/ideogram-v3-quality": ({"quality": "high"}, {"magic_prompt_option": "Off"}),
    "recraft-ai/recraft-v3": ({"size": "1365x1024"}, {"aspect_ratio": "4:3"}),
    "recraft-ai/recraft-v4": ({"seed": 5}, {}),
    "openai/gpt-image-1.5": ({"n": 2, "quality": "hd", "background": "transparent", "output_format": "webp",
                              "output_compression": 50, "moderation": "low", "user": "u-1", "size": "1536x1024"},
                             {"number_of_images": 2, "quality": "high", "background": "transparent",
                              "output_format": "webp", "output_compression": 50, "moderation": "low",
                              "user_id": "u-1", "aspect_ratio": "3:2"}),
    "google/nano-banana-2": ({"size": "2048x2048", "output_format": "jpeg"},
                             {"aspect_ratio": "1:1", "resolution": "2K", "output_format": "jpg"}),
    "bytedance/seedream-4.5": ({"resolution": "4K", "aspect_ratio": "16:9"}, {"size": "4K", "aspect_ratio": "16:9"}),
    "bytedance/seedream-5-lite": ({"resolution": "3K"}, {"size": "3K"}),
    "bytedance/seedream-5-pro": ({"size": "1024x1024"}, {"size": "1K", "aspect_ratio": "1:1"}),
    "stability-ai/sdxl": ({}, {}),
    "ideogram-ai/ideogram-v2": ({}, {}),
    "ideogram-ai/ideogram-v2-turbo": ({}, {}),
    "ideogram-ai/ideogram-4-5": ({}, {}),
    "somebody/kites:5c7d5dc6": ({"size": "1024x1024", "seed": 5}, {}),
}


def test_every_model_is_sent_what_it_takes_and_nothing_else(replicate):
    g, fake = replicate()
    for model, (asked, sent) in MODELS.items():
        reply = ask(g, model, prompt="a red kite", **asked)
        assert reply.status == 200, (model, reply, fake.refusals)
        body = fake.work[-1].json
        assert set(body) == {"version", "input"} and body["version"] == model
        given = dict(body["input"])
        given.pop("seed", None)
        assert given == {"prompt": "a red kite", **sent}, model
    assert fake.refusals == []


def test_every_model_that_the_catalogue_lists_is_tried_here(replicate):
    g, _ = replicate()
    listed = {one["id"].removeprefix("r/") for one in g.get("/v1/models").json["data"]
              if one["id"].startswith("r/") and "generate" in one["operations"]}
    assert listed - set(MODELS) <= {"google/imagen-4-fast"}
    assert set(MODELS) - listed == {"somebody/kites:5c7d5dc6"}


def test_an_image_that_is_made_within_the_wait_takes_one_call(replicate):
    g, fake = replicate("timeout total=90s;")
    reply = ask(g)
    assert reply.status == 200, reply
    assert len(fake.work) == 1 and fake.polls == []
    assert fake.work[0].headers["prefer"] == "wait=5"
    assert fake.work[0].headers["cancel-after"] == "90s"


def test_polling_continues_through_intermediate_states(replicate):
    g, fake = replicate()
    fake.next(UNFINISHED)
    fake.next_poll(status("starting"), status("processing"), status("a word of tomorrow"))
    reply = ask(g)
    assert reply.status == 200, reply
    assert len(fake.work) == 1 and len(fake.polls) == 4
    assert fake.cancels == []


OUTPUTS = {
    "a link": lambda link: link,
    "a list": lambda link: [link],
    "an object with a link": lambda link: {"image": link},
    "an object with a list": lambda link: {"images": [link]},
    "a list of objects": lambda link: [{"url": link}],
    "bytes": lambda link: "data:image/png;base64," + base64.b64encode(sample_image(640, 480, size_bytes=9000)).decode(),
}


@pytest.mark.parametrize("later", (False, True))
@pytest.mark.parametrize("form", OUTPUTS)
def test_an_output_of_any_form_is_an_image(replicate, form, later):
    g, fake = replicate()
    ask(g)  # so that there is a file
    path = next(iter(fake.files))
    fake.next(Ends("succeeded", output=OUTPUTS[form](fake.origin + path), later=later))
    reply = ask(g, response_format="b64_json")
    assert reply.status == 200, reply
    assert len(reply.json["data"]) == 1 and reply.json["data"][0]["b64_json"]


def test_without_a_requested_seed_one_is_drawn_and_reported(replicate):
    g, fake = replicate()
    first, second = (ask(g), ask(g))
    sent = [request.json["input"]["seed"] for request in fake.work]
    assert [extra(reply)["images"][0]["seed"] for reply in (first, second)] == sent
    assert sent[0] != sent[1]
    assert "seed" not in extra(ask(g, "recraft-ai/recraft-v4"))["images"][0]
    assert "seed" not in extra(ask(g, n=2))["images"][0]  # it is not known which of the two has it


def test_images_beyond_what_a_call_makes_take_more_calls(replicate):
    g, fake = replicate()
    assert len(ask(g, n=6).json["data"]) == 6
    assert sorted(request.json["input"]["num_outputs"] for request in fake.work) == [2, 4]
    assert len(ask(g, "black-forest-labs/flux-2-pro", n=2).json["data"]) == 2
    assert len(fake.work) == 4


def test_the_price_is_the_catalogue_s(replicate):
    g, _ = replicate()
    assert extra(ask(g, n=2))["cost"] == {"usd": 0.006, "basis": "image"}
    assert extra(ask(g, "recraft-ai/recraft-v4"))["cost"]["usd"] is None


def test_a_prediction_that_takes_longer_than_the_gateway_waits_is_cancelled(replicate):
    g, fake = replicate("timeout total=2s;")
    fake.next(UNFINISHED)
    fake.always_poll(status("processing"))
    reply = ask(g)
    assert reply.status in (502, 504), reply
    assert outcomes(reply) == ["unknown"]
    fake.wait(lambda: len(fake.cancels) == 1)
    assert fake.refusals == []


def test_a_prediction_whose_deadline_passes_is_cancelled(replicate):
    g, fake = replicate(location="image_gateway_deadline 2s;")
    fake.next(UNFINISHED)
    fake.always_poll(status("processing"))
    assert ask(g).status == 504
    fake.wait(lambda: len(fake.cancels) == 1)


def test_a_client_that_leaves_while_a_poll_hangs_cancels_once(replicate):
    g, fake = replicate()
    fake.next(UNFINISHED)
    fake.always_poll(Delay(30))
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": f"r/{SCHNELL}"})
    fake.wait(lambda: len(fake.polls) == 1)
    raw.close()
    fake.wait(lambda: len(fake.cancels) == 1)
    fake.wait_in_flight(0)


def test_a_client_that_leaves_cancels_all_its_predictions(replicate):
    g, fake = replicate()
    fake.always(UNFINISHED)
    fake.always_poll(status("processing"))
    raw = g.connect().post("/v1/images/generations",
                           {"prompt": "x", "model": "r/black-forest-labs/flux-2-pro", "n": 3})
    fake.wait(lambda: len(fake.polls) >= 3)
    raw.close()
    fake.wait(lambda: len(fake.cancels) == 3)
    assert len({request.path for request in fake.cancels}) == 3


def test_a_cancel_address_elsewhere_is_not_asked(replicate):
    g, fake = replicate()
    with Replicate() as other:
        where = {"get": f"{other.url}/predictions/1", "cancel": f"{other.url}/predictions/1/cancel"}
        fake.next(Starts(more={"urls": where}))
        reply = ask(g)
        assert extra(reply)["attempts"][0]["code"] == "poll_url_refused"
        time.sleep(0.3)
        assert other.requests == []


def test_a_failure_that_passes_is_tried_again(replicate):
    g, fake = replicate("retry attempts=2 backoff=10ms..10ms;")
    fake.next(Ends("failed", "Prediction interrupted; please retry (code: PA)", later=True))
    reply = ask(g)
    assert outcomes(reply) == ["broken", "made"]
    assert extra(reply)["attempts"][0]["code"] == "PA"


def test_a_refusal_in_words_is_not_tried_again(replicate):
    g, fake = replicate("retry attempts=3 backoff=10ms..10ms;")
    fake.always(Ends("failed", "The input or output was flagged as sensitive. (E005)"))
    reply = ask(g)
    assert (reply.status, reply.json["error"]["code"]) == (400, "content_policy_violation")
    assert extra(reply)["attempts"][0]["code"] == "E005"
    assert "flagged as sensitive" in reply.json["error"]["message"]
    assert len(fake.work) == 1


def test_polls_that_fail_lead_to_no_second_submit(replicate):
    g, fake = replicate("retry attempts=3 backoff=10ms..10ms;")
    fake.next(UNFINISHED)
    fake.next_poll(Reset(), Json({"detail": "Request was throttled.", "status": 429}, 429, {"Retry-After": "1"}))
    assert ask(g).status == 200
    assert len(fake.work) == 1 and len(fake.polls) == 3


def test_a_mistake_names_its_field(replicate):
    g, fake = replicate()
    fake.next(Json({"title": "Input validation failed", "detail": "- input.prompt: is too long", "status": 422,
                    "invalid_fields": [{"field": "input.prompt", "description": "is too long"}]}, 422))
    reply = ask(g)
    assert (reply.status, reply.json["error"]["param"]) == (400, "prompt")


def test_the_wait_of_a_throttled_call_is_read_from_its_words(replicate):
    g, fake = replicate()
    fake.next(Json({"detail": "Request was throttled. Your rate limit resets in ~30s.", "status": 429}, 429))
    reply = ask(g)
    assert reply.status == 503 and 28 <= int(reply.headers["Retry-After"]) <= 30


def test_a_model_that_is_not_there_is_told_so(replicate):
    g, fake = replicate()
    reply = ask(g, "nobody/nothing")
    assert reply.status == 404 and outcomes(reply) == ["not_here"], reply


REFUSED = {
    "a field of another model": {"version": SCHNELL, "input": {"prompt": "x", "guidance": 3}},
    "an unknown field beside the input": {"version": SCHNELL, "input": {"prompt": "x"}, "n": 2},
    "no prompt": {"version": SCHNELL, "input": {}},
    "no version": {"input": {"prompt": "x"}},
    "too many images": {"version": SCHNELL, "input": {"prompt": "x", "num_outputs": 5}},
    "megapixels as a number": {"version": SCHNELL, "input": {"prompt": "x", "megapixels": 1}},
    "jpeg": {"version": SCHNELL, "input": {"prompt": "x", "output_format": "jpeg"}},
    "sides without custom": {"version": "black-forest-labs/flux-2-pro", "input": {"prompt": "x", "width": 1024}},
    "an unknown model": {"version": "nobody/nothing", "input": {"prompt": "x"}},
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_fake_refuses(what):
    with Replicate() as fake:
        address, key = f"{fake.url}/predictions", {"Authorization": f"Bearer {KEY}"}
        good = {"version": SCHNELL, "input": {"prompt": "x"}}
        assert call(address, "POST", headers=key, json=REFUSED[what]).status == 422
        assert call(address, "POST", headers={"x-key": KEY}, json=good).status == 401
        assert call(address, "POST", headers={**key, "Prefer": "wait=61"}, json=good).status == 400
        assert call(f"{address}/1", headers=key).status == 404
        assert len(fake.refusals) == 4
        assert call(address, "POST", headers=key, json=good).status == 201
