"""Special features of Hugging Face: the cache, models that are loading or removed, dedicated endpoints, other responses."""

import base64

import pytest
from fakes.behaviours import Json
from fakes.huggingface import ERRORS_BY_OUTCOME, MODEL, Error, HuggingFace
from fakes.sample_images import sample_image
from harness import provider


@pytest.fixture
def fake(request):
    """HuggingFace, with the options that a test is parametrized by."""
    with HuggingFace(**getattr(request, "param", {})) as one:
        yield one


@pytest.fixture
def g(fake, gateway):
    return gateway("image_gateway; image_gateway_auth off; image_gateway_unknown_fields pass scheduler;",
                   provider("hf", fake, api="huggingface"))


def ask(g, model=MODEL, **fields):
    return g.generate(model=f"hf/{model}", **fields)


def told(request):
    return request.json["parameters"]


def seeds(reply) -> list:
    return [one.get("seed") for one in reply.json["extra_fields"]["images"]]


def test_the_same_request_twice_makes_two_images(g, fake):
    """A seed avoids the cache. The reply reports the sent seed, because the provider's response does not have it."""
    one, other = (ask(g, response_format="b64_json") for _ in range(2))
    assert one.json["data"] != other.json["data"]
    assert seeds(one) + seeds(other) == [told(request)["seed"] for request in fake.work]


def test_a_seed_that_was_asked_for_is_told_and_makes_the_same_image(g, fake):
    one, other = (ask(g, seed=7, response_format="b64_json") for _ in range(2))
    assert one.json["data"] == other.json["data"] and seeds(one) == [7]
    assert told(fake.work[0])["seed"] == 7


def test_sizes_are_multiples_of_8(g, fake):
    reply = ask(g, size="1001x999")
    assert reply.status == 200, (reply, fake.refusals)
    assert told(fake.work[0])["width"] % 8 == told(fake.work[0])["height"] % 8 == 0
    assert [line["param"] for line in reply.json["extra_fields"]["adjustments"]] == ["size"]


def test_a_scheduler_is_passed_where_the_location_says_so(g, fake):
    assert ask(g, scheduler="euler").status == 200
    assert told(fake.work[0])["scheduler"] == "euler"


@pytest.mark.parametrize("fake", [{"dedicated": True}], indirect=True)
def test_a_dedicated_endpoint_is_asked_at_its_root(g, fake):
    reply = ask(g, "whatever-it-is")
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].path == "/"


@pytest.mark.parametrize("model", ("../../api/whoami-v2", "a/../../b", "./x"))
def test_no_name_of_a_model_leads_to_another_path(g, fake, model):
    reply = ask(g, model)
    assert reply.status == 404, reply
    assert fake.requests == []


def test_a_query_in_the_name_of_a_model_is_part_of_the_name(g, fake):
    assert ask(g, "x?wait=1#y").status == 404
    assert fake.requests[0].path == "/hf-inference/models/x%3Fwait%3D1%23y" and fake.requests[0].query == ""


def test_a_model_that_is_being_loaded_is_asked_again(fake, gateway):
    g = gateway("image_gateway; image_gateway_auth off;",
                provider("hf", fake, "retry attempts=2 backoff=10ms..10ms;", api="huggingface"))
    fake.next(Error(503, "Model x is currently loading", {"estimated_time": 0.1}))
    reply = ask(g)
    assert reply.status == 200, reply
    assert [one["outcome"] for one in reply.json["extra_fields"]["attempts"]] == ["broken", "made"]


@pytest.mark.parametrize("name", ("retired", "not_supported"))
def test_a_model_that_is_gone_leaves_it_to_the_next_candidate(fake, gateway, name):
    g = gateway("image_gateway; image_gateway_auth off;",
                provider("hf", fake, api="huggingface") + "image_provider sandbox { api sandbox; }\n"
                f"image_model any hf/{MODEL} sandbox/placeholder;")
    fake.always(ERRORS_BY_OUTCOME["not_here"][name])
    reply = g.generate(model="any")
    assert reply.status == 200 and reply.json["extra_fields"]["provider"] == "sandbox", reply


def test_images_in_json_are_taken_too(g, fake):
    data = base64.b64encode(sample_image(64, 48)).decode()
    fake.always(Json({"data": [{"b64_json": data}]}))
    assert ask(g, response_format="b64_json").json["data"][0]["b64_json"] == data
    fake.always(Json({"output": ["https://images.example/x.png"]}))
    assert ask(g).json["data"][0]["url"] == "https://images.example/x.png"
