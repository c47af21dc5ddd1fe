"""Special features of fal: two endpoints for the same models, separate results, black images, different schemas."""

import time

import pytest
from fakes.behaviours import CloseUnanswered, Json, Raw, Reset, Truncate
from fakes.fal import ERRORS, STATES, Ends, Fal, FalRun, Result, Submitted
from fakes.fal_rules import MODELS
from harness import provider

OPEN = "image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8;"
HTML = Raw(502, {"Content-Type": "text/html"}, "<h1>502</h1>")
DEV = "fal-ai/flux/dev"


@pytest.fixture
def queue():
    with Fal() as started:
        yield started


@pytest.fixture
def run():
    with FalRun() as started:
        yield started


@pytest.fixture
def g(gateway, queue, run):
    retry = "retry attempts=3 backoff=10ms..10ms;"
    return gateway(OPEN, provider("queue", queue, retry, api="fal") + provider("run", run, api="fal-run"))


def ask(g, provider="run", model=DEV, **fields):
    return g.generate(model=f"{provider}/{model}", **fields)


def attempt(reply) -> dict:
    return reply.json["extra_fields"]["attempts"][-1]


def facts(reply) -> dict:
    return reply.json["extra_fields"]["images"][0]


# Requests

# Fields that a model accepts in addition to the common ones.
ASKED = {
    DEV: ({"size": "1280x720", "n": 2, "num_inference_steps": 20, "guidance": 4.5, "moderation": "low"},
          {"image_size": {"width": 1280, "height": 720}, "num_images": 2, "num_inference_steps": 20,
           "guidance_scale": 4.5, "enable_safety_checker": False}),
    "fal-ai/flux/schnell": ({"num_inference_steps": 4}, {"num_inference_steps": 4}),
    "fal-ai/flux-pro/v1.1": ({"size": "512x1024", "moderation": "low"},
                             {"image_size": {"width": 512, "height": 1024}, "safety_tolerance": "5"}),
    "fal-ai/flux-pro/v1.1-ultra": ({"aspect_ratio": "21:9", "moderation": "low"},
                                   {"aspect_ratio": "21:9", "safety_tolerance": "5"}),
    "fal-ai/flux-pro/kontext/text-to-image": ({"aspect_ratio": "9:16", "guidance": 2},
                                              {"aspect_ratio": "9:16", "guidance_scale": 2}),
    "fal-ai/flux-2-pro": ({"size": "1024x1024", "moderation": "low", "output_format": "png"},
                          {"image_size": {"width": 1024, "height": 1024}, "safety_tolerance": "5",
                           "output_format": "png"}),
    "fal-ai/flux-2-flex": ({"num_inference_steps": 10, "guidance": 1.5, "seed": 9},
                           {"num_inference_steps": 10, "guidance_scale": 1.5, "seed": 9,
                            "enable_prompt_expansion": False}),
    "fal-ai/flux-2": ({"output_format": "webp", "moderation": "low"},
                      {"output_format": "webp", "enable_safety_checker": False, "enable_prompt_expansion": False}),
    "blackforestlabs/flux-3/text-to-image": ({"aspect_ratio": "7:5", "resolution": "2k"},
                                             {"aspect_ratio": "7:5", "resolution": "2k"}),
    "ideogram/v4.5": ({"quality": "high", "size": "1024x768"},
                      {"quality": "high", "image_size": {"width": 1024, "height": 768},
                       "enable_prompt_expansion": False}),
    "fal-ai/bytedance/seedream/v5/lite/text-to-image": (
        {"size": "2560x1440", "n": 2, "moderation": "low"},
        {"image_size": {"width": 2560, "height": 1440}, "num_images": 2, "enable_safety_checker": False}),
    "fal-ai/nano-banana-pro": (
        {"aspect_ratio": "16:9", "resolution": "2K", "moderation": "low", "output_format": "webp"},
        {"aspect_ratio": "16:9", "resolution": "2K", "safety_tolerance": "5", "output_format": "webp"}),
}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_sent_its_own_fields(g, run, model):
    asked, told = ASKED[model]
    reply = ask(g, model=model, prompt="a red bicycle", **asked)
    assert reply.status == 200, (reply, run.refusals)
    adjusted = {one["param"] for one in reply.json["extra_fields"].get("adjustments", [])}
    assert not adjusted & set(asked), reply.json["extra_fields"]["adjustments"]
    assert run.work[-1].json == {"prompt": "a red bicycle", **told}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_a_request_for_nothing_in_particular(g, run, model):
    assert ask(g, model=model).status == 200
    assert run.refusals == []


def test_both_ways_have_the_same_models(g):
    listed = [one["id"] for one in g.get("/v1/models").json["data"]]
    for model in MODELS:
        assert f"queue/{model}" in listed and f"run/{model}" in listed


def test_moderation_that_is_left_to_the_model_is_not_sent(g, run):
    reply = ask(g, moderation="auto")
    assert reply.status == 200 and not reply.json["extra_fields"].get("adjustments")
    assert set(run.work[-1].json) == {"prompt"}


@pytest.mark.parametrize("model", ("fal-ai/flux/../x", "../fal-ai/flux/dev", "fal-ai//flux", ".", "fal-ai/flux/"))
def test_a_model_s_name_leads_nowhere_else(g, run, model):
    assert ask(g, model=model).status == 404
    assert run.requests == []


# Results

@pytest.mark.parametrize("how", ("run", "queue"))
def test_size_format_and_seed_are_told_as_fal_tells_them(g, how):
    reply = ask(g, how)
    assert (reply.json["size"], reply.json["output_format"]) == ("1024x768", "jpeg")
    assert facts(reply)["seed"] == 7001
    assert facts(reply)["expires_at"] > time.time() + 6 * 86400


def test_the_cost_is_that_of_begun_megapixels(g):
    assert ask(g).json["extra_fields"]["cost"]["usd"] == 0.025
    assert ask(g, size="1920x1072", n=2).json["extra_fields"]["cost"]["usd"] == 0.1
    assert ask(g, model="fal-ai/flux-2-pro", size="1920x1072").json["extra_fields"]["cost"]["usd"] == 0.045
    assert ask(g, model="ideogram/v4.5").json["extra_fields"]["cost"]["usd"] is None


def black(*flags, name="has_nsfw_concepts"):
    return Result(lambda document: {**document, "has_nsfw_concepts": None, name: list(flags)})


@pytest.mark.parametrize("name", ("has_nsfw_concepts", "nsfw_content_detected"))
@pytest.mark.parametrize("how", ("run", "queue"))
def test_black_images_are_a_refusal(g, run, queue, how, name):
    run.always(black(True, name=name))
    queue.always(Ends(black(True, name=name)))
    reply = ask(g, how)
    assert (reply.status, attempt(reply)["outcome"]) == (400, "refused_by_policy")
    assert reply.json["error"]["code"] == "content_policy_violation"


def test_black_images_among_others_are_missing(g, run):
    run.always(black(False, True))
    reply = ask(g, n=2)
    assert reply.status == 200 and len(reply.json["data"]) == 1
    assert "n" in {one["param"] for one in reply.json["extra_fields"]["adjustments"]}


def test_a_single_image_and_a_data_url_are_read_too(g, run):
    run.next(Result(lambda document: {"image": document["images"][0], "seed": None}))
    assert ask(g).status == 200
    small = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAA"
             "AElFTkSuQmCC")
    run.next(Json({"images": [{"url": small, "width": None, "height": None, "content_type": "image/png"}]}))
    reply = ask(g, response_format="b64_json")
    assert reply.status == 200 and reply.json["data"][0]["b64_json"] == small.partition(",")[2]


@pytest.mark.parametrize("document", ({"images": []}, {"images": [{"url": None}]}, {"images": [None, 7]},
                                      {"image": None}, {"images": [{"url": "ftp://x"}]}), ids=str)
def test_a_result_without_an_image_is_no_success(g, run, queue, document):
    run.always(Json(document))
    queue.always(Ends(Json(document)))
    for how in ("run", "queue"):
        reply = ask(g, how)
        assert (reply.status, attempt(reply)["outcome"]) == (502, "unknown")
    assert len(queue.results) == 1 and len(queue.work) == 1


def test_the_field_at_fault_is_told_in_the_caller_s_words(g, run):
    run.next(ERRORS["callers_fault"]["too_many"], ERRORS["callers_fault"]["value"],
             ERRORS["callers_fault"]["missing"])
    assert [ask(g).json["error"]["param"] for _ in range(3)] == ["n", "guidance", "prompt"]


# The queue

def test_a_job_is_asked_for_until_it_is_completed_and_then_fetched(g, queue):
    queue.next_poll(STATES["IN_QUEUE"], STATES["IN_PROGRESS"])
    reply = ask(g, "queue")
    assert reply.status == 200, (reply, queue.refusals)
    assert (len(queue.work), len(queue.polls), len(queue.results)) == (1, 3, 1)
    assert queue.refusals == [] and queue.cancels == []


@pytest.mark.parametrize("trouble", (HTML, Reset(), CloseUnanswered(), Truncate(after_bytes=40), 
                                     Json({"detail": "Too many requests"}, 429),
                                     ERRORS["our_credentials"]["forbidden"],
                                     Json({"detail": "Request is still in progress"}, 400)),
                         ids=lambda trouble: type(trouble).__name__)
def test_a_result_is_fetched_again_when_that_fails(g, queue, trouble):
    queue.next_result(trouble)
    reply = ask(g, "queue")
    assert reply.status == 200, reply
    assert (len(queue.work), len(queue.polls), len(queue.results)) == (1, 1, 2)


@pytest.mark.parametrize("outcome, name", [(outcome, name) for outcome in ("callers_fault", "refused_by_policy",
                                                                           "not_here", "broken")
                                           for name in ERRORS[outcome]])
def test_what_a_job_failed_of_is_told_by_its_result(gateway, queue, outcome, name):
    g = gateway(OPEN, provider("queue", queue, api="fal"))
    queue.next_poll(Json({"status": "COMPLETED", "error": "It failed.", "error_type": "value_error"}))
    queue.next_result(ERRORS[outcome][name])
    assert attempt(ask(g, "queue"))["outcome"] == outcome
    assert (len(queue.work), len(queue.results)) == (1, 1)


@pytest.mark.parametrize("state, outcome", (("FAILED", "broken"), ("CANCELED", "unknown"), ("cancelled", "unknown")))
def test_states_that_others_have_seen_are_ends_too(gateway, queue, state, outcome):
    g = gateway(OPEN, provider("queue", queue, api="fal"))
    queue.next_poll(Json({"status": state, "error": "It failed."}))
    assert attempt(ask(g, "queue"))["outcome"] == outcome
    assert queue.results == []


def test_a_job_that_failed_and_is_not_billed_is_submitted_again(g, queue):
    queue.next(Ends(ERRORS["broken"]["runner_disconnected"]))
    reply = ask(g, "queue")
    assert reply.status == 200 and len(queue.work) == 2


def test_a_result_that_is_refused_for_good_leaves_the_job_unknown(g, queue):
    refusal = Raw(404, {"Content-Type": "text/html"}, "<h1>404</h1>")
    queue.next_result(refusal, refusal, refusal)
    reply = ask(g, "queue")
    assert (attempt(reply)["outcome"], attempt(reply)["billed"]) == ("unknown", "unknown")
    assert (len(queue.work), len(queue.results)) == (1, 3)


def test_a_client_that_leaves_cancels_the_job_once(g, queue):
    queue.always_poll(STATES["IN_PROGRESS"])
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": f"queue/{DEV}"})
    queue.wait(lambda: len(queue.polls) == 1)
    raw.close()
    queue.wait(lambda: len(queue.cancels) == 1)
    cancel, = queue.cancels
    assert cancel.path.endswith("/cancel") and cancel.refused is None
    time.sleep(0.5)
    assert (len(queue.work), len(queue.polls), len(queue.cancels)) == (1, 1, 1)


def test_a_deadline_cancels_the_job(gateway, queue):
    g = gateway(OPEN + "image_gateway_deadline 900ms;", provider("queue", queue, api="fal"))
    queue.always_poll(STATES["IN_QUEUE"])
    assert ask(g, "queue").status == 504
    queue.wait(lambda: len(queue.cancels) == 1)


@pytest.mark.parametrize("member", ("status_url", "response_url"))
def test_a_key_is_not_taken_to_another_host(g, queue, run, member):
    def elsewhere(document):
        return {**document, member: f"{run.origin}/fal-ai/flux/requests/1"}

    queue.next(Submitted(elsewhere))
    reply = ask(g, "queue")
    assert attempt(reply)["outcome"] == "unknown"
    assert run.requests == [] and queue.polls == []


@pytest.mark.parametrize("document", ({}, {"status_url": "x"}, {"status": "IN_QUEUE", "status_url": 7}), ids=str)
def test_a_job_without_an_address_is_unknown(g, queue, document):
    queue.next(Json(document))
    assert attempt(ask(g, "queue"))["outcome"] == "unknown"
    assert len(queue.work) == 1
