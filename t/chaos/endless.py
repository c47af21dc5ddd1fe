#!/usr/bin/env python3
"""Providers that send endless data: how long a request that needs no provider waits at the same time."""

import contextlib
import http.client
import json
import multiprocessing
import os
import signal
import socket
import threading
import time

from _chaos import Promises, options
from fakes.server import ports_of_fakes
from harness import Configuration, Gateway

CALLS = 2  # at the same time
BLOCK = 1 << 20  # bytes that are sent at once
ALLOWED = 0.02  # seconds in addition to the time without such a provider
OPEN = "image_gateway; image_gateway_auth off;"
EVENT = b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":""}\n\n'
KINDS = {
    "an endless image": ("application/json", b'{"data":[{"b64_json":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAA',
                           b"A" * BLOCK, {}),
    "endless white space": ("application/json", b"", b" " * BLOCK, {}),
    "endless events": ("text/event-stream", b"", EVENT * (BLOCK // len(EVENT)), {"stream": True, "partial_images": 1}),
}


def provide(listener: socket.socket, kind: str):
    """Sends to all connections at full speed, until the process ends."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    content_type, front, block, _ = KINDS[kind]

    def serve(connection: socket.socket):
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode() + front)
            while True:
                connection.sendall(block)

    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def ask(port: int, kind: str, ending: threading.Event):
    """Sends requests repeatedly; the gateway aborts each response at some size."""
    body = json.dumps({"prompt": "x", "model": "m", **KINDS[kind][3]})
    while not ending.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2) as client:
            client.sendall(f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            while not ending.is_set():
                with contextlib.suppress(TimeoutError):
                    if not client.recv(65536):
                        break


def longest_wait(port: int, seconds: float, count_of: list) -> float:
    """The longest time of requests one after another on one connection."""
    longest, end = 0.0, time.monotonic() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    while (began := time.monotonic()) < end:
        connection.request("GET", "/v1/models")
        assert connection.getresponse().read()
        longest = max(longest, time.monotonic() - began)
        count_of[0] += 1
        time.sleep(0.01)
    connection.close()
    return longest


def run(promises: Promises, kind: str, seconds: float) -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    fake = multiprocessing.get_context("fork").Process(target=provide, args=(listener, kind), daemon=True)
    fake.start()
    listener.close()
    try:
        return beside_endless(promises, kind, seconds, port)
    finally:
        fake.kill()
        fake.join()


def beside_endless(promises: Promises, kind: str, seconds: float, port: int) -> str:
    http_part = (f"image_provider p {{ api openai; url http://127.0.0.1:{port}/v1; key env:OPENAI_API_KEY; retry off; breaker off; }}"
                 "image_gateway_memory 1900m; image_model m p/gpt-image-1.5;")
    gateway = Gateway(Configuration(location=OPEN, http=http_part), {"OPENAI_API_KEY": "sk-test-openai"}, ports_of_fakes)
    try:
        counts = [0]
        alone = longest_wait(gateway.port, min(seconds, 2), counts)
        ending = threading.Event()
        askers = [threading.Thread(target=ask, args=(gateway.port, kind, ending), daemon=True) for _ in range(CALLS)]
        for asker in askers:
            asker.start()
        counts = [0]
        beside = longest_wait(gateway.port, seconds, counts)
        ending.set()
        for asker in askers:
            asker.join(30)
    finally:
        with contextlib.redirect_stdout(open(os.devnull, "w", encoding="utf-8")):
            gateway.finish()
    promises.check(beside <= max(ALLOWED, alone + ALLOWED), f"{kind} makes others wait for {beside * 1000:.0f} ms")
    return (f"endless: beside {kind} the longest of {counts[0]} requests took {beside * 1000:.1f} ms "
            f"({alone * 1000:.1f} ms without it)")


def main():
    seconds = 3 if options(__doc__).quick else 10
    promises = Promises()
    promises.end("\n".join(run(promises, kind, seconds) for kind in KINDS))


if __name__ == "__main__":
    main()
