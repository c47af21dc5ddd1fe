"""Jobs whose worker dies while the provider works on a job of its own: another worker goes on with them."""

import os
import re
import signal
import sqlite3
import subprocess
import sys

import pytest
from fakes.behaviours import Hang
from fakes.replicate import UNFINISHED, Slow
from harness import key_entry, provider, write_keys
from harness.gateway import until

A = {"x-api-key": "sk-a"}
LATER = {**A, "Prefer": "respond-async"}
CHEAP = {"model": "r/black-forest-labs/flux-schnell"}  # 0.003 dollars
PROMPT = "a kite that nobody else may read about"


@pytest.fixture
def slow(request):
    fake = Slow().start()
    request.addfinalizer(fake.stop)
    return fake


@pytest.fixture
def start(scratch, gateway, slow):
    def run(workers=1, main="", more="", http=None):
        keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-a", budgets=[{"usd": 1, "per": "lifetime"}])])
        return gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_jobs on;"
                       f"image_gateway_fetch_allow 127.0.0.0/8; image_gateway_store {scratch}/store;",
                       f"image_gateway_state {scratch}/state/state.db;"
                       + (provider("r", slow, more, api="replicate") if http is None else http),
                       workers=workers, main=main)
    return run


def place(g, **fields) -> str:
    reply = g.generate(LATER, prompt=PROMPT, **{**CHEAP, **fields})
    assert reply.status == 202, reply
    return reply.headers["location"].removeprefix(g.url)


def wait_polled(slow, count=1):
    assert until(lambda: len(slow.polls) >= count, 10), "the provider's job was not polled"


def kill_worker(g):
    killed = g.kill_worker()
    assert until(lambda: (now := g.worker_pids()) and killed not in now, 10)


def seen(g, path):
    """The job, once a worker answers."""
    def look():
        try:
            return g.get(path, A)
        except OSError:
            return None
    return until(look, 10)


def ended(g, path) -> dict:
    def look():
        reply = seen(g, path)
        return reply.status == 200 and reply.json["status"] != "in_progress" and reply.json
    return until(look, 20, 0.05)


def ask(scratch, sql, name="state.db") -> list:
    with sqlite3.connect(f"file:{scratch}/state/{name}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def usage(scratch) -> list:
    return ask(scratch, "SELECT outcome, status, images, images_lost, round(cost_usd, 6), round(counted_usd, 6) FROM usage")


def spent(scratch) -> float:
    return round(ask(scratch, "SELECT coalesce(sum(micro_usd), 0) / 1e6 FROM spent WHERE per = 'lifetime'")[0][0], 6)


def check_made_once(scratch, slow, job):
    assert job["status"] == "completed" and job["status_code"] == 200, job
    assert job["result"]["data"][0]["b64_json"] and job["result"]["extra_fields"]["cost"]["usd"] == 0.003
    assert len(slow.work) == 1 and not slow.cancels
    assert until(lambda: usage(scratch) == [("made", 200, 1, 0, 0.003, 0.003)], 5), usage(scratch)


def test_another_worker_goes_on_with_the_job_of_a_killed_one(start, scratch, slow):
    g = start()
    path = place(g, response_format="b64_json")
    wait_polled(slow)
    kill_worker(g)
    assert seen(g, path).json["status"] == "in_progress"
    wait_polled(slow, len(slow.polls) + 1)
    slow.ready.set()
    check_made_once(scratch, slow, ended(g, path))
    g.quit()
    assert spent(scratch) == 0.003, "what was reserved is not counted as well"


def test_a_job_outlives_nginx(start, scratch, slow):
    g = start()
    path = place(g, response_format="b64_json")
    wait_polled(slow)
    g.crash()
    slow.ready.set()
    g = start()
    check_made_once(scratch, slow, ended(g, path))
    g.quit()
    assert spent(scratch) == 0.003


def test_a_job_may_be_taken_over_several_times(start, scratch, slow):
    g = start(workers=2)
    path = place(g, response_format="b64_json")
    for _ in range(3):
        wait_polled(slow, len(slow.polls) + 2)
        g.allow_worker_change()
        g.allow_log("exited on signal 9")
        pids = g.worker_pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert until(lambda: len(now := g.worker_pids()) == 2 and not set(now) & set(pids), 10)
    slow.ready.set()
    check_made_once(scratch, slow, ended(g, path))


def test_at_worker_shutdown_timeout_a_new_worker_takes_the_job(start, scratch, slow):
    g = start(main="worker_shutdown_timeout 1s;")
    path = place(g, response_format="b64_json")
    wait_polled(slow)
    old = g.worker_pids()[0]
    g.reload()
    assert until(lambda: not os.path.exists(f"/proc/{old}"), 10), "the old worker has left"
    wait_polled(slow, len(slow.polls) + 1)
    slow.ready.set()
    check_made_once(scratch, slow, ended(g, path))


def test_a_stopped_nginx_goes_on_when_it_is_started_again(start, scratch, slow):
    g = start()
    path = place(g, response_format="b64_json")
    wait_polled(slow)
    g.signal(signal.SIGTERM)
    g.wait_exit()
    slow.ready.set()
    g = start()
    check_made_once(scratch, slow, ended(g, path))


def test_the_provider_says_how_a_taken_over_job_failed(start, scratch, slow):
    g = start()
    path = place(g)
    wait_polled(slow)
    kill_worker(g)
    wait_polled(slow, len(slow.polls) + 1)
    for job in slow._jobs.values():
        job.end = {"status": "failed", "error": "NSFW content detected", "output": None}
    job = ended(g, path)
    assert job["status"] == "failed" and job["error"]["error"]["code"] == "content_policy_violation", job
    assert [one["outcome"] for one in job["error"]["extra_fields"]["attempts"]] == ["refused_by_policy"]
    assert until(lambda: usage(scratch) == [("refused_by_policy", 400, 0, 0, None, 0)], 5), usage(scratch)
    assert len(slow.work) == 1


def test_calls_whose_job_is_not_known_count_as_lost(start, scratch, slow):
    g = start()
    slow.next(UNFINISHED, Hang(), UNFINISHED)
    path = place(g, model="r/black-forest-labs/flux-1.1-pro", n=3)
    wait_polled(slow, 2)
    kill_worker(g)
    slow.ready.set()
    job = ended(g, path)
    assert job["status"] == "completed" and len(job["result"]["data"]) == 2, job
    lost = [one for one in job["result"]["extra_fields"]["attempts"] if one["outcome"] == "unknown"]
    assert len(lost) == 1 and lost[0]["billed"] == "unknown" and lost[0]["code"] == "worker_stopped"
    assert len(slow.work) == 3
    assert until(lambda: [row[2:4] for row in usage(scratch)] == [(2, 1)], 5), usage(scratch)


def test_a_job_of_a_provider_that_is_gone_has_failed(start, scratch, slow, openai):
    g = start()
    path = place(g)
    wait_polled(slow)
    g.crash()
    g = start(http=provider("p", openai))
    job = ended(g, path)
    assert job["status"] == "failed" and job["error"]["error"]["code"] == "outcome_unknown"


def test_a_job_that_waits_to_be_taken_over_may_be_cancelled(start, scratch, slow):
    g = start(workers=2)
    path = place(g)
    wait_polled(slow)
    g.allow_worker_change()
    g.allow_log("exited on signal 9")
    for pid in g.worker_pids():
        os.kill(pid, signal.SIGKILL)
    gone = until(lambda: seen_delete(g, path), 10)
    assert gone.status in (200, 202)
    assert ended(g, path)["status"] == "cancelled" and until(lambda: len(slow.cancels) == 1, 5)


def seen_delete(g, path):
    try:
        return g.request("DELETE", path, headers=A)
    except OSError:
        return None


def test_neither_the_prompt_nor_a_key_is_written_down(start, scratch, slow):
    g = start()
    place(g)
    wait_polled(slow)
    (making,), = until(lambda: ask(scratch, "SELECT making FROM records WHERE making <> ''", "state.db.records"), 5)
    assert "predictions/" in making and PROMPT not in making
    assert not re.search("sk-a|" + "|".join(map(re.escape, slow.keys)), making)
    slow.ready.set()
    assert until(lambda: ask(scratch, "SELECT making FROM records", "state.db.records") == [("",)], 10)


def test_whatever_is_killed_jobs_end_as_they_should(project):
    """The short form of `./build.sh chaos jobs`: workers and all of nginx, at random moments."""
    done = subprocess.run([sys.executable, project / "t/chaos/jobs.py", "--quick"], text=True, capture_output=True,
                          timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
