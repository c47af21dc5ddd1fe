#!/usr/bin/env python3
"""Workers or all of nginx killed at random moments: every job ends, in the right state, with the right cost, submitted once."""

import collections
import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import threading
import time

from _chaos import Promises, options
from fakes.behaviours import Delay, Json
from fakes.openai import OpenAI
from fakes.replicate import UNFINISHED, Replicate
from fakes.server import ports_of_fakes
from harness import Configuration, Gateway, key_entry, provider, write_keys
from harness.gateway import new_directory, until

WORKERS = 2
PATIENCE = 60  # seconds until a job must have ended
POLLED = ("r/black-forest-labs/flux-schnell", 0.003)  # model, and dollars for an image
PLAIN = "p/gpt-image-2"


class Timed(Replicate):
    """Its predictions run for a while after their submit."""

    def __init__(self, chance):
        super().__init__()
        self._chance, self._due = chance, {}
        self.polled = collections.Counter()  # by prompt
        self.always(UNFINISHED)

    def take_job(self, request):
        job = super().take_job(request)
        self._due[job.number] = time.monotonic() + self._chance.uniform(0.2, 3)
        return job

    def accept(self, request):
        if self.is_poll(request):
            job = self._job_at(request.path)
            self.polled[job.request.json["input"]["prompt"]] += 1
            if job.end is None and time.monotonic() < self._due[job.number]:
                return Json(self.prediction(job, "processing")).reply(None)
        return super().accept(request)


class Caller:
    """Sends one job until it is accepted, and looks until it has ended."""

    def __init__(self, port, name: str, model: str):
        self.port, self.name, self.model = port, name, model
        self.secret = "sk-a" if model == POLLED[0] else "sk-b"
        self.job, self.path, self.last = None, None, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self):
        self._thread.join(PATIENCE + 10)

    def _run(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.job is None:
            self._accept() if self.path is None else self._look()
            time.sleep(0.1)

    def _ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=10)
        try:
            connection.request(method, path, body, {"x-api-key": self.secret, **headers})
            reply = connection.getresponse()
            self.last = (reply.status, reply.read())
            return self.last
        except (OSError, http.client.HTTPException) as problem:
            self.last = repr(problem)
            return 0, b""
        finally:
            connection.close()

    def _accept(self):
        status, body = self._ask("POST", "/v1/images/generations", json.dumps({"prompt": self.name, "model": self.model}),
                                 **{"Content-Type": "application/json", "Prefer": "respond-async",
                                    "Idempotency-Key": self.name})
        if status == 202:
            self.path = f"/v1/images/jobs/{json.loads(body)['id']}"

    def _look(self):
        status, body = self._ask("GET", self.path)
        if status == 200 and json.loads(body)["status"] not in ("in_progress", "queued"):
            self.job = json.loads(body)


def usage(directory) -> dict:
    """The rows of each request, as (images, lost, cost)."""
    rows = collections.defaultdict(list)
    with sqlite3.connect(f"file:{directory}/state.db?mode=ro", uri=True) as database:
        for request, images, lost, cost in database.execute("SELECT request_id, images, images_lost, cost_usd FROM usage"):
            rows[request].append((images, lost, cost))
    return rows


def spent(directory) -> float:
    """By the key of the jobs that are polled."""
    with sqlite3.connect(f"file:{directory}/state.db?mode=ro", uri=True) as database:
        return database.execute("SELECT coalesce(sum(micro_usd), 0) / 1e6 FROM spent WHERE key = 'a' AND per = 'lifetime'").fetchone()[0]


def main():
    quick = options(__doc__).quick
    rounds = 4 if quick else 30
    chance = random.Random(17)
    promises = Promises()
    directory = new_directory()
    polled, plain = Timed(random.Random(5)).start(), OpenAI().start()
    keys = write_keys(directory / "keys.json", [key_entry(id, f"sk-{id}", budgets=[{"usd": 1000, "per": "lifetime"}])
                                              for id in ("a", "b")])
    configuration = Configuration(
        location=f"image_gateway; image_gateway_keys {keys}; image_gateway_store {directory}/store; image_gateway_jobs on;"
                 "image_gateway_fetch_allow 127.0.0.0/8;",
        http=f"image_gateway_state {directory}/state.db;" + provider("p", plain) + provider("r", polled, api="replicate"),
        workers=WORKERS)

    def start():
        return Gateway(configuration, {"OPENAI_API_KEY": "sk-test-openai"}, ports_of_fakes)

    gateways = [start()]
    killed, states, began = collections.Counter(), collections.Counter(), time.monotonic()
    callers = []
    for number in range(rounds):
        plain.always(Delay(chance.uniform(0.1, 1.5)))
        placed = [Caller(lambda: gateways[-1].port, f"job-{number}-{one}", model)
                  for one, model in enumerate((POLLED[0], POLLED[0], PLAIN))]
        time.sleep(chance.uniform(0.1, 2))
        what = ("worker", "all workers", "nginx")[number % 3]
        killed[what] += 1
        if what == "nginx":
            gateways[-1].crash()
            gateways.append(start())
        else:
            workers = until(lambda: len(found := gateways[-1].worker_pids()) == WORKERS and found, 30, 0.05)
            for worker in workers if what == "all workers" else [chance.choice(workers)]:
                os.kill(worker, signal.SIGKILL)
        for caller in placed:
            caller.join()
        callers += placed
    submits = collections.Counter(one.json["input"]["prompt"] for one in polled.work if one.complete)
    submits.update(json.loads(one.body)["prompt"] for one in plain.requests if one.complete)
    gateways[-1].quit()
    rows = usage(directory)
    completed_polled = without_row = 0
    for caller in callers:
        job = caller.job
        if job is None:
            promises.check(False, f"{caller.name} has not ended: {caller.last}")
            continue
        is_polled, price = caller.model == POLLED[0], POLLED[1]
        error = job.get("error", {}).get("error", {}).get("code")
        states[("polled" if is_polled else "plain", job["status"], error)] += 1
        promises.check(job["status"] == "completed" or error == "outcome_unknown", f"{caller.name} ended as {job}")
        promises.check(submits[caller.name] <= 1, f"{caller.name} was submitted {submits[caller.name]} times")
        promises.check(not (is_polled and polled.polled[caller.name] > 0 and job["status"] != "completed"),
                       f"{caller.name} was given up although it was being polled: {error}")
        promises.check(job["status"] != "completed" or submits[caller.name] == 1, f"{caller.name} was never submitted")
        document = job.get("result") or job["error"]
        facts = document["extra_fields"]
        counted = rows.get(document.get("id") or document.get("event_id"), [])
        promises.check(len(counted) <= 1, f"{caller.name} has several usage records: {counted}")
        if job["status"] == "completed":
            without_row += not counted
            completed_polled += is_polled
            if is_polled:
                promises.check(facts["cost"]["usd"] == price, f"{caller.name} cost {facts['cost']}")
                promises.check(not counted or counted == [(1, 0, price)], f"{caller.name} was recorded as {counted}")
    # A usage record is written up to 50 ms after the end of its request; what is killed in that time is lost.
    promises.check(without_row <= rounds // 3 + 1, f"{without_row} completed jobs have no usage record")
    most = sum(caller.model == POLLED[0] for caller in callers) * POLLED[1]
    total = spent(directory)
    least = (completed_polled - 2 * killed["nginx"]) * POLLED[1]
    promises.check(least <= total <= most + 1e-9, f"{total} dollars were counted, not between {least} and {most}")
    for gateway in gateways:
        if gateway.running:
            gateway.quit()
        shutil.rmtree(gateway.directory, ignore_errors=True)
    polled.stop()
    plain.stop()
    shutil.rmtree(directory, ignore_errors=True)
    ended = ", ".join(f"{count} {kind} {state}{f' ({code})' if code else ''}" for (kind, state, code), count in sorted(
        states.items(), key=str))
    promises.end(f"jobs: {dict(killed)} killed in {time.monotonic() - began:.0f} s; {ended}; "
                 f"{sum(submits.values())} submits for {len(callers)} jobs; {total:.3f} dollars counted")


if __name__ == "__main__":
    main()
