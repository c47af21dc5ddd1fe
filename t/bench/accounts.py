#!/usr/bin/env python3
"""What limits that several gateways share through Redis cost, beside limits in shared memory.

The built-in provider's smallest image, a key with all limits and a budget, one worker for each gateway. wrk, the workers and
Redis have the same processors, so CPU time says more than the time that passes; the latencies are those of one client alone.

    build/venv/bin/python t/bench/accounts.py [--quick] [--check]
"""

import contextlib
import hashlib
import json
import sys
from dataclasses import dataclass

from _bench import ROOT, Servers, cpu_seconds, free_port, load, main, request_for, workers_of

sys.path.insert(1, str(ROOT / "t/http"))

from harness.redis import Redis  # noqa: E402

SECRET = "sk-bench"
CLIENTS = 64
LEASE = 15  # seconds: the longest that a Redis that has just started grants nothing
WANTED = 0.9  # of the requests for each CPU second of the workers with shared memory; decision 47 says why it is not met
PLENTY = 1_000_000_000
LIMITS = {"requests_per_minute": PLENTY, "images_per_minute": PLENTY, "images_per_day": PLENTY, "concurrent": PLENTY}
BUDGETS = [{"usd": 100_000, "per": "month"}]
REQUEST = request_for("sandbox/placeholder", size="16x16")

HTTP = """
    image_provider sandbox {{ api sandbox; }}
    image_gateway_keys {dir}/keys.json;
    {accounts}
    server {{
        listen 127.0.0.1:{front};
        location / {{ image_gateway; }}
    }}
"""


@dataclass(frozen=True)
class Round:
    rate: float  # requests a second
    worker: float  # CPU time for a request, in microseconds
    redis: float
    median: float  # milliseconds, of one client alone
    slowest: float  # of 99 in 100


def write_key(directory):
    key = {"id": "bench", "sha256": hashlib.sha256(SECRET.encode()).hexdigest(), "limits": LIMITS, "budgets": BUDGETS}
    (directory / "keys.json").write_text(json.dumps({"keys": [key]}))


def serve(servers, accounts: str) -> tuple:
    """A port, and who serves it."""
    write_key(servers.directory)
    port = free_port()
    process = servers.front(HTTP.format(dir=servers.directory, front=port, accounts=accounts), port)
    return port, workers_of(process)[0]


def one_round(servers, port: int, worker: int, redis: int, seconds: int) -> Round:
    url, headers = f"http://127.0.0.1:{port}/v1/images/generations", {"X-Api-Key": SECRET}
    alone = load(url, REQUEST, 1, seconds, servers.directory, headers)
    before = sum(cpu_seconds(worker)), sum(cpu_seconds(redis))
    many = load(url, REQUEST, CLIENTS, seconds, servers.directory, headers)
    spent = sum(cpu_seconds(worker)) - before[0], sum(cpu_seconds(redis)) - before[1]
    return Round(many.requests / many.seconds, *(cpu * 1e6 / many.requests for cpu in spent), alone.median, alone.slowest)


def rounds_of(module, rounds: int, seconds: int) -> dict:
    results = {"shared memory": [], "Redis": []}
    server = Redis()
    try:
        with contextlib.ExitStack() as running:
            ways = {}
            for way, accounts in (("shared memory", ""),
                                  ("Redis", f"image_gateway_accounts redis://127.0.0.1:{server.port};")):
                servers = running.enter_context(Servers(module))
                ways[way] = (servers, *serve(servers, accounts))
            server.wait_open(LEASE)
            for turn in range(rounds + 1):
                for way, (servers, port, worker) in ways.items():
                    measured = one_round(servers, port, worker, server.pid, seconds if turn else 1)
                    if turn:  # the first was to get warm
                        results[way].append(measured)
    finally:
        server.finish()
    return results


def report(results: dict) -> bool:
    best = {}
    for way, rounds in results.items():
        best[way] = min(round.worker for round in rounds)
        print(f"{way:14} {max(round.rate for round in rounds):8,.0f} requests/s, {best[way]:6.1f} µs of the worker and "
              f"{min(round.redis for round in rounds):6.1f} µs of Redis each; one client alone: median "
              f"{min(round.median for round in rounds):.2f} ms, 99 of 100 in {min(round.slowest for round in rounds):.2f} ms")
    share = best["shared memory"] / best["Redis"]
    print(f"with Redis {share:.2f} times the requests for each CPU second of a worker (wanted: {WANTED}, "
          f"{'met' if share >= WANTED else 'NOT MET'})\n")
    return share >= WANTED


def measure(module, quick) -> bool:
    return report(rounds_of(module, *((1, 1) if quick else (5, 3))))


if __name__ == "__main__":
    main(measure, "five seconds instead of a minute")
