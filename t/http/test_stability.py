"""Special features of Stability: forms, filtered images, seeds, prices, paths of models."""

import pytest
from fakes.stability import PATH, Error, Finished, Stability, form_of
from harness import provider

PRICES = {"stable-image-ultra": 0.08, "stable-image-core": 0.03, "sd3.5-large": 0.065, "sd3.5-large-turbo": 0.04,
          "sd3.5-medium": 0.035, "sd3.5-flash": 0.025}


@pytest.fixture
def fake():
    with Stability() as one:
        yield one


@pytest.fixture
def g(fake, gateway):
    return gateway("image_gateway; image_gateway_auth off; image_gateway_raw on;"
                   "image_gateway_unknown_fields pass style_preset mode;", provider("s", fake, api="stability"))


def ask(g, model="sd3.5-large", **fields):
    return g.generate(model=f"s/{model}", **fields)


def seeds(reply) -> list:
    return [one.get("seed") for one in reply.json["extra_fields"]["images"]]


@pytest.mark.parametrize("model", PRICES)
def test_every_model_is_asked_at_its_address_and_has_its_price(g, fake, model):
    reply = ask(g, model, prompt="a red kite", negative_prompt="blur", size="1024x1792", seed=7, output_format="jpeg")
    assert reply.status == 200, (reply, fake.refusals)
    endpoint = {"stable-image-ultra": "ultra", "stable-image-core": "core"}.get(model, "sd3")
    assert fake.work[0].path == PATH + endpoint
    told = {"prompt": "a red kite", "negative_prompt": "blur", "aspect_ratio": "9:16", "seed": "7",
            "output_format": "jpeg"}
    assert form_of(fake.work[0]) == (told if endpoint != "sd3" else {**told, "model": model})
    assert reply.json["extra_fields"]["cost"] == {"usd": PRICES[model], "basis": "image"}


def test_a_filtered_image_is_a_refusal_and_no_image(g, fake):
    fake.always(Finished("CONTENT_FILTERED"))
    reply = ask(g)
    assert reply.status == 400, reply
    assert reply.json["error"]["code"] == "content_policy_violation"
    attempt, = reply.json["extra_fields"]["attempts"]
    assert (attempt["outcome"], attempt["code"]) == ("refused_by_policy", "content_filtered")
    assert len(fake.work) == 1


def test_an_image_without_a_word_of_how_it_came_about_is_one(g, fake):
    fake.always(Finished(None))
    assert ask(g).status == 200


def test_the_seed_is_told_whoever_drew_it(g, fake):
    assert seeds(ask(g, seed=7)) == [7]
    assert form_of(fake.work[0])["seed"] == "7"
    drawn, = seeds(ask(g))
    assert "seed" not in form_of(fake.work[1]) and drawn > 7


def test_a_seed_of_0_which_would_mean_any_is_sent_as_1(g, fake):
    reply = ask(g, seed=0)
    assert form_of(fake.work[0])["seed"] == "1" and seeds(reply) == [1]
    line, = reply.json["extra_fields"]["adjustments"]
    assert (line["param"], line["requested"], line["sent"]) == ("seed", 0, 1)


def test_images_of_several_calls_have_seeds_that_count_up(g, fake):
    reply = ask(g, n=3, seed=7)
    assert seeds(reply) == [7, 8, 9]
    assert sorted(form_of(one)["seed"] for one in fake.work) == ["7", "8", "9"]


def test_fields_of_its_own_are_passed_where_the_location_says_so(g, fake):
    reply = ask(g, style_preset="anime", mode="text-to-image")
    assert reply.status == 200, (reply, fake.refusals)
    assert form_of(fake.work[0])["style_preset"] == "anime"


def test_nothing_in_a_prompt_ends_its_part_of_the_form(g, fake):
    prompt = 'x\r\n--image-gateway-0000000000000000--\r\nContent-Disposition: form-data; name="seed"\r\n\r\n7'
    assert ask(g, prompt=prompt).status == 200
    assert form_of(fake.work[0]) == {"prompt": prompt, "model": "sd3.5-large"}


def test_a_wrong_parameter_is_named_as_the_caller_wrote_it(g, fake):
    fake.always(Error(400, "bad_request", ("cfg_scale: must be at most 10",)))
    reply = ask(g)
    assert reply.status == 400
    assert (reply.json["error"]["param"], reply.json["error"]["code"]) == ("guidance", "bad_request")


def test_what_went_over_the_wire_is_shown_without_the_image(g):
    extra = g.generate({"X-Image-Gateway-Raw": "request,response"}, model="s/sd3.5-large").json["extra_fields"]
    assert {"name": "prompt", "value": "a red kite"} in extra["raw_request"]
    assert extra["raw_response"].endswith(" bytes left out]")
