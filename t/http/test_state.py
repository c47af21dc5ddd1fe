"""Data that survives the processes: budgets, daily counts, and a row for each request."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager

import pytest
from fakes.openai import Hang
from harness import Flood, key_entry, provider, write_keys
from harness.gateway import until

HEADERS = {"x-api-key": "sk-bf-a"}
CRASHES = int(os.environ.get("CRASHES", 5))


@pytest.fixture
def kept(scratch, gateway):
    """A gateway with a state file in a directory of its own. The sandbox's images cost a cent."""
    def start(parameters="", workers=2, http="", main="", more=(), daemon=False, **members):
        catalog = scratch / "catalog.json"
        catalog.write_text(json.dumps({"apis": {"sandbox": [
            {"model": "placeholder", "family": "sandbox", "price": {"per_image": [{"usd": 0.01}]}}]}}))
        catalog.chmod(0o644)
        keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", **members), key_entry("b", "sk-bf-b"),
                                                    *more])
        return gateway(f"image_gateway; image_gateway_keys {keys};",
                       f"keepalive_requests 100000; image_gateway_state {state(scratch)} {parameters};"
                       f"image_gateway_catalog {catalog};"
                       "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n" + http,
                       workers=workers, main=main, daemon=daemon)
    return start


def state(scratch):
    return scratch / "state" / "state.db"


def ask(scratch, sql) -> list:
    with sqlite3.connect(f"file:{state(scratch)}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def rows_are(scratch, count) -> bool:
    try:
        return ask(scratch, "SELECT count(*) FROM usage") == [(count,)]
    except sqlite3.OperationalError:  # it is being made
        return False


def wait_rows(scratch, count):
    assert until(lambda: rows_are(scratch, count), 5), ask(scratch, "SELECT count(*) FROM usage")


def make(g, headers=HEADERS, **fields):
    return g.generate(headers, **{"size": "16x16", **fields})


def test_each_request_that_a_provider_was_asked_for_has_a_row(kept, scratch):
    g = kept()
    reply = make(g, {**HEADERS, "X-On-Behalf-Of": "alice"}, n=2)
    assert make(g, n=99).status == 400
    assert make(g, {"x-api-key": "wrong"}).status == 401
    wait_rows(scratch, 1)
    columns = "key, end_user, model_requested, provider, model, images, cost_usd, counted_usd, status, outcome"
    rows = ask(scratch, f"SELECT {columns} FROM usage ORDER BY status")
    assert rows[0] == ("a", "alice", "auto", "sandbox", "placeholder", 2, 0.02, 0.02, 200, "made")
    assert ask(scratch, "SELECT request_id FROM usage") == [(reply.headers["x-request-id"],)]
    assert ask(scratch, "SELECT micro_usd FROM spent WHERE key = 'a' AND per = 'month'") == [(20_000,)]


def test_refused_bodies_write_nothing(kept, scratch):
    g = kept()
    for body in (b"{", b'{"prompt":1}', b'{"prompt":"x","n":99}', b'{"prompt":"x","model":"nobody/nothing"}'):
        for _ in range(20):
            assert g.post("/v1/images/generations", body=body, headers={**HEADERS, "Content-Type": "application/json",
                                                                        "X-On-Behalf-Of": "m" * 200}).status in (400, 404)
    make(g)
    assert until(lambda: ask(scratch, "SELECT count(*) FROM usage WHERE status = 200") == [(1,)], 5)
    assert ask(scratch, "SELECT count(*) FROM usage") == [(1,)]


def spent(scratch, key="a", per="lifetime") -> int:
    rows = ask(scratch, f"SELECT micro_usd FROM spent WHERE key = '{key}' AND per = '{per}'")
    return rows[0][0] if rows else 0


CENTS = 600


class Load:
    """Sends some requests per second until the context ends."""

    def __init__(self, g):
        self._g, self._over = g, threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self):
        while not self._over.wait(0.02):
            try:
                make(self._g, timeout=5)
            except OSError:  # of a worker that has left
                pass


def spend_all_and_no_more(g, scratch):
    """Sends requests until the budget of the key is spent."""
    assert until(lambda: Flood(g, 100, HEADERS, connections=4).run()[402] == 100, 60)
    assert until(lambda: spent(scratch) == CENTS * 10_000, 15), spent(scratch)


def made(scratch) -> int:
    return ask(scratch, "SELECT sum(images + images_lost) FROM usage")[0][0]


def test_a_budget_holds_over_binary_upgrades(kept, scratch):
    """Both binaries serve at the same time, and neither spends what the other has spent."""
    g = kept(budgets=[{"usd": CENTS / 100, "per": "month"}], limits={"images_per_day": 9000}, daemon=True,
             main="env PATH; env LD_PRELOAD; env ASAN_OPTIONS; env UBSAN_OPTIONS;")
    for _ in range(3):
        with Load(g):
            g.upgrade()
    spend_all_and_no_more(g, scratch)
    assert until(lambda: made(scratch) == CENTS, 5), made(scratch)
    g.wait_log('zone "image_gateway_purses" goes on from the old binary')


def test_a_budget_holds_over_reloads_with_another_zone_size(kept, scratch):
    g = kept(budgets=[{"usd": CENTS / 100, "per": "month"}], http="image_gateway_zone zone=z:1024k;")
    size = 1024
    for _ in range(4):
        with Load(g):
            g.reload(http=g.configuration.http.replace(f"z:{size}k", f"z:{size + 64}k"))
        size += 64
    spend_all_and_no_more(g, scratch)
    assert until(lambda: made(scratch) == CENTS, 5), made(scratch)


def test_what_a_killed_worker_has_counted_is_written_down(kept, scratch):
    g = kept(budgets=[{"usd": CENTS / 100, "per": "month"}], workers=2)
    g.allow_worker_change()
    g.allow_log("exited on signal 9")
    for _ in range(2):  # which leaves some of the budget
        flood = Flood(g, 300, HEADERS, connections=4, ahead=8)
        flood.start()
        assert until(lambda: flood.statuses[200] > 100, 10)
        killed = g.worker_pids()[0]
        os.kill(killed, signal.SIGKILL)
        flood.join()
        assert until(lambda: len(g.worker_pids()) == 2 and killed not in g.worker_pids(), 10)
    spend_all_and_no_more(g, scratch)


def test_budgets_are_brought_back_before_what_keys_json_does_not_have(kept, scratch):
    """A small zone, and a file with far more keys than are in use."""
    kept().quit()
    with sqlite3.connect(state(scratch)) as database:
        rows = [(f"gone-{number}", 500_000) for number in range(3000)] + [(f"k{number}", 1_000_000) for number in range(20)]
        database.executemany("INSERT INTO spent VALUES (?, 'lifetime', 0, ?)", rows)
    keys = [key_entry(f"k{number}", f"sk-bf-{number}", budgets=[{"usd": 1, "per": "lifetime"}]) for number in range(20)]
    g = kept(http="image_gateway_zone zone=small:64k;", more=keys)
    assert [make(g, {"x-api-key": f"sk-bf-{number}"}).status for number in range(20)] == [402] * 20
    assert make(g).status == 200


def test_more_keys_than_can_be_counted_are_told_at_nginx_t(nginx_t, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry(f"k{number}", f"sk-bf-{number}") for number in range(42_000)])
    ok, output = nginx_t("image_provider s { api sandbox; }", f"image_gateway; image_gateway_keys {keys};")
    assert ok and "42000 keys are configured, but there is room to count the spending of only" in output


def test_a_budget_goes_on_when_nginx_is_started_again(kept, scratch):
    for left in (3, 0):
        g = kept(budgets=[{"usd": 0.05, "per": "month"}])
        statuses = [make(g).status for _ in range(3 if left else 4)]
        assert statuses == ([200, 200, 200] if left else [200, 200, 402, 402])
        g.quit()
    assert ask(scratch, "SELECT micro_usd FROM spent WHERE per = 'month'") == [(50_000,)]


def test_a_day_goes_on_when_nginx_is_started_again(kept):
    limits = {"limits": {"images_per_day": 9}, "end_user": {"limits": {"images_per_day": 4}}}
    alice = {**HEADERS, "X-On-Behalf-Of": "alice"}
    g = kept(**limits)
    assert make(g, alice, n=3).status == 200
    g.quit()
    g = kept(**limits)
    assert make(g, alice, n=2).status == 429
    assert make(g, alice).status == 200
    assert make(g, n=6).status == 429
    assert make(g, n=5).status == 200


def test_nothing_is_lost_in_a_reload(kept, scratch):
    g = kept(workers=4)
    flood = Flood(g, 2000, HEADERS)
    flood.start()
    for _ in range(3):
        g.reload()
    made = flood.join()[200]
    assert made > 0
    wait_rows(scratch, made)
    assert ask(scratch, "SELECT micro_usd FROM spent WHERE per = 'lifetime'") == [(made * 10_000,)]


@pytest.mark.parametrize("stop", (signal.SIGTERM, signal.SIGQUIT), ids=("stop", "quit"))
def test_what_is_left_is_written_on_the_way_out(kept, scratch, stop):
    g = kept()
    assert Flood(g, 500, HEADERS).run() == {200: 500}
    g.signal(stop)  # within the 50 ms that a record waits for others
    g.wait_exit()
    assert ask(scratch, "SELECT count(*), sum(counted_usd) FROM usage")[0] == (500, pytest.approx(5))


def test_what_still_runs_when_nginx_is_stopped_has_a_row_too(scratch, gateway, openai):
    openai.always(Hang())
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", budgets=[{"usd": 9, "per": "day"}])])
    g = gateway(f"image_gateway; image_gateway_keys {keys};",
                f"image_gateway_state {state(scratch)};" + provider("p", openai))
    g.connect().post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2", "quality": "low",
                                                "size": "1024x1024"}, HEADERS)
    openai.wait_in_flight(1)
    g.signal(signal.SIGTERM)
    g.wait_exit()
    rows = ask(scratch, "SELECT status, outcome, images, images_lost, cost_usd, counted_usd > 0, provider, model FROM usage")
    assert rows == [(499, "client_gone", 0, 1, None, 1, "p", "gpt-image-2")]


def test_a_killed_worker_has_its_money_counted(scratch, gateway, openai):
    openai.always(Hang())
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", budgets=[{"usd": 9, "per": "day"}],
                                                        limits={"concurrent": 1})])
    g = gateway(f"image_gateway; image_gateway_keys {keys};",
                f"image_gateway_state {state(scratch)};" + provider("p", openai))
    g.connect().post("/v1/images/generations", {"prompt": "x", "model": "p/gpt-image-2", "quality": "low",
                                                "size": "1024x1024"}, HEADERS)
    openai.wait_in_flight(1)
    killed = g.kill_worker()
    until(lambda: g.worker_pids() and killed not in g.worker_pids(), 5)
    openai.always(None)
    assert until(lambda: g.generate(HEADERS, model="p/gpt-image-2").status == 200, 1), "its place is free in a second"
    wait_rows(scratch, 2)
    rows = ask(scratch, "SELECT key, images, counted_usd > 0 FROM usage WHERE outcome = 'worker_died'")
    assert rows == [("a", 0, 1)]


@pytest.mark.parametrize("crash", range(CRASHES))
def test_a_crash_of_everything_loses_no_more_than_the_last_group(kept, scratch, crash):
    """The file has the replies that were sent some time before the end, and it is not damaged."""
    g = kept(workers=4)
    flood = Flood(g, 100_000, HEADERS, connections=8)
    flood.start()
    time.sleep(0.3 + 0.1 * crash % 0.5)
    before = flood.statuses[200]
    time.sleep(0.5)  # a group is 50 ms, and what it takes to write it on a busy machine
    g.crash()
    flood.join()
    assert ask(scratch, "PRAGMA integrity_check") == [("ok",)]
    (rows,), = ask(scratch, "SELECT count(*) FROM usage")
    (spent,), = ask(scratch, "SELECT micro_usd FROM spent WHERE per = 'lifetime'")
    assert before > 100
    assert before <= rows
    assert spent >= rows * 10_000, "with a group's rows the money of all workers so far is written"
    again = kept()
    assert make(again).status == 200
    wait_rows(scratch, rows + 1)


def break_state(scratch):
    """A directory where the file should be."""
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        if (state(scratch).parent / name).exists():
            os.remove(state(scratch).parent / name)
    state(scratch).mkdir(parents=True)


def test_requests_are_served_if_the_file_cannot_be_written(kept, scratch):
    break_state(scratch)
    g = kept(budgets=[{"usd": 0.03, "per": "day"}])
    assert [make(g).status for _ in range(4)] == [200, 200, 200, 402]
    g.wait_log("cannot write usage to .*requests are served, and their usage is written later")
    shutil.rmtree(state(scratch).parent)
    state(scratch).parent.mkdir()
    state(scratch).parent.chmod(0o777)
    wait_rows(scratch, 3)  # requests that are refused before an attempt have no row
    g.wait_log("usage is written again")
    assert ask(scratch, "SELECT micro_usd FROM spent WHERE per = 'day'") == [(30_000,)]
    g.take_baseline()


def test_with_on_error_refuse_requests_are_refused_until_it_can_be_written(kept, scratch):
    break_state(scratch)
    g = kept("on_error=refuse")
    reply = make(g)
    assert reply.status == 503 and reply.json["error"]["code"] == "usage_not_recorded"
    assert reply.headers["Retry-After"] == "1"
    g.wait_log("cannot write usage to .*requests are refused")
    shutil.rmtree(state(scratch).parent)
    state(scratch).parent.mkdir()
    state(scratch).parent.chmod(0o777)
    assert until(lambda: make(g).status == 200, 5)
    g.take_baseline()


@pytest.fixture
def small_disk(scratch):
    """A file system of a megabyte where the state file is to be. Only root may make one."""
    directory = state(scratch).parent
    directory.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "tmpfs", directory], check=False).returncode:
        pytest.skip("no leave to mount a file system")
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)


@pytest.mark.parametrize("policy, status", (("serve", 200), ("refuse", 503)))
def test_a_full_disk_is_told_and_handled_as_configured(small_disk, scratch, kept, policy, status):
    g = kept(f"on_error={policy}", budgets=[{"usd": 1, "per": "day"}])
    assert make(g).status == 200
    wait_rows(scratch, 1)
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as filling, pytest.raises(OSError):
        while True:
            filling.write(bytes(4096))
    assert until(lambda: make(g).status == status and "cannot write usage to" in g.error_log(), 10)
    assert make(g).status == status
    filler.unlink()
    assert until(lambda: make(g).status == 200, 5)
    before = ask(scratch, "SELECT count(*) FROM usage")[0][0]
    make(g)
    assert until(lambda: ask(scratch, "SELECT count(*) FROM usage")[0][0] > before, 5), "it is written to again"
    assert ask(scratch, "PRAGMA integrity_check") == [("ok",)]
    g.take_baseline()


def test_only_its_owner_can_read_it_also_if_it_existed_before(kept, scratch):
    files = [state(scratch).parent / name for name in ("state.db", "state.db-wal", "state.db-shm")]
    def modes():
        return [one.stat().st_mode & 0o777 for one in files]
    g = kept(workers=1)
    make(g)
    wait_rows(scratch, 1)
    assert modes() == [0o600] * 3
    g.quit()
    files[0].chmod(0o644)
    g = kept(workers=1)
    make(g)
    wait_rows(scratch, 2)
    assert modes() == [0o600] * 3
    g.wait_log("state.db.* could be read by others; its mode is 0600 now")


@contextmanager
def locked(scratch):
    """Another process locks the file and does not release it."""
    with closing(sqlite3.connect(state(scratch), isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")


def timed(g, secret):
    began = time.monotonic()
    reply = make(g, {"x-api-key": secret})
    return reply, time.monotonic() - began


def test_a_locked_file_delays_no_caller_without_a_budget(kept, scratch):
    """SQLite would wait for five seconds."""
    limits = {"budgets": [{"usd": 0.03, "per": "month"}]}
    g = kept(**limits)
    assert [make(g).status for _ in range(2)] == [200, 200]
    g.quit()
    with locked(scratch):
        g = kept(**limits)
        for _ in range(4):
            reply, seconds = timed(g, "sk-bf-b")
            assert reply.status == 200 and seconds < 2.5
            reply, seconds = timed(g, "sk-bf-a")
            assert (reply.status, reply.json["error"]["code"]) == (503, "usage_not_known") and seconds < 2.5
            assert reply.headers["Retry-After"] == "1"
        g.wait_log("is locked; .* except those of callers with a budget", timeout=20)
    statuses = []
    assert until(lambda: statuses.append(make(g).status) or statuses[-1] == 402, 20), statuses
    assert statuses.count(200) == 1, "one more was left of the budget"
    with locked(scratch):
        g.reload()
        for secret, status in (("sk-bf-b", 200), ("sk-bf-a", 402)):
            reply, seconds = timed(g, secret)
            assert reply.status == status and seconds < 2.5, "what was used is known from before"
    g.take_baseline()


def test_a_full_thread_pool_opens_no_budget(kept):
    """The file can be read: what was used before is only not known yet. The pool takes a task only while its thread
    is idle, which it is not yet when a worker starts."""
    limits = {"budgets": [{"usd": 0.01, "per": "month"}]}
    g = kept(**limits)
    assert [make(g).status for _ in range(2)] == [200, 402]
    g.quit()
    g = kept(main="thread_pool default threads=1 max_queue=0;", **limits)
    assert {make(g).status for _ in range(20)} <= {402, 503}
    assert until(lambda: make(g).status == 402, 20), "what was used before is never known"


def test_a_file_that_was_taken_away_is_made_anew(kept, scratch):
    g = kept(workers=1)
    make(g)
    wait_rows(scratch, 1)
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        os.remove(state(scratch).parent / name)
    make(g)
    wait_rows(scratch, 1)
    g.take_baseline()


def test_a_database_of_something_else_is_left_alone(kept, scratch):
    state(scratch).parent.mkdir()
    with sqlite3.connect(state(scratch)) as database:
        database.execute("CREATE TABLE customers (name TEXT)")
    for path in (state(scratch).parent, state(scratch)):
        path.chmod(0o777)
    g = kept()
    assert make(g).status == 200
    g.wait_log("is a database of something else")
    assert ask(scratch, "SELECT name FROM sqlite_master") == [("customers",)]


@pytest.mark.parametrize("wrong, told", (("keep=0", "keep"), ("keep=x", "keep"), ("on_error=ask", "serve or refuse"),
                                         ("often", "invalid parameter")))
def test_a_wrong_parameter_is_told(nginx_t, scratch, wrong, told):
    ok, output = nginx_t(f"image_gateway_state {state(scratch)} {wrong}; image_provider s {{ api sandbox; }}")
    assert not ok and told in output


def cut(scratch):
    os.truncate(state(scratch), 0)


def take_away(scratch):
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        os.remove(state(scratch).parent / name)


def replace_by_junk(scratch):
    junk = state(scratch).with_name("junk")
    junk.write_text("no database")
    junk.chmod(0o666)
    os.replace(junk, state(scratch))


def lose_wal(scratch):
    os.remove(state(scratch).with_name("state.db-wal"))


@pytest.mark.parametrize("act, aside", ((cut, True), (take_away, False), (replace_by_junk, True), (lose_wal, True)))
def test_whatever_happens_to_the_file_in_use_no_money_is_forgotten(kept, scratch, act, aside):
    members = {"budgets": [{"usd": 0.05, "per": "month"}]}
    g = kept(**members)
    assert [make(g).status for _ in range(2)] == [200, 200]
    wait_rows(scratch, 2)
    act(scratch)
    assert make(g).status == 200
    g.wait_log("state.db. .*; the current sums were written again")
    assert until(lambda: spent_in(scratch) == 30_000, 5)
    assert make(g).status == 200
    assert until(lambda: spent_in(scratch) == 40_000, 5), "and is written to again"
    kept_aside = [one for one in state(scratch).parent.glob("state.db.damaged-*") if not one.name.endswith(("-wal", "-shm"))]
    assert bool(kept_aside) == aside
    g.quit()
    assert ask(scratch, "PRAGMA integrity_check") == [("ok",)]
    g = kept(**members)
    assert [make(g).status for _ in range(2)] == [200, 402]


def spent_in(scratch):
    try:
        return ask(scratch, "SELECT micro_usd FROM spent WHERE key = 'a' AND per = 'month'")[0][0]
    except (sqlite3.Error, IndexError):
        return None


def test_a_page_that_is_damaged_is_found_at_the_start(kept, scratch):
    members = {"budgets": [{"usd": 0.05, "per": "month"}]}
    g = kept(**members)
    assert Flood(g, 3, HEADERS).run() == {200: 3}
    assert Flood(g, 300, {"x-api-key": "sk-bf-b"}).run() == {200: 300}
    g.quit()
    root, = ask(scratch, "SELECT rootpage FROM sqlite_master WHERE name = 'usage_by_time'")
    with open(state(scratch), "r+b") as file:
        file.seek((root[0] - 1) * 4096)
        file.write(b"x" * 4096)
    g = kept(**members)
    g.wait_log("state.db. is damaged: .*; it is .*state.db.damaged-.*; the current sums were written again", timeout=10)
    assert [make(g).status for _ in range(3)] == [200, 200, 402]
    g.quit()
    assert ask(scratch, "PRAGMA integrity_check") == [("ok",)] and spent_in(scratch) == 50_000
    g = kept(**members)
    assert make(g).status == 402


def take_away(scratch):
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (state(scratch).parent / name).unlink(missing_ok=True)


def test_a_file_that_is_taken_away_before_a_reload_gets_all_that_was_spent(kept, scratch):
    """The new worker has never opened the old file."""
    parts = {"workers": 1, "budgets": [{"usd": 0.02, "per": "lifetime"}]}
    g = kept(**parts)
    assert [make(g).status for _ in range(3)] == [200, 200, 402]
    assert until(lambda: spent(scratch) == 20000, 5)
    take_away(scratch)
    g.reload()
    assert make(g, {"x-api-key": "sk-bf-b"}).status == 200
    assert until(lambda: state(scratch).exists() and spent(scratch) == 20000, 15)
    g.quit()
    g = kept(**parts)
    assert make(g).status == 402


def test_a_file_whose_header_is_destroyed_before_a_reload_is_written_anew(kept, scratch):
    """The new worker has never seen it as it was, and it does not look like a file of the gateway's."""
    parts = {"workers": 1, "budgets": [{"usd": 0.03, "per": "lifetime"}]}
    g = kept(**parts)
    assert [make(g).status for _ in range(2)] == [200, 200]
    assert until(lambda: spent(scratch) == 20000, 5)
    with closing(sqlite3.connect(state(scratch))) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or the header would be read from there
    with open(state(scratch), "r+b") as file:
        file.write(b"x" * 100)
    g.reload()
    assert [make(g).status for _ in range(2)] == [200, 402]
    g.wait_log("state.db.damaged-.*; the current sums were written again", timeout=15)
    assert until(lambda: spent_in_all(scratch) == 30000, 15)
    g.quit()
    g = kept(**parts)
    assert make(g).status == 402


def spent_in_all(scratch):
    try:
        return spent(scratch)
    except sqlite3.Error:
        return None
