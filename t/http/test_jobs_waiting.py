"""Jobs that may not begin yet: they wait, and take turns."""

import sqlite3
import time
from contextlib import closing

import pytest
from fakes.behaviours import Delay, Held
from harness import key_entry, provider, write_keys
from harness.gateway import until
from harness.jobs import failed_job

A, B = {"x-api-key": "sk-a"}, {"x-api-key": "sk-b"}
MODEL = {"model": "p/gpt-image-2"}


@pytest.fixture
def jobs(scratch, gateway, openai):
    def start(waiting="waiting=100", more="", workers=1, **members):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}", **members) for id in ("a", "b")])
        return gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_jobs on {waiting};"
                       f"image_gateway_store {scratch}/store;",
                       f"image_gateway_state {scratch}/state/state.db;" + provider("p", openai, more), workers=workers,
                       extra_locations="location = /status { image_gateway_status; } location = /metrics { image_gateway_metrics; }")
    return start


def send(g, headers=A):
    return g.generate({**headers, "Prefer": "respond-async"}, **MODEL)


def place(g, headers=A) -> str:
    reply = send(g, headers)
    assert reply.status == 202, reply
    return reply.headers["location"].removeprefix(g.url)


def ended(g, path, headers=A):
    return until(lambda: (job := g.get(path, headers)).json["status"] not in ("queued", "in_progress") and job.json, 15, 0.05)


def test_a_job_beyond_concurrent_waits_for_its_turn(jobs, openai):
    held = [Held() for _ in range(3)]
    openai.next(*held)
    g = jobs(limits={"concurrent": 1})
    paths = [place(g) for _ in range(3)]
    openai.wait_in_flight(1)
    assert [g.get(path, A).json["status"] for path in paths] == ["in_progress", "queued", "queued"]
    assert len(g.get("/v1/images/jobs?status=queued", A).json["data"]) == 2
    assert until(lambda: g.get("/status").json["jobs"] == {"running": 1, "waiting": 2}, 5), g.get("/status").json["jobs"]
    figures = g.get("/metrics").text
    assert "image_gateway_jobs_waiting 2\n" in figures and "image_gateway_jobs_running 1\n" in figures
    assert g.generate(A, **MODEL).status == 429, "what is no job does not wait"
    for number, one in enumerate(held):
        until(lambda: len(openai.requests) == number + 1, 10)
        assert len(openai.requests) == number + 1
        one.release()
    assert [ended(g, path)["status"] for path in paths] == ["completed"] * 3


def test_a_job_waits_for_a_busy_provider(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(more="max_calls 1;", workers=2)
    first, second = place(g), place(g, B)
    assert until(lambda: g.get(second, B).json["status"] == "queued", 5)
    held.release()
    assert ended(g, first)["status"] == ended(g, second, B)["status"] == "completed"


@pytest.mark.parametrize("workers", (1, 2))
def test_a_caller_may_have_a_quarter_of_the_waiting_jobs(jobs, openai, workers):
    held = Held()
    openai.always(held)
    g = jobs("waiting=8", limits={"concurrent": 1}, workers=workers)
    place(g)
    openai.wait_in_flight(1)
    for _ in range(2):
        assert send(g).json["status"] == "queued"
    refused = send(g)
    assert refused.status == 429 and refused.json["error"]["code"] == "too_many_jobs"
    assert refused.headers["retry-after"]
    assert len(g.get("/v1/images/jobs", A).json["data"]) == 3, "what was refused is no job"
    assert send(g, B).json["status"] == "in_progress"
    assert send(g, B).json["status"] == "queued"
    held.release()


def test_a_waiting_job_that_is_cancelled_costs_nothing(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1})
    first, second = place(g), place(g)
    openai.wait_in_flight(1)
    gone = g.request("DELETE", second, headers=A)
    assert gone.status == 200 and gone.json["status"] == "cancelled", gone
    assert not gone.json["error"]["extra_fields"].get("attempts")
    held.release()
    assert ended(g, first)["status"] == "completed" and len(openai.requests) == 1


def test_a_waiting_job_whose_worker_is_killed_was_not_billed(jobs, openai):
    openai.next(Held())
    g = jobs(limits={"concurrent": 1})
    first, second = place(g), place(g)
    openai.wait_in_flight(1)
    g.kill_worker()
    job = failed_job(g, second, A)
    assert job["status_code"] == 503 and job["error"]["error"]["code"] == "job_lost"
    assert job["error"]["extra_fields"]["billed"] == "no"
    unknown = ended(g, first)["error"]
    assert unknown["error"]["code"] == "outcome_unknown" and unknown["extra_fields"]["billed"] == "unknown"
    assert len(openai.requests) == 1
    held = Held()
    openai.next(held)
    assert until(lambda: send(g).status == 202, 20, 0.5), "what the dead worker's jobs held is free"
    held.release()


def test_a_client_may_wait_for_a_job_that_waits(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1})
    place(g)
    openai.wait_in_flight(1)
    slow = g.generate({**A, "Prefer": "respond-async, wait=1"}, **MODEL)
    assert slow.status == 202 and slow.json["status"] == "queued"
    held.release()
    assert ended(g, slow.headers["location"].removeprefix(g.url))["status"] == "completed"


def test_a_reload_lets_waiting_jobs_have_their_turn(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1})
    first, second = place(g), place(g)
    openai.wait_in_flight(1)
    g.reload()
    held.release()
    assert ended(g, first)["status"] == ended(g, second)["status"] == "completed"


def test_without_waiting_a_job_beyond_a_limit_is_refused(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs("waiting=0", limits={"concurrent": 1})
    place(g)
    openai.wait_in_flight(1)
    assert send(g).status == 429
    held.release()


@pytest.mark.parametrize("wrong", ("waiting=x", "waiting=-1", "waiting=10001", "waiting="))
def test_a_wrong_number_of_waiting_jobs_is_a_mistake(nginx_t, openai, scratch, wrong):
    done = nginx_t(location=f"image_gateway; image_gateway_auth off; image_gateway_jobs on {wrong};"
                            f"image_gateway_store {scratch}/store;",
                   http=f"image_gateway_state {scratch}/state/state.db;" + provider("p", openai))
    assert not done.ok and "waiting" in done.output


def test_budgets_and_rates_refuse_at_once(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1, "images_per_minute": 2})
    first, second = place(g), place(g)
    refused = send(g)
    assert refused.status == 429 and refused.json["error"]["code"] == "rate_limit_exceeded"
    assert len(g.get("/v1/images/jobs", A).json["data"]) == 2, "what was refused is no job"
    held.release()
    assert ended(g, first)["status"] == ended(g, second)["status"] == "completed"


def test_a_waiting_job_can_be_cancelled_in_another_worker(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1}, workers=3)
    first = place(g)
    openai.wait_in_flight(1)
    waiting = [place(g) for _ in range(8)]
    for path in waiting:
        gone = g.request("DELETE", path, headers=A)
        assert gone.status == 200 and gone.json["status"] == "cancelled", gone
    held.release()
    assert ended(g, first)["status"] == "completed" and len(openai.requests) == 1
    assert until(lambda: g.get("/status").json["jobs"] == {"running": 0, "waiting": 0}, 5)


def test_a_client_that_leaves_does_not_end_its_waiting_job(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1})
    place(g)
    openai.wait_in_flight(1)
    raw = g.connect()
    raw.post("/v1/images/generations", {"prompt": "p", **MODEL}, {**A, "Prefer": "respond-async, wait=60"})
    until(lambda: len(g.get("/v1/images/jobs?status=queued", A).json["data"]) == 1, 5)
    raw.close()
    held.release()
    assert until(lambda: len(g.get("/v1/images/jobs?status=completed", A).json["data"]) == 2, 10)


def test_a_crowd_of_jobs_delays_nobody_else(jobs, openai):
    """The provider's calls are shared by turns, whoever has how many jobs."""
    g = jobs("waiting=40", "max_calls 1;", workers=2)
    openai.always(Delay(0.05))
    answers = [g.generate({**A, "Prefer": "respond-async"}, **{**MODEL, "prompt": "crowd"}).status for _ in range(60)]
    assert set(answers) <= {202, 429} and answers.count(202) >= 10
    mine = [g.generate({**B, "Prefer": "respond-async"}, **{**MODEL, "prompt": "mine"}) for _ in range(2)]
    assert [reply.status for reply in mine] == [202, 202]
    for reply in mine:
        assert ended(g, reply.headers["location"].removeprefix(g.url), B)["status"] == "completed"
    assert until(lambda: g.get("/status").json["jobs"] == {"running": 0, "waiting": 0}, 30, 0.2)
    assert len(openai.requests) == answers.count(202) + 2


def test_the_old_workers_waiting_jobs_end_at_the_shutdown_timeout(scratch, gateway, openai):
    held = Held()
    openai.next(held)
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-a", limits={"concurrent": 1})])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_jobs on; image_gateway_store {scratch}/store;",
                f"image_gateway_state {scratch}/state/state.db;" + provider("p", openai), main="worker_shutdown_timeout 1s;")
    place(g)
    second = place(g)
    openai.wait_in_flight(1)
    g.reload()
    job = ended(g, second)
    assert job["status"] == "failed" and job["error"]["error"]["code"] == "job_lost", job
    assert job["error"]["extra_fields"]["billed"] == "no" and len(openai.requests) == 1
    held.release()


def test_no_job_begins_while_that_cannot_be_written_down(scratch, jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs(limits={"concurrent": 1})
    first, second = place(g), place(g)
    openai.wait_in_flight(1)
    with closing(sqlite3.connect(scratch / "state/state.db.records", isolation_level=None)) as records:
        records.execute("BEGIN IMMEDIATE")  # as a full disk, nobody else can write
        held.release()
        time.sleep(7)  # longer than SQLite waits
        assert len(openai.requests) == 1
        records.execute("ROLLBACK")
    assert ended(g, second)["status"] == ended(g, first)["status"] == "completed"
    assert len(openai.requests) == 2
