#!/usr/bin/env python3
"""What a request costs in memory while its provider makes the image: beside the same request through proxy_pass.

So many clients ask, and the provider does not answer. What counts is how much private memory the one worker has
more than before, for each of them.

    ./build.sh bench [--quick] [--check]
"""

import contextlib
import socket
import sys
import threading
import time

from _bench import Servers, free_port, main, private_bytes, send, workers_of

# Bytes for each request, of which nginx has 10 KB. libcurl's HTTP needs 11 KB.
ALLOWED = {"proxy_pass": None, "http libcurl": 30 * 1024, "http native": 20 * 1024}


class Silent:
    """A provider that takes every request and answers none."""

    def __init__(self, port: int):
        self._server = socket.create_server(("127.0.0.1", port), backlog=4096)
        self._taken = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._server.accept()
            connection.settimeout(60)
            data = b""
            while b"dunes" not in data:  # the whole of the request is there
                data += connection.recv(65536)
            self._taken.append(connection)

    def wait(self, count: int):
        end = time.monotonic() + 60
        while len(self._taken) < count:
            if time.monotonic() > end:
                sys.exit(f"only {len(self._taken)} of {count} requests have come to the provider")
            time.sleep(0.01)


def memory_of(way: str, module, clients: int) -> int:
    """Bytes of the worker's own memory for each parked request."""
    with Servers(module) as servers, contextlib.ExitStack() as running:
        mock, front = free_port(), free_port()
        provider = Silent(mock)
        http, location = (servers.provider("p", mock, more=f"{way};"), "image_gateway; image_gateway_auth off;")
        if way == "proxy_pass":
            http, location = "", f"proxy_pass http://127.0.0.1:{mock};"
        http += f"server {{ listen 127.0.0.1:{front}; location / {{ {location} }} }}"
        worker, = workers_of(servers.front(http, front, load=way != "proxy_pass"))
        ask = lambda: running.enter_context(send(front, "p/gpt-image-2"))
        parked = [ask() for _ in range(8)]  # what the first bring along stays
        provider.wait(len(parked))
        before = private_bytes(worker)
        parked += [ask() for _ in range(clients)]
        provider.wait(len(parked))
        time.sleep(0.2)
        return (private_bytes(worker) - before) // clients


def measure(module, quick) -> bool:
    print("memory of a worker for each request that waits for its provider")
    all_met = True
    for way, allowed in ALLOWED.items():
        used = memory_of(way, module, 200 if quick else 800)
        met = allowed is None or used <= allowed
        all_met = all_met and met
        verdict = f" (allowed {allowed / 1024:.0f}): {'met' if met else 'NOT MET'}" if allowed else ""
        print(f"{way:12} {used / 1024:5.1f} KB{verdict}")
    return all_met


if __name__ == "__main__":
    main(measure, "a quarter of the clients")
