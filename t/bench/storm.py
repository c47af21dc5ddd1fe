#!/usr/bin/env python3
"""What a primary provider that answers only 429 costs callers who are served by the secondary.

64 clients ask the alias of both, and the secondary alone, in turns, through one nginx with one worker; what counts
is the median time of a request. Two primaries: one that says nothing about when to come again (its key rests), and
one that says "at once", and is asked as often as the gateway asks such a one.

    ./build.sh bench [--quick] [--check]
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from proxy_vs_gateway import COMMON_CONF, ROOT, free_ports, nginx, png, wait_for

CLIENTS = 64
ALLOWED = 2.0  # milliseconds more than the secondary alone
WAYS = ("secondary", "resting", "eager")  # aliases

MOCK_CONF = """
worker_processes 1;
pid {dir}/mock.pid;
error_log {dir}/mock.log error;
events {{ worker_connections 1024; }}
http {{
    {common}
    open_file_cache max=10;
    server {{
        listen 127.0.0.1:{mock};
        root {dir}/answers;
        location /secondary/ {{ error_page 405 =200 /made.json; return 405; }}
        location /resting/ {{ return 429 '{throttled}'; }}
        location /eager/ {{ add_header Retry-After-Ms 0 always; return 429 '{throttled}'; }}
    }}
}}
"""

FRONT_CONF = """
load_module {module};
worker_processes 1;
pid {dir}/front.pid;
error_log {dir}/front.log crit;
events {{ worker_connections 1024; }}
http {{
    {common}
    image_provider secondary {{ api openai; url http://127.0.0.1:{mock}/secondary/v1; key file:{dir}/key; }}
    image_provider resting   {{ api openai; url http://127.0.0.1:{mock}/resting/v1;   key file:{dir}/key; }}
    image_provider eager     {{ api openai; url http://127.0.0.1:{mock}/eager/v1;     key file:{dir}/key; }}
    image_model secondary secondary/gpt-image-2;
    image_model resting   resting/gpt-image-2 secondary/gpt-image-2;
    image_model eager     eager/gpt-image-2 secondary/gpt-image-2;
    server {{
        listen 127.0.0.1:{front};
        location / {{ image_gateway; image_gateway_auth off; }}
    }}
}}
"""

WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{{"model":"{way}","prompt":"a red kite over dunes"}}'
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, latency:percentile(50), latency:percentile(99),
                           e.status + e.connect + e.read + e.write + e.timeout))
end
"""

THROTTLED = json.dumps({"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded",
                                  "param": None}})


def load(way, ports, directory, seconds):
    """Median and 99th percentile, in milliseconds."""
    script = directory / f"{way}.lua"
    script.write_text(WRK_SCRIPT.format(way=way))
    wrk = subprocess.run(["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script),
                          f"http://127.0.0.1:{ports['front']}/v1/images/generations"],
                         capture_output=True, text=True, timeout=seconds + 60, check=False)
    result = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)$", wrk.stdout, re.M)
    if not result:
        sys.exit(f"wrk failed: {wrk.stdout}{wrk.stderr}")
    requests, median, slowest, failed = map(int, result.groups())
    if failed or not requests:
        sys.exit(f"{way}: of {requests} requests {failed} failed")
    return median / 1000, slowest / 1000


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--check", action="store_true", help="fail when the target is not met")
    options = arguments.parse_args()
    rounds, seconds = (2, 1) if options.quick else (5, 3)

    module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as running:
        directory = pathlib.Path(temporary)
        (directory / "answers").mkdir()
        (directory / "key").write_text("sk-mock\n")
        picture = base64.b64encode(png(1, 1)).decode()
        (directory / "answers" / "made.json").write_text(json.dumps({"created": 1, "data": [{"b64_json": picture}]}))
        ports = free_ports("mock", "front")
        values = {"dir": directory, "module": module, "common": COMMON_CONF.format(dir=directory),
                  "throttled": THROTTLED, **ports}
        wait_for(ports["mock"], running.enter_context(nginx("mock", MOCK_CONF.format(**values), directory)))
        wait_for(ports["front"], running.enter_context(nginx("front", FRONT_CONF.format(**values), directory)))

        times = {way: [] for way in WAYS}
        for number in range(rounds + 1):
            for way in WAYS:
                measured = load(way, ports, directory, seconds if number else 1)
                if number:  # the first was to get warm
                    times[way].append(measured)

    median = {way: statistics.median(one for one, _ in times[way]) for way in WAYS}
    print(f"{CLIENTS} clients, one worker: median time of a request (99th percentile)")
    met = True
    for way in WAYS:
        slowest = statistics.median(slow for _, slow in times[way])
        more = median[way] - median["secondary"]
        met = met and more < ALLOWED
        against = "" if way == "secondary" else f"  {more:+.2f} ms ({median[way] / median['secondary']:.2f} times)"
        print(f"{way:10} {median[way]:7.2f} ms ({slowest:.2f}){against}")
    print(f"a primary that answers only 429 adds less than {ALLOWED:.0f} ms: {'met' if met else 'NOT MET'}\n")
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
