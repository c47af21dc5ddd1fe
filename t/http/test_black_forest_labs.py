"""Special features of Black Forest Labs: a different body for each model, states of jobs, seeds and costs."""

import time

import pytest
from fakes.behaviours import Json, Raw, Reset
from fakes.black_forest_labs import KEY, BlackForestLabs, Ends, state
from harness import call, provider


@pytest.fixture
def flux(gateway, request):
    """flux(): a gateway with the fake behind it, and the fake. Arguments go to the fake."""
    def start(more="", location="", **options):
        fake = BlackForestLabs(**options).start()
        request.addfinalizer(fake.stop)
        g = gateway(f"image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8; {location}",
                    provider("flux", fake, more, api="black-forest-labs"))
        return g, fake
    return start


def ask(g, model="flux-2-pro", **fields):
    return g.generate(model=f"flux/{model}", **fields)


def extra(reply) -> dict:
    return reply.json["extra_fields"]


# Model, the requested parameters besides the prompt, and the whole body without the seed.
MODELS = {
    "flux-3-image": ({"size": "1920x1080", "moderation": "low", "output_format": "png", "seed": 5},
                     {"aspect_ratio": "16:9", "resolution": "1.5k", "safety_tolerance": 4, "grounding": False}),
    "flux-2-pro": ({"aspect_ratio": "16:9"}, {"width": 1280, "height": 720, "disable_pup": True}),
    "flux-2-pro-preview": ({"size": "auto"}, {"disable_pup": True}),
    "flux-2-max": ({"output_format": "png"}, {"output_format": "png", "disable_pup": True}),
    "flux-2-flex": ({"guidance": 2}, {"guidance": 2, "prompt_upsampling": False}),
    "flux-2-klein-4b": ({"size": "4000x1000"}, {"width": 4000, "height": 1008}),
    "flux-2-klein-9b": ({"moderation": "auto"}, {}),
    "flux-2-klein-9b-preview": ({"num_inference_steps": 9}, {}),
    "flux-kontext-pro": ({"size": "1000x4000"}, {"aspect_ratio": "3:7"}),
    "flux-kontext-max": ({"moderation": "low"}, {"safety_tolerance": 6}),
    "flux-pro-1.1": ({"size": "1024x1024"}, {"width": 1024, "height": 1024}),
    "flux-pro-1.1-ultra": ({"aspect_ratio": "3:2"}, {"aspect_ratio": "3:2"}),
    "flux-dev": ({"num_inference_steps": 28, "guidance": 9}, {"steps": 28, "guidance": 5}),
}


def test_every_model_is_sent_what_it_takes_and_nothing_else(flux):
    g, fake = flux()
    for model, (asked, sent) in MODELS.items():
        reply = ask(g, model, prompt="a red kite", **asked)
        assert reply.status == 200, (model, reply, fake.refusals)
        body = dict(fake.work[-1].json)
        body.pop("seed", None)
        assert fake.work[-1].path == f"/v1/{model}"
        assert body == {"prompt": "a red kite", **sent}, model
    assert fake.refusals == []


def test_every_model_that_the_catalogue_lists_for_generation_is_tried_here(flux):
    g, _ = flux()
    listed = {one["id"].removeprefix("flux/") for one in g.get("/v1/models").json["data"]
              if one["id"].startswith("flux/")}
    assert set(MODELS) <= listed, listed
    assert listed - set(MODELS) <= {"flux-pro", "flux-pro-1.0-fill", "flux-pro-1.0-expand"}


@pytest.mark.parametrize("tells_seed", (True, False))
def test_without_a_requested_seed_one_is_drawn_and_reported(flux, tells_seed):
    g, fake = flux(tells_seed=tells_seed)
    first, second = (ask(g), ask(g))
    sent = [request.json["seed"] for request in fake.work]
    assert [extra(reply)["images"][0]["seed"] for reply in (first, second)] == sent
    assert sent[0] != sent[1]
    assert extra(ask(g, seed=77))["images"][0]["seed"] == 77


def test_several_images_have_several_seeds(flux):
    g, fake = flux(tells_seed=False)
    reply = ask(g, n=3)
    seeds = {image["seed"] for image in extra(reply)["images"]}
    assert len(seeds) == 3 and seeds == {request.json["seed"] for request in fake.work}


def test_a_model_without_seeds_has_none(flux):
    g, fake = flux()
    assert "seed" not in extra(ask(g, "flux-3-image"))["images"][0]
    assert "seed" not in fake.work[0].json


def test_the_cost_is_what_the_submit_said(flux):
    g, fake = flux(cost=4.5)
    assert extra(ask(g, size="1024x1024"))["cost"] == {"usd": 0.045, "basis": "provider"}
    assert extra(ask(g, size="1024x1024", n=2))["cost"] == {"usd": 0.09, "basis": "provider"}
    fake.cost = None
    told = extra(ask(g, size="1024x1024", response_format="b64_json"))["cost"]
    assert told == {"usd": 0.03, "basis": "megapixels"}


def test_only_an_expanded_prompt_is_reported(flux):
    g, _ = flux()
    assert ask(g, "flux-3-image", prompt="a kite").json["data"][0]["revised_prompt"] == "a kite, in rich detail"
    assert "revised_prompt" not in ask(g, prompt="a kite").json["data"][0]


def test_a_link_is_reported_to_expire_after_ten_minutes(flux):
    g, _ = flux()
    left = extra(ask(g, response_format="url"))["images"][0]["expires_at"] - time.time()
    assert 580 < left <= 600


def test_polling_continues_through_intermediate_states(flux):
    g, fake = flux()
    fake.next_poll(state("Task not found", 404), state("Pending"), state("Reasoning"), state("Generating", 202))
    reply = ask(g)
    assert reply.status == 200, reply
    assert len(fake.work) == 1 and len(fake.polls) == 5
    pauses = [later.time - earlier.time for earlier, later in zip(fake.polls, fake.polls[1:])]
    assert all(later > earlier for earlier, later in zip(pauses, pauses[1:])), pauses


def test_a_refusal_tells_its_reasons_and_is_not_tried_again(flux):
    g, fake = flux("retry attempts=3 backoff=10ms..10ms;")
    fake.always(Ends("Content Moderated", more={"details": {"Moderation Reasons": ["Nudity"]}}))
    reply = ask(g)
    assert (reply.status, reply.json["error"]["code"]) == (400, "content_policy_violation"), reply
    assert extra(reply)["attempts"][0]["code"] == "content_moderated"
    assert "Nudity" in reply.json["error"]["message"]
    assert len(fake.work) == 1


def test_a_job_that_failed_is_submitted_again(flux):
    g, fake = flux("retry attempts=2 backoff=10ms..10ms;")
    fake.next(Ends("Error"))
    reply = ask(g)
    assert reply.status == 200, reply
    assert [one["outcome"] for one in extra(reply)["attempts"]] == ["broken", "made"]
    assert len(fake.work) == 2


def test_polls_that_fail_lead_to_no_second_submit(flux):
    g, fake = flux("retry attempts=3 backoff=10ms..10ms;")
    fake.next_poll(Reset(), Json({"detail": "Too many requests"}, 429, {"Retry-After": "1"}))
    assert ask(g).status == 200
    assert len(fake.work) == 1 and len(fake.polls) == 3


def test_a_mistake_names_its_field(flux):
    g, fake = flux()
    fake.next(Json({"detail": [{"loc": ["body", "prompt"], "msg": "Too long", "type": "string_too_long"}]}, 422))
    reply = ask(g)
    assert (reply.status, reply.json["error"]["param"]) == (400, "prompt")
    assert "Too long" in reply.json["error"]["message"]


def test_too_many_tasks_are_reported_with_retry_after(flux):
    g, fake = flux()
    fake.next(Json({"detail": "Too many active tasks"}, 429, {"Retry-After": "7"}))
    reply = ask(g)
    assert reply.status == 503 and 5 <= int(reply.headers["Retry-After"]) <= 7


def test_a_poll_address_elsewhere_is_not_asked(flux):
    g, fake = flux()
    other = BlackForestLabs().start()
    try:
        fake.next(Json({"id": "1", "polling_url": f"{other.url}/get_result?id=1", "cost": 3}))
        reply = ask(g)
        assert reply.status == 502, reply
        assert extra(reply)["attempts"][0]["code"] == "poll_url_refused"
        assert other.requests == [] and fake.polls == []
    finally:
        other.stop()


def test_a_model_s_name_leads_to_no_other_path(flux):
    g, fake = flux()
    reply = ask(g, "../credits?x=1")
    assert reply.status == 404, reply
    assert fake.requests[0].path == "/v1/..%2Fcredits%3Fx%3D1" and fake.requests[0].query == ""


def test_a_deadline_ends_a_job_that_goes_on(flux):
    g, fake = flux(location="image_gateway_deadline 2s;")
    fake.always_poll(state("Pending"))
    began = time.monotonic()
    reply = ask(g)
    assert reply.status == 504 and time.monotonic() - began < 4
    assert extra(reply)["may_still_be_working"] is True
    fake.wait_in_flight(0)


def test_an_impossible_poll_response_does_not_end_the_job(flux):
    g, fake = flux(location="image_gateway_deadline 20s;")
    fake.next_poll(Json([[[]]]), Raw(200, {"Content-Type": "image/png"}, b"no image"))
    assert ask(g).status == 200
    assert len(fake.work) == 1


REFUSED = {
    "a field of another model": ("flux-2-pro", {"prompt": "x", "steps": 3}),
    "a field that nobody knows": ("flux-3-image", {"prompt": "x", "seed": 1}),
    "no prompt": ("flux-dev", {"seed": 1}),
    "a number as a text": ("flux-2-pro", {"prompt": "x", "width": "64"}),
    "a width between two steps": ("flux-pro-1.1", {"prompt": "x", "width": 1000}),
    "too many pixels": ("flux-2-pro", {"prompt": "x", "width": 4096, "height": 2048}),
    "too flat an image": ("flux-kontext-pro", {"prompt": "x", "aspect_ratio": "3:1"}),
    "too much tolerance": ("flux-3-image", {"prompt": "x", "safety_tolerance": 5}),
    "another format": ("flux-2-max", {"prompt": "x", "output_format": "jpg"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_fake_refuses(what):
    model, body = REFUSED[what]
    with BlackForestLabs() as fake:
        address, key = f"{fake.url}/{model}", {"x-key": KEY}
        assert call(address, "POST", headers=key, json=body).status == 422
        assert call(address, "POST", headers={"Authorization": f"Bearer {KEY}"}, json={"prompt": "x"}).status == 403
        assert call(f"{fake.url}/flux-9", "POST", headers=key, json={"prompt": "x"}).status == 404
        assert call(f"{fake.url}/get_result?id=1", headers=key).json["status"] == "Task not found"
        assert len(fake.refusals) == 3
