"""image_gateway_status: what goes on, as JSON."""

import json
import time

from fakes.openai import ERRORS, Hang
from harness import key_entry, provider, write_keys
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
STATUS = "location = /status { image_gateway_status; } "
MEMBERS = {"object", "version", "nginx_version", "ready", "not_ready", "now", "configuration", "counting_since", "workers",
           "requests", "providers", "keys", "models", "failures", "jobs", "store", "memory", "state"}


def status(g, code=200) -> dict:
    reply = g.get("/status")
    assert reply.status == code, reply
    return reply.json


def test_it_has_the_members_that_the_manual_lists(gateway, project):
    g = gateway(OPEN, SANDBOX, workers=2, extra_locations=STATUS)
    shown = status(g)
    assert set(shown) == MEMBERS
    entry = (project / "docs/directives.md").read_text().partition("### image_gateway_status")[2].partition("\n### ")[0]
    assert all(f"`{member}`" in entry for member in MEMBERS - {"object", "not_ready", "ready"})
    assert shown["object"] == "status" and shown["ready"] is True and shown["not_ready"] == []
    assert {worker["pid"] for worker in shown["workers"]} == set(g.worker_pids())
    assert abs(shown["now"] - time.time()) < 5 and abs(shown["configuration"]["loaded_at"] - time.time()) < 30
    assert shown["memory"]["limit"] == 2 * 512 * 1024 * 1024
    assert shown["state"] is None and shown["store"] is None and shown["jobs"] is None
    minutes = shown["requests"]["last_minutes"]
    assert 1 <= len(minutes) <= 2 and minutes[-1]["minute"] % 60 == 0
    assert minutes[-1]["latency_ms"] == {"p50": None, "p95": None}


def test_requests_of_the_last_minutes_are_counted(gateway):
    g = gateway(OPEN, SANDBOX, extra_locations=STATUS)
    assert g.generate(size="16x16", n=2).status == 200
    assert g.generate(n=99).status == 400
    assert g.get("/v1/models").status == 200

    def sums():
        minutes = status(g)["requests"]["last_minutes"]
        return {name: sum(minute[name] for minute in minutes) for name in ("requests", "made", "refused", "failed", "images")}

    expected = {"requests": 2, "made": 1, "refused": 1, "failed": 0, "images": 2}
    assert until(lambda: sums() == expected, 5), sums()
    models = {model["model"]: model for model in status(g)["models"]}
    assert models["auto"]["requests"] == 1 and models["auto"]["images"] == 2


def test_providers_show_breakers_keys_and_outcomes(gateway, openai):
    env = {"OPENAI_API_KEY": "sk-one", "SECOND": "sk-two"}
    openai.keys = {"sk-one", "sk-two"}
    g = gateway(OPEN, provider("p", openai, "key env:SECOND; breaker failures=2 window=30s open=30s;") +
                "image_model auto p/gpt-image-2;", env=env, extra_locations=STATUS)
    openai.next(ERRORS["rate_limit_exceeded"])
    assert g.generate().status == 200, "the second key served it"
    shown, = status(g)["providers"]
    assert (shown["name"], shown["type"], shown["models"]) == ("p", "openai", ["gpt-image-2"])
    assert shown["breakers"] == [{"model": "gpt-image-2", "state": "closed", "until": None}]
    resting = [key for key in shown["keys"] if key["resting_until"]]
    assert [key["number"] for key in shown["keys"]] == [1, 2] and len(resting) == 1
    assert resting[0]["reason"] == "throttled" and resting[0]["resting_until"] >= status(g)["now"]
    assert shown["outcomes"] == {"made": 1, "throttled": 1}
    assert shown["latency_ms"]["p99"] is not None
    openai.always(ERRORS["server_error"])
    for _ in range(2):
        assert g.generate().status == 502
    shown = status(g)
    breaker, = shown["providers"][0]["breakers"]
    assert breaker["state"] == "open" and 0 < breaker["until"] - shown["now"] <= 30
    failures = shown["failures"]
    assert [failure["outcome"] for failure in failures] == ["broken", "broken", "throttled"]
    assert {(failure["provider"], failure["model"]) for failure in failures} == {("p", "gpt-image-2")}
    assert all(failure["request_id"].startswith("req_") for failure in failures)
    assert "sk-one" not in json.dumps(shown) and "sk-two" not in json.dumps(shown)


def test_what_is_in_progress_is_shown(gateway, openai):
    openai.always(Hang())
    g = gateway(OPEN, provider("p", openai), extra_locations=STATUS)
    with g.connect() as raw:
        raw.post("/v1/images/generations", {"prompt": "a", "model": "p/gpt-image-2"})
        openai.wait_in_flight(1)
        shown = status(g)
        assert shown["requests"]["in_flight"] == 1 and shown["providers"][0]["calls"] == 1
    assert until(lambda: status(g)["requests"]["in_flight"] == 0, 5)


def test_keys_show_spending_and_limits(scratch, gateway):
    keys = write_keys(scratch / "keys.json", [
        key_entry("a", "sk-bf-a", limits={"images_per_day": 10}, budgets=[{"usd": 5, "per": "month"}]), key_entry("b", "sk-bf-b")])
    catalogue = {"apis": {"sandbox": [{"model": "placeholder", "family": "sandbox", "price": {"per_image": [{"usd": 0.01}]}}]}}
    (scratch / "catalog.json").write_text(json.dumps(catalogue))
    (scratch / "catalog.json").chmod(0o644)
    g = gateway(f"image_gateway; image_gateway_keys {keys};", f"image_gateway_catalog {scratch}/catalog.json;" + SANDBOX,
                extra_locations=STATUS)
    assert g.generate({"x-api-key": "sk-bf-a"}, size="16x16", n=2).status == 200
    shown = {key["id"]: key for key in status(g)["keys"]}
    assert set(shown) == {"a", "b"}
    assert shown["a"]["limits"] == [{"name": "images_per_day", "used": 2, "limit": 10}]
    assert {"per": "month", "usd": 0.02, "limit": 5} in shown["a"]["spent"]
    assert {"per": "lifetime", "usd": 0.02, "limit": None} in shown["a"]["spent"]
    assert all(period["usd"] == 0 for period in shown["b"]["spent"])


def test_store_and_state_file_are_shown(scratch, gateway):
    g = gateway(f"image_gateway; image_gateway_auth off; image_gateway_store {scratch}/store max=50m;",
                f"image_gateway_state {scratch}/state/state.db;" + SANDBOX, extra_locations=STATUS)
    assert g.generate(size="16x16", response_format="url").status == 200
    store = until(lambda: (status(g)["store"] or {}).get("files") and status(g)["store"], 10)
    assert store and store["files"] == 1 and store["max"] == 50 * 1024 * 1024 and store["bytes"] > 50
    assert until(lambda: status(g)["state"] == {"lag_ms": 0, "writable": True}, 5), status(g)["state"]


def test_it_is_503_while_keys_are_not_known(scratch, gateway):
    g = gateway("image_gateway;", SANDBOX + "image_gateway_jwt jwks=https://127.0.0.1:1/none;", extra_locations=STATUS)
    shown = status(g, 503)
    assert shown["ready"] is False and shown["not_ready"] == ["jwks_unavailable"]


def test_no_provider_is_called_for_it(gateway, openai):
    g = gateway(OPEN, provider("p", openai) + "image_model auto p/gpt-image-2;", extra_locations=STATUS)
    for _ in range(3):
        status(g)
    assert not openai.requests
