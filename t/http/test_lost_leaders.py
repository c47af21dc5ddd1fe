"""The worker that makes what several requests wait for is killed: one of them goes on, and nothing is made twice."""

import contextlib
import os
import signal
import sqlite3
import time

import pytest
from fakes.behaviours import Hang, Held
from fakes.openai import OpenAI
from fakes.replicate import Slow
from harness import background, key_entry, provider, write_keys
from harness.gateway import until
from harness.processes import LISTEN

A = {"x-api-key": "sk-a"}
KEYED = {**A, "Idempotency-Key": "k-1"}
BOTH = pytest.mark.parametrize("headers", (A, KEYED), ids=("shared", "keyed"))
MODEL = {"model": "p/gpt-image-2"}


@pytest.fixture
def start(scratch, gateway, openai):
    def run(http=None, location="", workers=2, **parts):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}") for id in ("a", "b")])
        return gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_coalesce on unseeded=on;"
                       f"image_gateway_fetch_allow 127.0.0.0/8; image_gateway_store {scratch}/store; {location}",
                       f"image_gateway_state {scratch}/state/state.db;" + (http or provider("p", openai)),
                       workers=workers, **parts)
    return run


@pytest.fixture
def other(request):
    fake = OpenAI().start()
    request.addfinalizer(fake.stop)
    return fake


def leader(scratch) -> int:
    """The worker that the record belongs to."""
    def look():
        records = f"file:{scratch}/state/state.db.records?mode=ro"
        with contextlib.closing(sqlite3.connect(records, uri=True)) as database:
            return database.execute("SELECT process FROM records WHERE process IS NOT NULL AND owner = 'a'").fetchall()
    (process,), = until(look, 10)
    return int(process.split()[0])


def ask_in_all_workers(g, headers, fields, providers=()) -> list:
    """Asks until each worker has clients: nginx may give many connections in a row to one worker."""
    asked = []

    def peers(pid):
        return {one.tcp.remote_port for one in g.descriptors(pid) if one.tcp and one.tcp.state != LISTEN}

    others = {one.port for one in providers}.union(*map(peers, g.worker_pids()))
    while len(asked) < 12 or (not all(peers(pid) - others for pid in g.worker_pids()) and len(asked) < 300):
        asked.append(background(g.generate, headers, **fields))
        time.sleep(0.01)
    time.sleep(0.5)  # all of them wait
    return asked


def answers(asked) -> list:
    """Those of the clients whose worker was not killed."""
    replies = []
    for one in asked:
        try:
            replies.append(one.result(25))
        except Exception:
            pass
    assert 0 < len(replies) < len(asked)
    return replies


@BOTH
def test_what_no_provider_was_asked_for_is_made_by_a_follower(start, scratch, openai, headers):
    occupied = Held()
    openai.always(occupied)
    g = start(provider("p", openai, "max_calls 1; retry attempts=5 within=30s;"))
    background(g.generate, {"x-api-key": "sk-b"}, **MODEL, prompt="another one")
    openai.wait_in_flight(1)
    asked = ask_in_all_workers(g, headers, MODEL, [openai])
    pid = leader(scratch)
    assert len(openai.requests) == 1, "the leader waits for its turn"
    g.kill_worker(pid)
    time.sleep(0.5)
    occupied.release()
    replies = answers(asked)
    assert {one.status for one in replies} == {200}, replies
    assert sum("another one" not in one.json["prompt"] for one in openai.requests) == 1
    assert len({one.json["data"][0]["b64_json"] for one in replies}) == 1


@BOTH
def test_a_follower_asks_the_next_provider_and_not_the_first_one_again(start, scratch, openai, other, headers):
    openai.always(Hang())
    held = Held()
    other.always(held)
    g = start(provider("p", openai) + provider("q", other) + "image_model both p/gpt-image-2 q/gpt-image-2;")
    asked = ask_in_all_workers(g, headers, {"model": "both"}, [openai, other])
    openai.wait_in_flight(1)
    g.kill_worker(leader(scratch))
    other.wait_in_flight(1)
    held.release()
    replies = answers(asked)
    assert {one.status for one in replies} == {200}, replies
    assert len(openai.requests) == len(other.requests) == 1
    attempts = next(one.json["extra_fields"]["attempts"] for one in replies if "shared" not in one.json["extra_fields"])
    assert [(one["provider"], one["outcome"]) for one in attempts] == [("p", "unknown"), ("q", "made")]
    assert attempts[0]["code"] == "worker_stopped" and attempts[0]["billed"] == "unknown"


@BOTH
def test_a_provider_that_takes_keys_gets_the_same_call_again(start, scratch, openai, headers):
    openai.next(Hang())
    g = start(provider("p", openai, "idempotency on; retry attempts=2;"))
    asked = ask_in_all_workers(g, headers, MODEL, [openai])
    openai.wait_in_flight(1)
    g.kill_worker(leader(scratch))
    replies = answers(asked)
    assert {one.status for one in replies} == {200}, replies
    assert len(openai.requests) == 2
    assert len({one.headers["idempotency-key"] for one in openai.requests}) == 1


@BOTH
def test_what_may_have_been_made_ends_as_unknown_for_all(start, scratch, openai, headers):
    openai.always(Hang())
    g = start()
    asked = ask_in_all_workers(g, headers, MODEL, [openai])
    openai.wait_in_flight(1)
    g.kill_worker(leader(scratch))
    for one in answers(asked):
        assert one.status == 502 and one.json["error"]["code"] == "outcome_unknown", one
        assert one.headers["x-should-retry"] == "false"
    assert len(openai.requests) == 1


@BOTH
def test_when_the_new_leader_dies_too_a_third_worker_goes_on(start, scratch, openai, other, headers):
    openai.always(Hang())
    other.always(Hang())
    third = OpenAI().start()
    try:
        g = start(provider("p", openai) + provider("q", other) + provider("r", third)
                  + "image_model all p/gpt-image-2 q/gpt-image-2 r/gpt-image-2;", workers=3)
        asked = ask_in_all_workers(g, headers, {"model": "all"}, [openai, other, third])
        for fake in (openai, other):
            fake.wait_in_flight(1)
            g.kill_worker(leader(scratch))
        replies = answers(asked)
        assert {one.status for one in replies} == {200}, replies
        assert [len(fake.requests) for fake in (openai, other, third)] == [1, 1, 1]
    finally:
        g.quit()
        third.stop()


@BOTH
def test_a_leader_that_only_stood_still_is_waited_for(start, scratch, openai, headers):
    held = Held()
    openai.always(held)
    g = start()
    asked = ask_in_all_workers(g, headers, MODEL, [openai])
    openai.wait_in_flight(1)
    pid = leader(scratch)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2)
    held.release()
    time.sleep(0.5)
    assert not any(one.done() for one in asked)
    os.kill(pid, signal.SIGCONT)
    assert {one.result(25).status for one in asked} == {200}
    assert len(openai.requests) == 1


@BOTH
def test_a_reload_between_the_death_and_the_end_changes_nothing(start, scratch, openai, other, headers):
    openai.always(Hang())
    held = Held()
    other.always(held)
    g = start(provider("p", openai) + provider("q", other) + "image_model both p/gpt-image-2 q/gpt-image-2;")
    asked = ask_in_all_workers(g, headers, {"model": "both"}, [openai, other])
    openai.wait_in_flight(1)
    g.kill_worker(leader(scratch))
    g.reload()
    other.wait_in_flight(1)
    held.release()
    replies = answers(asked)
    assert {one.status for one in replies} == {200}, replies
    assert len(openai.requests) == len(other.requests) == 1


@pytest.fixture
def slow(request):
    fake = Slow().start()
    request.addfinalizer(fake.stop)
    return fake


@BOTH
def test_another_worker_polls_the_job_that_the_provider_has(start, scratch, slow, headers):
    g = start(provider("r", slow, api="replicate"))
    asked = ask_in_all_workers(g, headers, {"model": "r/black-forest-labs/flux-schnell", "response_format": "b64_json"},
                               [slow])
    assert until(lambda: slow.polls, 10)
    g.kill_worker(leader(scratch))
    polls = len(slow.polls)
    assert until(lambda: len(slow.polls) > polls, 15)
    slow.ready.set()
    replies = answers(asked)
    assert {one.status for one in replies} == {200}, replies
    assert len(slow.work) == 1 and not slow.cancels


def test_a_keyed_request_without_a_client_goes_on_as_well(start, scratch, slow):
    fields = {"model": "r/black-forest-labs/flux-schnell", "response_format": "b64_json"}
    g = start(provider("r", slow, api="replicate"), workers=1)
    raw = g.connect()
    raw.post("/v1/images/generations", {"prompt": "a red kite", **fields}, KEYED)
    assert until(lambda: slow.polls, 10)
    raw.close()
    g.kill_worker(leader(scratch))
    slow.ready.set()

    def reply():
        try:
            return g.generate(KEYED, **fields)
        except OSError:
            return None
    done = until(reply, 10)
    assert done.status == 200 and done.headers["idempotent-replayed"] == "true" and len(slow.work) == 1
