"""image_gateway_cache: a result is kept, and the next request for the same images gets it."""

import base64
import sqlite3
import subprocess
import time

import pytest
from fakes.behaviours import Json
from fakes.images_host import JPEG, PNG
from harness import key_entry, provider, write_keys
from harness.gateway import until

A = {"x-api-key": "sk-a"}
MODEL = {"model": "p/gpt-image-2"}


@pytest.fixture
def cached(scratch, gateway, openai):
    def start(cache="on unseeded=on", http="", workers=1, profile="", models=None, store="", **members):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}", **members) for id in ("a", "b")])
        return gateway(f"image_gateway {profile}; image_gateway_keys {keys}; image_gateway_cache {cache};"
                       f"image_gateway_store {scratch}/store {store};",
                       f"image_gateway_state {scratch}/state/state.db;" + (models or provider("p", openai)) + http,
                       workers=workers)
    return start


def entries(scratch) -> int:
    with sqlite3.connect(f"file:{scratch}/state/state.db.records?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM records WHERE kind = 2").fetchone()[0]


def wait_entries(scratch, count):
    assert until(lambda: entries(scratch) >= count, 5)


def made_and_again(g, scratch, headers=A, **fields):
    first = g.generate(headers, **{**MODEL, **fields})
    wait_entries(scratch, 1)
    return first, g.generate(headers, **{**MODEL, **fields})


def test_a_hit_has_the_same_images_and_costs_nothing(cached, openai, scratch):
    first, second = made_and_again(cached(), scratch)
    assert len(openai.requests) == 1 and first.json["data"] == second.json["data"]
    assert first.headers["cache-status"] == "image-gateway; fwd=miss"
    assert second.headers["cache-status"].startswith("image-gateway; hit; ttl=3")
    assert int(second.headers["age"]) <= 2
    extra = second.json["extra_fields"]
    assert extra["cost"] == {"usd": 0, "basis": "cache"} and "attempts" not in extra
    assert extra["cache_debug"] | {"cache_id": ""} == {
        "cache_hit": True, "cache_id": "", "hit_type": "direct", "requested_provider": "p",
        "requested_model": "gpt-image-2", "provider_used": "p", "model_used": "gpt-image-2"}
    assert second.json["id"] == second.headers["x-request-id"] != first.json["id"]


def test_another_worker_serves_hits_too(cached, openai, scratch):
    g = cached(workers=2)
    first, _ = made_and_again(g, scratch)
    for _ in range(10):
        assert g.generate(A, **MODEL).json["data"] == first.json["data"]
    assert len(openai.requests) == 1


def test_a_large_image_comes_out_of_the_cache_byte_for_byte(cached, openai, scratch):
    openai.image_bytes = 3_000_001
    first, second = made_and_again(cached(), scratch)
    assert first.json["data"] == second.json["data"] and len(openai.requests) == 1


def test_one_field_that_differs_is_another_result(cached, openai, scratch):
    g = cached()
    made_and_again(g, scratch)
    asked = 1
    for change in ({"prompt": "a blue kite"}, {"n": 2}, {"size": "1024x1536"}, {"quality": "low"},
                   {"background": "opaque"}, {"output_format": "jpeg"}, {"user": "u"}, {"moderation": "low"}):
        g.generate(A, **{**MODEL, **change})
        asked += 1
        assert len(openai.requests) == asked, change


def test_results_never_cross_tenants(cached, openai, scratch):
    g = cached()
    made_and_again(g, scratch)
    for headers in ({"x-api-key": "sk-b"}, {**A, "X-On-Behalf-Of": "ada"}, {**A, "x-bf-cache-key": "mine"}):
        assert "age" not in g.generate(headers, **MODEL).headers
    assert len(openai.requests) == 4


def test_the_end_users_of_a_key_share_results_if_the_operator_says_so(cached, openai, scratch):
    g = cached("on unseeded=on scope=key")
    made_and_again(g, scratch)
    assert "age" in g.generate({**A, "X-On-Behalf-Of": "ada"}, **MODEL).headers
    assert "age" not in g.generate({"x-api-key": "sk-b"}, **MODEL).headers


def test_without_a_seed_nothing_is_kept_unless_the_operator_says_otherwise(cached, openai, scratch):
    g = cached("on")
    for _ in range(2):
        assert g.generate(A, **MODEL).headers["cache-status"] == "image-gateway; fwd=bypass"
    time.sleep(0.3)
    assert len(openai.requests) == 2 and entries(scratch) == 0


def test_cache_control_decides(cached, openai, scratch):
    g = cached()
    assert g.generate({**A, "Cache-Control": "only-if-cached"}, **MODEL).status == 504
    assert g.generate({**A, "Cache-Control": "no-store"}, **MODEL).headers["cache-status"].endswith("fwd=bypass")
    time.sleep(0.3)
    assert entries(scratch) == 0 and len(openai.requests) == 1
    made_and_again(g, scratch)
    assert len(openai.requests) == 2
    again = g.generate({**A, "Cache-Control": "no-cache"}, **MODEL)
    assert again.headers["cache-status"].endswith("fwd=request") and len(openai.requests) == 3
    time.sleep(1.1)
    assert "age" in g.generate({**A, "Cache-Control": "max-age=60"}, **MODEL).headers
    assert "age" not in g.generate({**A, "Cache-Control": "max-age=0"}, **MODEL).headers
    assert "age" in g.generate({**A, "Cache-Control": "only-if-cached"}, **MODEL).headers
    wrong = g.generate({**A, "Cache-Control": "max-age=soon"}, **MODEL)
    assert wrong.status == 400 and wrong.json["error"]["param"] == "Cache-Control"


def test_a_result_expires(cached, openai, scratch):
    g = cached("on unseeded=on ttl=4s")
    made_and_again(g, scratch)
    time.sleep(5.1)
    assert "age" not in g.generate(A, **MODEL).headers and len(openai.requests) == 2


def test_the_client_may_choose_how_long(cached, openai, scratch):
    g = cached()
    g.generate({**A, "x-bf-cache-ttl": "2s"}, **MODEL)
    wait_entries(scratch, 1)
    time.sleep(3.1)
    assert "age" not in g.generate(A, **MODEL).headers
    assert g.generate({**A, "x-bf-cache-ttl": "soon"}, **MODEL).status == 400


def test_the_client_cannot_keep_a_result_for_longer_than_the_operator_says(cached, scratch):
    g = cached("on unseeded=on ttl=100s")
    g.generate({**A, "x-bf-cache-ttl": "8000h"}, **MODEL)
    wait_entries(scratch, 1)
    assert int(g.generate(A, **MODEL).headers["cache-status"].split("ttl=")[1]) <= 100
    (file,) = (scratch / "store").rglob("*.base64")
    assert file.stat().st_mtime < time.time() + 101


def test_a_cache_that_fills_the_store_makes_room_and_refuses_no_key(cached, openai, scratch):
    openai.image_bytes = 100_000
    g = cached(store="max=300k")
    link = g.generate({**A, "Cache-Control": "no-store"}, **MODEL, response_format="url").json["data"][0]["url"]
    for i in range(4):
        assert g.generate(A, **MODEL, prompt=f"{i}").status == 200
        wait_entries(scratch, i + 1)
    assert g.generate({"x-api-key": "sk-b", "Idempotency-Key": "k-1"}, **MODEL).status == 200

    def size() -> int:
        return sum(one.stat().st_size for one in (scratch / "store").rglob("*") if one.is_file())
    assert until(lambda: size() <= 300 * 1024, 10)
    assert g.get(link.removeprefix(g.url)).status == 200
    again = g.generate({"x-api-key": "sk-b", "Idempotency-Key": "k-1"}, **MODEL)
    assert again.status == 200 and again.headers["idempotent-replayed"] == "true"


def test_errors_partial_results_and_adjusted_results_are_not_kept(cached, openai, scratch):
    g = cached()
    data = base64.b64encode(PNG).decode()
    openai.next(Json({"error": {"message": "no"}}, 400))
    openai.next(Json({"created": 1, "data": [{"b64_json": data}]}))
    g.generate(A, **MODEL)
    g.generate(A, **MODEL, n=2)
    openai.next(Json({"created": 1, "size": "1024x1536", "data": [{"b64_json": data}]}))
    g.generate(A, **MODEL, size="1024x1024")
    time.sleep(0.4)
    assert entries(scratch) == 0


def test_links_of_a_hit_lead_to_the_kept_image(cached, openai, scratch, project):
    g = cached()
    first, second = made_and_again(g, scratch, response_format="url")
    paths = [one.json["data"][0]["url"].removeprefix(g.url) for one in (first, second)]
    assert g.get(paths[1]).body == g.get(paths[0]).body and len(openai.requests) == 1
    assert image_gateway(project, "cache", "purge", scratch / "state/state.db", "all") == "1 removed.\n"
    assert g.get(paths[1]).status == 404


def test_an_edit_hits_only_with_the_same_picture(cached, openai, scratch):
    g = cached()
    first = g.edit([("image", PNG)], A, **MODEL)
    wait_entries(scratch, 1)
    assert g.edit([("image", PNG)], A, **MODEL).json["data"] == first.json["data"]
    assert "age" not in g.edit([("image", JPEG)], A, **MODEL).headers
    assert len(openai.requests) == 2


def test_a_hit_counts_as_a_request_and_not_as_images(cached, openai, scratch):
    g = cached(limits={"images_per_minute": 1, "requests_per_minute": 3})
    _, second = made_and_again(g, scratch)
    assert second.status == 200 and second.headers["x-ratelimit-remaining-images"] == "0"
    assert second.headers["x-ratelimit-remaining-requests"] == "1"


def test_streams_hit_too(cached, openai, scratch):
    first, second = made_and_again(cached(), scratch, stream=True)
    assert second.text.count("event: image_generation.completed\n") == 1 and len(openai.requests) == 1
    assert '"basis":"cache"' in second.text


def test_the_second_candidates_result_is_found_when_the_first_has_none(cached, openai, openai_factory, scratch):
    broken = openai_factory()
    broken.always(Json({"error": {"message": "down"}}, 503))
    g = cached(models=provider("q", broken, "retry attempts=1;") + provider("p", openai) +
               "image_model pair q/gpt-image-2 p/gpt-image-2;\n")
    first = g.generate(A, model="pair")
    wait_entries(scratch, 1)
    second = g.generate(A, model="pair")
    assert first.json["data"] == second.json["data"] and len(openai.requests) == 1
    assert second.json["extra_fields"]["cache_debug"]["requested_provider"] == "p"


def test_cached_files_that_are_gone_are_made_again(cached, openai, scratch):
    g = cached()
    made_and_again(g, scratch)
    for file in (scratch / "store").rglob("*.base64"):
        file.unlink()
    assert g.generate(A, **MODEL).status == 200 and len(openai.requests) == 2


def test_the_cache_needs_a_state_file_and_a_store(nginx_t, openai):
    done = nginx_t(location="image_gateway; image_gateway_auth off; image_gateway_cache on;", http=provider("p", openai))
    assert not done.ok and "image_gateway_state" in done.output and "image_gateway_store" in done.output


def image_gateway(project, *arguments) -> str:
    done = subprocess.run([project / "src/tools/image-gateway", *map(str, arguments)], text=True, capture_output=True,
                          timeout=30)
    assert done.returncode == 0, done
    return done.stdout


def test_the_operator_lists_and_purges_what_is_kept(cached, openai, scratch, project):
    g = cached()
    state = scratch / "state/state.db"
    for headers, prompt in ((A, "one"), (A, "two"), ({"x-api-key": "sk-b"}, "one")):
        g.generate(headers, **MODEL, prompt=prompt)
    wait_entries(scratch, 3)
    listed = image_gateway(project, "cache", "list", state)
    assert listed.count("p/gpt-image-2") == 3 and len(list((scratch / "store").rglob("*.base64"))) == 3
    assert image_gateway(project, "cache", "purge", state, "key", "b") == "1 removed.\n"
    assert image_gateway(project, "cache", "purge", state, "key", "b' OR '1'='1") == "0 removed.\n"
    debug = g.generate(A, **MODEL, prompt="one").json["extra_fields"]["cache_debug"]
    assert debug["cache_hit"] and image_gateway(project, "cache", "purge", state, "id", debug["cache_id"]) == "1 removed.\n"
    assert not g.generate(A, **MODEL, prompt="one").json["extra_fields"]["cache_debug"]["cache_hit"]
    wait_entries(scratch, 2)
    assert image_gateway(project, "cache", "purge", state, "model", "p/gpt-image-2") == "2 removed.\n"
    assert not list((scratch / "store").rglob("*.base64"))
    assert image_gateway(project, "usage", state).count("p/gpt-image-2") == 2
