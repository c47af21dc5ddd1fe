"""What is measured of each peer: loads, requests that are parked, and large answers that nobody reads."""

import contextlib
import math
import socket
import statistics
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from _bench import LoadFailed, load

from .peer import NotRun

# Kinds of request, and how many connections ask at once
KINDS = {"tiny": 8, "2mb": 4, "8mb": 2, "stream": 4, "storm": 8, "fan-out": 4, "tls": 8}
UNREAD, UNREAD_MEGABYTES = 8, 8  # clients, and the size of the answer that each of them does not read
ARRIVING = 20  # seconds for parked requests to come to the provider


@dataclass(frozen=True)
class Effort:
    rounds: int
    seconds: int  # of load in each round
    longest: int  # seconds of it, if only few requests would be done otherwise
    alone: int  # seconds of load by one connection, which is where latency comes from
    warming: int  # seconds of load before the first round, for a peer that compiles
    parked: int  # requests
    watching: float  # seconds that memory is watched for


FULL = Effort(rounds=3, seconds=1, longest=10, alone=1, warming=3, parked=500, watching=3)
QUICK = Effort(rounds=1, seconds=1, longest=8, alone=1, warming=1, parked=100, watching=2)


@dataclass(frozen=True)
class Round:
    requests: int
    cpu: float  # microseconds for each request
    median: float  # milliseconds, of a client that is alone
    slowest: float  # milliseconds, of 99 in 100


def one_round(running, kind: str, effort: Effort, directory, first: bool) -> Round:
    took = running.check(kind)
    call = running.call(kind)

    def ask(connections, seconds):
        enough = math.ceil(6 * connections * took)  # where a peer works at one request at a time
        return load(call.url, call.body, connections, min(effort.longest, max(seconds, enough)), directory, call.headers)

    try:
        if first and running.peer.compiles:
            with contextlib.suppress(LoadFailed):
                ask(KINDS[kind], effort.warming)
        alone = ask(1, effort.alone)
        before = running.cpu()
        together = ask(KINDS[kind], effort.seconds)
        spent = running.cpu() - before
    except LoadFailed as failed:
        raise NotRun("under load, " + str(failed).partition(": ")[2]) from None
    # When the load ends, each connection has a request under way; half of its cost was spent, on average
    requests = together.requests + KINDS[kind] / 2
    return Round(together.requests, spent * 1e6 / requests, alone.median, alone.slowest)


def summary(rounds: list) -> dict:
    return {"cpu_us": statistics.median(r.cpu for r in rounds), "cpu_us_of_rounds": [r.cpu for r in rounds],
            "requests": sum(r.requests for r in rounds), "p50_ms": statistics.median(r.median for r in rounds),
            "p99_ms": statistics.median(r.slowest for r in rounds)}


def parked_memory(running, count: int) -> int:
    """Bytes for each request that waits for the provider."""
    for _ in range(8):  # what the first bring along stays
        running.ask("tiny")
    silent = running.provider.silent
    with contextlib.ExitStack() as open_connections:
        open_connections.callback(silent.forget)
        few = [open_connections.enter_context(_sent(running, "parked")) for _ in range(8)]
        _wait_for(silent, len(few))
        before = running.memory()
        many = [open_connections.enter_context(_sent(running, "parked")) for _ in range(count)]
        _wait_for(silent, len(few) + len(many))
        time.sleep(0.5)
        return (running.memory() - before) // count


def unread_memory(running, seconds: float) -> float:
    """Bytes for each byte of large answers whose clients do not read."""
    for _ in range(8):
        running.ask("tiny")
    before, most, end = running.memory(), 0, time.monotonic() + seconds
    with contextlib.ExitStack() as open_connections:
        clients = [open_connections.enter_context(_sent(running, "8mb", 64 * 1024)) for _ in range(UNREAD)]
        while time.monotonic() < end:
            most = max(most, running.memory() - before)
            time.sleep(0.02)
        if not all(client.recv(1) for client in clients):
            raise NotRun("it closed the connection of a client that did not read")
    return most / (UNREAD * UNREAD_MEGABYTES * 1e6)


def _sent(running, kind: str, receive_buffer: int = 0) -> socket.socket:
    """A client that has sent its request."""
    call = running.call(kind)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", running.port))
    headers = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": len(call.body), **call.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"POST {urlsplit(call.url).path} HTTP/1.1\r\n{lines}\r\n{call.body}".encode())
    return connection


def _wait_for(silent, count: int):
    """Some peers pass on only so many requests at a time: the others are parked in them all the same."""
    end = time.monotonic() + ARRIVING
    while len(silent.connections) < count and time.monotonic() < end:
        time.sleep(0.02)
