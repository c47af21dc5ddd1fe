"""Limits and budgets under load: four workers, twenty thousand requests, and exactly the calculated number is admitted."""

import json
import os

import pytest
from fakes.behaviours import Held
from fakes.openai import Delay
from harness import Flood, key_entry, provider, write_keys

WORKERS, REQUESTS = 4, 4_000 if os.environ.get("SANITIZER_PRELOAD") else 20_000
HEADERS = {"x-api-key": "sk-bf-a"}
HTTP = "keepalive_requests 100000; image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"


@pytest.fixture
def flooded(scratch, gateway):
    """The number of replies by status, for `count` requests of a key with these members."""
    def run(headers=HEADERS, http="", location="", body=b'{"prompt":"a","size":"16x16"}', count=REQUESTS, **members):
        path = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", **members)])
        g = gateway(f"image_gateway; image_gateway_keys {path}; {location}", HTTP + http, workers=WORKERS,
                    log_level="warn", events="worker_connections 1024;")
        statuses = Flood(g, count, headers, body=body).run()
        assert sum(statuses.values()) == count, statuses
        return statuses
    return run


def priced(scratch, usd) -> str:
    """The sandbox with a price."""
    path = scratch / "catalog.json"
    path.write_text(json.dumps({"apis": {"sandbox": [
        {"model": "placeholder", "family": "sandbox", "price": {"per_image": [{"usd": usd}]}}]}}))
    path.chmod(0o644)
    return f"image_gateway_catalog {path};"


def test_requests_per_minute(flooded):
    assert flooded(limits={"requests_per_minute": 1234}) == {200: 1234, 429: REQUESTS - 1234}


def test_images_per_minute(flooded):
    statuses = flooded(body=b'{"prompt":"a","size":"16x16","n":3}', limits={"images_per_minute": 1001})
    assert statuses == {200: 333, 429: REQUESTS - 333}


def test_images_per_day(flooded):
    assert flooded(limits={"images_per_day": 777}) == {200: 777, 429: REQUESTS - 777}


def test_each_end_users_own(flooded):
    users = [{**HEADERS, "X-On-Behalf-Of": f"user-{number}"} for number in range(20)]
    statuses = flooded(users, end_user={"limits": {"requests_per_minute": 50}})
    assert statuses == {200: 20 * 50, 429: REQUESTS - 20 * 50}


def test_the_nearer_of_a_keys_and_its_end_users(flooded):
    users = [{**HEADERS, "X-On-Behalf-Of": f"user-{number}"} for number in range(20)]
    statuses = flooded(users, limits={"requests_per_minute": 600}, end_user={"limits": {"requests_per_minute": 50}})
    assert statuses == {200: 600, 429: REQUESTS - 600}


def test_a_model_within_a_key(flooded):
    statuses = flooded(model_limits={"sandbox/*": {"images_per_minute": 432}})
    assert statuses == {200: 432, 429: REQUESTS - 432}


def test_an_address_without_a_key(flooded):
    statuses = flooded({}, location="image_gateway_auth optional; image_gateway_limit address requests=321/m;")
    assert statuses == {200: 321, 429: REQUESTS - 321}


def test_a_budget(flooded, scratch):
    statuses = flooded(http=priced(scratch, 0.01), budgets=[{"usd": 9.99, "per": "day"}, {"usd": 50, "per": "month"}])
    assert statuses == {200: 999, 402: REQUESTS - 999}


def test_a_thousand_requests_at_once_on_a_budget_for_ten_spend_ten(flooded, scratch, openai):
    """All requests are in progress before the first image is made."""
    openai.always(Delay(0.5))
    path = scratch / "catalog.json"
    path.write_text(json.dumps({"providers": {"p": [
        {"model": "gpt-image-2", "family": "gpt-image-2", "price": {"per_image": [{"usd": 0.04}]}}]}}))
    path.chmod(0o644)
    statuses = flooded(http=provider("p", openai) + f"image_gateway_catalog {path};", count=1000,
                       body=b'{"prompt":"a","model":"p/gpt-image-2"}', budgets=[{"usd": 0.4, "per": "lifetime"}])
    assert statuses == {200: 10, 402: 990}
    assert len(openai.requests) == 10


def test_concurrency(scratch, gateway, openai):
    """All requests compete for five places; then no place is free."""
    held = Held()
    openai.always(held)
    path = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", limits={"concurrent": 5})])
    g = gateway(f"image_gateway; image_gateway_keys {path};", HTTP + provider("p", openai), workers=WORKERS,
                log_level="warn")
    first = Flood(g, 200, HEADERS, body=b'{"prompt":"a","model":"p/gpt-image-2"}', connections=200, ahead=1)
    first.start()
    openai.wait_in_flight(5, 30)
    assert Flood(g, REQUESTS, HEADERS).run() == {429: REQUESTS}
    held.release()
    assert first.join() == {200: 5, 429: 195}
    assert Flood(g, 1, HEADERS).run() == {200: 1}
