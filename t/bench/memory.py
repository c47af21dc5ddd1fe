#!/usr/bin/env python3
"""What a worker's memory costs while slow clients read large images, with image_gateway_buffering off and on.

One client reads an image of 8 MB at 500 KB/s, and then 64 of them stop reading after the first bytes. What counts
is how much private memory the one worker has more than before, at its most.

Then 200 clients that do not read ask for images of 4 MB, where image_gateway_memory is 100m: what the worker holds stays
within a tenth of that and one buffer a call, and goes back within a minute after they have left.

    ./build.sh bench [--quick] [--check]
"""

import contextlib
import socket
import sys
import time

from _bench import Servers, answer_with, free_port, main, png, private_bytes, send, stored, workers_of

IMAGE = 8_000_000  # bytes
SPEED = 500_000  # bytes a second
CLIENTS = 64
WAYS = ("off", "on")
LIMIT = 100 * 1024 * 1024
CROWD, CROWD_IMAGE = 200, 4_000_000
ALLOWED_IN_CROWD = LIMIT * 1.1 + CROWD * 256 * 1024
ALLOWED_AFTER_CROWD = 16 * 1024 * 1024  # what malloc and nginx keep
ALLOWED = {1: 1_000_000, CLIENTS: CLIENTS * 512 * 1024}  # with buffering off

HTTP = """
    image_gateway_memory {memory};
    image_gateway_answer_max {answer_max};
    server {{
        listen 127.0.0.1:{front};
        location / {{ image_gateway; image_gateway_auth off; image_gateway_buffering {way}; }}
    }}
"""


def ask(port: int, provider: str = "big") -> socket.socket:
    """A client that has seen the image begin."""
    connection = send(port, f"{provider}/gpt-image-2", receive_buffer=64 * 1024)
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
def serving(module, way: str, image: int, memory: str, answer_max: str = "256m"):
    """A provider and a worker before it: the port, and how much more memory it has than after its first request."""
    with Servers(module) as servers:
        answers = {"big.json": answer_with(png(padding=image)), "small.json": answer_with(png())}
        mock = servers.mock(stored("/big/", "big.json") + stored("/small/", "small.json"), answers)
        front = free_port()
        providers = servers.provider("big", mock, "/big") + servers.provider("small", mock, "/small")
        http = providers + HTTP.format(front=front, way=way, memory=memory, answer_max=answer_max)
        worker, = workers_of(servers.front(http, front))
        ask(front, "small").close()  # what the first request brings along stays
        time.sleep(0.3)
        before = private_bytes(worker)
        yield front, lambda: private_bytes(worker) - before


def crowd_of(module, seconds: float) -> tuple:
    """Bytes of memory more than before: at its most, and a minute at most after all have left; and those seconds."""
    with serving(module, "on", CROWD_IMAGE, "100m", "8m") as (port, look):
        clients = [send(port, "big/gpt-image-2", receive_buffer=4096) for _ in range(CROWD)]
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


def memory_of(way: str, module, seconds: float) -> dict:
    """Bytes of memory more than before, by the number of clients."""
    most = {}
    with serving(module, way, IMAGE, "2g") as (port, look), contextlib.ExitStack() as running:
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


def measure(module, quick) -> bool:
    most = {way: memory_of(way, module, 3 if quick else 10) for way in WAYS}

    print(f"memory of a worker whose clients read images of {IMAGE // 1_000_000} MB slowly")
    met = True
    for clients, allowed in ALLOWED.items():
        used = {way: most[way][clients] for way in WAYS}
        met = met and used["off"] < allowed
        print(f"{clients:3} at once: buffering off {used['off'] / 1e6:7.2f} MB (allowed {allowed / 1e6:.2f}), "
              f"on {used['on'] / 1e6:7.2f} MB ({used['on'] / max(1, used['off']):.1f} times)")
    print(f"with buffering off it stays below what is allowed: {'met' if met else 'NOT MET'}\n")
    most, after, since = crowd_of(module, 5 if quick else 20)
    kept = most < ALLOWED_IN_CROWD and after < ALLOWED_AFTER_CROWD
    print(f"{CROWD} clients that do not read, images of {CROWD_IMAGE // 1_000_000} MB, image_gateway_memory 100m: "
          f"{most / 1e6:.1f} MB (allowed {ALLOWED_IN_CROWD / 1e6:.1f}), {after / 1e6:.1f} MB {since:.0f} s after they left "
          f"(allowed {ALLOWED_AFTER_CROWD / 1e6:.1f}): {'met' if kept else 'NOT MET'}\n")
    met = met and kept
    return met


if __name__ == "__main__":
    main(measure, "a third of the time")
