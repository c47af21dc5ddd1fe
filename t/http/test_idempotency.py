"""Idempotency-Key: a repeated request gets the first one's answer, and no provider is asked twice."""

import sqlite3
import subprocess
import sys
import time

import pytest
from fakes.behaviours import Hang, Held, Json
from fakes.images_host import JPEG, PNG
from harness import background, key_entry, provider, together, write_keys
from harness.gateway import until

ADA = {"x-api-key": "sk-a", "Idempotency-Key": "k-1"}
MODEL = {"model": "p/gpt-image-2"}


@pytest.fixture
def kept(scratch, gateway, openai):
    """A gateway with the keys a and b, and with what keeps results: a state file and a store."""
    def start(location="", store="", state=True, stored=True, http="", workers=1, **parts):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}") for id in ("a", "b")])
        state_line = f"image_gateway_state {scratch}/state/state.db;" if state else ""
        store_line = f"image_gateway_store {scratch}/store {store};" if stored else ""
        return gateway(f"image_gateway; image_gateway_keys {keys}; {store_line} {location}",
                       state_line + provider("p", openai) + http, workers=workers, **parts)
    return start


def records(scratch, sql="SELECT kind, process IS NULL, request_id FROM records"):
    with sqlite3.connect(f"file:{scratch}/state/state.db.records?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def kept_files(scratch) -> list:
    return [one for one in (scratch / "store").rglob("*") if one.is_file() and one.name != ".key"]


def ask_and_leave(g, openai, headers):
    """A client that leaves while the provider works."""
    raw = g.connect()
    raw.post("/v1/images/generations", {"prompt": "a red kite", **MODEL}, headers)
    openai.wait_in_flight(1)
    raw.close()


def test_a_repeated_request_gets_the_first_answer_again(kept, openai):
    g = kept()
    first, second = g.generate(ADA, **MODEL), g.generate(ADA, **MODEL)
    assert first.status == second.status == 200 and first.body == second.body
    assert len(openai.requests) == 1
    assert "idempotent-replayed" not in first.headers and second.headers["idempotent-replayed"] == "true"
    assert first.headers["x-request-id"] == first.json["id"] != second.headers["x-request-id"]


def test_a_large_image_is_replayed_byte_for_byte_from_a_file(kept, openai, scratch):
    openai.image_bytes = 3_000_001
    g = kept()
    first, second = g.generate(ADA, **MODEL), g.generate(ADA, **MODEL)
    assert first.body == second.body and len(openai.requests) == 1
    (file,) = kept_files(scratch)
    assert file.stat().st_mode & 0o777 == 0o400 and file.stat().st_mtime > time.time() + 23 * 3600


def test_several_images_are_replayed_in_their_order(kept, openai):
    g = kept()
    first, second = (g.generate(ADA, **MODEL, n=3) for _ in range(2))
    assert first.body == second.body and len(first.json["data"]) == 3 and len(openai.requests) == 1


def test_another_request_with_the_same_key_is_refused_and_names_the_first(kept, openai):
    g = kept()
    first = g.generate(ADA, **MODEL)
    for change in ({"prompt": "a blue kite"}, {"size": "1024x1536"}, {"n": 2}, {"user": "u"}, {"seed": 7}):
        other = g.generate(ADA, **{**MODEL, **change})
        assert other.status == 422 and other.json["error"]["code"] == "idempotency_key_reused", change
        assert first.json["id"] in other.json["error"]["message"]
    other = g.generate({**ADA, "X-Image-Gateway-Fit": "strict"}, **MODEL)
    assert other.status == 422 and len(openai.requests) == 1


def test_keys_of_two_tenants_have_nothing_to_do_with_each_other(kept, openai):
    g = kept()
    callers = [{"x-api-key": "sk-a"}, {"x-api-key": "sk-b"}, {"x-api-key": "sk-a", "X-On-Behalf-Of": "ada"},
               {"x-api-key": "sk-a", "X-On-Behalf-Of": "bob"}]
    replies = [g.generate({**caller, "Idempotency-Key": "k-1"}, **MODEL) for caller in callers]
    assert len({one.json["id"] for one in replies}) == 4 and len(openai.requests) == 4


def test_a_repeat_attaches_to_the_request_in_progress(kept, openai):
    held = Held()
    openai.next(held)
    g = kept()
    first = background(g.generate, ADA, **MODEL)
    openai.wait_in_flight(1)
    others = [background(g.generate, ADA, **MODEL) for _ in range(3)]
    time.sleep(0.2)
    held.release()
    bodies = {one.result().body for one in (first, *others)}
    assert len(bodies) == 1 and len(openai.requests) == 1


def test_a_keyed_request_goes_on_when_its_client_leaves(kept, openai, scratch):
    held = Held()
    openai.next(held)
    g = kept()
    ask_and_leave(g, openai, ADA)
    time.sleep(0.2)
    assert openai.aborted == 0
    held.release()
    assert until(lambda: records(scratch) and records(scratch)[0][1] == 1, 5)
    reply = g.generate(ADA, **MODEL)
    assert reply.status == 200 and reply.headers["idempotent-replayed"] == "true" and len(openai.requests) == 1


def test_without_a_key_a_request_is_cancelled_when_its_client_leaves(kept, openai):
    openai.next(Hang())
    g = kept()
    ask_and_leave(g, openai, {"x-api-key": "sk-a"})
    openai.wait_aborted()


def test_what_cost_nothing_is_not_kept(kept, openai, scratch):
    openai.next(Json({"error": {"message": "no", "code": "bad", "type": "invalid_request_error"}}, 400))
    g = kept()
    assert g.generate(ADA, **MODEL).status == 400
    assert g.generate(ADA, **MODEL, size="1x1x1").status == 400
    assert until(lambda: records(scratch) == [], 5)
    assert g.generate(ADA, **MODEL).status == 200
    assert len(openai.requests) == 2


def test_what_may_have_been_billed_is_replayed_and_never_made_again(kept, openai):
    openai.next(Json("<html>", 200))
    g = kept()
    first, second = g.generate(ADA, **MODEL), g.generate(ADA, **MODEL)
    assert first.status == second.status >= 500 and len(openai.requests) == 1
    assert first.json["extra_fields"]["attempts"] == second.json["extra_fields"]["attempts"]
    assert second.headers["x-should-retry"] == "false"


def test_links_of_a_replay_are_signed_anew(kept, openai, scratch):
    g = kept(store="ttl=2s")
    first = g.generate(ADA, **MODEL, response_format="url")
    time.sleep(2.2)
    second = g.generate(ADA, **MODEL, response_format="url")
    links = [one.json["data"][0]["url"].removeprefix(g.url) for one in (first, second)]
    assert g.get(links[0]).status == 403
    assert g.get(links[1]).status == 200
    assert links[0].split("?")[0] == links[1].split("?")[0] and len(openai.requests) == 1


def test_a_stream_is_replayed_as_a_stream(kept, openai):
    g = kept()
    first, second = (g.generate(ADA, **MODEL, stream=True) for _ in range(2))
    assert "image_generation.completed" in first.text and second.headers["content-type"].startswith("text/event-stream")
    completed = [one.text.split("event: image_generation.completed\n")[1] for one in (first, second)]
    assert completed[0] == completed[1] and len(openai.requests) == 1


def test_an_edit_is_the_same_whatever_the_boundary_of_its_form(kept, openai):
    g = kept()
    replies = [g.edit([("image", PNG)], ADA, **MODEL) for _ in range(2)]
    assert replies[0].status == 200 and replies[0].body == replies[1].body and len(openai.requests) == 1
    assert g.edit([("image", JPEG)], ADA, **MODEL).status == 422


def test_a_caller_without_identity_is_told_that_its_key_is_ignored(gateway, openai):
    g = gateway("image_gateway; image_gateway_auth off;", provider("p", openai))
    replies = [g.generate({"Idempotency-Key": "k-1"}, **MODEL) for _ in range(2)]
    assert [one.status for one in replies] == [200, 200] and len(openai.requests) == 2
    (adjustment,) = [one for one in replies[0].json["extra_fields"]["adjustments"]
                     if one["param"] == "Idempotency-Key"]
    assert adjustment["requested"] == "k-1" and adjustment["sent"] is None


def test_with_idempotency_off_each_request_is_made(kept, openai):
    g = kept("image_gateway_idempotency off;")
    for _ in range(2):
        assert "idempotent-replayed" not in g.generate(ADA, **MODEL).headers
    assert len(openai.requests) == 2


def test_without_a_state_file_a_repeat_attaches_only_while_the_first_runs(kept, openai):
    held = Held()
    openai.next(held)
    g = kept(state=False, stored=False)
    first = background(g.generate, ADA, **MODEL)
    openai.wait_in_flight(1)
    second = background(g.generate, ADA, **MODEL)
    time.sleep(0.2)
    held.release()
    assert first.result().body == second.result().body and len(openai.requests) == 1
    g.generate(ADA, **MODEL)
    assert len(openai.requests) == 2


@pytest.mark.parametrize("workers", (2,))
def test_without_a_state_file_a_repeat_in_another_worker_is_told_to_wait(kept, openai, workers):
    """No worker can read the other's result, and none makes the images twice at the same time."""
    held = Held()
    openai.always(held)
    g = kept(state=False, stored=False, workers=workers)
    asked = [background(g.generate, ADA, **MODEL) for _ in range(12)]
    openai.wait_in_flight(1)

    def repeats() -> list:
        return [one.result() for one in asked if one.done()]
    until_in_other = 0
    while not repeats() and (until_in_other := until_in_other + 1) < 50:  # connections choose their worker
        asked.append(background(g.generate, ADA, **MODEL))
        time.sleep(0.05)
    refused = repeats()
    assert refused and len(openai.requests) == 1
    for reply in refused:
        assert reply.status == 409 and reply.json["error"]["code"] == "idempotency_in_progress"
        assert reply.headers["x-should-retry"] == "true" and reply.headers["retry-after"]
    held.release()
    assert {one.result().status for one in asked} == {200, 409} and len(openai.requests) == 1
    assert g.generate(ADA, **MODEL).status == 200, "the key is free again"


def test_without_a_state_file_the_key_of_a_killed_worker_is_free(kept, openai):
    openai.next(Hang())
    g = kept(state=False, stored=False)
    first = background(g.generate, ADA, **MODEL)
    openai.wait_in_flight(1)
    g.kill_worker()
    with pytest.raises(Exception):
        first.result()
    assert until(lambda: g.generate(ADA, **MODEL).status == 200, 10)


def test_when_the_intent_cannot_be_written_nothing_is_submitted(kept, openai, scratch):
    g = kept()
    g.generate(ADA, **MODEL)
    with sqlite3.connect(f"{scratch}/state/state.db.records") as database:
        database.execute("DROP TABLE records")
    reply = g.generate({**ADA, "Idempotency-Key": "k-2"}, **MODEL)
    assert reply.status == 503 and reply.json["error"]["code"] == "idempotency_unavailable"
    assert len(openai.requests) == 1


def test_a_full_store_refuses_new_keys_and_says_why(kept, openai, scratch):
    openai.image_bytes = 200_000
    g = kept(store="max=400k")
    for i in range(2):
        assert g.generate({**ADA, "Idempotency-Key": f"k-{i}"}, **MODEL).status == 200
        assert until(lambda: [row[1] for row in records(scratch)] == [1] * (i + 1), 5)
    refused = g.generate({**ADA, "Idempotency-Key": "k-2"}, **MODEL)
    assert refused.status == 507 and refused.json["error"]["code"] == "store_full" and len(openai.requests) == 2
    assert g.generate(ADA | {"Idempotency-Key": "k-0"}, **MODEL).status == 200


def test_one_caller_does_not_fill_the_store_for_all(kept, openai, scratch):
    openai.image_bytes = 100_000
    g = kept(store="max=500k")
    for i in range(3):
        assert g.generate({**ADA, "Idempotency-Key": f"k-{i}"}, **MODEL).status == 200
        assert until(lambda: [row[1] for row in records(scratch)] == [1] * (i + 1), 5)
    refused = g.generate({**ADA, "Idempotency-Key": "k-3"}, **MODEL)
    assert refused.status == 507 and "this caller's share" in refused.json["error"]["message"]
    assert g.generate({"x-api-key": "sk-b", "Idempotency-Key": "k-3"}, **MODEL).status == 200


@pytest.mark.parametrize("workers", (2,))
def test_a_repeat_in_another_worker_waits_for_the_first(kept, openai, workers):
    held = Held()
    openai.always(held)
    g = kept(workers=workers)
    asked = [background(g.generate, ADA, **MODEL) for _ in range(12)]
    openai.wait_in_flight(1)
    time.sleep(0.3)
    held.release()
    bodies = {one.result().body for one in asked}
    assert len(bodies) == 1 and len(openai.requests) == 1


def test_a_killed_worker_leaves_a_request_that_is_never_made_again(kept, openai):
    openai.next(Hang())
    g = kept()
    first = background(g.generate, ADA, **MODEL)
    openai.wait_in_flight(1)
    g.kill_worker()
    with pytest.raises(Exception):
        first.result()
    reply = until(lambda: (r := g.generate(ADA, **MODEL)).status != 503 and r, 10)
    assert reply.status == 502 and reply.json["error"]["code"] == "outcome_unknown", reply
    assert reply.headers["x-should-retry"] == "false" and reply.headers["idempotent-replayed"] == "true"
    assert len(openai.requests) == 1


def test_a_reload_lets_a_keyed_request_without_a_client_end(kept, openai, scratch):
    held = Held()
    openai.next(held)
    g = kept()
    ask_and_leave(g, openai, ADA)
    g.reload()
    held.release()
    assert until(lambda: records(scratch)[0][1] == 1, 5)
    assert g.generate(ADA, **MODEL).status == 200 and len(openai.requests) == 1


def test_whatever_is_killed_a_key_reaches_the_provider_once(project):
    """The short form of `./build.sh chaos same_key`: clients, workers and all of nginx, at random moments."""
    done = subprocess.run([sys.executable, project / "t/chaos/same_key.py", "--quick"], text=True, capture_output=True,
                          timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
