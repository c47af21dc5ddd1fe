"""Special features of Workers AI: different fields, forms and responses per model, refusals with a 200, seeds."""

import pytest
from fakes.cloudflare import ERRORS_BY_OUTCOME, MODELS, Cloudflare, input_of
from harness import provider

ASKED = {"prompt": "a red kite", "negative_prompt": "text", "size": "1024x768", "seed": 7, "num_inference_steps": 6,
         "guidance": 7.5}
WITHOUT_STEPS = {"prompt": "a red kite", "width": 1024, "height": 768, "seed": 7, "guidance": 7.5}
DIFFUSION = {**WITHOUT_STEPS, "negative_prompt": "text", "num_steps": 6}
SENT = {
    "@cf/black-forest-labs/flux-1-schnell": {"prompt": "a red kite", "steps": 6},
    "@cf/black-forest-labs/flux-2-dev": {**WITHOUT_STEPS, "steps": 6},
    "@cf/black-forest-labs/flux-2-klein-4b": WITHOUT_STEPS,
    "@cf/black-forest-labs/flux-2-klein-9b": WITHOUT_STEPS,
    "@cf/leonardo/lucid-origin": {**WITHOUT_STEPS, "num_steps": 6},
    "@cf/leonardo/phoenix-1.0": DIFFUSION,
    "@cf/stabilityai/stable-diffusion-xl-base-1.0": DIFFUSION,
    "@cf/bytedance/stable-diffusion-xl-lightning": DIFFUSION,
    "@cf/lykon/dreamshaper-8-lcm": DIFFUSION,
}
EDITORS = {"@cf/runwayml/stable-diffusion-v1-5-img2img", "@cf/runwayml/stable-diffusion-v1-5-inpainting"}


@pytest.fixture
def fake(request):
    """Cloudflare, with the options that a test is parametrized by."""
    with Cloudflare(**getattr(request, "param", {})) as one:
        yield one


@pytest.fixture
def g(fake, gateway):
    return gateway("image_gateway; image_gateway_auth off;", provider("cf", fake, api="cloudflare-workers-ai"))


def ask(g, model="@cf/leonardo/phoenix-1.0", **fields):
    return g.generate(model=f"cf/{model}", **fields)


def seeds(reply) -> list:
    return [one.get("seed") for one in reply.json["extra_fields"]["images"]]


@pytest.mark.parametrize("model", SENT)
def test_every_model_is_sent_what_it_takes_and_nothing_else(g, fake, model):
    reply = ask(g, model, **ASKED)
    assert reply.status == 200, (reply, fake.refusals)
    assert input_of(fake.work[0], MODELS[model]) == SENT[model]
    left_out = {line["param"] for line in reply.json["extra_fields"].get("adjustments", [])}
    assert ("seed" in left_out) == ("seed" not in SENT[model])


def test_every_model_that_the_catalogue_lists_is_tried_here(g):
    listed = {one["id"].removeprefix("cf/") for one in g.get("/v1/models").json["data"] if one["id"].startswith("cf/")}
    assert listed - EDITORS == set(SENT)


@pytest.mark.parametrize("model", SENT)
def test_the_seed_is_told_where_the_model_takes_one(g, fake, model):
    told = seeds(ask(g, model)) + seeds(ask(g, model))
    assert told == [input_of(one, MODELS[model]).get("seed") for one in fake.work]
    assert told == [None, None] if model.endswith("flux-1-schnell") else len(set(told)) == 2


def test_an_unknown_model_gets_no_parameter_that_was_not_requested(g, fake):
    reply = ask(g, "@cf/someone/new-model", prompt="a red kite", size="800x600")
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].json == {"prompt": "a red kite", "width": 800, "height": 600}


@pytest.mark.parametrize("model", sorted(EDITORS))
def test_models_that_only_change_images_are_not_asked(g, fake, model):
    reply = ask(g, model)
    assert (reply.status, reply.json["error"]["code"]) == (400, "unsupported_operation")
    assert fake.requests == []


def test_a_refusal_with_a_200_is_told_as_one(g, fake):
    fake.always(ERRORS_BY_OUTCOME["refused_by_policy"]["prompt_with_200"])
    reply = ask(g)
    assert reply.status == 400, reply
    assert (reply.json["error"]["code"], reply.json["error"]["message"]) == (
        "content_policy_violation", "AiError: Input prompt contains NSFW content (3030)")


def test_used_up_free_neurons_are_out_of_quota(g, fake):
    fake.always(ERRORS_BY_OUTCOME["out_of_quota"]["neurons"])
    assert ask(g).status == 502
    fake.always(ERRORS_BY_OUTCOME["throttled"]["rate"])
    assert ask(g).status == 503


def test_no_name_of_a_model_leads_to_another_path(g, fake):
    assert ask(g, "@cf/../../../../user/tokens/verify").status == 404
    assert fake.requests == []


@pytest.mark.parametrize("fake", [{"base": "/v1/account/gateway/workers-ai"}], indirect=True)
def test_the_account_and_a_gateway_are_part_of_the_url(g, fake):
    assert ask(g).status == 200
    assert fake.work[0].path == "/v1/account/gateway/workers-ai/@cf/leonardo/phoenix-1.0"


def test_an_empty_negative_prompt_is_none(g, fake):
    reply = ask(g, negative_prompt="")
    assert reply.status == 200, (reply, fake.refusals)
    assert "negative_prompt" not in fake.work[0].json
