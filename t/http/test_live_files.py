"""catalog.json and keys.json: extended, overridden, and changed while requests run."""

import json
import os
import shutil
import time

import pytest
from harness import key_entry, provider, write_keys
from harness import environment
from harness.gateway import until

OPEN = "image_gateway; image_gateway_auth off;"
SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
FREE = {"per_image": [{"usd": 0}]}


def write(path, document) -> str:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(document if isinstance(document, str) else json.dumps(document))
    fresh.chmod(0o640)
    if environment.is_root():
        shutil.chown(fresh, "root", environment.worker_group())
    os.replace(fresh, path)
    return str(path)


def rows(*models, api="sandbox") -> dict:
    return {"apis": {api: list(models)}}


def listed(g) -> set:
    return {one["id"] for one in g.get("/v1/models").json["data"]}


def test_a_catalogue_of_the_operators_extends_and_overrides_the_built_in_one(gateway, openai_factory, scratch):
    openai = openai_factory(family="dalle")
    catalog = write(scratch / "catalog.json", {
        "families": {"mine": {"family": "gpt-image-2", "parameters": {"quality": None, "style": {"fold": "Style: {}."}},
                              "price": {"per_image": [{"usd": 0.125}]}}},
        "apis": {"openai": [{"model": "house-model", "family": "mine"}]},
        "providers": {"openai": [{"model": "gpt-image-2", "family": "gpt-image-2", "price": {"per_image": [{"usd": 1}]}}]}})
    g = gateway(OPEN, f"image_gateway_catalog {catalog};" + provider("openai", openai))
    assert {"openai/house-model", "openai/gpt-image-2", "openai/gpt-image-2.5-flare"} <= listed(g)
    reply = g.generate(model="house-model", quality="high", style="vivid")
    assert reply.status == 200, reply
    assert openai.requests[0].json == {"model": "house-model", "prompt": "a red kite\nStyle: vivid."}
    assert reply.json["extra_fields"]["cost"] == {"usd": 0.125, "basis": "image"}
    assert [one["param"] for one in reply.json["extra_fields"]["adjustments"]] == ["quality", "style"]
    assert g.generate(model="gpt-image-2").json["extra_fields"]["cost"]["usd"] == 1


@pytest.mark.parametrize("document, place", (
    ("{", "is not valid JSON near byte"), ({"models": []}, "$ has a member"),
    (rows({"family": "sandbox"}), "$.apis.sandbox[0] must have"),
    (rows({"model": "x", "family": "none"}), "$.apis.sandbox[0].family is not the name of a family"),
    (rows({"model": "x", "parameters": {"colour": {}}}), "$.apis.sandbox[0].parameters.colour is not a parameter"),
    (rows({"model": "x", "parameters": {"n": {"min": 3, "max": 2}}}), "$.apis.sandbox[0].parameters.n.min is above max"),
    (rows({"model": "x", "price": {"per_image": [{"usd": "1"}]}}), "$.apis.sandbox[0].price.per_image[0].usd must be"),
    (rows({"model": "x", "shutdown": "tomorrow"}), "$.apis.sandbox[0].shutdown must be a date")))
def test_a_mistake_is_told_with_its_json_path(nginx_t, scratch, document, place):
    catalog = write(scratch / "catalog.json", document)
    tested = nginx_t(f"image_gateway_catalog {catalog};" + SANDBOX, OPEN)
    assert not tested.ok and "catalog.json" in tested.output and place in tested.output, tested.output


def test_a_changed_catalogue_takes_effect_without_a_reload_in_every_worker(gateway, scratch):
    path = scratch / "catalog.json"
    g = gateway(OPEN, f"image_gateway_catalog {write(path, rows({'model': 'one', 'family': 'sandbox'}))};" + SANDBOX, workers=2)
    assert "sandbox/one" in listed(g)
    write(path, rows({"model": "two", "family": "sandbox", "price": None}))
    assert until(lambda: all("sandbox/two" in listed(g) for _ in range(20)), 5), "within a second in every worker"
    assert "sandbox/one" not in listed(g)
    assert g.generate(model="two", size="16x16").json["extra_fields"]["cost"] == {"usd": None, "basis": "unknown"}


def test_a_broken_catalogue_keeps_the_old_contents_and_is_logged(gateway, scratch):
    path = scratch / "catalog.json"
    g = gateway(OPEN, f"image_gateway_catalog {write(path, rows({'model': 'one', 'family': 'sandbox'}))};" + SANDBOX)
    write(path, '{"apis": {"sandbox": [{"model": "two"')
    assert until(lambda: "keeps the previous contents" in g.error_log(), 5)
    assert "sandbox/one" in listed(g)
    write(path, rows({"model": "two", "famly": "sandbox"}))
    assert until(lambda: '$.apis.sandbox[0] has a member "famly"' in g.error_log(), 5)
    path.unlink()
    assert until(lambda: "cannot read" in g.error_log(), 5)
    assert "sandbox/one" in listed(g)
    write(path, rows({"model": "three", "family": "sandbox"}))
    assert until(lambda: "sandbox/three" in listed(g), 5)


@pytest.mark.parametrize("document, problem", (
    ({"apis": {"none": [{"model": "a"}], "sandbox": "none"}}, 'no row "\\*" for the api "sandbox"'),
    (rows({"model": "two", "family": "sandbox"}), 'alias "house" names "one"'),
    (rows({"model": "one", "family": "sandbox"}), 'image_gateway_default_model "extra"')))
def test_a_catalogue_that_nginx_would_not_start_with_is_not_taken_over(gateway, nginx_t, scratch, document, problem):
    path = scratch / "catalog.json"
    good = rows({"model": "one", "family": "sandbox"}, {"model": "extra", "family": "sandbox"})
    location = OPEN + "image_gateway_default_model extra;"
    http = f"image_gateway_catalog {write(path, good)};" + SANDBOX + "image_model house one;"
    g = gateway(location, http)
    assert g.generate(model="house", size="16x16").status == 200
    write(path, document)
    g.wait_log(f"keeps the previous contents: .*{problem}")
    for model in ("house", "one", "extra", "sandbox/one", "sandbox/never-heard-of", None):
        reply = g.generate(size="16x16", **({"model": model} if model else {}))
        assert reply.status == 200, (model, reply)
    tested = nginx_t(http, location)
    assert not tested.ok and problem.replace("\\", "") in tested.output, tested.output


def test_a_changed_file_of_keys_takes_effect_without_a_reload(gateway, scratch):
    path = scratch / "keys.json"
    write_keys(path, [key_entry("a", "sk-bf-a")])
    g = gateway(f"image_gateway; image_gateway_keys {path};", SANDBOX, workers=2,
                extra_locations=f"location /too/ {{ image_gateway; image_gateway_keys {path}; }}")
    def statuses(secret, where="/v1/models"):
        return {g.get(where, {"x-api-key": secret}).status for _ in range(20)}
    assert statuses("sk-bf-a") == {200} and statuses("sk-bf-b") == {401}
    write_keys(path, [key_entry("b", "sk-bf-b")])
    assert until(lambda: statuses("sk-bf-b") == {200}, 5)
    assert statuses("sk-bf-a") == {401} and statuses("sk-bf-b", "/too/models") == {200}
    path.write_text("{")
    assert until(lambda: "keeps the previous contents" in g.error_log(), 5)
    assert statuses("sk-bf-b") == {200}


def test_a_file_written_in_place_with_the_same_size_and_time_is_noticed(gateway, scratch):
    path = scratch / "keys.json"
    write_keys(path, [key_entry("a", "sk-bf-a")])
    before = path.stat()
    g = gateway(f"image_gateway; image_gateway_keys {path};", SANDBOX)
    assert g.get("/v1/models", {"x-api-key": "sk-bf-a"}).status == 200
    for secret, other in (("b", "a"), ("c", "b")):
        text = json.dumps({"keys": [key_entry(secret, f"sk-bf-{secret}")]}, indent=1)
        with open(path, "r+", encoding="utf-8") as file:
            file.write(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        now = path.stat()
        assert (now.st_size, now.st_mtime_ns, now.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
        assert until(lambda: g.get("/v1/models", {"x-api-key": f"sk-bf-{secret}"}).status == 200, 5)
        assert g.get("/v1/models", {"x-api-key": f"sk-bf-{other}"}).status == 401


def test_a_file_that_was_only_touched_is_not_taken_for_a_change(gateway, scratch):
    path = scratch / "keys.json"
    write_keys(path, [key_entry("a", "sk-bf-a")])
    g = gateway(f"image_gateway; image_gateway_keys {path};", SANDBOX)
    path.touch()
    write_keys(path, [key_entry("a", "sk-bf-a")])
    time.sleep(1.2)  # two looks
    assert "has read" not in g.error_log()
    write_keys(path, [key_entry("b", "sk-bf-b")])
    g.wait_log("has read .*keys.json. again")


def test_a_model_past_its_shutdown_date_draws_a_warning_at_start(nginx_t, openai):
    tested = nginx_t(provider("openai", openai) + "image_model auto openai/dall-e-3 openai/gpt-image-2;", OPEN)
    assert tested.ok and '[warn] according to the catalogue, the model "openai/dall-e-3" was shut down on 2026-05-12' in tested.output
    tested = nginx_t(provider("openai", openai), OPEN + " image_gateway_default_model openai/gpt-image-1;")
    assert tested.ok and '[warn] according to the catalogue, the model "openai/gpt-image-1" was shut down on 2026-10-23' in tested.output
    assert "warn" not in nginx_t(provider("openai", openai) + "image_model auto openai/gpt-image-2;", OPEN).output
