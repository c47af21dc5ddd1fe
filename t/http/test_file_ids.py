"""Input images that only a provider has: an id is sent to the account whose file it is, and to nobody else."""

import base64
import json

import pytest
from fakes.azure_openai import AzureOpenAi
from fakes.black_forest_labs import BlackForestLabs
from fakes.edited import mask, original, painted_box
from fakes.openai import ERRORS, OpenAI
from fakes.openrouter import OpenRouter
from fakes.stability import Stability
from fakes.together import Together
from fakes.xai import Xai
from harness import key_entry, provider, write_keys
from harness.gateway import until
from test_streams import events

OPEN = "image_gateway; image_gateway_auth off; image_gateway_raw on;"
MODEL = "p/gpt-image-1.5"
ID, OTHER_ID, MASK_ID = "file-Kite_1.a", "file-other", "file-mask"
BOX = (8, 8, 40, 24)
UPLOADS = {ID: original(), OTHER_ID: original(96, 64, "JPEG"), MASK_ID: mask(box=BOX)}
OTHERS = (("azure-openai", AzureOpenAi, "gpt-image-2"), ("xai", Xai, "grok-imagine-image-2.0"),
          ("openrouter", OpenRouter, "openai/gpt-image-2"), ("together", Together, "black-forest-labs/FLUX.2-dev"),
          ("stability", Stability, "edit/inpaint"), ("black-forest-labs", BlackForestLabs, "flux-2-pro"))


@pytest.fixture
def account():
    """account(): a fake of OpenAI's whose account has the files."""
    started = []

    def start(uploads=None, **options):
        started.append(OpenAI(uploads=UPLOADS if uploads is None else uploads, **options).start())
        return started[-1]
    yield start
    for fake in started:
        fake.stop()


def edit(g, model=MODEL, headers=(), path="/v1/images/edits", **fields):
    return g.generate(headers, path=path, model=model, **{"images": [{"file_id": ID}], **fields})


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def box_of(reply):
    assert reply.status == 200, reply
    return painted_box(base64.b64decode(reply.json["data"][0]["b64_json"]))


def refusal(reply) -> tuple:
    return reply.status, reply.json["error"]["code"], reply.json["error"]["param"]


def test_an_id_reaches_the_account_as_it_is(gateway, account):
    fake = account()
    g = gateway(OPEN, provider("p", fake))
    for path in ("/v1/images/edits", "/v1/images/generations"):
        reply = edit(g, path=path, n=2, quality="low", input_fidelity="high")
        assert box_of(reply) == (0, 0, 64, 6)
        assert fake.work[-1].path == "/v1/images/edits"
        assert fake.work[-1].json == {"model": "gpt-image-1.5", "prompt": "a red kite", "n": 2, "quality": "low",
                                      "input_fidelity": "high", "images": [{"file_id": ID}]}
        assert reply.json["extra_fields"]["inputs"] == [{"role": "image", "file_id": ID}]
        assert not reply.json["extra_fields"].get("adjustments")
        assert reply.json["extra_fields"]["cost"]["basis"] == "tokens"
    shown = edit(g, headers={"X-Image-Gateway-Raw": "request"}).json["extra_fields"]["raw_request"]
    assert ID in json.dumps(shown)


def test_ids_images_and_masks_keep_their_order(gateway, account):
    fake = account()
    g = gateway(OPEN, provider("p", fake))
    images = [{"image_url": data_url(original())}, {"file_id": OTHER_ID}, {"file_id": ID}]
    reply = edit(g, images=images, mask={"image_url": data_url(mask(box=BOX))})
    assert box_of(reply) == BOX
    assert fake.work[-1].json["images"] == images
    assert [[*one] for one in fake.work[-1].json["images"]] == [["image_url"], ["file_id"], ["file_id"]]
    assert base64.b64decode(fake.work[-1].json["mask"]["image_url"].split(",")[1]) == mask(box=BOX)
    for given in ({"mask": {"file_id": MASK_ID}}, {"images": [{"image_url": data_url(original())}], "mask": {"file_id": MASK_ID}}):
        reply = edit(g, **given)
        assert box_of(reply) == BOX
        assert fake.work[-1].json["mask"] == {"file_id": MASK_ID}
        assert [one["sent"] for one in reply.json["extra_fields"]["adjustments"]] == ["the whole image is rendered anew"]
    assert reply.json["extra_fields"]["inputs"][1] == {"role": "mask", "file_id": MASK_ID}


def test_the_size_of_a_mask_beside_an_id_is_the_provider_s_business(gateway, account):
    fake = account()
    g = gateway(OPEN, provider("p", fake))
    reply = edit(g, mask={"image_url": data_url(mask(10, 10))})
    assert (reply.status, reply.json["error"]["param"]) == (400, "mask")
    assert len(fake.work) == 1
    exact = edit(g, mask={"image_url": data_url(mask(box=BOX))}, mask_mode="exact")
    assert exact.status == 200
    assert "only its file_id" in json.dumps(exact.json["extra_fields"]["adjustments"])


def test_a_stream_and_a_variation_take_ids_too(gateway, account):
    fake = account()
    g = gateway(OPEN, provider("p", fake) + f"image_model varied variation=edit {MODEL};")
    told = events(edit(g, stream=True, partial_images=1).text)
    assert [name for name, _ in told] == ["image_edit.partial_image", "image_edit.completed"]
    varied = g.post("/v1/images/variations", {"model": "varied", "image": {"file_id": ID}})
    assert varied.status == 200, varied
    assert fake.work[-1].json["images"] == [{"file_id": ID}]


@pytest.mark.parametrize("api, fake, model", OTHERS, ids=lambda value: str(value)[:40])
def test_an_id_is_never_sent_to_a_provider_without_files(gateway, api, fake, model):
    with fake() as other:
        g = gateway(OPEN, provider("p", other, api=api))
        for field, given in (("images[0].file_id", {}), ("images[1].file_id", {"images": [data_url(original()), {"file_id": ID}]}),
                             ("image.file_id", {"images": None, "image": {"file_id": ID}})):
            assert refusal(edit(g, f"p/{model}", **given)) == (400, "unsupported_parameter", field)
        assert not other.requests


def test_a_file_id_that_an_operator_s_row_allows_is_not_sent_where_the_api_has_none(gateway, scratch):
    rows = scratch / "rows.json"
    rows.write_text(json.dumps({"apis": {"azure-openai": [{"model": "*", "family": "gpt-image-1.5"}]}}))
    rows.chmod(0o644)
    with AzureOpenAi() as fake:
        g = gateway(OPEN, f"image_gateway_catalog {rows};" + provider("p", fake, api="azure-openai"))
        assert refusal(edit(g, "p/house")) == (400, "unsupported_parameter", "images[0].file_id")
        assert g.get("/v1/models/p/house").json["inputs"]["file_ids"] is False
        assert not fake.requests


def test_candidates_without_files_are_passed_over(gateway, account):
    fake = account()
    with AzureOpenAi() as azure:
        g = gateway(OPEN, provider("a", azure, api="azure-openai") + provider("p", fake) + "image_provider sandbox { api sandbox; }"
                    f"image_model m a/gpt-image-2 {MODEL} sandbox/placeholder;")
        reply = edit(g, "m")
        assert box_of(reply) and reply.json["extra_fields"]["provider"] == "p"
        fake.next(*[ERRORS["server_error"]] * 4)
        failed = edit(g, "m")
        assert failed.status >= 500 and {one["provider"] for one in failed.json["extra_fields"]["attempts"]} == {"p"}, failed
        assert not azure.requests


def test_two_accounts_of_one_model_are_ambiguous(gateway, account):
    one, other = account(), account()
    g = gateway(OPEN, provider("p", one) + provider("q", other) + f"""
        image_model both {MODEL} q/gpt-image-1.5; image_model outer both;
        image_model drawn mode=weighted {MODEL} weight=1 q/gpt-image-1.5 weight=1;""")
    for model in ("both", "outer", "drawn"):
        reply = edit(g, model)
        assert refusal(reply) == (400, "ambiguous_file_id", "images[0].file_id")
        assert all(f"'{one}/gpt-image-1.5'" in reply.json["error"]["message"] for one in "pq")
    assert not one.requests and not other.requests
    assert edit(g, "q/gpt-image-1.5").status == 200
    assert (len(one.requests), len(other.work)) == (0, 1)
    assert g.generate(model="both", images=[data_url(original())]).status == 200, "images are everybody's"


def test_fallbacks_of_other_accounts_never_see_an_id(gateway, account):
    one, other = account(), account()
    g = gateway(OPEN, provider("p", one, "retry off;") + provider("q", other))
    one.next(ERRORS["server_error"])
    failed = edit(g, fallbacks=["q/gpt-image-1.5"])
    assert failed.status >= 500 and not other.requests
    one.next(ERRORS["server_error"])
    taken = edit(g, fallbacks=["q/gpt-image-1.5", "p/gpt-image-2"])
    assert taken.status == 200 and taken.json["extra_fields"]["attempts"][-1]["model"] == "gpt-image-2", taken
    assert not other.requests


def test_providers_of_one_account_take_over(gateway, account):
    one, other = account(), account()
    g = gateway(OPEN, provider("p", one, "retry off; file_account ours;") + provider("q", other, "file_account ours;")
                + f"image_model both {MODEL} q/gpt-image-1.5;")
    one.next(ERRORS["server_error"])
    assert edit(g, "both").json["extra_fields"]["provider"] == "q"
    assert (len(one.work), len(other.work)) == (1, 1)


def test_keys_may_be_of_several_accounts(gateway, account):
    fake = account(keys=("sk-test-openai", "sk-second"))
    for more, status in (("", 400), ("file_account off;", 400), ("file_account ours;", 200)):
        g = gateway(OPEN, provider("p", fake, f"key env:SECOND; {more}"), env={"OPENAI_API_KEY": "sk-test-openai", "SECOND": "sk-second"})
        reply = edit(g)
        assert reply.status == status, reply
        assert g.get("/v1/models/p/gpt-image-1.5").json["inputs"]["file_ids"] is (status == 200)
        if status == 400:
            assert refusal(reply) == (400, "unsupported_parameter", "images[0].file_id")
            assert not fake.requests
    off = gateway(OPEN, provider("p", fake, "file_account off;"))
    assert edit(off).status == 400


def test_an_id_that_the_account_does_not_have_is_the_caller_s_mistake(gateway, account):
    one, other = account({}), account()
    g = gateway(OPEN, provider("p", one, "file_account ours;") + provider("q", other, "file_account ours;")
                + f"image_model both {MODEL} q/gpt-image-1.5;")
    reply = edit(g, "both")
    assert reply.status == 400 and "No such File object" in reply.json["error"]["message"], reply
    assert len(one.work) == 1 and not other.requests
    assert g.generate(model=MODEL).status == 200, "nobody else is affected"


@pytest.mark.parametrize("given", (
    'file-"1"', "file-1\r\nX: y", "", "file 1", "../file-1", "file-\u00e9", "x" * 257, "file-1\x00", '"},{"image_url":"https://10.0.0.1/'))
def test_what_is_no_id_is_refused(gateway, account, given):
    fake = account()
    g = gateway(OPEN, provider("p", fake))
    assert refusal(edit(g, images=[{"file_id": given}])) == (400, "invalid_value", "images[0].file_id")
    assert refusal(edit(g, mask={"file_id": given})) == (400, "invalid_value", "mask.file_id")
    assert not fake.requests


def test_ids_are_counted_as_images_are(gateway, account):
    fake = account()
    g = gateway(OPEN + "image_gateway_body_max 8m;", provider("p", fake))
    assert edit(g, images=[{"file_id": ID}] * 16).status == 200
    assert refusal(edit(g, images=[{"file_id": ID}] * 17)) == (400, "array_above_max_length", "images")
    assert refusal(edit(g, images=[{"file_id": ID}] * 1_000)) == (400, "array_above_max_length", "images")
    assert refusal(edit(g, images=[{"file_id": ID}] * 100_000)) == (400, "invalid_json", None), "more values than a request may have"
    for wrong in ({"file_id": 7}, {"file_id": {"url": "x"}}, {"file_id": ID, "image_url": data_url(original())}, {"file_id": None}):
        assert edit(g, images=[wrong]).status == 400
    large = edit(g, images=[{"file_id": "x" * 1_000_000}])
    assert refusal(large) == (400, "invalid_value", "images[0].file_id")
    assert len(fake.requests) == 1


ADA = {"x-api-key": "sk-a"}


@pytest.fixture
def sharing(scratch, gateway, account):
    """A gateway that shares and keeps results, for the keys a and b, and the account."""
    def start(*lines):
        keys = write_keys(scratch / "keys.json", [key_entry(one, f"sk-{one}") for one in "ab"])
        fake = account()
        g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_store {scratch}/store; {' '.join(lines)}",
                    f"image_gateway_state {scratch}/state/state.db;" + provider("p", fake))
        return g, fake
    return start


def test_a_repeated_key_means_the_same_id(sharing):
    g, fake = sharing()
    headers = {**ADA, "Idempotency-Key": "k-1"}
    first = edit(g, headers=headers)
    again = edit(g, headers=headers)
    assert first.status == again.status == 200 and again.headers["idempotent-replayed"] == "true", (first, again)
    assert again.json["extra_fields"]["inputs"] == [{"role": "image", "file_id": ID}]
    for other in ({"images": [{"file_id": OTHER_ID}]}, {"mask": {"file_id": MASK_ID}}, {"images": [{"image_url": data_url(original())}]}):
        assert refusal(edit(g, headers=headers, **other))[:2] == (422, "idempotency_key_reused")
    assert len(fake.work) == 1


def test_results_with_an_id_are_neither_cached_nor_shared(sharing):
    """The same id may name another image later."""
    g, fake = sharing("image_gateway_cache on unseeded=on;", "image_gateway_coalesce on unseeded=on;")
    for count in (1, 2, 3):
        reply = edit(g, headers=ADA)
        assert reply.status == 200 and "hit" not in (reply.headers["cache-status"] or "")
        assert len(fake.work) == count


def test_a_job_takes_an_id(sharing):
    g, fake = sharing("image_gateway_jobs on;")
    accepted = edit(g, headers={**ADA, "Prefer": "respond-async"})
    assert accepted.status == 202, accepted
    place = accepted.headers["location"].removeprefix(g.url)
    assert until(lambda: g.get(place, ADA).json["status"] == "completed", 10), g.get(place, ADA)
    assert g.get(place, ADA).json["result"]["extra_fields"]["inputs"] == [{"role": "image", "file_id": ID}]
    assert g.get(place, {"x-api-key": "sk-b"}).status == 404
    assert fake.work[0].json["images"] == [{"file_id": ID}]
