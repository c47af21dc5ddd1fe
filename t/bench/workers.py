#!/usr/bin/env python3
"""What a second worker brings, with all kinds of limits and without any.

The built-in provider's smallest picture, so that what workers share weighs as much as it can; one key and one end user,
so that all requests meet at the same counters. wrk and the workers have the same processors. Where those are fewer than
three, requests a second say less than the CPU time of a request: as long as that stays the same, a worker with a
processor of its own brings a whole worker more.

    ./build.sh bench [--quick] [--check]
"""

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from proxy_vs_gateway import COMMON_CONF, ROOT, cpu_seconds, free_ports, nginx, wait_for

CONNECTIONS = 64
WORKERS = (1, 2)
WAYS = ("unlimited", "limited")  # keys
WANTED = 1.8  # times as much of two workers as of one, by the CPU time of a request
PLENTY = 1_000_000_000
LIMITS = {"requests_per_minute": PLENTY, "images_per_minute": PLENTY, "images_per_day": PLENTY, "concurrent": PLENTY}

CONF = """
load_module {module};
worker_processes {workers};
pid {dir}/front.pid;
error_log {dir}/front.log error;
events {{ worker_connections 512; }}
http {{
    {common}
    image_provider sandbox {{ api sandbox; }}
    image_gateway_keys {dir}/keys.json;
    server {{
        # each worker has a queue of its own: connections spread over them
        listen 127.0.0.1:{front} reuseport;
        location / {{ image_gateway; }}
    }}
}}
"""

WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{{"model":"sandbox/placeholder","prompt":"a red kite over dunes","size":"16x16"}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Api-Key"] = "sk-bf-{way}"
wrk.headers["X-On-Behalf-Of"] = "alice@example.com"
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration,
                           e.status + e.connect + e.read + e.write + e.timeout))
end
"""


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


def workers_of(process, number) -> list:
    """All children are workers; they listen before all of them are there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if len(children) == number:
            return [int(child) for child in children]
        time.sleep(0.05)
    sys.exit(f"nginx has {len(children)} processes instead of {number} workers")


def spent(workers):
    return sum(sum(cpu_seconds(worker)) for worker in workers)


def load(way, port, directory, workers, seconds) -> Round:
    script = directory / f"{way}.lua"
    script.write_text(WRK_SCRIPT.format(way=way))
    before = spent(workers)
    wrk = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script),
                          f"http://127.0.0.1:{port}/v1/images/generations"],
                         capture_output=True, text=True, timeout=seconds + 60, check=False)
    after = spent(workers)
    result = re.search(r"^RESULT (\d+) (\d+) (\d+)$", wrk.stdout, re.M)
    if not result:
        sys.exit(f"wrk failed: {wrk.stdout}{wrk.stderr}")
    requests, duration, failed = map(int, result.groups())
    if failed or not requests:
        sys.exit(f"{way}: of {requests} requests {failed} failed")
    return Round(requests * 1e6 / duration, (after - before) * 1e6 / requests)


def serve(running, directory, module, workers) -> tuple:
    ports = free_ports("front")
    conf = CONF.format(module=module, workers=workers, dir=directory, common=COMMON_CONF.format(dir=directory), **ports)
    process = running.enter_context(nginx("front", conf, directory))
    wait_for(ports["front"], process)
    return ports["front"], workers_of(process, workers)


def measure(module, rounds, seconds) -> dict:
    """For each number of workers and each way, the rounds of it."""
    results = {(number, way): [] for number in WORKERS for way in WAYS}
    with contextlib.ExitStack() as running:
        servers = {}
        for number in WORKERS:
            directory = pathlib.Path(running.enter_context(tempfile.TemporaryDirectory()))
            write_keys(directory)
            servers[number] = (directory, *serve(running, directory, module, number))
        for turn in range(rounds + 1):
            for number, way in results:
                directory, port, workers = servers[number]
                measured = load(way, port, directory, workers, seconds if turn else 1)
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


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="twelve seconds instead of a minute")
    arguments.add_argument("--check", action="store_true", help="fail when the target is not met")
    options = arguments.parse_args()
    rounds, seconds = (2, 1) if options.quick else (5, 3)
    module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
    met = report(measure(module, rounds, seconds))
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
