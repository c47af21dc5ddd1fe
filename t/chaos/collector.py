#!/usr/bin/env python3
"""100,000 requests with spans for a collector that is down, and for one that takes connections and never answers: no request
fails or waits for it, memory stays flat, and each span that was dropped is counted."""

import contextlib
import os
import socket
import statistics
import threading
import time

from _chaos import Promises, options, reload
from fakes.server import ports_of_fakes
from harness import Configuration, Gateway
from harness.gateway import until
from harness.metrics import scrape
from ports import free_port

MB = 1_000_000
OPEN = "image_gateway; image_gateway_auth off;"
SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;"
METRICS = "location = /metrics { image_gateway_metrics; }"
BODY = b'{"prompt": "p", "size": "64x64"}'
REQUEST = (b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
           % (len(BODY), BODY))
SPANS = 2  # of a request: its own and that of its attempt
CLIENTS = 4
ROUND = 500  # requests of a client, before the next gateway has its turn; without spans a fifth
WORST_ALLOWED = 4  # seconds: whoever waits for the collector waits for five
MEDIAN_ALLOWED = 0.001  # seconds more than without spans
GROWTH_ALLOWED = 2 * MB


class Hanging:
    """Takes every connection, and neither reads nor answers. `taken` counts them."""

    def __init__(self):
        self.taken = 0
        self._server = socket.create_server(("127.0.0.1", free_port()))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        held = []
        while True:
            held.append(self._server.accept())
            self.taken += 1


class Client:
    """One connection. `times` has the seconds of each request that got its image; `failed` counts the others."""

    def __init__(self, port: int):
        self.times, self.failed = [], 0
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, count: int):
        for _ in range(count):
            began = time.monotonic()
            try:
                is_made = self._ask()
            except OSError:
                is_made = False
            if is_made:
                self.times.append(time.monotonic() - began)
            else:
                self.failed += 1

    def _ask(self) -> bool:
        self._socket.sendall(REQUEST)
        reply = b""
        while (end := reply.find(b"\r\n\r\n")) < 0:
            if not (piece := self._socket.recv(65536)):
                raise ConnectionError("closed")
            reply += piece
        head = reply[:end].lower()
        missing = int(head.partition(b"content-length:")[2].split(b"\r\n")[0]) - (len(reply) - end - 4)
        while missing > 0:
            if not (piece := self._socket.recv(65536)):
                raise ConnectionError("closed")
            missing -= len(piece)
        return head.startswith(b"http/1.1 200")


class World:
    """A gateway, its clients, and the memory of its workers after each round."""

    def __init__(self, otlp: str):
        self.gateway = Gateway(Configuration(location=OPEN, http=SANDBOX + otlp, extra_locations=METRICS, workers=2,
                                             server="keepalive_requests 1000000;"), {}, ports_of_fakes)
        self.clients = [Client(self.gateway.port) for _ in range(CLIENTS)]
        self.resident = []

    def one_round(self, count: int):
        threads = [threading.Thread(target=client.ask, args=(count,)) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.resident.append(sum(map(resident, self.gateway.worker_pids())))

    @property
    def times(self) -> list:
        return [seconds for client in self.clients for seconds in client.times]

    @property
    def failed(self) -> int:
        return sum(client.failed for client in self.clients)

    def fates(self) -> dict:
        return {fate: int(count) for (fate,), count in scrape(self.gateway).by("image_gateway_spans_total", "fate").items()}

    def finish(self):
        with contextlib.redirect_stdout(open(os.devnull, "w", encoding="utf-8")):
            self.gateway.finish()


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as line:
        return int(line.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def judge(name: str, world: World, plain: float, promises: Promises) -> str:
    count, median, worst = len(world.times), statistics.median(world.times), max(world.times)
    quarter = len(world.resident) // 4  # until the queue is full
    growth = world.resident[-1] - max(world.resident[:quarter + 1])
    reload(world.gateway)  # the old workers give up after a while, and count the spans that still wait
    until(lambda: sum(world.fates().values()) >= SPANS * count, 20, 0.2)
    fates = world.fates()
    dropped = sum(amount for fate, amount in fates.items() if fate != "exported")
    promises.check(world.failed == 0, f"{world.failed} requests failed with a collector that {name}")
    promises.check(worst < WORST_ALLOWED, f"a request took {worst:.1f} s with a collector that {name}")
    promises.check(median < plain + MEDIAN_ALLOWED, f"with a collector that {name} the median is {median * 1000:.2f} ms")
    promises.check(growth < GROWTH_ALLOWED, f"memory grew by {growth / MB:.1f} MB with a collector that {name}")
    promises.check(dropped == SPANS * count and not fates.get("exported"), f"{fates} of {SPANS * count} spans")
    return (f"{name}: {count} requests, median {median * 1000:.2f} ms, slowest {worst * 1000:.0f} ms, memory "
            f"{growth / MB:+.1f} MB after the first quarter, {dropped} of {SPANS * count} spans counted as dropped "
            f"({', '.join(f'{amount} {fate}' for fate, amount in sorted(fates.items()) if amount)})")


def main():
    quick = options(__doc__).quick
    rounds = 4 if quick else 25  # of 2,000 requests, with each collector
    promises = Promises()
    hanging = Hanging()
    worlds = {"no spans": World(""), "is down": World(f"image_gateway_otlp http://127.0.0.1:{free_port()} interval=100ms;"),
              "hangs": World(f"image_gateway_otlp {hanging.url} interval=100ms;")}
    try:
        for _ in range(rounds):
            for name, world in worlds.items():
                world.one_round(ROUND // 5 if name == "no spans" else ROUND)
        plain = statistics.median(worlds["no spans"].times)
        lines = [judge(name, worlds[name], plain, promises) for name in ("is down", "hangs")]
        promises.check(hanging.taken > 0, "the collector that hangs was never asked")
    finally:
        for world in worlds.values():
            world.finish()
    promises.end(f"collector: without spans the median is {plain * 1000:.2f} ms; " + "; ".join(lines))


if __name__ == "__main__":
    main()
