"""What the gateway sends to the provider for a request, and what the reply reports about it."""

import base64

import pytest
from fakes.openai import Json
from harness import provider

OPEN = "image_gateway; image_gateway_auth off;"
NEW, OLD, COMPATIBLE = "openai/gpt-image-2", "openai/gpt-image-1.5", "studio/sdxl"


@pytest.fixture
def g(gateway, openai, studio):
    http = provider("openai", openai) + provider("studio", studio) + f"image_model auto {NEW};"
    return gateway(OPEN, http, extra_locations=f"location /openai/ {{ {OPEN} }}"
                                               f"location /other/ {{ {OPEN} image_gateway_default_model {OLD}; }}")


# The request's fields without prompt and model; the sent fields; the parameters that are listed as adjusted
SENT = {
    "nothing more": (NEW, {}, {}, []),
    "all that a model takes": (NEW, {"n": 2, "size": "1024x1024", "quality": "low", "background": "opaque",
                                     "output_format": "jpeg", "output_compression": 50, "moderation": "low",
                                     "user": "u"}, None, []),
    "null is absent": (NEW, {"n": None, "size": None, "user": None, "fallbacks": None, "model": NEW}, {}, []),
    "1.0 is 1": (NEW, {"n": 1.0}, {"n": 1}, []),
    "any size of the newer family": (NEW, {"size": "1280x720"}, {"size": "1280x720"}, []),
    "a size of none": (NEW, {"size": "512x512"}, {"size": "816x816"}, ["size"]),
    "a size that is not of this model": (OLD, {"size": "1280x720"}, {"size": "1536x1024"}, ["size"]),
    "a ratio of a model that takes sizes": (NEW, {"aspect_ratio": "16:9"}, {"size": "1280x720"}, ["aspect_ratio"]),
    "a tier": (NEW, {"resolution": "2k", "aspect_ratio": "1:1"}, {"size": "2048x2048"}, ["aspect_ratio", "resolution"]),
    "another API's word for a quality": (NEW, {"quality": "hd"}, {"quality": "high"}, ["quality"]),
    "a quality that this model does not have": (NEW, {"quality": "max"}, {"quality": "high"}, ["quality"]),
    "transparency that this model cannot": (NEW, {"background": "transparent"}, {}, ["background"]),
    "transparency that this model can": (OLD, {"background": "transparent"}, {"background": "transparent"}, []),
    "parameters of other models": (NEW, {"style": "vivid", "seed": 7, "negative_prompt": "no", "guidance": 7.5,
                                         "num_inference_steps": 20},
                                   {}, ["style", "negative_prompt", "seed", "num_inference_steps",
                                        "guidance"]),
    "unknown fields": (NEW, {"prmpt": "x", "extra": {"deep": [1, {"a": 2}]}}, {}, ["prmpt", "extra"]),
    "no stream": (NEW, {"stream": False, "partial_images": 0}, {}, []),
    "the model's own form of answer": (NEW, {"response_format": "b64_json"}, {}, []),
    "a link where there are only bytes": (NEW, {"response_format": "url"}, {}, ["response_format"]),
    "a compatible server takes more": (COMPATIBLE, {"style": "natural", "response_format": "b64_json",
                                                    "size": "640x480"}, None, ["model"]),
    "but not everything": (COMPATIBLE, {"seed": 7}, {}, ["seed", "model"]),
}


@pytest.mark.parametrize("model, asked, sent, adjusted", SENT.values(), ids=SENT)
def test_what_is_sent_is_what_was_asked_or_is_listed(g, openai, studio, model, asked, sent, adjusted):
    reply = g.generate(**{"model": model, **asked})
    assert reply.status == 200, reply
    fake = studio if model == COMPATIBLE else openai
    seen, = fake.requests
    expected = asked if sent is None else sent
    assert seen.json == {"prompt": "a red kite", "model": model.split("/")[1], **expected}
    adjustments = reply.json["extra_fields"].get("adjustments", [])
    assert [one["param"] for one in adjustments] == adjusted
    for one in adjustments:
        if one["param"] == "model":  # the catalogue does not list it
            assert (one["requested"], one["sent"]) == (model, model.split("/")[1])
            continue
        assert one["requested"] == asked[one["param"]] or one["param"] == "extra"
        in_place = (sent or {}).get(one["param"]) or (sent if one["param"] in ("aspect_ratio", "resolution") else None)
        assert one["sent"] == in_place or one["param"] == "response_format"
        assert one["reason"]


def test_an_unknown_field_is_listed_only_to_a_limited_depth(g):
    reply = g.generate(extra={"deep": [1, {"a": 2}]}, **{"x" * 500: "y" * 5000})
    shown = reply.json["extra_fields"]["adjustments"]
    assert [len(one["param"]) for one in shown] == [5, 128]
    assert len(reply.body) < 20000


def test_strict_fitting_refuses_what_it_would_have_changed(g, openai):
    for field, value in (("size", "512x512"), ("quality", "hd"), ("seed", 7), ("style", "vivid")):
        reply = g.generate({"X-Image-Gateway-Fit": "strict"}, model=NEW, **{field: value})
        assert reply.status == 400 and reply.json["error"]["param"] == field
    assert openai.requests == []
    assert g.generate({"X-Image-Gateway-Fit": "strict"}, model=NEW, quality="high").status == 200


WRONG = {
    "prompt": (None, "", 7, ["a"], {"text": "a"}, "x" * 32001),
    "n": ("1", 0, 11, 1.5, True, [1], 10 ** 30, -1),
    "size": ("1024", "1024X1024", "0x0", "01x1", "-1x1", "1024x1024 ", "99999x1", 1024, "1x1x1", "é"),
    "aspect_ratio": ("16/9", "1:", "0:1", 1.5),
    "quality": ("best", "HIGH", 1, ""),
    "style": ("baroque",), "background": ("clear",), "output_format": ("gif", "PNG"), "moderation": ("none",),
    "response_format": ("b64", "base64"),
    "output_compression": (-1, 101, "50"), "partial_images": (4, -1),
    "seed": ("7", 1.5, 10 ** 30), "guidance": ("7",), "num_inference_steps": (0,),
    "stream": (1, "false"),
    "model": ("", "a b", "x" * 257, 7, ["a"], "é", "a\nb"), "user": (7, "u" * 1025),
    "image": ("data:image/png;base64,AAAA",), "images": ([],), "mask": ("x",),
    "fallbacks": ("openai/x", [1], [""], [{}], [{"provider": "openai"}], ["a b"], ["x"] * 17),
}


def test_a_wrong_value_is_400_and_named(g, openai, studio):
    for field, values in WRONG.items():
        for value in values:
            reply = g.generate(**{field: value})
            assert reply.status == 400, (field, value, reply)
            error = reply.json["error"]
            assert error["param"].split("[")[0] == field and error["message"] and error["code"], (field, value, error)
    assert openai.requests == studio.requests == []


def test_characters_are_counted_not_bytes(g, openai):
    assert g.generate(model=NEW, prompt="ю" * 32000).status == 200
    assert g.generate(model=NEW, prompt="🪁" * 32000).status == 200
    assert g.generate(prompt="ю" * 32001).status == 400


def test_a_text_arrives_as_it_was_written(g, openai):
    prompt = 'quotes " \\ / \b\f\n\r\t \x7f \u2028 é 🪁 </script> \u0000 %s'
    assert g.generate(prompt=prompt).status == 200
    assert openai.requests[0].json["prompt"] == prompt


def test_the_end_user_is_sent_as_the_providers_user(g, openai):
    g.generate({"X-On-Behalf-Of": "ada"})
    g.generate({"X-On-Behalf-Of": "ada"}, user="bob")
    assert [one.json["user"] for one in openai.requests] == ["ada", "bob"]


def test_headers_that_are_for_the_provider_are_passed_on_and_no_others(g, openai):
    g.generate({"Idempotency-Key": "k-1", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "Cookie": "c=1",
                "X-Forwarded-For": "192.0.2.1", "User-Agent": "mine", "OpenAI-Organization": "org"})
    headers = openai.requests[0].headers
    assert "idempotency-key" not in headers and headers["traceparent"].startswith("00-a")
    assert headers["authorization"] == "Bearer sk-test-openai"
    assert not {"cookie", "x-forwarded-for", "openai-organization", "expect"} & set(headers)
    assert headers["user-agent"] != "mine"


# Which model


def test_the_model_of_azures_path_wins_over_the_bodys(g, openai):
    path = "/openai/deployments/gpt-image-1-mini/images/generations?api-version=2025-04-01-preview"
    reply = g.generate({"api-key": "whatever"}, path=path, model=NEW)
    assert reply.json["model"] == "openai/gpt-image-1-mini"
    assert reply.json["extra_fields"]["model_requested"] == "gpt-image-1-mini"
    assert openai.requests[0].json["model"] == "gpt-image-1-mini"


@pytest.mark.parametrize("name", ("openai%2Fgpt-image-2", "openai/gpt-image-2", "openai:gpt-image-2", "auto"))
def test_azures_path_may_carry_any_name_of_a_model(g, name):
    assert g.generate(path=f"/openai/deployments/{name}/images/generations").json["model"] == NEW


@pytest.mark.parametrize("name", ("nobody", "a%20b", "%c3%28", "%0a", "x" * 300, "%22%7d"))
def test_a_name_in_the_path_that_is_no_model_is_told_in_json(g, openai, name):
    reply = g.generate(path=f"/openai/deployments/{name}/images/generations")
    assert reply.status in (400, 404) and reply.json["error"]["param"] == "model"
    assert openai.requests == []


@pytest.mark.parametrize("name", ("openai%2Fa%20b", "openai%2F%0d%0ax", "openai%2F%ff", "openai%2F" + "x" * 300))
def test_what_the_body_may_not_name_the_path_may_not_either(g, openai, name):
    reply = g.generate(path=f"/openai/deployments/{name}/images/generations")
    assert reply.status in (400, 404) and openai.requests == []


def test_azures_newer_path_is_served(g):
    assert g.generate(path="/openai/v1/images/generations", model=NEW).json["model"] == NEW


def test_without_a_model_the_locations_default_is_taken_else_auto(g):
    assert g.generate(path="/other/images/generations").json["model"] == OLD
    assert g.generate(path="/other/images/generations", model=None).json["model"] == OLD
    assert g.generate().json["extra_fields"]["model_requested"] == "auto"
    assert g.generate(path="/other/images/generations", model="auto").json["model"] == NEW


def test_without_any_default_a_model_is_required(gateway, openai):
    reply = gateway(OPEN, provider("openai", openai)).generate()
    assert (reply.status, reply.json["error"]["param"]) == (400, "model")
    assert reply.json["error"]["code"] == "missing_required_parameter"


@pytest.mark.parametrize("name, made", (("openai/gpt-image-2", NEW), ("openai:gpt-image-2", NEW), ("gpt-image-2", NEW),
                                        ("studio/a/b:c", "studio/a/b:c"), ("studio:a/b", "studio/a/b")))
def test_a_model_may_be_named_in_several_ways(g, name, made):
    assert g.generate(model=name).json["model"] == made


def test_a_fallback_from_the_body_is_asked_when_the_first_cannot(g, openai, studio):
    openai.models = set()
    for fallbacks in (["studio/sdxl"], [{"provider": "studio", "model": "sdxl"}], [NEW, "studio:sdxl"]):
        reply = g.generate(model=NEW, fallbacks=fallbacks)
        assert reply.status == 200 and reply.json["model"] == "studio/sdxl"
        attempts = reply.json["extra_fields"]["attempts"]
        assert [(one["provider"], one["outcome"]) for one in attempts] == [("openai", "not_here"), ("studio", "made")]
    assert len(studio.requests) == 3


def test_a_fallback_that_nobody_has_is_the_callers_mistake(g, openai):
    reply = g.generate(model=NEW, fallbacks=["studio/sdxl", "nobody/x"])
    assert (reply.status, reply.json["error"]["param"]) == (400, "fallbacks[1]")
    assert openai.requests == []


# The answer


def test_a_requested_url_is_a_data_url_if_the_model_returns_bytes(g):
    reply = g.generate(model=NEW, response_format="url", output_format="webp", n=2)
    for one in reply.json["data"]:
        assert set(one) == {"url", "index"}
        head, _, data = one["url"].partition(",")
        assert head == "data:image/webp;base64" and base64.b64decode(data)[8:12] == b"WEBP"
    adjustment, = reply.json["extra_fields"]["adjustments"]
    assert adjustment["param"] == "response_format" and "data: URL" in adjustment["reason"]


def test_requested_bytes_are_an_adjustment_if_the_link_cannot_be_fetched(g, studio):
    studio.next(Json({"created": 1, "data": [{"url": "https://files.example.com/1.png"}]}))
    reply = g.generate(model=COMPATIBLE, response_format="b64_json")
    assert reply.json["data"][0]["url"] == "https://files.example.com/1.png"
    assert [one["param"] for one in reply.json["extra_fields"]["adjustments"]] == ["model", "response_format"]


def test_the_answer_says_what_was_made_and_how(g):
    document = g.generate(model=NEW, n=2, quality="low", size="1024x1536").json
    assert {"id", "created", "model", "data", "background", "output_format", "quality", "size", "usage",
            "extra_fields"} == set(document)
    assert (document["model"], document["quality"], document["size"]) == (NEW, "low", "1024x1536")
    assert [one["index"] for one in document["data"]] == [0, 1]
    usage = document["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert {"image_tokens", "text_tokens"} == set(usage["input_tokens_details"]) == set(usage["output_tokens_details"])
    extra = document["extra_fields"]
    assert (extra["request_type"], extra["provider"], extra["model_deployment"], extra["model_requested"]) == (
        "image_generation", "openai", "gpt-image-2", NEW)
    assert type(extra["latency"]) is int and extra["chunk_index"] == 0
    assert extra["cost"]["usd"] > 0 and extra["cost"]["basis"] == "tokens" and extra["usage_basis"] == "provider"
    attempt, = extra["attempts"]
    assert {"provider", "model", "status", "code", "latency"} <= set(attempt) and attempt["status"] == 200
