#!/usr/bin/env python3
"""What a worker's memory costs while slow clients read large pictures, with image_gateway_buffering off and on.

One client reads a picture of 8 MB at 500 KB/s, and then 64 of them stop reading after the first bytes. What counts
is how much private memory the one worker has more than before, at its most.

Then 200 clients that do not read ask for pictures of 4 MB, where image_gateway_memory is 100m: what the worker holds stays
within a tenth of that and one buffer a call, and goes back within a minute after they have left.

    ./build.sh bench [--quick] [--check]
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import socket
import struct
import sys
import tempfile
import time
import zlib

from proxy_vs_gateway import COMMON_CONF, ROOT, free_ports, nginx, png, wait_for, worker_of

PICTURE = 8_000_000  # bytes
SPEED = 500_000  # bytes a second
CLIENTS = 64
WAYS = ("off", "on")
LIMIT = 100 * 1024 * 1024
CROWD, CROWD_PICTURE = 200, 4_000_000
ALLOWED_IN_CROWD = LIMIT * 1.1 + CROWD * 256 * 1024
ALLOWED_AFTER_CROWD = 16 * 1024 * 1024  # what malloc and nginx keep
ALLOWED = {1: 1_000_000, CLIENTS: CLIENTS * 512 * 1024}  # with buffering off

MOCK_CONF = """
worker_processes 1;
pid {dir}/mock.pid;
error_log {dir}/mock.log error;
events {{ worker_connections 1024; }}
http {{
    {common}
    server {{
        listen 127.0.0.1:{mock};
        root {dir}/answers;
        location /big/   {{ error_page 405 =200 /big.json; return 405; }}
        location /small/ {{ error_page 405 =200 /small.json; return 405; }}
    }}
}}
"""

FRONT_CONF = """
load_module {module};
worker_processes 1;
pid {dir}/front.pid;
error_log {dir}/front.log error;
events {{ worker_connections 1024; }}
http {{
    {common}
    image_provider big   {{ api openai; url http://127.0.0.1:{mock}/big/v1;   key file:{dir}/key; }}
    image_provider small {{ api openai; url http://127.0.0.1:{mock}/small/v1; key file:{dir}/key; }}
    image_gateway_memory {memory};
    image_gateway_answer_max {answer_max};
    server {{
        listen 127.0.0.1:{front};
        location / {{ image_gateway; image_gateway_auth off; image_gateway_buffering {way}; }}
    }}
}}
"""


def private_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def answer_of(size: int) -> str:
    end = png(1, 1)[-12:]
    picture = png(1, 1)[:-12]
    if size > len(picture) + 24:
        picture += chunk(b"paDd", bytes(size - len(picture) - 24))
    picture += end
    return json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(picture).decode()}]})


def ask(port: int, provider: str = "big") -> socket.socket:
    """A client that has seen the picture begin."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    body = json.dumps({"model": f"{provider}/gpt-image-2", "prompt": "a red kite over dunes"})
    connection.sendall((f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    received = b""
    while b"b64_json" not in received:
        received += connection.recv(4096)
    return connection


def read_slowly(connection: socket.socket, seconds: float, look) -> int:
    """The most that look() saw while it read at SPEED."""
    began, taken, most = time.monotonic(), 0, 0
    while (now := time.monotonic() - began) < seconds:
        while taken < now * SPEED:
            more = len(connection.recv(16 * 1024))
            if not more:
                sys.exit("the answer has ended before its time")
            taken += more
        most = max(most, look())
        time.sleep(0.02)
    return most


@contextlib.contextmanager
def serving(module: pathlib.Path, way: str, picture: int, memory: str, answer_max: str = "256m"):
    """A provider and a worker before it: the port, and how much more memory it has than after its first request."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as running:
        directory = pathlib.Path(temporary)
        (directory / "answers").mkdir()
        (directory / "key").write_text("sk-mock\n")
        (directory / "answers" / "big.json").write_text(answer_of(picture))
        (directory / "answers" / "small.json").write_text(answer_of(0))
        ports = free_ports("mock", "front")
        values = {"dir": directory, "module": module, "common": COMMON_CONF.format(dir=directory), "way": way,
                  "memory": memory, "answer_max": answer_max, **ports}
        wait_for(ports["mock"], running.enter_context(nginx("mock", MOCK_CONF.format(**values), directory)))
        front = running.enter_context(nginx("front", FRONT_CONF.format(**values), directory))
        wait_for(ports["front"], front)
        worker = worker_of(front)
        ask(ports["front"], "small").close()  # what the first request brings along stays
        time.sleep(0.3)
        before = private_bytes(worker)
        yield ports["front"], lambda: private_bytes(worker) - before


def send(port: int) -> socket.socket:
    """A client that reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    body = json.dumps({"model": "big/gpt-image-2", "prompt": "a red kite over dunes"})
    connection.sendall((f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


def measure_crowd(module: pathlib.Path, seconds: float) -> tuple:
    """Bytes of memory more than before: at its most, and a minute at most after all have left; and those seconds."""
    with serving(module, "on", CROWD_PICTURE, "100m", "8m") as (port, look):
        clients = [send(port) for _ in range(CROWD)]
        end, most = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            most = max(most, look())
            time.sleep(0.05)
        for client in clients:
            client.close()
        left = time.monotonic()
        while (after := look()) > ALLOWED_AFTER_CROWD and time.monotonic() < left + 60:
            time.sleep(0.2)
        return most, after, time.monotonic() - left


def measure(way: str, module: pathlib.Path, seconds: float) -> dict:
    """Bytes of memory more than before, by the number of clients."""
    most = {}
    with serving(module, way, PICTURE, "2g") as (port, look), contextlib.ExitStack() as running:
        with ask(port) as connection:
            most[1] = read_slowly(connection, seconds, look)
        clients = [running.enter_context(ask(port)) for _ in range(CLIENTS)]
        end = time.monotonic() + seconds
        most[CLIENTS] = 0
        while time.monotonic() < end:
            most[CLIENTS] = max(most[CLIENTS], look())
            time.sleep(0.05)
        for client in clients:
            client.close()
    return most


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--check", action="store_true", help="fail when the target is not met")
    options = arguments.parse_args()
    module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
    most = {way: measure(way, module, 3 if options.quick else 10) for way in WAYS}

    print(f"memory of a worker whose clients read pictures of {PICTURE // 1_000_000} MB slowly")
    met = True
    for clients, allowed in ALLOWED.items():
        used = {way: most[way][clients] for way in WAYS}
        met = met and used["off"] < allowed
        print(f"{clients:3} at once: buffering off {used['off'] / 1e6:7.2f} MB (allowed {allowed / 1e6:.2f}), "
              f"on {used['on'] / 1e6:7.2f} MB ({used['on'] / max(1, used['off']):.1f} times)")
    print(f"with buffering off it stays below what is allowed: {'met' if met else 'NOT MET'}\n")
    most, after, since = measure_crowd(module, 5 if options.quick else 20)
    kept = most < ALLOWED_IN_CROWD and after < ALLOWED_AFTER_CROWD
    print(f"{CROWD} clients that do not read, pictures of {CROWD_PICTURE // 1_000_000} MB, image_gateway_memory 100m: "
          f"{most / 1e6:.1f} MB (allowed {ALLOWED_IN_CROWD / 1e6:.1f}), {after / 1e6:.1f} MB {since:.0f} s after they left "
          f"(allowed {ALLOWED_AFTER_CROWD / 1e6:.1f}): {'met' if kept else 'NOT MET'}\n")
    met = met and kept
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
