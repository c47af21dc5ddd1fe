"""What an earlier version of the gateway has left is gone on with: its state file, and its shared memory.

t/chaos/upgrade_from.py upgrades from the module of an earlier commit, which takes too long for this suite."""

import json
import os
import sqlite3

import pytest
from fakes.openai import Delay
from harness import environment, key_entry, provider, write_keys
from harness.gateway import until

HEADERS = {"x-api-key": "sk-bf-a"}
CATALOGUE = {"apis": {"sandbox": [{"model": "placeholder", "family": "sandbox", "price": {"per_image": [{"usd": 0.01}]}}]}}
# As the first gateway made it
VERSION_1 = """
PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x69677773;
PRAGMA user_version = 1;
CREATE TABLE spent (key TEXT NOT NULL, per TEXT NOT NULL, since INTEGER NOT NULL, micro_usd INTEGER NOT NULL,
    PRIMARY KEY (key, per, since)) WITHOUT ROWID;
CREATE TABLE day_images (day INTEGER NOT NULL, account TEXT NOT NULL, kind INTEGER NOT NULL, key TEXT NOT NULL,
    images INTEGER NOT NULL, PRIMARY KEY (day, account)) WITHOUT ROWID;
CREATE TABLE usage (time TEXT NOT NULL, unix_ms INTEGER NOT NULL, request_id TEXT NOT NULL, key TEXT, end_user TEXT,
    model_requested TEXT, provider TEXT, model TEXT, images INTEGER NOT NULL, images_lost INTEGER NOT NULL, cost_usd REAL,
    counted_usd REAL NOT NULL, latency_ms INTEGER NOT NULL, status INTEGER NOT NULL, outcome TEXT);
CREATE INDEX usage_by_time ON usage (unix_ms);
CREATE TABLE written (purses INTEGER NOT NULL, key TEXT NOT NULL, per TEXT NOT NULL, since INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL, PRIMARY KEY (purses, key, per, since)) WITHOUT ROWID;
INSERT INTO spent VALUES ('a', 'lifetime', 0, 20000);
INSERT INTO written VALUES (7, 'a', 'lifetime', 0, 20000);
INSERT INTO usage VALUES ('2026-01-01T00:00:00Z', 1767225600000, 'req_1', 'a', NULL, NULL, 'sandbox', 'placeholder', 2, 0,
    0.02, 0.02, 7, 200, 'made');
"""


@pytest.fixture
def cents(scratch, gateway):
    """A gateway whose images cost a cent, and whose key "a" may spend five."""
    (scratch / "state").mkdir()
    environment.give_to_workers(scratch / "state")

    def start(**parts):
        catalog = scratch / "catalog.json"
        catalog.write_text(json.dumps(CATALOGUE))
        catalog.chmod(0o644)
        keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", budgets=[{"usd": 0.05, "per": "lifetime"}])])
        return gateway(f"image_gateway; image_gateway_keys {keys};",
                       f"image_gateway_state {scratch}/state/state.db keep=36500; image_gateway_catalog {catalog};"
                       "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;", **parts)
    return start


def make(g):
    return g.generate(HEADERS, size="16x16").status


def asked(scratch, sql):
    with sqlite3.connect(f"file:{scratch}/state/state.db?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def spent(scratch) -> int:
    return sum(row[0] for row in asked(scratch, "SELECT micro_usd FROM spent WHERE per = 'lifetime'"))


def test_a_state_file_of_version_1_is_migrated_and_its_budgets_go_on(cents, scratch):
    path = scratch / "state/state.db"
    with sqlite3.connect(path) as database:
        database.executescript(VERSION_1)
    database.close()
    environment.give_to_workers(path)
    g = cents(workers=4)
    assert [make(g) for _ in range(4)] == [200, 200, 200, 402]
    assert until(lambda: spent(scratch) == 50_000, 5)
    assert until(lambda: asked(scratch, "SELECT count(*) FROM usage") == [(4,)], 5)
    assert asked(scratch, "PRAGMA user_version") == [(1,)], "the earlier gateway can go on with it"
    assert asked(scratch, "SELECT name FROM sqlite_master WHERE name LIKE '%by_period' ORDER BY name") == [
        ("spent_by_period",), ("written_by_period",)]
    assert asked(scratch, "PRAGMA integrity_check") == [("ok",)]


def test_a_state_file_of_a_later_version_is_left_alone(cents, scratch):
    path = scratch / "state/state.db"
    with sqlite3.connect(path) as database:
        database.executescript(VERSION_1 + "PRAGMA user_version = 2;")
    database.close()
    environment.give_to_workers(path)
    g = cents()
    assert make(g) == 200
    g.wait_log("was made by a later version of the gateway: it has version 2, and this gateway reads up to 1")
    assert spent(scratch) == 20_000
    g.allow_log("cannot write usage to")


# Shared memory. A magic number at the head of each part says which layout it has.


def spoil_layout(g, zone: str, offset: int):
    """As if another version of the module had laid it out. Workers look at it only when they start."""
    for name in os.listdir(f"/proc/{g.pid}/fd"):
        path = f"/proc/{g.pid}/fd/{name}"
        if os.readlink(path) == f"/memfd:image-gateway:{zone} (deleted)":
            with open(path, "r+b", buffering=0) as memory:
                memory.seek(offset)
                memory.write(b"layout-2")
            return
    raise AssertionError(f"the master has no memory of zone {zone}")


@pytest.mark.parametrize("zone, offset", (("image_gateway", 0), ("image_gateway_purses", 128)))
def test_a_zone_of_another_layout_is_replaced_at_a_reload_and_budgets_go_on(cents, scratch, zone, offset):
    g = cents(workers=2)
    assert [make(g) for _ in range(3)] == [200] * 3
    assert until(lambda: spent(scratch) == 30_000, 5)
    spoil_layout(g, zone, offset)
    g.reload()
    g.wait_log(f'zone "{zone}" was laid out by another version of the module, and begins anew')
    assert [make(g) for _ in range(3)] == [200, 200, 402]
    assert until(lambda: spent(scratch) == 50_000, 5)
    g.reload()
    assert make(g) == 402
    assert g.error_log().count("begins anew") == 1, "the new zone is taken over as always"
    g.take_baseline()


def test_requests_that_run_in_the_old_zone_end_as_always(scratch, gateway, openai):
    openai.always(Delay(1.0))
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", limits={"concurrent": 1})])
    g = gateway(f"image_gateway; image_gateway_keys {keys};", provider("p", openai))
    running = g.connect()
    running.post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2"}, HEADERS)
    openai.wait_in_flight(1)
    spoil_layout(g, "image_gateway_purses", 128)
    g.reload()
    assert running.response().status == 200
    g.take_baseline()
