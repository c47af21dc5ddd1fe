"""A worker that replaces a dead one starts with the contents that the dead one had, not with what the master has read
at the last reload: keys, catalogue and the keys of tokens."""

import json
import os

import pytest
from harness import key_entry, write_keys
from harness.gateway import until
from harness.tokens import SigningKey, key_set

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
KILLS = 4
TRIES = 40  # of each new worker


def replace(path, text):
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    os.replace(fresh, path)


def damage(path, how):
    if how == "broken":
        replace(path, "{")
    elif how == "gone":
        path.unlink()
    elif how == "pipe":
        path.unlink()
        os.mkfifo(path)


def kill_worker(g):
    """Its connections wait in the kernel for the next worker, which serves them first."""
    killed, = g.worker_pids()
    g.kill_worker(killed)


def status(g, **headers) -> int:
    """-1 for a connection that died with its worker."""
    try:
        return g.get("/v1/models", {name.replace("_", "-"): value for name, value in headers.items()}).status
    except OSError:
        return -1


def replaced_worker(g) -> int:
    assert until(lambda: len(g.worker_pids()) == 1, 10)
    return g.worker_pids()[0]


@pytest.mark.parametrize("how", ("whole", "broken", "gone", "pipe"))
def test_a_revoked_key_stays_out_and_a_new_one_in(gateway, scratch, how):
    path = scratch / "keys.json"
    write_keys(path, [key_entry("old", "sk-bf-old"), key_entry("kept", "sk-bf-kept")])
    g = gateway(f"image_gateway; image_gateway_keys {path};", SANDBOX)
    assert status(g, x_api_key="sk-bf-old") == 200
    write_keys(path, [key_entry("new", "sk-bf-new"), key_entry("kept", "sk-bf-kept")])
    assert until(lambda: status(g, x_api_key="sk-bf-new") == 200, 5)
    assert status(g, x_api_key="sk-bf-old") == 401
    damage(path, how)
    seen = {"old": set(), "new": set(), "kept": set()}
    for _ in range(KILLS):
        kill_worker(g)
        for _ in range(TRIES):
            for name, statuses in seen.items():
                statuses.add(status(g, x_api_key=f"sk-bf-{name}"))
        replaced_worker(g)
    assert seen["old"] - {-1} == {401}
    assert seen["new"] - {-1} == seen["kept"] - {-1} == {200}


@pytest.mark.parametrize("how", ("whole", "broken", "gone"))
def test_a_token_of_a_key_that_was_taken_away_stays_out(gateway, scratch, how):
    old, new = SigningKey("Ed25519", "old"), SigningKey("Ed25519", "new")
    path = scratch / "jwks.json"
    replace(path, key_set(old))
    g = gateway(f"image_gateway; image_gateway_jwt jwks={path};", SANDBOX)
    tokens = {name: f"Bearer {key.token()}" for name, key in (("old", old), ("new", new))}
    assert status(g, Authorization=tokens["old"]) == 200
    replace(path, key_set(new))
    assert until(lambda: status(g, Authorization=tokens["new"]) == 200, 5)
    damage(path, how)
    seen = {"old": set(), "new": set()}
    for _ in range(KILLS):
        kill_worker(g)
        for _ in range(TRIES):
            for name, statuses in seen.items():
                statuses.add(status(g, Authorization=tokens[name]))
        replaced_worker(g)
    assert (seen["old"] - {-1}, seen["new"] - {-1}) == ({401}, {200})


@pytest.mark.parametrize("how", ("whole", "broken"))
def test_the_catalogue_stays_the_newest(gateway, scratch, how):
    path = scratch / "catalog.json"
    def catalogue(model):
        return json.dumps({"apis": {"sandbox": [{"model": model, "family": "sandbox"}]}})
    replace(path, catalogue("one"))
    g = gateway("image_gateway; image_gateway_auth off;", f"image_gateway_catalog {path};" + SANDBOX)
    def listed():
        try:
            return {one["id"] for one in g.get("/v1/models").json["data"]} & {"sandbox/one", "sandbox/two"}
        except OSError:
            return set()
    assert listed() == {"sandbox/one"}
    replace(path, catalogue("two"))
    assert until(lambda: listed() == {"sandbox/two"}, 5)
    damage(path, how)
    for _ in range(KILLS):
        kill_worker(g)
        assert [names for names in (listed() for _ in range(TRIES)) if names not in (set(), {"sandbox/two"})] == []
        replaced_worker(g)


def spoil_copies(g):
    """Damages the memory in which workers share the newest contents. Returns how many pieces it damaged."""
    spoiled = 0
    for name in os.listdir(f"/proc/{g.pid}/fd"):
        path = f"/proc/{g.pid}/fd/{name}"
        if os.readlink(path) == "/memfd:image-gateway (deleted)":  # other memory has longer names
            with open(path, "r+b", buffering=0) as memory:
                memory.write(b"x" * 16)
            spoiled += 1
    return spoiled


def test_where_the_newest_keys_are_lost_nobody_is_let_in_until_they_are_read(gateway, scratch):
    path, catalog = scratch / "keys.json", scratch / "catalog.json"
    write_keys(path, [key_entry("old", "sk-bf-old")])
    replace(catalog, "{}")
    g = gateway(f"image_gateway; image_gateway_keys {path};", f"image_gateway_catalog {catalog};" + SANDBOX,
                extra_locations="location /open/ { image_gateway; image_gateway_auth off; }")
    write_keys(path, [key_entry("new", "sk-bf-new")])
    assert until(lambda: status(g, x_api_key="sk-bf-new") == 200, 5)
    assert spoil_copies(g) == 2
    for file in (path, catalog):
        damage(file, "broken")
    g.wait_log("keeps the previous contents.*keys.json")
    kill_worker(g)
    assert until(lambda: status(g) > 0, 10)
    for secret in ("old", "new"):
        reply = g.get("/v1/models", {"x-api-key": f"sk-bf-{secret}"})
        assert (reply.status, reply.json["error"]["code"], reply.headers["Retry-After"]) == (503, "keys_unavailable", "1")
    assert g.get("/v1/models").status == 401
    assert g.get("/open/models").json["error"]["code"] == "catalogue_unavailable"
    g.wait_log("the newest contents of .*keys.json. are not known")
    write_keys(path, [key_entry("new", "sk-bf-new")])
    replace(catalog, "{}")
    assert until(lambda: status(g, x_api_key="sk-bf-new") == 200, 5)
    assert status(g, x_api_key="sk-bf-old") == 401 and g.get("/open/models").status == 200
    kill_worker(g)
    assert until(lambda: status(g, x_api_key="sk-bf-new") == 200, 10)
