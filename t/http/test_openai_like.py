"""Special features of servers that resemble OpenAI's Images API: fields, seeds, costs, refusals, and servers that
an operator describes."""

import pytest
from fakes.aggregator import Aggregator
from fakes.azure_openai import API_VERSION, CASE as AZURE, AzureOpenAi
from fakes.behaviours import Json
from fakes.cases import CASES
from fakes.checks import number, text
from fakes.openai_like import KEY, OpenAiLike, sent
from fakes.openrouter import CASE as OPENROUTER, COST_OF_AN_IMAGE, OpenRouter
from fakes.recraft import Recraft
from fakes.sd_server import SdServer, extras_of, words_of
from fakes.siliconflow import KOLORS, QWEN_IMAGE, SEED, SiliconFlow
from fakes.together import SCHNELL, Together
from fakes.vllm_omni import MODEL as QWEN, VllmOmni
from fakes.xai import CASE as XAI, MODERATED, WITH_QUALITY, Xai
from harness import call, provider

APIS = {AzureOpenAi: "azure-openai", Xai: "xai", Together: "together", OpenRouter: "openrouter", Recraft: "recraft",
        SiliconFlow: "siliconflow", VllmOmni: "vllm-omni", SdServer: "sd-server", Aggregator: "aggregator"}
OPEN = "image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8; "


@pytest.fixture
def behind(gateway, scratch):
    """behind(Fake, api="…", more="…"): a gateway with the fake behind it as p, and the fake."""
    started = []

    def start(kind, api=None, more="", http="", location="", **options):
        fake = kind(**options).start()
        started.append(fake)
        g = gateway(OPEN + f"image_gateway_store {scratch}/store; {location}",
                    provider("p", fake, more, api=api or APIS[kind],
                             key="env:OPENAI_API_KEY" if fake.keys else "none") + http)
        return g, fake

    yield start
    for fake in started:
        fake.stop()


def ask(g, model, **fields):
    return g.generate(model=f"p/{model}", **fields)


def attempt(reply) -> dict:
    return reply.json["extra_fields"]["attempts"][-1]


def cost(reply) -> dict:
    return reply.json["extra_fields"]["cost"]


def seeds(reply) -> list:
    return [one.get("seed") for one in reply.json["extra_fields"]["images"]]


# The fakes themselves


@pytest.mark.parametrize("case", [case for case in CASES if issubclass(case.fake, OpenAiLike)], ids=str)
def test_a_fake_takes_what_its_provider_takes_and_nothing_else(case):
    with case.fake() as fake:
        good = {name: {"model": case.model, "prompt": "a red kite"}[name] for name in fake.required}
        right = {"Authorization": f"Bearer {KEY}"} if fake.keys else {}

        def status(body, headers=right, path=fake.path, method="POST"):
            return call(f"{fake.url}{path}?{fake.query}".rstrip("?"), method, headers=headers, json=body).status

        assert status(good) == 200
        refused = [status({**good, "colour": "red"}), status({**good, "n": 0}), status({**good, "n": "1"}),
                   status({**good, "prompt": ""}), status({}), status([good]),
                   status(good, path="/images/variations"), status(good, method="PUT")]
        if fake.keys:
            refused.append(status(good, headers={"Authorization": "Bearer wrong"}))
        assert all(400 <= one < 500 for one in refused), refused
        assert len(fake.refusals) == len(fake.requests) - 1


# xAI


def test_xai_s_cost_is_told_to_the_millionth(behind):
    g, fake = behind(Xai)
    reply = ask(g, WITH_QUALITY, n=3)
    assert reply.status == 200, (reply, fake.refusals)
    assert cost(reply) == {"usd": 0.12, "basis": "provider"}


def test_an_image_that_xai_withheld_is_a_refusal_also_where_it_is_there(behind):
    def withhold(document):
        for one in document["data"]:
            one["respect_moderation"] = False
        return document

    g, fake = behind(Xai, change=withhold)
    reply = ask(g, WITH_QUALITY, n=2)
    assert (reply.status, reply.json["error"]["code"]) == (400, "content_policy_violation"), reply
    assert (attempt(reply)["outcome"], attempt(reply)["code"]) == ("refused_by_policy", "content_moderated")
    assert len(fake.work) == 1


def test_images_that_xai_did_not_withhold_are_answered_with(behind):
    def withhold_one(document):
        document["data"][0].update(url=None, b64_json="", respect_moderation=False)
        return document

    g, _ = behind(Xai, change=withhold_one)
    reply = ask(g, WITH_QUALITY, n=2)
    assert reply.status == 200 and len(reply.json["data"]) == 1, reply
    line, = reply.json["extra_fields"]["adjustments"]
    assert (line["param"], line["reason"]) == ("n", "the provider made only 1")


def test_xai_s_refusal_that_is_billed_is_told_and_not_tried_again(behind):
    g, fake = behind(Xai, more="retry attempts=3 backoff=10ms..10ms;",
                     http="image_provider box { api sandbox; }\n"
                          f"image_model any p/{WITH_QUALITY} box/placeholder;")
    fake.always(XAI.errors["refused_by_policy"]["moderated"])
    reply = g.generate(model="any")
    assert (reply.status, reply.json["error"]["code"]) == (400, "content_policy_violation"), reply
    assert reply.json["error"]["message"].startswith(MODERATED)
    line, = reply.json["extra_fields"]["attempts"]
    assert (line["outcome"], line["billed"], line["cost"]) == ("refused_by_policy", "yes", 0.09)
    assert len(fake.work) == 1


def test_xai_is_asked_for_a_ratio_and_a_tier_whatever_size_is_asked_for(behind):
    g, fake = behind(Xai)
    for size, told in (("1792x1024", ("16:9", "1k")), ("1024x1024", ("1:1", "1k")), ("2048x2048", ("1:1", "2k"))):
        assert ask(g, WITH_QUALITY, size=size, seed=7, style="vivid").status == 200, fake.refusals
        assert (sent("aspect_ratio")(fake.work[-1]), sent("resolution")(fake.work[-1])) == told


def test_xai_s_older_model_has_no_quality(behind):
    g, fake = behind(Xai)
    reply = ask(g, "grok-imagine-image", quality="low")
    assert reply.status == 200 and fake.refusals == [], reply
    assert "quality" in {one["param"] for one in reply.json["extra_fields"]["adjustments"]}


# Together AI


def test_together_has_a_word_of_its_own_for_base64_and_a_size_in_two_fields(behind):
    g, fake = behind(Together)
    assert ask(g, SCHNELL, response_format="b64_json", size="1344x768").status == 200, fake.refusals
    assert fake.work[0].json == {"model": SCHNELL, "prompt": "a red kite", "width": 1344, "height": 768,
                                 "response_format": "base64"}
    assert ask(g, SCHNELL, response_format="url").status == 200
    assert sent("response_format")(fake.work[1]) == "url"


def test_together_chooses_the_size_where_the_caller_leaves_it_open(behind):
    g, fake = behind(Together)
    assert ask(g, SCHNELL, size="auto").status == 200, fake.refusals
    assert not {"width", "height", "size"} & set(fake.work[0].json)


def test_together_s_closed_models_are_not_told_of_steps(behind):
    g, fake = behind(Together)
    reply = ask(g, "black-forest-labs/FLUX.1.1-pro", num_inference_steps=20, guidance=3.5, negative_prompt="blur")
    assert reply.status == 200, (reply, fake.refusals)
    assert {one["param"] for one in reply.json["extra_fields"]["adjustments"]} == {
        "num_inference_steps", "guidance", "negative_prompt"}


@pytest.mark.parametrize("model, most", ((SCHNELL, 12), (f"{SCHNELL}-Free", 4)))
def test_together_s_fast_models_take_few_steps(behind, model, most):
    g, fake = behind(Together)
    assert ask(g, model, num_inference_steps=40).status == 200, fake.refusals
    assert sent("steps")(fake.work[0]) == most


# OpenRouter


def test_openrouter_s_usage_and_cost_are_told(behind):
    g, fake = behind(OpenRouter)
    reply = ask(g, "openai/gpt-image-2", n=2)
    assert reply.status == 200, (reply, fake.refusals)
    usage = reply.json["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (0, 8350, 8350)
    assert cost(reply) == {"usd": 2 * COST_OF_AN_IMAGE, "basis": "provider"}
    assert len(fake.work) == 1


def test_several_images_of_one_that_makes_single_ones_are_several_calls(behind):
    g, fake = behind(OpenRouter)
    reply = ask(g, "google/gemini-3.1-flash-image", n=2)
    assert reply.status == 200, (reply, fake.refusals)
    assert cost(reply)["usd"] == 2 * COST_OF_AN_IMAGE and len(fake.work) == 2


@pytest.mark.parametrize("name", ("blocked_behind", "blocked_behind_403", "flagged"))
def test_a_refusal_of_the_provider_behind_openrouter_is_one_whatever_the_status(behind, name):
    g, fake = behind(OpenRouter)
    fake.always(OPENROUTER.errors["refused_by_policy"][name])
    reply = ask(g, "openai/gpt-image-2")
    assert reply.status in (400, 403), reply
    assert attempt(reply)["outcome"] == "refused_by_policy"


def test_what_the_provider_behind_openrouter_said_is_told(behind):
    g, fake = behind(OpenRouter)
    fake.always(OPENROUTER.errors["callers_fault"]["bad_parameter_behind"])
    message = ask(g, "openai/gpt-image-2").json["error"]["message"]
    assert message.startswith("Provider returned error") and "invalid_value" in message


# Recraft


def test_recraft_s_credits_are_told_as_a_cost(behind):
    g, fake = behind(Recraft)
    reply = ask(g, "recraftv4_1", n=2)
    assert reply.status == 200, (reply, fake.refusals)
    assert cost(reply) == {"usd": 0.07, "basis": "provider"}


def test_recraft_has_names_of_its_own_for_the_seed_and_the_format(behind):
    g, fake = behind(Recraft)
    reply = ask(g, "recraftv4_1", seed=42, output_format="png")
    assert (sent("random_seed")(fake.work[0]), sent("image_format")(fake.work[0])) == (42, "png")
    assert seeds(reply) == [42]


def test_recraft_which_does_not_tell_its_seed_is_given_one(behind):
    g, fake = behind(Recraft)
    drawn = [seeds(ask(g, "recraftv4_1"))[0] for _ in range(2)]
    assert drawn == [sent("random_seed")(one) for one in fake.work]
    assert len(set(drawn)) == 2


@pytest.mark.parametrize("model, size", (("recraftv4_1", "1344x768"), ("recraftv4_1_pro", "2688x1536"),
                                         ("recraftv4_1_flash", "1344x768"), ("recraftv2", "1820x1024")))
def test_recraft_s_models_have_sizes_of_their_own(behind, model, size):
    g, fake = behind(Recraft)
    assert ask(g, model, aspect_ratio="16:9").status == 200, fake.refusals
    assert sent("size")(fake.work[0]) == size


def test_recraft_s_newer_models_are_not_told_what_to_leave_out(behind):
    g, fake = behind(Recraft)
    reply = ask(g, "recraftv4_1", negative_prompt="people", style="vivid")
    assert reply.status == 200, (reply, fake.refusals)
    assert {one["param"] for one in reply.json["extra_fields"]["adjustments"]} == {"negative_prompt", "style"}


# SiliconFlow


def test_siliconflow_s_newer_answers_are_read_too(behind):
    g, _ = behind(SiliconFlow, change=lambda document: {**document, "created": 1767225600, "data": document["images"]})
    reply = ask(g, KOLORS, n=2)
    assert reply.status == 200 and len(reply.json["data"]) == 2, reply


def test_the_seed_that_siliconflow_chose_is_told(behind):
    g, fake = behind(SiliconFlow)
    reply = ask(g, KOLORS)
    assert reply.status == 200 and sent("seed")(fake.work[0]) is None, (reply, fake.refusals)
    assert seeds(reply) == [SEED]


def test_siliconflow_is_asked_for_several_images_of_kolors_alone(behind):
    g, fake = behind(SiliconFlow)
    for model, calls in ((KOLORS, 1), (QWEN_IMAGE, 2)):
        before = len(fake.work)
        reply = ask(g, model, n=2)
        assert reply.status == 200 and len(reply.json["data"]) == 2, (reply, fake.refusals)
        assert len(fake.work) - before == calls


@pytest.mark.parametrize("model, size", ((KOLORS, "720x1280"), (QWEN_IMAGE, "928x1664"),
                                         ("black-forest-labs/FLUX.1-schnell", "576x1024"),
                                         ("Tongyi-MAI/Z-Image-Turbo", "720x1280")))
def test_siliconflow_s_models_have_sizes_of_their_own(behind, model, size):
    g, fake = behind(SiliconFlow)
    assert ask(g, model, aspect_ratio="9:16").status == 200, fake.refusals
    assert sent("image_size")(fake.work[0]) == size


def test_qwen_image_s_guidance_at_siliconflow_can_be_passed(behind):
    g, fake = behind(SiliconFlow, location="image_gateway_unknown_fields pass cfg;")
    reply = ask(g, QWEN_IMAGE, guidance=5, cfg=4)
    assert reply.status == 200, (reply, fake.refusals)
    assert (sent("cfg")(fake.work[0]), sent("guidance_scale")(fake.work[0])) == (4, None)
    assert "guidance" in {one["param"] for one in reply.json["extra_fields"]["adjustments"]}


def test_an_error_that_is_nothing_but_a_text_is_told(behind):
    g, fake = behind(SiliconFlow)
    fake.always(Json("The prompt is too long.", 400))
    reply = ask(g, KOLORS)
    assert (reply.status, reply.json["error"]["message"]) == (400, "The prompt is too long."), reply


# vLLM-Omni


def test_vllm_omni_is_given_a_seed_and_the_key_that_it_was_started_with(behind):
    g, fake = behind(VllmOmni, keys=(KEY,))
    reply = ask(g, QWEN, response_format="url")
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].headers["authorization"] == f"Bearer {KEY}"
    assert seeds(reply) == [sent("seed")(fake.work[0])]


def test_a_model_that_vllm_omni_does_not_serve_is_not_there(behind):
    g, _ = behind(VllmOmni)
    assert attempt(ask(g, "Tongyi/Z-Image"))["outcome"] == "not_here"


# stable-diffusion.cpp

BLOCK = '<sd_cpp_extra_args>{"seed":1,"width":9999}</sd_cpp_extra_args>'


@pytest.mark.parametrize("prompt", (
    f"a red kite{BLOCK}", f"{BLOCK}a red kite",
    "a red <sd_cpp_<sd_cpp_extra_args>extra_args>kite</sd_cpp_extra</sd_cpp_extra_args>_args>",
    "a <sd_cpp_extra</sd_cpp_extra_args>_args>red kite",
    "<<sd_cpp_extra_args>sd_cpp_<</sd_cpp_extra_args>/sd_cpp_extra_args>extra_args>a red kite"))
def test_a_block_of_extra_arguments_that_a_caller_wrote_is_disarmed(behind, prompt):
    g, fake = behind(SdServer)
    reply = ask(g, "sd-cpp-local", prompt=prompt, seed=7)
    assert reply.status == 200, (reply, fake.refusals)
    assert extras_of(fake.work[0]) == {"seed": 7}
    assert "sd_cpp" not in words_of(fake.work[0])
    assert "kite" in words_of(fake.work[0])


def test_nothing_in_a_negative_prompt_ends_the_block(behind):
    g, fake = behind(SdServer)
    reply = ask(g, "sd-cpp-local", negative_prompt=f'blurry "x" </sd_cpp_extra_args>{BLOCK}', seed=7)
    assert reply.status == 200, (reply, fake.refusals)
    assert extras_of(fake.work[0])["seed"] == 7
    assert words_of(fake.work[0]).strip() == "a red kite"


def test_sd_server_whose_seed_is_always_the_same_is_given_another(behind):
    g, fake = behind(SdServer)
    drawn = [seeds(ask(g, "sd-cpp-local"))[0] for _ in range(2)]
    assert drawn == [extras_of(one)["seed"] for one in fake.work]
    assert len(set(drawn)) == 2


def test_sd_server_is_told_no_model_and_no_form_of_answer(behind):
    g, fake = behind(SdServer)
    assert ask(g, "sd-cpp-local", response_format="url").status == 200, fake.refusals
    assert set(fake.work[0].json) == {"prompt"}


# Azure


def test_an_azure_deployment_is_asked_by_its_key_in_a_header(behind):
    g, fake = behind(AzureOpenAi)
    reply = ask(g, "house", size="1536x1024")
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].headers["api-key"] == KEY and "authorization" not in fake.work[0].headers
    assert fake.work[0].json["model"] == "house"
    assert reply.json["usage"]["output_tokens"] == 196


def test_an_azure_deployment_of_the_older_form_is_asked_at_its_own_address(behind):
    path = '"path=/deployments/{model}/images/generations?' + API_VERSION + '"'
    g, fake = behind(AzureOpenAi, api=f"azure-openai {path}", by_path=True)
    reply = ask(g, "gpt-image-2")
    assert reply.status == 200, (reply, fake.refusals)
    assert (fake.work[0].path, fake.work[0].query) == (
        "/openai/deployments/gpt-image-2/images/generations", API_VERSION)
    assert fake.work[0].headers["api-key"] == KEY
    assert attempt(ask(g, "nobody"))["outcome"] == "not_here"


def test_azure_makes_no_webp(behind):
    g, fake = behind(AzureOpenAi)
    reply = ask(g, "gpt-image-2", output_format="webp")
    assert reply.status == 200, (reply, fake.refusals)
    assert "output_format" in {one["param"] for one in reply.json["extra_fields"]["adjustments"]}


@pytest.mark.parametrize("model", ("gpt-image-1", "gpt-image-1.5"))
def test_azure_s_older_models_have_three_sizes(behind, model):
    g, fake = behind(AzureOpenAi)
    assert ask(g, model, size="1792x1024").status == 200, fake.refusals
    assert sent("size")(fake.work[0]) == "1536x1024"


@pytest.mark.parametrize("name", AZURE.errors["refused_by_policy"])
def test_all_forms_of_azure_s_filter_are_told_to_the_caller(behind, name):
    g, fake = behind(AzureOpenAi, more="retry attempts=3 backoff=10ms..10ms;")
    fake.always(AZURE.errors["refused_by_policy"][name])
    reply = ask(g, "gpt-image-2")
    assert reply.status == 400 and attempt(reply)["outcome"] == "refused_by_policy", reply
    assert len(fake.work) == 1


def test_a_resource_that_azure_has_blocked_is_no_caller_s_fault(behind):
    g, fake = behind(AzureOpenAi, http="image_provider box { api sandbox; }\n"
                                       "image_model any p/gpt-image-2 box/placeholder;")
    fake.always(AZURE.errors["our_credentials"]["resource_blocked"])
    reply = g.generate(model="any")
    assert reply.status == 200 and reply.json["extra_fields"]["provider"] == "box", reply


# Resellers


def odd(created):
    def change(document):
        return {**document, "created": created, "data": [{**one, "b64_json": ""} for one in document["data"]]}
    return change


@pytest.mark.parametrize("created", (0, 1589478378.5, "1589478378", None, {}))
def test_a_reseller_s_time_may_be_anything_and_empty_texts_are_nothing(behind, created):
    g, _ = behind(Aggregator, change=odd(created))
    reply = ask(g, "flux-kontext-pro", response_format="url")
    assert reply.status == 200, reply
    assert isinstance(reply.json["created"], int) and reply.json["created"] > 1_700_000_000
    one, = reply.json["data"]
    assert one["url"] and "b64_json" not in one and "revised_prompt" not in one


def test_a_reseller_is_asked_for_a_ratio_alone(behind):
    g, fake = behind(Aggregator)
    assert ask(g, "flux-kontext-pro", size="1792x1024", response_format="b64_json", user="u").status == 200
    assert fake.work[0].json == {"model": "flux-kontext-pro", "prompt": "a red kite", "aspect_ratio": "16:9"}


def test_a_reseller_s_quota_told_with_429_is_not_waited_for(behind):
    g, fake = behind(Aggregator, more="retry attempts=3 backoff=10ms..10ms;")
    fake.always(Json({"error": {"message": "用户额度不足", "type": "new_api_error", "param": "",
                                "code": "insufficient_user_quota"}}, 429, {"Retry-After": "0"}))
    reply = ask(g, "flux-kontext-pro")
    assert attempt(reply)["outcome"] == "out_of_quota" and len(fake.work) == 1


# Servers that an operator describes


class House(OpenAiLike):
    """A server that the configuration describes."""

    path = "/paint/house-1"
    fields = {"model": text(1), "prompt": text(1), "w": number(64, 4096), "h": number(64, 4096), "noise": number(0)}
    required = ("prompt",)

    def wrong_key(self, request):
        if request.headers.get("x-key") not in self.keys or "authorization" in request.headers:
            return self.error(401, "no")

    def wrong_address(self, request):
        if request.query != "v=2":
            return self.error(404, "no")

    def error(self, status, message, param=None):
        return Json({"error": {"message": message, "param": param}}, status)

    def size(self, body):
        return body.get("w", 64), body.get("h", 64)

    def document(self, body, data):
        return {"data": data}


HOUSE = ('openai "path=/paint/{model}?v=2" auth=x-key fields=seed:noise,size:w+h,user:-,response_format:-')


def test_a_server_is_described_by_its_path_its_header_and_its_fields(behind, scratch):
    (scratch / "catalog.json").write_text('{"providers": {"p": [{"model": "*", "family": "openai-compatible",'
                                          '"parameters": {"seed": {}}}]}}')
    g, fake = behind(House, api=HOUSE, http=f"image_gateway_catalog {scratch}/catalog.json;")
    reply = ask(g, "house-1", size="640x480", seed=7, user="u-1", response_format="b64_json")
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].json == {"model": "house-1", "prompt": "a red kite", "w": 640, "h": 480, "noise": 7}
    assert seeds(reply) == [7]


def test_a_field_that_the_description_writes_cannot_be_passed_by_a_caller(behind):
    g, fake = behind(House, api=HOUSE, location="image_gateway_unknown_fields pass noise w;")
    reply = ask(g, "house-1", noise=3, w=5)
    assert reply.status == 200, (reply, fake.refusals)
    assert fake.work[0].json == {"model": "house-1", "prompt": "a red kite"}


def test_microsoft_s_own_models_are_a_description_away(behind):
    """Azure's MAI models: a different path, and a size in two fields."""
    class Mai(AzureOpenAi):
        base = "/mai/v1"

        def wrong_body(self, request):
            if set(request.json) != {"model", "prompt", "width", "height"}:
                return self.error(400, f"only model, prompt, width and height: {set(request.json)}")

        def size(self, body):
            return body["width"], body["height"]

    g, fake = behind(Mai, api="azure-openai fields=size:width+height")
    reply = ask(g, "MAI-Image-2", size="1024x768")
    assert reply.status == 200, (reply, fake.refusals)
    assert (sent("width")(fake.work[0]), sent("height")(fake.work[0])) == (1024, 768)


@pytest.mark.parametrize("words, problem", (
    ("path=images", 'invalid path "images", expected something like /images/generations'),
    ('"path=/{modell}/images"', 'invalid path "/{modell}/images", expected something like /images/generations'),
    ("path=/images#top", 'invalid path "/images#top", expected something like /images/generations'),
    ("auth=X-Key:", 'invalid auth "X-Key:", expected bearer or a header\'s name'),
    ("fields=seed", '"seed" is not PARAMETER:FIELD, as in seed:random_seed'),
    ("fields=colour:c", '"colour:c" is not PARAMETER:FIELD, as in seed:random_seed'),
    ("fields=seed:", 'invalid fields "seed:", "" is no field\'s name'),
    ("fields=size:width+", 'invalid fields "size:width+", expected something like size:width+height'),
    ("colour=red", 'invalid parameter "colour=red"'),
    ("edits=images", 'invalid path "images", expected something like /images/generations'),
    ("path=/images edits=- auth=bearer fields=n:- path=/x", 'invalid number of arguments in "api" directive')))
def test_nginx_says_what_is_wrong_with_a_description(nginx_t, words, problem):
    result = nginx_t(f"image_provider p {{ api openai {words}; url http://127.0.0.1:9/v1; key none; }}", "return 204;")
    assert not result.ok
    assert problem in result.output, result.output


def test_nginx_says_which_apis_cannot_be_described(nginx_t):
    result = nginx_t("image_provider p { api sandbox path=/images; }", "return 204;")
    assert not result.ok and "emerg" in result.output
