"""GET …/models and …/models/{id}: the models that this caller may use, what they can do, and what they cost."""

import pytest
from harness import key_entry, provider, write_keys

OPEN = "image_gateway; image_gateway_auth off;"
ALIASES = "image_model auto openai/gpt-image-2 sandbox/placeholder; image_model mix mode=weighted openai/gpt-image-2 weight=3 sandbox/x;"


@pytest.fixture
def g(gateway, openai):
    return gateway(OPEN, provider("openai", openai) + "image_provider sandbox { api sandbox; }" + ALIASES,
                   extra_locations=f"location /api/llm/ {{ {OPEN} }}")


def listed(g, path="/v1/models", headers=()):
    reply = g.get(path, headers)
    assert reply.status == 200, reply
    assert reply.json["object"] == "list"
    return {one["id"]: one for one in reply.json["data"]}


def test_aliases_and_the_named_models_of_configured_providers_are_listed(g):
    models = listed(g)
    assert {"auto", "mix", "openai/gpt-image-2", "openai/gpt-image-2.5-flare", "sandbox/placeholder"} <= set(models)
    assert not [name for name in models if "*" in name or name.startswith(("google", "black"))]
    for name, model in models.items():
        assert model["object"] == "model" and type(model["created"]) is int and model["owned_by"], name
    assert models["auto"]["alias"] == {"mode": "ordered",
                                       "models": [{"model": "openai/gpt-image-2"}, {"model": "sandbox/placeholder"}]}
    assert models["mix"]["alias"]["models"][0] == {"model": "openai/gpt-image-2", "weight": 3}


def test_a_model_is_described_by_typed_parameters_and_prices(g):
    model = listed(g)["openai/gpt-image-2"]
    parameters = model["supported_parameters"]
    assert parameters["quality"] == {"type": "enum", "values": ["auto", "low", "medium", "high"]}
    assert parameters["n"] == {"type": "range", "min": 1, "max": 10}
    assert parameters["size"] == {"type": "size", "auto": True, "multiple_of": 16, "max_side": 3840,
                                  "min_area": 655360, "max_area": 8294400, "max_ratio": 3}
    assert parameters["prompt"] == {"type": "string", "max_length": 32000}
    assert "seed" not in parameters and "response_format" not in parameters
    assert model["operations"] == ["generate", "edit", "stream"]
    assert model["returns"] == {"form": "b64_json"}
    assert model["pricing"]["per_million_tokens"] == {"text_in": 5, "image_in": 8, "image_out": 30}


def test_the_tokens_of_an_image_are_listed_so_that_a_price_can_be_known_before(g):
    pricing = listed(g)["openai/gpt-image-2"]["pricing"]
    assert pricing["output_tokens"]["grid"] == {"low": 16, "medium": 48, "high": 96} and pricing["partial_tokens"] == 100
    rows = listed(g)["openai/gpt-image-1"]["pricing"]["output_tokens"]
    assert {"size": "1024x1024", "quality": "low", "tokens": 272} in rows
    assert "output_tokens" not in listed(g)["sandbox/placeholder"]["pricing"]


def test_parameters_that_edits_do_not_take_are_listed(gateway):
    address = "url http://127.0.0.1:1; key env:OPENAI_API_KEY;"
    g = gateway(OPEN, f"image_provider recraft {{ api recraft; {address} }} image_provider stability {{ api stability; {address} }}")
    recraft = next(model for name, model in listed(g).items() if (model.get("inputs", {}).get("mask") or {}).get("excludes"))["inputs"]
    assert recraft["excludes"] == ["size"] and recraft["mask"]["excludes"] == ["strength"]
    assert recraft["variation_excludes"] == ["prompt", "negative_prompt", "strength"] and recraft["prompt"] is True
    outpaint = listed(g)["stability/edit/outpaint"]["inputs"]
    assert outpaint["prompt"] is False and "excludes" not in outpaint


def test_a_model_that_was_shut_down_says_so(g):
    model = listed(g)["openai/dall-e-3"]
    assert model["status"] == "shut_down" and model["shutdown"] == "2026-05-12" and "2026-05-12" in model["warning"]
    assert "warning" not in listed(g)["openai/gpt-image-2"]


@pytest.mark.parametrize("name, found", (("openai/gpt-image-2", "openai/gpt-image-2"), ("openai%2Fgpt-image-2", None),
                                         ("openai:gpt-image-2", None), ("gpt-image-2", None), ("auto", "auto"),
                                         ("openai/some/other", "openai/some/other")))
def test_one_model_is_found_under_every_name_that_a_request_may_use(g, name, found):
    reply = g.get(f"/v1/models/{name}")
    assert reply.status == 200 and reply.json["id"] == (found or "openai/gpt-image-2")


def test_the_path_counts_only_from_its_tail(g):
    assert listed(g, "/api/llm/models") == listed(g)
    assert g.get("/api/llm/models/auto").json["id"] == "auto"


@pytest.mark.parametrize("name", ("nobody", "nobody/x", "%22", "x" * 3000))
def test_an_unknown_model_is_404(g, name):
    reply = g.get(f"/v1/models/{name}")
    assert (reply.status, reply.json["error"]["code"]) == (404, "model_not_found")


def test_models_are_only_read(g):
    for path in ("/v1/models", "/v1/models/auto"):
        for method in ("POST", "DELETE", "PUT"):
            reply = g.request(method, path)
            assert reply.status == 405 and reply.headers["allow"] == "GET, HEAD"
        head = g.request("HEAD", path)
        assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 100


def test_a_key_sees_what_it_may_use_and_no_more(gateway, openai, scratch):
    narrow, by_alias = "sk-bf-narrow", "sk-bf-alias"
    keys = write_keys(scratch / "keys.json", [key_entry("narrow", narrow, models=["openai/gpt-image-2.5-*"]),
                                              key_entry("by-alias", by_alias, models=["auto"])])
    g = gateway(f"image_gateway; image_gateway_keys {keys};",
                provider("openai", openai) + "image_provider sandbox { api sandbox; }" + ALIASES)
    assert g.get("/v1/models").status == 401
    # an alias is listed if the caller may use one of its models; here they may use none
    assert set(listed(g, headers={"Authorization": f"Bearer {narrow}"})) == {
        "openai/gpt-image-2.5-sunburst", "openai/gpt-image-2.5-sunburst-2026-09-08", "openai/gpt-image-2.5-flare",
        "openai/gpt-image-2.5-flare-2026-09-08"}
    assert set(listed(g, headers={"Authorization": f"Bearer {by_alias}"})) == {"auto"}
    reply = g.get("/v1/models/sandbox/placeholder", {"Authorization": f"Bearer {by_alias}"})
    assert reply.status == 404, "what one may not use does not exist"


def test_a_models_price_and_the_costs_of_its_images_agree(g):
    price = listed(g)["openai/gpt-image-2"]["pricing"]["per_million_tokens"]
    document = g.generate(model="openai/gpt-image-2").json
    usage = document["usage"]
    expected = (usage["input_tokens_details"]["text_tokens"] * price["text_in"]
                + usage["output_tokens"] * price["image_out"]) / 1e6
    assert abs(document["extra_fields"]["cost"]["usd"] - expected) < 1e-6
    free = g.generate(model="sandbox/placeholder", size="16x16").json["extra_fields"]["cost"]
    assert free == {"usd": 0, "basis": "image"}
