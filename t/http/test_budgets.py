"""Budgets of keys: the maximum is reserved, the real cost is settled, and the reply reports it."""

import base64
import json
import re

import pytest
from fakes.edited import original
from fakes.openai import ERRORS, Delay, Reset
from harness import background, key_entry, provider, write_keys

HEADERS = {"x-api-key": "sk-bf-a"}


@pytest.fixture
def spender(scratch, gateway):
    """A gateway whose key has these budgets. An image of p/fixed costs $0.04; the price of p/nobody-knows is unknown."""
    def start(*budgets, http="", fakes=(), **members):
        catalog = scratch / "catalog.json"
        fixed = {"family": "gpt-image-2", "price": {"per_image": [{"usd": 0.04}]}}
        catalog.write_text(json.dumps({"providers": {"p": [
            {"model": "gpt-image-2", **fixed}, {"model": "gpt-image-1.5", **fixed, "price": None},
            {"model": "gpt-image-2.5-flare", **fixed, "price": {"per_image": [{"usd": 0.04}], "per_input_image": 0.10}}],
            "dear": [{"model": "gpt-image-2", **fixed, "price": {"per_image": [{"usd": 0.10}]}}]}}))
        catalog.chmod(0o644)
        keys = write_keys(scratch / "keys.json",
                          [key_entry("a", "sk-bf-a", budgets=[{"usd": usd, "per": per} for usd, per in budgets], **members)])
        return gateway(f"image_gateway; image_gateway_keys {keys};", f"image_gateway_catalog {catalog};" + http,
                       access_format="$status $image_gateway_cost $image_gateway_images $image_gateway_end_user")
    return start


def make(g, model="p/gpt-image-2", headers=HEADERS, **fields):
    return g.generate(headers, model=model, **fields)


def assert_spent(reply, words=""):
    assert reply.status == 402, reply
    error = reply.json["error"]
    assert error["code"] == "budget_exceeded" and error["type"] == "insufficient_quota"
    assert words in error["message"], error
    assert reply.headers["Retry-After"] is None


def test_a_budget_is_spent_to_the_last_cent_and_no_further(spender, openai):
    g = spender((0.12, "day"), http=provider("p", openai))
    assert [make(g).status for _ in range(4)] == [200, 200, 200, 402]
    reply = make(g)
    assert_spent(reply, "The budget of this key, $0.12 per day, is spent. It renews at ")
    assert re.search(r"renews at \d{4}-\d\d-\d\dT00:00:00Z\.", reply.json["error"]["message"])
    assert len(openai.requests) == 3


def test_an_insufficient_budget_is_reported_with_what_is_left(spender, openai):
    g = spender((0.12, "lifetime"), http=provider("p", openai))
    assert make(g).status == 200
    assert_spent(make(g, n=3), "$0.12 in all, has $0.08 left, and this request may cost up to $0.12. It does not renew.")
    assert make(g, n=2).status == 200


@pytest.mark.parametrize("form", ("file", "url", "id"))
def test_input_images_are_reserved_and_paid_as_well(spender, openai, form):
    """$0.04 for the image, and $0.10 for each input image."""
    g = spender((0.30, "day"), http=provider("p", openai))
    openai.uploads["file-1"] = original()
    url = "data:image/png;base64," + base64.b64encode(original()).decode()

    def edit(count):
        if form == "file":
            return g.edit([("image[]", original())] * count, HEADERS, model="p/gpt-image-2.5-flare")
        images = [{"file_id": "file-1"} if form == "id" else {"image_url": url}] * count
        return make(g, "p/gpt-image-2.5-flare", images=images, path="/v1/images/edits")

    assert_spent(edit(3), "has $0.3 left, and this request may cost up to $0.34.")
    assert not openai.requests
    paid = edit(2)
    assert paid.status == 200 and paid.json["extra_fields"]["cost"] == {"usd": 0.24, "basis": "image"}, paid
    assert_spent(edit(1), "has $0.06 left, and this request may cost up to $0.14.")
    assert make(g, "p/gpt-image-2.5-flare").status == 200, "without an input image it is enough"
    assert len(openai.requests) == 2


def test_images_that_were_not_made_are_not_counted(spender, openai):
    g = spender((0.12, "day"), http=provider("p", openai))
    openai.next(ERRORS["moderation_blocked"], ERRORS["server_error"])
    assert [make(g, n=3).status for _ in range(3)] == [400, 502, 200]
    assert_spent(make(g))


def test_what_may_have_been_made_counts_with_its_maximum_cost(spender, openai):
    g = spender((0.12, "day"), http=provider("p", openai))
    openai.next(Reset())
    assert make(g, n=2).status == 502
    assert make(g).status == 200
    assert_spent(make(g))


def test_money_is_held_for_what_is_under_way(spender, openai):
    g = spender((0.08, "day"), http=provider("p", openai))
    openai.always(Delay(1))
    running = [background(make, g) for _ in range(2)]
    openai.wait_in_flight(2)
    assert_spent(make(g))
    assert [one.result(10).status for one in running] == [200, 200]


def test_the_cost_of_the_most_expensive_candidate_is_reserved_at_the_start(spender, openai, openai_factory):
    dear = openai_factory()
    http = provider("p", openai) + provider("dear", dear) + "image_model both p/gpt-image-2 dear/gpt-image-2;"
    g = spender((0.18, "day"), http=http)
    assert_spent(make(g, "both", n=2), "may cost up to $0.2.")
    assert make(g, "both").status == 200
    openai.next(ERRORS["server_error"])
    assert make(g, "both").status == 200  # $0.04 and $0.10 are spent
    assert_spent(make(g, "both"), "has $0.04 left, and this request may cost up to $0.1.")
    assert make(g).status == 200
    assert_spent(make(g))


def test_what_may_have_been_billed_counts_in_addition_to_the_next_attempt(spender, openai, openai_factory):
    other = openai_factory()
    http = provider("p", openai) + provider("dear", other) + "image_model both p/gpt-image-2 dear/gpt-image-2;"
    g = spender((0.13, "day"), http=http)
    openai.next(Reset())
    assert_spent(make(g, "both"), "has $0.03 left")  # $0.04 are lost, and $0.10 for another attempt are not available
    assert not other.requests


def test_a_model_without_a_price_is_refused_to_a_key_with_a_budget(spender, openai):
    g = spender((1, "day"), http=provider("p", openai))
    reply = make(g, "p/gpt-image-1.5")
    assert reply.status == 403 and reply.json["error"]["code"] == "unpriced_model", reply
    assert reply.json["error"]["param"] == "model"
    assert not openai.requests


def test_a_key_may_allow_models_without_a_price(spender, openai):
    g = spender((0.04, "day"), http=provider("p", openai), unpriced="allow")
    assert [make(g, "p/gpt-image-1.5").status for _ in range(3)] == [200, 200, 200]
    assert make(g).status == 200
    assert_spent(make(g))


def test_the_log_has_key_end_user_and_cost(spender, openai):
    g = spender((1, "day"), http=provider("p", openai))
    make(g, n=2, headers={**HEADERS, "X-On-Behalf-Of": "alice"})
    assert g.access_log(1)[0] == "200 0.08 2 alice"


@pytest.mark.parametrize("member, place", (
    ({"budgets": [{"usd": 0, "per": "day"}]}, r"$.keys[0].budgets[0].usd"),
    ({"budgets": [{"usd": -1, "per": "day"}]}, r"$.keys[0].budgets[0].usd"),
    ({"budgets": [{"usd": "5", "per": "day"}]}, r"$.keys[0].budgets[0].usd"),
    ({"budgets": [{"usd": 5, "per": "year"}]}, r"$.keys[0].budgets[0].per"),
    ({"budgets": [{"usd": 5, "per": "day"}, {"usd": 6, "per": "day"}]}, r"$.keys[0].budgets[1].per"),
    ({"budgets": [{"usd": 5, "per": "day", "since": 1}]}, "since"),
    ({"budgets": {}}, r"$.keys[0].budgets"),
    ({"unpriced": True}, r"$.keys[0].unpriced"),
    ({"model_limits": {"openai/*": {"images": 5}}}, "images"),
    ({"model_limits": []}, r"$.keys[0].model_limits"),
    ({"end_user": {"images_per_day": 5}}, "images_per_day"),
    ({"end_user": {"limits": {"images_per_day": 0}}}, r"$.keys[0].end_user.limits.images_per_day")))
def test_a_mistake_in_keys_json_is_reported_with_its_json_path(nginx_t, scratch, member, place):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", **member)])
    ok, output = nginx_t("image_provider s { api sandbox; }", f"image_gateway; image_gateway_keys {keys};")
    assert not ok and place in output, output
