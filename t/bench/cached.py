#!/usr/bin/env python3
"""CPU time of a hit of the cache, beside plain nginx with a file of the same size.

One client asks for the same image of 2 MB again and again: of the gateway, whose cache has it, and of nginx, as a file. Both
answer over plain HTTP from one worker with sendfile. The CPU time is that of all threads of the worker.

    ./build.sh bench [--quick] [--check]
"""

import hashlib
import http.client
import json
import pathlib
import sys
import time

from _bench import Servers, answer_with, cpu_seconds, free_port, main, png, request_for, stored

IMAGE = 1_500_000  # bytes: 2 MB of base64
ALLOWED = 1.15  # of the CPU time for the file

HTTP = """
    image_gateway_state {dir}/state.db;
    image_gateway_keys {dir}/keys.json;
    {provider}
    server {{
        listen 127.0.0.1:{front};
        location /file/ {{ alias {dir}/answers/; }}
        location / {{ image_gateway; image_gateway_store {dir}/store; image_gateway_cache on unseeded=on; }}
    }}
"""


def worker_of(process) -> int:
    """Beside it, nginx has a process for the store."""
    for _ in range(100):
        for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            if b"worker process" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        time.sleep(0.05)
    sys.exit("nginx has no worker")


def rounds(connection, worker: int, count: int, method: str, path: str, body=None) -> float:
    """Milliseconds of CPU time for one request."""
    headers = {"Content-Type": "application/json", "x-api-key": "sk-a"} if body else {}
    before = sum(cpu_seconds(worker))
    for _ in range(count):
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        text = reply.read()
        size = len(text)
        if reply.status != 200 or size < IMAGE or (body and "Age" not in reply.headers):
            sys.exit(f"{path}: {reply.status}, {size} bytes {text[:500]}")
    return (sum(cpu_seconds(worker)) - before) * 1000 / count


def measure(module, quick: bool) -> bool:
    count, repeats = (200, 3) if quick else (1000, 5)
    with Servers(module) as servers:
        answer = answer_with(png(padding=IMAGE))
        mock = servers.mock(stored("/one", "big"), {"big": answer})
        key = {"id": "a", "sha256": hashlib.sha256(b"sk-a").hexdigest()}
        (servers.directory / "keys.json").write_text(json.dumps({"keys": [key]}))
        front = free_port()
        process = servers.front(HTTP.format(dir=servers.directory, provider=servers.provider("p", mock, "/one"),
                                            front=front), front)
        worker = worker_of(process)
        connection = http.client.HTTPConnection("127.0.0.1", front, timeout=60)
        body = request_for("p/gpt-image-2")
        for _ in range(20):  # until it is there
            connection.request("POST", "/v1/images/generations", body, {"Content-Type": "application/json", "x-api-key": "sk-a"})
            reply = connection.getresponse()
            reply.read()
            if "Age" in reply.headers:
                break
            time.sleep(0.1)
        pairs = [(rounds(connection, worker, count, "POST", "/v1/images/generations", body),
                  rounds(connection, worker, count, "GET", "/file/big")) for _ in range(repeats)]
        hit, file = (sorted(one)[len(one) // 2] for one in zip(*pairs))
        print(f"a hit of 2 MB: {hit:.3f} ms of CPU, the file by plain nginx {file:.3f} ms: {hit / file:.2f} × "
              f"(wanted: at most {ALLOWED})")
        return hit <= file * ALLOWED


if __name__ == "__main__":
    main(measure, "fewer requests")
