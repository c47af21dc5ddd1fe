#!/usr/bin/env python3
"""10,000 jobs with webhooks, 30 % of whose receivers fail, while workers and nginx are killed: each job's message arrives."""

import collections
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

from _chaos import Promises, options
from fakes.behaviours import Reply
from fakes.connection import ClientLeft
from fakes.server import ports_of_fakes
from fakes.webhook_receiver import WebhookReceiver
from harness import Configuration, Gateway, environment, key_entry, write_keys
from harness.gateway import new_directory, until

WORKERS = 2
KEYS = 4
RECEIVERS = 10  # of which these fail, each in its own way, at the first attempts of each message
FAILING = {0: "answers 500 twice", 1: "closes the connection", 2: "answers 503 with Retry-After"}
THREADS = 8
PATIENCE = 240  # seconds after the last job


class Failing(WebhookReceiver):
    def __init__(self, kind, secrets):
        super().__init__(secrets)
        self.kind, self.seen, self.lock = kind, collections.Counter(), threading.Lock()

    def accept(self, request) -> Reply:
        with self.lock:
            self.seen[request.headers["webhook-id"]] += 1
            attempt = self.seen[request.headers["webhook-id"]]
        if self.kind == 0 and attempt <= 2:
            return Reply(500, {}, b"")
        if self.kind == 1 and attempt == 1:
            raise ClientLeft("on purpose")
        if self.kind == 2 and attempt == 1:
            return Reply(503, {"Retry-After": "7"}, b"")
        self.arrived.add(request.json["data"]["id"])
        return Reply(204, {}, b"")


class Good(WebhookReceiver):
    def accept(self, request) -> Reply:
        self.arrived.add(request.json["data"]["id"])
        return super().accept(request)


def secrets_of(key_file) -> list:
    def one(id):
        return subprocess.run([environment.PROJECT / "src/tools/image-gateway", "webhook-secret", id, key_file],
                              capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    return [one(f"k{number}") for number in range(KEYS)]


class Clients:
    """Send jobs until there are so many."""

    def __init__(self, port, receivers, count: int):
        self.port, self.receivers, self.count = port, receivers, count
        self.accepted, self.refused = {}, collections.Counter()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(THREADS)]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _run(self, thread: int):
        chance = random.Random(thread)
        while len(self.accepted) < self.count:
            receiver = chance.randrange(RECEIVERS)
            id = self._send(chance.randrange(KEYS), self.receivers[receiver].origin)
            if id:
                with self._lock:
                    self.accepted[id] = receiver

    def _send(self, key: int, url: str):
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=30)
        try:
            connection.request("POST", "/v1/images/generations", json.dumps({"prompt": "p", "size": "64x64"}),
                               {"Content-Type": "application/json", "x-api-key": f"sk-{key}", "Prefer": "respond-async",
                                "X-Image-Gateway-Webhook": url})
            reply = connection.getresponse()
            body = reply.read()
            if reply.status == 202:
                return json.loads(body)["id"]
            self.refused[reply.status] += 1
        except (OSError, http.client.HTTPException):
            self.refused["connection"] += 1
        finally:
            connection.close()
        time.sleep(0.1)
        return None


def main():
    quick = options(__doc__).quick
    count, kills = (400, 3) if quick else (10_000, 12)
    chance = random.Random(7)
    promises = Promises()
    directory = new_directory()
    key_file = directory / "webhook.key"
    key_file.write_text("0123456789abcdef" * 2 + "\n")
    key_file.chmod(0o644)
    secrets = secrets_of(key_file)
    receivers = [Failing(number, secrets) if number in FAILING else Good(secrets) for number in range(RECEIVERS)]
    for receiver in receivers:
        receiver.arrived = set()
        receiver.start()
    keys = write_keys(directory / "keys.json", [key_entry(f"k{number}", f"sk-{number}") for number in range(KEYS)])
    configuration = Configuration(
        location=f"image_gateway; image_gateway_keys {keys}; image_gateway_jobs on; image_gateway_store {directory}/store;"
                 f"image_gateway_webhook_key {key_file}; image_gateway_webhook_allow 127.0.0.0/8;",
        http=f"image_gateway_state {directory}/state.db; image_provider sandbox {{ api sandbox; }}"
             "image_model auto sandbox/placeholder;", workers=WORKERS)

    def start():
        return Gateway(configuration, {}, ports_of_fakes)

    gateways = [start()]
    began = time.monotonic()
    clients = Clients(lambda: gateways[-1].port, receivers, count)
    killed = collections.Counter()
    for number in range(kills):
        share = (number + 1) / (kills + 1)
        until(lambda: len(clients.accepted) >= count * share or not clients.running, PATIENCE, 0.05)
        what = "nginx" if number % 3 == 2 else "worker"
        killed[what] += 1
        if what == "worker":
            workers = until(lambda: len(found := gateways[-1].worker_pids()) == WORKERS and found, 30, 0.05)
            os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            gateways[-1].crash()
            gateways.append(start())
    until(lambda: not clients.running, PATIENCE, 0.1)
    sent = time.monotonic() - began

    def missing():
        arrived = [receiver.arrived for receiver in receivers]
        return [id for id, receiver in clients.accepted.items() if id not in arrived[receiver]]

    until(lambda: not missing(), PATIENCE, 0.5)
    lost = missing()
    total = time.monotonic() - began
    attempts = sum(len(receiver.requests) for receiver in receivers)
    wrong = sum(len(receiver.refusals) for receiver in receivers)
    promises.check(len(clients.accepted) >= count, f"only {len(clients.accepted)} jobs were accepted: {clients.refused}")
    promises.check(not lost, f"{len(lost)} messages did not arrive, of receivers {collections.Counter(clients.accepted[id] for id in lost)}")
    promises.check(wrong == 0, f"{wrong} attempts were not as Standard Webhooks wants them")
    for gateway in gateways:
        if gateway.running:
            gateway.quit()
        shutil.rmtree(gateway.directory, ignore_errors=True)
    for receiver in receivers:
        receiver.stop()
    shutil.rmtree(directory, ignore_errors=True)
    promises.end(f"webhooks: {len(clients.accepted)} jobs in {sent:.0f} s, {dict(killed)} killed; all their messages arrived after "
                 f"{total:.0f} s in {attempts} attempts, {len(FAILING)} of {RECEIVERS} receivers failed at first; {len(lost)} lost")


if __name__ == "__main__":
    main()
