#!/usr/bin/env python3
"""A client, a worker or all of nginx killed at random moments: a request with an Idempotency-Key reaches the provider once."""

import collections
import http.client
import json
import os
import random
import shutil
import signal
import threading
import time

from _chaos import Promises, options
from fakes.openai import Delay, OpenAI
from fakes.server import ports_of_fakes
from harness import Configuration, Gateway, key_entry, provider, write_keys
from harness.gateway import new_directory, until

WORKERS = 2
CALLERS = 4  # that send the same request at the same time
PATIENCE = 40  # seconds until a key must have an answer


class SameKey:
    """Sends one request with its key until there is an answer: from several callers, over and over."""

    def __init__(self, port, key: str):
        self.port, self.key = port, key
        self.answers = []
        self.last = None  # that was no answer
        self._leave = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def leave(self):
        """The client of the first caller goes away, and comes back."""
        self._leave.set()

    def join(self):
        for thread in self._threads:
            thread.join(PATIENCE + 10)

    def _run(self, number: int):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self._ask(leaves=number == 0)
            if answer is not None:
                self.answers.append(answer)
                return
            time.sleep(0.05)

    def _ask(self, leaves: bool):
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=10)
        try:
            connection.request("POST", "/v1/images/generations", json.dumps({"prompt": self.key, "model": "p/gpt-image-2"}),
                               {"Content-Type": "application/json", "x-api-key": "sk-a", "Idempotency-Key": self.key})
            if leaves and self._leave.wait(0.3):
                self._leave.clear()
                return None
            reply = connection.getresponse()
            body = reply.read()
            if reply.status not in (409, 503):
                return reply.status, body
            self.last = body[:300]
        except (OSError, http.client.HTTPException) as problem:
            self.last = repr(problem)
        finally:
            connection.close()
        return None


def main():
    quick = options(__doc__).quick
    rounds = 9 if quick else 60
    chance = random.Random(11)
    promises = Promises()
    directory = new_directory()
    fake = OpenAI().start()
    keys = write_keys(directory / "keys.json", [key_entry("a", "sk-a")])
    configuration = Configuration(
        location=f"image_gateway; image_gateway_keys {keys}; image_gateway_store {directory}/store;",
        http=f"image_gateway_state {directory}/state.db;" + provider("p", fake, "retry attempts=1;"), workers=WORKERS)

    def start():
        return Gateway(configuration, {"OPENAI_API_KEY": "sk-test-openai"}, ports_of_fakes)

    gateways = [start()]
    killed, statuses, began = collections.Counter(), collections.Counter(), time.monotonic()
    for number in range(rounds):
        fake.always(Delay(chance.uniform(0.05, 0.5)))
        asked = SameKey(lambda: gateways[-1].port, f"key-{number}")
        time.sleep(chance.uniform(0, 0.6))
        what = ("client", "worker", "nginx")[number % 3]
        killed[what] += 1
        if what == "client":
            asked.leave()
        elif what == "worker":
            workers = until(lambda: len(found := gateways[-1].worker_pids()) == WORKERS and found, 30, 0.05)
            os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            gateways[-1].crash()
            gateways.append(start())
        asked.join()
        answers = set(asked.answers)
        promises.check(len(asked.answers) == CALLERS, f"{len(asked.answers)} of {CALLERS} callers got an answer for {asked.key}: "
                       f"{asked.last}")
        promises.check(len(answers) <= 1, f"callers of {asked.key} got different answers: {[one[0] for one in answers]}")
        statuses.update(one[0] for one in answers)
    submits = collections.Counter(json.loads(one.body)["prompt"] for one in fake.requests if one.complete)
    twice = {key: count for key, count in submits.items() if count > 1}
    promises.check(not twice, f"submitted more than once: {twice}")
    promises.check(set(statuses) <= {200, 502}, f"unexpected answers: {statuses}")
    for gateway in gateways:
        if gateway.running:
            gateway.quit()
        shutil.rmtree(gateway.directory, ignore_errors=True)
    fake.stop()
    shutil.rmtree(directory, ignore_errors=True)
    promises.end(f"same_key: {dict(killed)} killed in {time.monotonic() - began:.0f} s, {CALLERS} callers for each key: "
                 f"{sum(submits.values())} submits for {rounds} keys, none twice: {not twice}; "
                 f"{statuses[200]} keys ended with images, {statuses[502]} as outcome_unknown")


if __name__ == "__main__":
    main()
