"""image_gateway_coalesce: identical requests that are under way at the same time are made once."""

import http.client
import sqlite3
import time

import pytest
from fakes.behaviours import Delay, Hang, Held, Json
from harness import background, key_entry, provider, write_keys
from harness.gateway import until
from harness.processes import LISTEN

A = {"x-api-key": "sk-a"}
MODEL = {"model": "p/gpt-image-2"}
ON = "image_gateway_coalesce on unseeded=on;"


@pytest.fixture
def shares(scratch, gateway, openai):
    def start(location=ON, state=True, http="", workers=1, **members):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}", **members) for id in ("a", "b")])
        kept = f"image_gateway_state {scratch}/state/state.db; image_gateway_store {scratch}/store;" if state else ""
        return gateway(f"image_gateway; image_gateway_keys {keys}; {location}",
                       kept + provider("p", openai) + http, workers=workers)
    return start


def ask_while_held(g, openai, count, headers=A, **fields):
    held = Held()
    openai.always(held)
    asked = [background(g.generate, headers, **{**MODEL, **fields}) for _ in range(count)]
    openai.wait_in_flight(1)
    time.sleep(0.4)
    held.release()
    return [one.result() for one in asked]


def until_both_workers_have_some(g, openai, ask) -> list:
    """Asks until each worker has clients: nginx may give many connections in a row to one worker."""
    asked = []

    def clients(pid):
        return sum(1 for one in g.descriptors(pid) if one.tcp and one.tcp.state != LISTEN
                   and one.tcp.remote_port != openai.port)

    while len(asked) < 16 or (not all(clients(pid) for pid in g.worker_pids()) and len(asked) < 300):
        asked.append(ask())
        time.sleep(0.01)
    assert all(clients(pid) for pid in g.worker_pids())
    return asked


@pytest.mark.parametrize("state", (True, False))
def test_a_hundred_equal_requests_are_one_call(shares, openai, state):
    replies = ask_while_held(shares(state=state), openai, 100)
    assert len(openai.requests) == 1 and {one.status for one in replies} == {200}
    assert len({one.json["data"][0]["b64_json"] for one in replies}) == 1
    assert len({one.json["id"] for one in replies}) == 100
    led = [one for one in replies if "shared" not in one.json["extra_fields"]]
    assert len(led) == 1 and led[0].json["extra_fields"]["cost"]["usd"] > 0
    others = [one.json["extra_fields"] for one in replies if one is not led[0]]
    assert all(one["shared"] and one["cost"] == {"usd": 0, "basis": "shared"} for one in others)


def test_two_workers_make_one_call_together(shares, openai):
    replies = ask_while_held(shares(workers=2), openai, 30)
    assert len(openai.requests) == 1 and {one.status for one in replies} == {200}
    assert sum("shared" not in one.json["extra_fields"] for one in replies) == 1


def test_requests_that_differ_are_not_shared(shares, openai):
    g = shares()
    held = Held()
    openai.always(held)
    asked = [background(g.generate, headers, **{**MODEL, **fields}) for headers, fields in (
        (A, {}), (A, {"prompt": "a blue kite"}), (A, {"n": 2}), (A, {"quality": "low"}), (A, {"user": "u"}),
        ({"x-api-key": "sk-b"}, {}), ({**A, "X-On-Behalf-Of": "ada"}, {}))]
    openai.wait_in_flight(len(asked))
    held.release()
    assert all("shared" not in one.result().json["extra_fields"] for one in asked)


def test_requests_without_a_seed_are_made_each_unless_the_operator_says_otherwise(shares, openai):
    g = shares("image_gateway_coalesce on;")
    held = Held()
    openai.always(held)
    asked = [background(g.generate, A, **MODEL) for _ in range(3)]
    openai.wait_in_flight(3)
    held.release()
    assert all("shared" not in one.result().json["extra_fields"] for one in asked)


def test_streams_share_a_call_from_the_moment_they_join(shares, openai):
    replies = ask_while_held(shares(), openai, 5, stream=True)
    assert len(openai.requests) == 1
    for one in replies:
        assert one.text.count("event: image_generation.completed\n") == 1, one.text[:300]


def test_a_failure_is_every_followers_failure_and_not_a_retry(shares, openai):
    g = shares()
    openai.always(Delay(0.5, Json({"error": {"message": "no", "code": "x", "type": "invalid_request_error"}}, 400)))
    asked = [background(g.generate, A, **MODEL) for _ in range(5)]
    replies = [one.result() for one in asked]
    assert {one.status for one in replies} == {400} and len(openai.requests) == 1
    assert {one.json["extra_fields"]["attempts"][0]["outcome"] for one in replies} == {"callers_fault"}


def test_the_call_ends_when_the_last_waiting_client_leaves(shares, openai):
    openai.next(Hang())
    g = shares()
    clients = [g.connect() for _ in range(3)]
    for one in clients:
        one.post("/v1/images/generations", {"prompt": "p", **MODEL}, A)
    openai.wait_in_flight(1)
    time.sleep(0.2)
    for one in clients[:2]:
        one.close()
    time.sleep(0.3)
    assert openai.aborted == 0
    clients[2].close()
    openai.wait_aborted()
    assert len(openai.requests) == 1


def test_when_the_leader_leaves_the_others_still_get_their_images(shares, openai):
    held = Held()
    openai.next(held)
    g = shares()
    leader = g.connect()
    leader.post("/v1/images/generations", {"prompt": "a red kite", **MODEL}, A)
    openai.wait_in_flight(1)
    follower = background(g.generate, A, **MODEL)
    time.sleep(0.3)
    leader.close()
    time.sleep(0.2)
    held.release()
    assert follower.result().status == 200 and len(openai.requests) == 1


def test_when_all_clients_of_the_leaders_worker_leave_those_of_another_still_get_their_images(shares, openai):
    held = Held()
    openai.next(held)
    g = shares(workers=2)
    clients = until_both_workers_have_some(g, openai, lambda: g.connect().post(
        "/v1/images/generations", {"prompt": "a red kite", **MODEL}, A))
    openai.wait_in_flight(1)
    time.sleep(0.5)
    port = openai.port
    leader = next(pid for pid in g.worker_pids()
                  if any(one.tcp and one.tcp.remote_port == port for one in g.descriptors(pid)))
    ports = {one.tcp.remote_port for one in g.descriptors(leader) if one.tcp}
    others = [one for one in clients if one.socket.getsockname()[1] not in ports]
    assert 0 < len(others) < len(clients)
    for one in clients:
        if one not in others:
            one.close()
    time.sleep(0.5)
    held.release()
    assert {one.response().status for one in others} == {200} and len(openai.requests) == 1


def test_a_slow_follower_holds_nobody_back(shares, openai):
    openai.image_bytes = 4_000_000
    held = Held()
    openai.next(held)
    g = shares()
    slow = g.connect(receive_buffer=4096)
    slow.post("/v1/images/generations", {"prompt": "a red kite", **MODEL}, A)
    openai.wait_in_flight(1)
    fast = background(g.generate, A, **MODEL)
    time.sleep(0.3)
    held.release()
    assert fast.result(10).status == 200
    assert len(slow.response().body) > 5_000_000


def test_each_pays_if_the_operator_says_so(shares, openai):
    g = shares("image_gateway_coalesce on unseeded=on charge=each;")
    replies = ask_while_held(g, openai, 3)
    costs = {one.json["extra_fields"]["cost"]["usd"] for one in replies}
    assert len(openai.requests) == 1 and len(costs) == 1 and costs.pop() > 0


def test_budgets_are_charged_once(shares, openai):
    replies = ask_while_held(shares(budgets=[{"usd": 1.0, "per": "day"}]), openai, 10)
    assert {one.status for one in replies} == {200}
    assert sum(one.json["extra_fields"]["cost"]["usd"] > 0 for one in replies) == 1


def test_followers_in_another_worker_are_told_when_the_leaders_worker_dies(shares, openai):
    openai.always(Hang())
    g = shares(workers=2)
    asked = until_both_workers_have_some(g, openai, lambda: background(g.generate, A, **MODEL))
    openai.wait_in_flight(1)
    time.sleep(0.5)
    assert len(openai.requests) == 1
    port = openai.port
    leader = next(pid for pid in g.worker_pids()
                  if any(one.tcp and one.tcp.remote_port == port for one in g.descriptors(pid)))
    g.kill_worker(leader)
    statuses = []
    for one in asked:
        try:
            statuses.append(one.result(20).status)
        except OSError:  # of the killed worker
            statuses.append(None)
        except http.client.HTTPException:
            statuses.append(None)
    assert 502 in statuses and set(statuses) <= {502, None}, statuses
    assert len(openai.requests) == 1


@pytest.mark.parametrize("workers", (1, 2))
def test_with_charge_each_every_request_pays_in_whichever_worker_it_is(shares, openai, scratch, workers):
    g = shares("image_gateway_coalesce on unseeded=on charge=each;", workers=workers,
               limits={"images_per_day": 100})
    replies = ask_while_held(g, openai, 16)
    assert len(openai.requests) == 1 and {one.status for one in replies} == {200}
    costs = [one.json["extra_fields"]["cost"]["usd"] for one in replies]
    assert min(costs) == max(costs) > 0

    def rows():
        with sqlite3.connect(f"file:{scratch}/state/state.db?mode=ro", uri=True) as database:
            return database.execute("SELECT images, cost_usd, counted_usd FROM usage").fetchall()
    assert until(lambda: len(rows()) == 16, 10)
    assert {row[0] for row in rows()} == {1}
    assert all(row[1] == pytest.approx(costs[0]) == row[2] for row in rows()), rows()


def test_with_a_state_file_but_no_store_each_worker_makes_the_images_once(shares, openai, scratch):
    state = f"image_gateway_state {scratch}/state/state.db;"
    g = shares(state=False, http=state, workers=2)
    held = Held()
    openai.always(held)
    asked = until_both_workers_have_some(g, openai, lambda: background(g.generate, A, **MODEL))
    openai.wait_in_flight(2)  # not one after the other
    time.sleep(0.3)
    held.release()
    replies = [one.result() for one in asked]
    assert {one.status for one in replies} == {200} and len(openai.requests) == 2
    assert sum("shared" not in one.json["extra_fields"] for one in replies) == 2
