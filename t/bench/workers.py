#!/usr/bin/env python3
"""What a second worker brings, with all kinds of limits and without any.

The built-in provider's smallest image, so that what workers share weighs as much as it can; one key and one end user,
so that all requests meet at the same counters. wrk and the workers have the same processors. Where those are fewer than
three, requests a second say less than the CPU time of a request: as long as that stays the same, a worker with a
processor of its own brings a whole worker more.

    ./build.sh bench [--quick] [--check]
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass

from _bench import Servers, cpu_seconds, free_port, load, main, request_for, workers_of

CONNECTIONS = 64
WORKERS = (1, 2)
WAYS = ("unlimited", "limited")  # keys
WANTED = 1.9  # times as much of two workers as of one, by the CPU time of a request
PLENTY = 1_000_000_000
LIMITS = {"requests_per_minute": PLENTY, "images_per_minute": PLENTY, "images_per_day": PLENTY, "concurrent": PLENTY}

HTTP = """
    image_provider sandbox {{ api sandbox; }}
    image_gateway_keys {dir}/keys.json;
    server {{
        # each worker has a queue of its own: connections spread over them
        listen 127.0.0.1:{front} reuseport;
        location / {{ image_gateway; }}
    }}
"""
REQUEST = request_for("sandbox/placeholder", size="16x16")


@dataclass(frozen=True)
class Round:
    rate: float  # requests a second
    cost: float  # CPU time of all workers for a request, in microseconds


def key(way, **members):
    return {"id": way, "sha256": hashlib.sha256(f"sk-bf-{way}".encode()).hexdigest(), **members}


def write_keys(directory):
    limited = {"limits": LIMITS, "end_user": {"limits": LIMITS}, "model_limits": {"sandbox/*": LIMITS},
               "budgets": [{"usd": 100_000, "per": "day"}, {"usd": 100_000, "per": "month"}]}
    keys = [key("unlimited"), key("limited", **limited)]
    (directory / "keys.json").write_text(json.dumps({"keys": keys}))


def spent(workers):
    return sum(sum(cpu_seconds(worker)) for worker in workers)


def one_round(way, port, directory, workers, seconds) -> Round:
    before = spent(workers)
    done = load(f"http://127.0.0.1:{port}/v1/images/generations", REQUEST, CONNECTIONS, seconds, directory,
                {"X-Api-Key": f"sk-bf-{way}", "X-On-Behalf-Of": "alice@example.com"})
    return Round(done.requests / done.seconds, (spent(workers) - before) * 1e6 / done.requests)


def serve(servers, workers: int) -> tuple:
    """A port, and who serves it."""
    write_keys(servers.directory)
    port = free_port()
    process = servers.front(HTTP.format(dir=servers.directory, front=port), port, workers=workers)
    return port, workers_of(process, workers)


def rounds_of(module, rounds, seconds) -> dict:
    """For each number of workers and each way, the rounds of it."""
    results = {(number, way): [] for number in WORKERS for way in WAYS}
    with contextlib.ExitStack() as running:
        gateways = {}
        for number in WORKERS:
            servers = running.enter_context(Servers(module))
            gateways[number] = (servers.directory, *serve(servers, number))
        for turn in range(rounds + 1):
            for number, way in results:
                directory, port, workers = gateways[number]
                measured = one_round(way, port, directory, workers, seconds if turn else 1)
                if turn:  # the first was to get warm
                    results[number, way].append(measured)
    return results


def report(results) -> bool:
    rate = {one: max(r.rate for r in rounds) for one, rounds in results.items()}
    cost = {one: min(r.cost for r in rounds) for one, rounds in results.items()}
    one, two = WORKERS
    print(f"{CONNECTIONS} clients, the best of {len(results[one, WAYS[0]])} rounds; "
          f"wrk and the workers share {os.cpu_count()} processors")
    scaling = {}
    for way in WAYS:
        scaling[way] = two * cost[one, way] / cost[two, way]
        print(f"{way:10} 1 worker {rate[one, way]:8,.0f} requests/s, {cost[one, way]:6.1f} µs each;"
              f"  2 workers {rate[two, way]:8,.0f} requests/s, {cost[two, way]:6.1f} µs each:"
              f"  {rate[two, way] / rate[one, way]:.2f} times, {scaling[way]:.2f} by CPU time")
    for number in WORKERS:
        print(f"limited : unlimited, {number} worker{'s' if number > 1 else ''}: "
              f"{rate[number, 'limited'] / rate[number, 'unlimited']:.2f} of the requests/s")
    met = scaling["limited"] >= WANTED
    print(f"two workers with all limits do {scaling['limited']:.2f} times as much as one "
          f"(wanted: {WANTED}, {'met' if met else 'NOT MET'})\n")
    return met


def measure(module, quick) -> bool:
    return report(rounds_of(module, *((2, 1) if quick else (5, 3))))


if __name__ == "__main__":
    main(measure, "twelve seconds instead of a minute")
