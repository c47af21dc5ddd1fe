#!/usr/bin/env python3
"""What it costs to understand a request and how little a hostile body gets, and to admit and settle one: builds
understand_bench and limits_bench, and runs them.

    ./build.sh bench [--quick] [--check]
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/bench"
# The most CPU time that each may take, in nanoseconds
TARGETS = {"Typical": 5_000, "Hostile": 5_000_000, "OneLimit": 3_000, "AllLimits": 3_000}


def build():
    for command in (["cmake", "-S", ROOT / "t/bench", "-B", BUILD, "-G", "Ninja"], ["cmake", "--build", BUILD]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout)


def measure(name, quick) -> list:
    done = subprocess.run([BUILD / name, "--benchmark_format=json", "--benchmark_repetitions=3",
                           f"--benchmark_min_time={0.02 if quick else 0.3}"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout)["benchmarks"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="a second instead of ten")
    arguments.add_argument("--check", action="store_true", help="fail when a target is not met")
    options = arguments.parse_args()
    build()
    best = {}
    for one in [one for name in ("understand_bench", "limits_bench") for one in measure(name, options.quick)]:
        if one["run_type"] == "iteration":
            if one.get("error_occurred"):
                sys.exit(f"{one['run_name']}: {one['error_message']}")
            # google-benchmark divides the time of two threads by two: what each of them has taken is twice that
            name = one["run_name"].replace("/real_time/threads:", " × ")
            time = one["real_time"] * one["threads"] if " × " in name else one["cpu_time"]
            best[name] = min(time, best.get(name, time))
    met = True
    for name, nanoseconds in best.items():
        target = next((limit for start, limit in TARGETS.items() if name.startswith(start)), None)
        wanted = ""
        if target is not None:
            met = met and nanoseconds < target
            wanted = f" (wanted: under {target / 1000:,.0f}, {'met' if nanoseconds < target else 'NOT MET'})"
        print(f"{name:24}{nanoseconds / 1000:10,.1f} µs{wanted}")
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
