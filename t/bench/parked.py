#!/usr/bin/env python3
"""What a request costs in memory while its provider makes the picture: beside the same request through proxy_pass.

So many clients ask, and the provider does not answer. What counts is how much private memory the one worker has
more than before, for each of them.

    ./build.sh bench [--quick] [--check]
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import sys
import tempfile
import threading
import time

from memory import private_bytes
from proxy_vs_gateway import COMMON_CONF, ROOT, free_ports, nginx, wait_for, worker_of

WAYS = ("proxy_pass", "gateway")
ALLOWED = 32 * 1024  # bytes for each request through the gateway; of these nginx and libcurl have 10 KB each

FRONT_CONF = """
{load}
worker_processes 1;
pid {dir}/{way}.pid;
error_log {dir}/{way}.log error;
events {{ worker_connections 4096; }}
http {{
    {common}
    {http}
    server {{
        listen 127.0.0.1:{port};
        location / {{ {location} }}
    }}
}}
"""


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
            while b"kite" not in data:  # the whole of the request is there
                data += connection.recv(65536)
            self._taken.append(connection)

    def wait(self, count: int):
        end = time.monotonic() + 60
        while len(self._taken) < count:
            if time.monotonic() > end:
                sys.exit(f"only {len(self._taken)} of {count} requests have come to the provider")
            time.sleep(0.01)


def ask(port: int) -> socket.socket:
    body = json.dumps({"model": "p/gpt-image-2", "prompt": "over dunes a red kite"})
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall((f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


def measure(way: str, module: pathlib.Path, clients: int) -> int:
    """Bytes of the worker's own memory for each parked request."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as running:
        directory = pathlib.Path(temporary)
        (directory / "key").write_text("sk-mock\n")
        ports = free_ports("mock", "front")
        provider = Silent(ports["mock"])
        address = f"http://127.0.0.1:{ports['mock']}"
        parts = {"proxy_pass": {"load": "", "http": "", "location": f"proxy_pass {address};"},
                 "gateway": {"load": f"load_module {module};", "location": "image_gateway; image_gateway_auth off;",
                             "http": f"image_provider p {{ api openai; url {address}/v1; key file:{directory}/key; }}"}}
        configuration = FRONT_CONF.format(dir=directory, way=way, common=COMMON_CONF.format(dir=directory),
                                          port=ports["front"], **parts[way])
        front = running.enter_context(nginx(way, configuration, directory))
        wait_for(ports["front"], front)
        worker = worker_of(front)
        parked = [running.enter_context(ask(ports["front"])) for _ in range(8)]  # what the first bring along stays
        provider.wait(len(parked))
        before = private_bytes(worker)
        parked += [running.enter_context(ask(ports["front"])) for _ in range(clients)]
        provider.wait(len(parked))
        time.sleep(0.2)
        return (private_bytes(worker) - before) // clients


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--check", action="store_true", help="fail when the target is not met")
    options = arguments.parse_args()
    module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
    used = {way: measure(way, module, 200 if options.quick else 800) for way in WAYS}
    met = used["gateway"] <= ALLOWED
    print("memory of a worker for each request that waits for its provider")
    print(f"proxy_pass {used['proxy_pass'] / 1024:5.1f} KB, gateway {used['gateway'] / 1024:5.1f} KB "
          f"(allowed {ALLOWED / 1024:.0f}): {'met' if met else 'NOT MET'}\n")
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
