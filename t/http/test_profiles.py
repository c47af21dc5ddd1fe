"""The five published APIs as their clients use them: paths, defaults, and replies with all published fields."""

import base64

import pytest
from harness import provider

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
PATHS = {"unified": "/v1/images/generations", "mka1": "/api/v1/llm/images/generations",
         "mka1-2025": "/api/v1/llm/images/generations", "kkiai": "/v1/images/generations",
         "truefoundry": "/api/llm/images/generations", "mpilot": "/v1/images/generations"}
# The required fields of each API
LEAST = {"unified": {}, "mka1": {}, "mka1-2025": {}, "kkiai": {"aspect_ratio": "1:1"}, "truefoundry": {},
         "mpilot": {"model": "sandbox/placeholder"}}
# All fields of each API, as in its reference
MOST = {
    "unified": {"model": "auto", "n": 1, "quality": "hd", "response_format": "b64_json", "size": "1024x1024",
                "style": "vivid", "output_format": "png", "output_compression": 80, "background": "opaque",
                "moderation": "low", "stream": False, "partial_images": 0, "user": "u", "seed": 7,
                "num_inference_steps": 20, "negative_prompt": "rain", "guidance": 7.5, "resolution": "1K",
                "aspect_ratio": "1:1", "fallbacks": ["sandbox/other"]},
    "mka1": {"model": "auto", "n": 2, "quality": "standard", "response_format": "b64_json", "size": "1792x1024",
             "style": "natural", "output_format": "webp", "user": "u"},
    "mka1-2025": {"model": "sandbox:placeholder", "n": 2, "quality": "hd", "response_format": "b64_json",
                  "size": "512x512", "style": "natural", "user": "u"},
    "kkiai": {"model": "placeholder", "n": 2, "quality": "hd", "response_format": "url", "size": "512x512",
              "aspect_ratio": "21:9", "style": "vivid", "user": "u"},
    "truefoundry": {"model": "sandbox/placeholder", "n": None, "quality": "best", "response_format": None, "size": None,
                    "style": "baroque", "output_format": "png", "output_compression": None, "background": "opaque",
                    "moderation": "low", "stream": None, "partial_images": None, "user": "u"},
    "mpilot": {"model": "sandbox/placeholder", "n": 1, "quality": "auto", "response_format": "b64_json",
               "size": "256x256", "style": "vivid", "output_format": "png", "output_compression": 100,
               "background": "auto", "moderation": "auto", "stream": False, "partial_images": 0, "user": "u",
               "seed": 1, "num_inference_steps": 4, "negative_prompt": "x", "fallbacks": ["sandbox/other"]},
}


@pytest.fixture
def served(gateway):
    def start(profile, more=""):
        prefix = PATHS[profile].removesuffix("images/generations")
        location = f"image_gateway profile={profile}; image_gateway_auth off; {more}"
        g = gateway("image_gateway; image_gateway_auth off;" if prefix != "/v1/" else location, SANDBOX,
                    extra_locations=f"location {prefix} {{ {location} }}" if prefix != "/v1/" else "")
        return lambda headers=(), **fields: g.generate(headers, path=PATHS[profile], **fields)
    return start


@pytest.mark.parametrize("profile", PATHS)
@pytest.mark.parametrize("fields", (LEAST, MOST), ids=("least", "most"))
def test_a_client_of_each_api_gets_what_it_was_promised(served, profile, fields):
    reply = served(profile)(**fields[profile])
    assert reply.status == 200, reply
    assert type(reply.json["created"]) is int and reply.json["created"] > 1_700_000_000
    wanted = fields[profile].get("response_format") or ("b64_json" if profile == "unified" else "url")
    for one in reply.json["data"]:
        assert set(one) == {wanted, "index"}
        data = one[wanted].partition(",")[2] if wanted == "url" else one[wanted]
        assert base64.b64decode(data).startswith(b"\x89PNG")
    assert reply.json["usage"].keys() == {"input_tokens", "input_tokens_details", "output_tokens",
                                          "output_tokens_details", "total_tokens"}


@pytest.mark.parametrize("profile", PATHS)
def test_what_nobody_wrote_is_never_adjusted(served, profile):
    strict = served(profile)({"X-Image-Gateway-Fit": "strict"}, **LEAST[profile])
    if profile == "kkiai":  # the ratio was written, and this model takes sizes
        assert (strict.status, strict.json["error"]["param"]) == (400, "aspect_ratio")
    else:
        assert strict.status == 200 and "adjustments" not in strict.json["extra_fields"], strict


@pytest.mark.parametrize("profile, field, value, code", (
    ("mka1", "prompt", "ю" * 1001, "string_above_max_length"), ("mka1", "n", 11, "integer_above_max_value"),
    ("mka1", "n", "1", "invalid_type"), ("mka1", "size", "1024x1025", "invalid_value"),
    ("mka1", "style", None, "invalid_type"), ("mka1-2025", "quality", "high", "invalid_value"),
    ("kkiai", "aspect_ratio", "5:4", "invalid_value"), ("truefoundry", "output_compression", 101, "integer_above_max_value"),
    ("mpilot", "partial_images", 4, "integer_above_max_value"), ("unified", "output_compression", -1, "integer_below_min_value")))
def test_each_api_keeps_its_own_bounds(served, profile, field, value, code):
    reply = served(profile)(**{**LEAST[profile], field: value})
    assert (reply.status, reply.json["error"]["param"], reply.json["error"]["code"]) == (400, field, code), reply


def test_a_required_field_is_required(served):
    for profile, field in (("kkiai", "aspect_ratio"), ("mpilot", "model")):
        reply = served(profile)()
        assert (reply.status, reply.json["error"]["param"]) == (400, field)
        assert reply.json["error"]["code"] == "missing_required_parameter"


def test_everything_wrong_is_told_at_once(served):
    reply = served("mka1")(prompt="", n=0, quality="best", size=7, user=["x"])
    details = reply.json["error"]["details"]
    assert [one["param"] for one in details] == ["prompt", "n", "quality", "size", "user"]
    assert all(one["code"] and one["message"] for one in details)
    assert {key: details[0][key] for key in ("param", "code", "message")} == {
        key: reply.json["error"][key] for key in ("param", "code", "message")}


def test_a_field_of_another_api_is_an_unknown_one(served):
    mka1 = served("mka1")
    reply = mka1(stream=True, seed=7, background="transparent")
    assert reply.status == 200
    assert [one["param"] for one in reply.json["extra_fields"]["adjustments"]] == ["stream", "seed", "background"]
    strict = served("mka1", "image_gateway_unknown_fields reject;")
    reply = strict(stream=True, colour="red")
    assert [(one["param"], one["code"]) for one in reply.json["error"]["details"]] == [
        ("stream", "unknown_parameter"), ("colour", "unknown_parameter")]


def test_each_api_has_its_own_fields_for_input_images(served):
    for profile in PATHS:
        for field in ("image", "input_images"):
            reply = served(profile)(**LEAST[profile], **{field: "data:image/png;base64,AAAA"})
            is_read = profile == "unified" or (profile, field) in (("kkiai", "image"), ("mpilot", "input_images"))
            code = "unsupported_image_format" if is_read else "unsupported_parameter"
            assert (reply.status, reply.json["error"]["code"]) == (400, code), (profile, field)


def test_a_contradiction_is_400_and_names_both(served):
    unified = served("unified")
    for fields in ({"size": "1024x1024", "aspect_ratio": "16:9"}, {"size": "1024x1024", "resolution": "4K"},
                   {"background": "transparent", "output_format": "jpeg"}, {"size": "2K", "resolution": "1K"}):
        reply = unified(**fields)
        assert reply.status == 400 and reply.json["error"]["param"] in fields
        assert all(field in reply.json["error"]["message"] for field in fields), reply
    assert unified(size="1376x768", aspect_ratio="16:9", resolution="1K").status == 200


def test_named_unknown_fields_go_through_to_the_provider(gateway, openai_factory, nginx_t):
    studio = openai_factory(family="dalle", extra_fields={"lora", "nested"})
    location = "image_gateway; image_gateway_auth off; image_gateway_unknown_fields pass lora nested;"
    g = gateway(location, provider("studio", studio))
    reply = g.generate(model="studio/sdxl", lora="x" * 9000, nested={"a": [1.50, None, {"é": True}]}, other=1)
    assert reply.status == 200, reply
    seen = studio.requests[0].json
    assert seen["lora"] == "x" * 9000 and seen["nested"] == {"a": [1.5, None, {"é": True}]} and "other" not in seen
    assert [one["param"] for one in reply.json["extra_fields"]["adjustments"]] == ["other", "model"]


def test_a_published_field_is_never_passed_on_unread(nginx_t, served):
    mka1 = served("mka1", "image_gateway_unknown_fields pass seed;")
    assert [one["param"] for one in mka1(seed=7).json["extra_fields"]["adjustments"]] == ["seed"]
    tested = nginx_t(SANDBOX, "image_gateway; image_gateway_auth off; image_gateway_unknown_fields pass seed lora;")
    assert tested.ok and '[warn] "seed" is a field of the published APIs' in tested.output


# Raw exchange


def test_the_wire_is_shown_only_where_the_operator_and_the_request_want_it(gateway, openai):
    location = "image_gateway; image_gateway_auth off; image_gateway_raw"
    http = provider("openai", openai)
    ask = {"model": "openai/gpt-image-2", "prompt": "say sk-test-openai aloud"}
    shown = gateway(f"{location} on;", http).generate({"X-Image-Gateway-Raw": "request,response"}, **ask).json
    extra = shown["extra_fields"]
    assert extra["raw_request"] == {"model": "gpt-image-2", "prompt": "say [secret] aloud"}
    assert extra["raw_response"]["data"][0]["b64_json"].endswith("bytes left out]")
    assert extra["raw_response"]["usage"] == shown["usage"]
    off = gateway(f"{location} off;", http)
    assert "raw_request" not in off.generate({"X-Image-Gateway-Raw": "request"}, **ask).json["extra_fields"]
    reply = off.generate({"X-Image-Gateway-Raw": "all"}, **ask)
    assert (reply.status, reply.json["error"]["param"]) == (400, "X-Image-Gateway-Raw")
