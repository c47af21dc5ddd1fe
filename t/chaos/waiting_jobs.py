#!/usr/bin/env python3
"""1,000 jobs of one caller wait for a busy provider, through kills and reloads: each ends, is submitted once, and delays nobody else."""

import collections
import http.client
import json
import os
import random
import shutil
import signal
import threading
import time

from _chaos import Promises, options, reload
from fakes.behaviours import Delay
from fakes.openai import OpenAI
from fakes.server import ports_of_fakes
from harness import Configuration, Gateway, key_entry, provider, write_keys
from harness.gateway import new_directory, until

WORKERS = 2
CALLS = 4  # at the provider at the same time
WAITING = 100
THREADS = 8
PATIENCE = 120  # seconds after the last job


def ask(port, method, path, secret, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"x-api-key": secret, "Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


class Crowd:
    """One caller that sends jobs as fast as they are accepted, and cancels some of them."""

    def __init__(self, gateway, count: int):
        self.gateway, self.count = gateway, count
        self.jobs, self.refused, self.cancelled = {}, collections.Counter(), set()
        self._names, self._lock = iter(range(10**9)), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(THREADS)]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _run(self, thread: int):
        chance = random.Random(thread)
        while len(self.jobs) < self.count:
            with self._lock:
                name = f"crowd-{next(self._names)}"
            status, body = ask(self.gateway.port, "POST", "/v1/images/generations", "sk-crowd",
                               {"prompt": name, "model": "p/gpt-image-2"}, Prefer="respond-async")
            if status != 202:
                self.refused[status] += 1
                time.sleep(0.05)
                continue
            self.jobs[name] = json.loads(body)["id"]
            if chance.random() < 0.05:
                self.cancelled.add(name)
                ask(self.gateway.port, "DELETE", f"/v1/images/jobs/{self.jobs[name]}", "sk-crowd")


def main():
    quick = options(__doc__).quick
    count, disturbances = (150, 2) if quick else (1_000, 10)
    chance = random.Random(3)
    promises = Promises()
    directory = new_directory()
    fake = OpenAI().start()
    fake.always(Delay(0.05 if quick else 0.1))
    keys = write_keys(directory / "keys.json", [key_entry("crowd", "sk-crowd", budgets=[{"usd": 1000, "per": "lifetime"}]),
                                              key_entry("other", "sk-other")])
    configuration = Configuration(
        location=f"image_gateway; image_gateway_keys {keys}; image_gateway_store {directory}/store;"
                 f"image_gateway_jobs on waiting={WAITING};",
        http=f"image_gateway_state {directory}/state.db;" + provider("p", fake, f"max_calls {CALLS};"), workers=WORKERS,
        extra_locations="location = /status { image_gateway_status; }")
    gateway = Gateway(configuration, {"OPENAI_API_KEY": "sk-test-openai"}, ports_of_fakes)
    began = time.monotonic()
    crowd = Crowd(gateway, count)
    disturbed, others, other_states = collections.Counter(), [], collections.Counter()

    def send_other(number: int):
        """A job of somebody else, and how long it took."""
        since = time.monotonic()
        status, body = ask(gateway.port, "POST", "/v1/images/generations", "sk-other",
                           {"prompt": f"other-{number}", "model": "p/gpt-image-2"}, Prefer="respond-async, wait=20")
        job = json.loads(body) if body else {}
        other_states[status, job.get("error", {}).get("code")] += 1
        if status == 200:
            others.append(time.monotonic() - since)

    number = 0
    for disturbance in range(disturbances):
        share = (disturbance + 1) / (disturbances + 1)
        while len(crowd.jobs) < count * share and crowd.running:
            send_other(number := number + 1)
            time.sleep(0.1)
        if disturbance % 2 == 0:
            disturbed["worker killed"] += 1
            workers = until(lambda: len(found := gateway.worker_pids()) == WORKERS and found, 30, 0.05)
            os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            disturbed["reload"] += 1
            reload(gateway)
    until(lambda: not crowd.running, PATIENCE, 0.1)
    states, jobs = collections.Counter(), {}

    def all_ended() -> bool:
        for name, id in crowd.jobs.items():
            if name not in jobs:
                status, body = ask(gateway.port, "GET", f"/v1/images/jobs/{id}", "sk-crowd")
                if status == 404 and name in crowd.cancelled:  # it had ended, so that it was removed
                    jobs[name] = {"status": "removed"}
                    continue
                if status != 200 or (job := json.loads(body))["status"] in ("queued", "in_progress"):
                    return False
                jobs[name] = job
        return True

    promises.check(until(all_ended, PATIENCE, 0.2), f"have not ended: {sorted(set(crowd.jobs) - set(jobs))}")
    submits = collections.Counter(json.loads(one.body)["prompt"] for one in fake.requests if one.complete)
    for name, job in jobs.items():
        code = job.get("error", {}).get("error", {}).get("code")
        billed = job.get("error", {}).get("extra_fields", {}).get("billed")
        states[job["status"], code, billed] += 1
        promises.check(submits[name] <= 1, f"{name} was submitted {submits[name]} times")
        promises.check(job["status"] != "completed" or submits[name] == 1, f"{name} was never submitted")
        promises.check(billed != "no" or submits[name] == 0, f"{name} was submitted, and is said to be not billed: {job}")
        promises.check(job["status"] != "failed" or code in ("job_lost", "outcome_unknown"), f"{name} failed: {job}")
        promises.check(job["status"] != "cancelled" or name in crowd.cancelled, f"{name} was cancelled")
    promises.check(max(submits.values()) == 1, "something was submitted twice")
    promises.check(bool(others) and max(others) < 5, f"another caller waited for up to {max(others, default=0):.1f} s: {other_states}")
    # What dead workers held is free after a sweep.
    time.sleep(11)
    fake.always(Delay(30))
    refilled = [ask(gateway.port, "POST", "/v1/images/generations", "sk-crowd",
                    {"prompt": f"refill-{number}", "model": "p/gpt-image-2"}, Prefer="respond-async")[0]
                for number in range(CALLS + WAITING // 4 + 1)]
    promises.check(refilled == [202] * (CALLS + WAITING // 4) + [429], f"afterwards, {collections.Counter(refilled)}")
    fake.stop()
    gateway.crash()
    shutil.rmtree(gateway.directory, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
    ended = ", ".join(f"{count} {state}{f' ({code}, billed {billed})' if code else ''}"
                      for (state, code, billed), count in sorted(states.items(), key=str))
    others.sort()
    promises.end(f"waiting_jobs: {len(crowd.jobs)} jobs of one caller in {time.monotonic() - began:.0f} s, {dict(disturbed)}, refused "
                 f"{dict(crowd.refused)}; {ended}; {len(others)} jobs of another caller took {others[len(others) // 2]:.2f} s "
                 f"(median) to {others[-1]:.2f} s")


if __name__ == "__main__":
    main()
