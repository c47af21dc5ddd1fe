#!/usr/bin/env python3
"""What it costs to understand a request and how little a hostile body gets, and to admit and settle one, and whether
two workers that do so get twice as much done as one: builds understand_bench and limits_bench, and runs them.

    ./build.sh bench [--quick] [--check]
"""

import json
import subprocess
import sys

from _bench import ROOT, main

BUILD = ROOT / "build/bench"
# How often each is run: the best counts, as others may have the processors meanwhile
REPETITIONS = {"understand_bench": 3, "limits_bench": 10}
# The most that each may take for a request and thread, in nanoseconds
TARGETS = {"Typical": 5_000, "Hostile": 5_000_000, "OneLimit": 3_000, "AllLimits": 3_000}
# These are requests with other work around what is shared: how many times as many two threads must get done as one
SCALING = {"AmongWork": 1.8, "AmongWorkOfOneKey": 1.8}
ENOUGH_PROCESSORS = 1.7  # for two threads to meet at the lock as they would with one each


def build():
    for command in (["cmake", "-S", ROOT / "t/bench", "-B", BUILD, "-G", "Ninja"], ["cmake", "--build", BUILD]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout)


def runs_of(program, seconds) -> list:
    done = subprocess.run([BUILD / program, "--benchmark_format=json", f"--benchmark_min_time={seconds}",
                           f"--benchmark_repetitions={REPETITIONS[program]}"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    runs = [one for one in json.loads(done.stdout)["benchmarks"] if one["run_type"] == "iteration"]
    for run in runs:
        if run.get("error_occurred"):
            sys.exit(f"{run['run_name']}: {run['error_message']}")
    return runs


def name_of(run) -> str:
    return run["run_name"].replace("/real_time/threads:", " × ")


def nanoseconds(run) -> float:
    """Of a request, in one thread: of CPU time, and with several threads as it went by."""
    return run["threads"] * 1e9 / run["items_per_second"] if " × " in name_of(run) else run["cpu_time"]


def rate(run) -> float:
    """Requests a second of all threads, if each has a processor to itself: by CPU time, which waiting for the lock
    takes, but not what other processes of the machine do meanwhile."""
    return run["threads"] * 1e9 / run["cpu_time"]


def processors(run) -> float:
    """How many it had. Threads that take turns on one never wait for each other."""
    return run["items_per_second"] * run["cpu_time"] / 1e9


def best_times(runs) -> dict:
    best = {}
    for run in runs:
        best[name_of(run)] = min(nanoseconds(run), best.get(name_of(run), nanoseconds(run)))
    return best


def report_time(name, time) -> bool:
    target = next((limit for start, limit in TARGETS.items() if name.startswith(start)), None)
    wanted = ""
    if target is not None:
        wanted = f" (wanted: under {target / 1000:,.0f}, {'met' if time < target else 'NOT MET'})"
    print(f"{name:24}{time / 1000:10,.1f} µs{wanted}")
    return target is None or time < target


def report_scaling(name, runs) -> bool:
    """The best run counts; of two threads, the best of those that had two processors almost to themselves."""
    one = max((run for run in runs if name_of(run) == f"{name} × 1"), key=rate)
    two = max((run for run in runs if name_of(run) == f"{name} × 2"),
              key=lambda run: (min(processors(run), ENOUGH_PROCESSORS), rate(run)))
    ratio = rate(two) / rate(one)
    met = ratio >= SCALING[name]
    enough = processors(two) >= ENOUGH_PROCESSORS
    busy = "" if enough else f"; says little, they had only {processors(two):.1f} processors"
    print(f"{name:24}{rate(one):10,.0f} requests/s of one thread, {rate(two):,.0f} of two: {ratio:.2f} times "
          f"(wanted: {SCALING[name]}, {'met' if met else 'NOT MET'}{busy})")
    return met


def measure(_, quick) -> bool:
    build()
    runs = runs_of("understand_bench", 0.02 if quick else 0.3) + runs_of("limits_bench", 0.02 if quick else 0.1)
    met = [report_time(name, time) for name, time in best_times(runs).items()]
    met += [report_scaling(name, runs) for name in SCALING]
    return all(met)


if __name__ == "__main__":
    main(measure, "some seconds instead of half a minute")
