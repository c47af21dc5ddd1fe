"""Special features of Gemini: thoughts, refusals with status 200, seeds, sizes, and cost by tokens."""

import pytest
from fakes.behaviours import Json
from fakes.google_gemini import ERRORS, Answer, GoogleGemini
from fakes.google_gemini_rules import MODELS
from harness import provider

OPEN = "image_gateway; image_gateway_auth off;"


@pytest.fixture
def fake():
    with GoogleGemini() as started:
        yield started


@pytest.fixture
def g(gateway, fake):
    return gateway(OPEN, provider("p", fake, api="google-gemini"))


def ask(g, model="gemini-3.1-flash-image", **fields):
    return g.generate(model=f"p/{model}", **fields)


def attempt(reply) -> dict:
    return reply.json["extra_fields"]["attempts"][-1]


def seeds(reply) -> list:
    return [one.get("seed") for one in reply.json["extra_fields"]["images"]]


def sent(fake) -> dict:
    return fake.work[-1].json["generationConfig"]


def test_nothing_but_an_image_is_asked_for(g, fake):
    assert ask(g).status == 200
    body = fake.work[-1].json
    assert set(body) == {"contents", "generationConfig"}
    assert body["generationConfig"]["responseModalities"] == ["IMAGE"]
    assert set(body["generationConfig"]) == {"responseModalities", "seed"}


def test_drafts_among_the_thoughts_are_no_images(g, fake):
    reply = ask(g, resolution="1K", aspect_ratio="16:9", response_format="b64_json")
    assert len(reply.json["data"]) == 1
    assert (reply.json["size"], reply.json["output_format"]) == ("1376x768", "jpeg")


def test_thoughts_alone_are_no_success(g, fake):
    def only_thoughts(document):
        for part in document["candidates"][0]["content"]["parts"]:
            part["thought"] = True
        return document

    fake.always(Answer(only_thoughts))
    assert attempt(ask(g))["outcome"] == "unknown"


@pytest.mark.parametrize("model", [name for name in MODELS if name != "gemini-2.5-flash-image"])
def test_every_model_takes_what_the_catalogue_says(g, fake, model):
    described = g.get(f"/v1/models/p/{model}").json
    assert described["pricing"], described
    for ratio in MODELS[model].ratios:
        reply = ask(g, model, aspect_ratio=ratio)
        assert reply.status == 200 and not reply.json["extra_fields"].get("adjustments"), (ratio, reply)
        assert sent(fake)["imageConfig"] == {"aspectRatio": ratio}
    for tier in MODELS[model].tokens:
        reply = ask(g, model, resolution=tier)
        assert reply.status == 200 and not reply.json["extra_fields"].get("adjustments"), (tier, reply)
        assert sent(fake)["imageConfig"] == {"imageSize": tier}
    assert fake.refusals == []


def test_a_size_in_pixels_is_told_as_ratio_and_tier(g, fake):
    assert ask(g, size="1920x1080").status == 200
    assert sent(fake)["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "2K"}


def test_a_model_without_tiers_is_sent_none(g, fake):
    reply = ask(g, "gemini-2.5-flash-image", size="1024x1024")
    assert reply.status == 200
    assert sent(fake)["imageConfig"] == {"aspectRatio": "1:1"}


def test_without_a_requested_seed_one_is_drawn_and_reported(g, fake):
    told = [*seeds(ask(g)), *seeds(ask(g))]
    assert told == [one.json["generationConfig"]["seed"] for one in fake.work]
    assert told[0] != told[1]


def test_each_of_several_images_has_its_own_seed(g, fake):
    reply = ask(g, n=3, seed=7)
    assert seeds(reply) == [7, 8, 9]
    assert sorted(one.json["generationConfig"]["seed"] for one in fake.work) == [7, 8, 9]
    reply = ask(g, n=3)
    assert len(set(seeds(reply))) == 3 and None not in seeds(reply)


def test_the_cost_is_that_of_its_tokens(g, fake):
    reply = ask(g, resolution="2K", prompt="four")
    usage = reply.json["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (2, 1680 + 96, 1778)
    assert usage["output_tokens_details"] == {"image_tokens": 1680, "text_tokens": 96}
    cost = reply.json["extra_fields"]["cost"]
    assert cost["usd"] == pytest.approx((2 * 0.5 + 96 * 3 + 1680 * 60) / 1e6, abs=1e-6), cost


def test_usage_without_details_is_read_as_far_as_it_goes(g, fake):
    fake.always(Answer(lambda document: {**document, "usageMetadata": {"candidatesTokenCount": 1120}}))
    reply = ask(g)
    assert reply.json["usage"]["output_tokens"] == 1120
    fake.always(Answer(lambda document: {**document, "usageMetadata": None}))
    assert ask(g).json["extra_fields"]["usage_basis"] == "counted"


@pytest.mark.parametrize("name", ERRORS["refused_by_policy"])
def test_a_refusal_is_told_with_its_reason(g, fake, name):
    fake.always(ERRORS["refused_by_policy"][name])
    reply = ask(g)
    word = name.split("_", 1)[1].upper()
    assert reply.status == 400
    assert reply.json["error"]["code"] == "content_policy_violation"
    if name == "image_with_prose":
        assert reply.json["error"]["message"].startswith("Unable to show the generated image.")
    else:
        assert attempt(reply)["code"] == word and word in reply.json["error"]["message"]


def test_what_a_model_says_instead_of_an_image_is_told(g, fake):
    fake.always(ERRORS["unknown"]["no_image"])
    reply = ask(g)
    assert (attempt(reply)["code"], attempt(reply)["billed"]) == ("NO_IMAGE", "unknown")
    assert "I cannot draw that" in g.error_log()


def test_the_time_to_wait_is_read_from_the_details(g, fake):
    fake.always(ERRORS["throttled"]["per_minute"])
    reply = ask(g)
    assert reply.status == 503 and int(reply.headers["retry-after"]) == 11


def test_the_field_at_fault_is_told(g, fake):
    fake.always(ERRORS["callers_fault"]["bad_ratio"])
    assert ask(g).json["error"]["param"] == "generation_config.image_config.aspect_ratio"


@pytest.mark.parametrize("model", ("../../v1/models/x", "..", "a/../b", "a//b", "./a"))
def test_a_model_s_name_leads_nowhere_else(g, fake, model):
    reply = ask(g, model)
    assert reply.status == 404, reply
    assert fake.requests == []


@pytest.mark.parametrize("model", ("x?key=1", "x#y", "x%2e%2e", "x:predict", "tuned/x"))
def test_a_strange_name_is_asked_for_as_it_is(g, fake, model):
    assert ask(g, model).status == 404
    seen, = fake.requests
    assert seen.query == "" and seen.path.endswith(":generateContent")
    assert seen.path.startswith("/v1beta/models/")


def test_of_several_images_in_one_answer_the_first_is_taken_and_the_others_are_told_of(g, fake):
    def twice(document):
        parts = document["candidates"][0]["content"]["parts"]
        parts.append(parts[-1])
        return document

    fake.always(Answer(twice))
    reply = ask(g)
    assert len(reply.json["data"]) == 1
    assert "1 more images than requested" in str(reply.json["extra_fields"]["adjustments"])


def test_a_null_where_the_image_belongs_is_none(g, fake):
    fake.always(Json({"candidates": [{"content": {"parts": [{"inlineData": None}, None, 7, {"inlineData": {
        "mimeType": "image/png", "data": None}}]}, "finishReason": None}]}))
    assert attempt(ask(g))["outcome"] == "unknown"
