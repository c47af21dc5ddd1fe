#!/usr/bin/env python3
"""What a finished job costs a worker in memory: its result of 4 MB lies in the store.

So many jobs are made one after another, and their results are kept. What counts is how much private memory the one worker has
more than after the first ones, for each of them: each time the least that it has after any of some jobs, as malloc keeps now
more and now less.

    ./build.sh bench [--quick] [--check]
"""

import hashlib
import http.client
import json
import sys
import time

from _bench import Servers, answer_with, free_port, main, png, private_bytes, request_for, stored
from cached import worker_of

IMAGE = 3_000_000  # bytes: 4 MB of base64
FIRST = 300  # until what malloc and the cache of SQLite keep no longer grows
SAMPLES = 50  # jobs
ALLOWED = 1024  # bytes for each job

HTTP = """
    image_gateway_state {dir}/state.db;
    image_gateway_keys {dir}/keys.json;
    {provider}
    server {{
        listen 127.0.0.1:{front};
        location / {{ image_gateway; image_gateway_store {dir}/store max=64g; image_gateway_jobs on; }}
    }}
"""
HEADERS = {"x-api-key": "sk-a", "Content-Type": "application/json", "Prefer": "respond-async"}


def make(connection, body: str):
    """Returns when the job has ended."""
    def ask(method, path, text=None):
        connection.request(method, path, text, HEADERS)
        reply = connection.getresponse()
        return reply.status, reply.read()

    status, accepted = ask("POST", "/v1/images/generations", body)
    if status != 202:
        sys.exit(f"{status} {accepted[:300]}")
    identity = json.loads(accepted)["id"]
    for _ in range(2000):
        _, running = ask("GET", "/v1/images/jobs?status=in_progress")
        if not json.loads(running)["data"]:
            return
        time.sleep(0.005)
    sys.exit(f"{identity} has not ended")


def least_memory(worker: int, make_one) -> int:
    least = private_bytes(worker)
    for _ in range(SAMPLES):
        make_one()
        least = min(least, private_bytes(worker))
    return least


def measure(module, quick: bool) -> bool:
    count = 300 if quick else 1000
    with Servers(module) as servers:
        mock = servers.mock(stored("/one", "big"), {"big": answer_with(png(padding=IMAGE))})
        key = {"id": "a", "sha256": hashlib.sha256(b"sk-a").hexdigest()}
        (servers.directory / "keys.json").write_text(json.dumps({"keys": [key]}))
        front = free_port()
        worker = worker_of(servers.front(HTTP.format(dir=servers.directory, provider=servers.provider("p", mock, "/one"),
                                                     front=front), front))
        connection = http.client.HTTPConnection("127.0.0.1", front, timeout=60)
        body = request_for("p/gpt-image-2")
        make_one = lambda: make(connection, body)
        for _ in range(FIRST):
            make_one()
        before = least_memory(worker, make_one)
        for _ in range(count - SAMPLES):
            make_one()
        used = (least_memory(worker, make_one) - before) / count
        met = used < ALLOWED
        print(f"memory of a worker for each of {count} finished jobs of 4 MB: {used:.0f} bytes "
              f"(allowed {ALLOWED}): {'met' if met else 'NOT MET'}")
        return met


if __name__ == "__main__":
    main(measure, "300 jobs")
