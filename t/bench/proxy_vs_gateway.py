#!/usr/bin/env python3
"""CPU time of a request through the gateway, beside the same request through plain proxy_pass.

Both ways lead through one nginx with one worker to the same mock provider, in turns, and what counts is the
CPU time of that worker for each completed request: the time of the machine's other processes is nobody's merit.

    ./build.sh bench [--quick] [--check]
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAYS = ("proxy_pass", "gateway")

MOCK_CONF = """
worker_processes 1;
pid {dir}/mock.pid;
error_log {dir}/mock.log error;
events {{ worker_connections 512; }}
http {{
    {common}
    open_file_cache max=10;
    server {{
        listen 127.0.0.1:{mock};
        root {dir}/answers;
        # a static file answers GET only; after this inner redirect the request is one
        location /tiny/ {{ error_page 405 =200 /tiny.json; return 405; }}
        location /big/  {{ error_page 405 =200 /big.json; return 405; }}
    }}
}}
"""

FRONT_CONF = """
load_module {module};
worker_processes 1;
pid {dir}/front.pid;
error_log {dir}/front.log error;
events {{ worker_connections 512; }}
http {{
    {common}
    upstream mock {{
        server 127.0.0.1:{mock};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    image_provider tiny {{ api openai; url http://127.0.0.1:{mock}/tiny/v1; key file:{dir}/key; }}
    image_provider big  {{ api openai; url http://127.0.0.1:{mock}/big/v1;  key file:{dir}/key; }}

    server {{
        listen 127.0.0.1:{proxy_pass};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_max_temp_file_size 0;
        location / {{ proxy_pass http://mock; }}
    }}
    server {{
        listen 127.0.0.1:{gateway};
        location / {{ image_gateway; image_gateway_auth off; }}
    }}
}}
"""

COMMON_CONF = """
    access_log off;
    default_type application/json;
    types {{ application/json json; }}
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
"""

WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{body}'
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration,
                           e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Body:
    name: str
    width: int  # of the picture; 3 bytes of noise for each pixel, which do not compress
    height: int
    connections: int
    target: float  # throughput for each CPU second, gateway : proxy_pass


BODIES = (Body("tiny", 1, 1, 32, 0.27), Body("big", 1000, 500, 8, 0.75))


@dataclass(frozen=True)
class Round:
    requests: int
    seconds: float
    user: float
    system: float

    def microseconds(self, spent):
        return spent * 1e6 / self.requests


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1))
            + chunk(b"IEND", b""))


def free_ports(*names):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return {name: s.getsockname()[1] for name, s in zip(names, sockets)}


@contextlib.contextmanager
def nginx(name, conf, directory):
    path = directory / f"{name}.conf"
    # the directory belongs to us alone: workers of another user could not read it
    path.write_text(("user root;" if os.geteuid() == 0 else "") + conf)
    command = [os.environ.get("NGINX") or shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"),
               "-e", "stderr", "-p", str(directory), "-c", str(path), "-g", "daemon off;"]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        log = directory / f"{name}.log"
        if log.exists() and log.stat().st_size:
            sys.stderr.write(f"---- {name}'s error log ends so:\n{log.read_text()[-2000:]}")


def wait_for(port, process):
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit("nginx did not start; it says why above.")


def worker_of(process):
    (worker,) = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(worker)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return tuple(int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13])


def url_of(port, body):
    return f"http://127.0.0.1:{port}/{body.name}/v1/images/generations"


def request_of(body):
    return json.dumps({"model": f"{body.name}/gpt-image-2", "prompt": "a red kite over dunes"})


def check_answer(url, body, picture):
    """Both ways must deliver the picture whole before their speed means anything."""
    request = urllib.request.Request(url, request_of(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    if answer["data"][0]["b64_json"] != picture:
        sys.exit(f"{url} answers with another picture than the mock's")


def load(url, body, script, seconds, worker):
    before = cpu_seconds(worker)
    wrk = subprocess.run(["wrk", "-t1", f"-c{body.connections}", f"-d{seconds}s", "--timeout", "10s",
                          "-s", str(script), url],
                         capture_output=True, text=True, timeout=seconds + 60, check=False)
    after = cpu_seconds(worker)
    result = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)$", wrk.stdout, re.M)
    if not result:
        sys.exit(f"wrk failed: {wrk.stdout}{wrk.stderr}")
    requests, duration, bad_status, broken = map(int, result.groups())
    if bad_status or broken or not requests:
        sys.exit(f"{url}: of {requests} requests {bad_status} were not answered with 200 and {broken} broke")
    return Round(requests, duration / 1e6, after[0] - before[0], after[1] - before[1])


def measure(body, ports, directory, worker, rounds, seconds):
    script = directory / f"{body.name}.lua"
    script.write_text(WRK_SCRIPT.format(body=request_of(body)))
    results = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way in WAYS:
            result = load(url_of(ports[way], body), body, script, seconds if number else 1, worker)
            if number:  # the first was to get warm
                results[way].append(result)
    return results


def median(results, value):
    return statistics.median(value(result) for result in results)


def cost(result):
    return result.microseconds(result.user + result.system)


def report(body, results):
    """Prints the rows of one body and returns whether its target is met."""
    for way in WAYS:
        rounds = results[way]
        print(f"{body.name:6} {way:11}"
              f"{median(rounds, lambda r: r.microseconds(r.user)):10.1f}"
              f"{median(rounds, lambda r: r.microseconds(r.system)):10.1f}"
              f"{median(rounds, cost):10.1f}"
              f"{median(rounds, lambda r: r.requests / r.seconds):12,.0f}")
    ratio = median(results["proxy_pass"], cost) / median(results["gateway"], cost)
    met = ratio >= body.target
    print(f"{body.name:6} throughput for each CPU second, gateway : proxy_pass = {ratio:.2f} "
          f"(wanted: {body.target}, {'met' if met else 'NOT MET'})\n")
    return met


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="ten seconds instead of a minute and a half")
    arguments.add_argument("--check", action="store_true", help="fail when a target is not met")
    options = arguments.parse_args()
    rounds, seconds = (2, 1) if options.quick else (5, 4)

    module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as running:
        directory = pathlib.Path(temporary)
        (directory / "answers").mkdir()
        (directory / "key").write_text("sk-mock\n")
        pictures = {body: base64.b64encode(png(body.width, body.height)).decode() for body in BODIES}
        for body, picture in pictures.items():
            answer = {"created": 1700000000, "data": [{"b64_json": picture}]}
            (directory / "answers" / f"{body.name}.json").write_text(json.dumps(answer, separators=(",", ":")))

        ports = free_ports("mock", *WAYS)
        values = {"dir": directory, "module": module, "common": COMMON_CONF.format(dir=directory), **ports}
        mock = running.enter_context(nginx("mock", MOCK_CONF.format(**values), directory))
        wait_for(ports["mock"], mock)
        front = running.enter_context(nginx("front", FRONT_CONF.format(**values), directory))
        wait_for(ports["gateway"], front)

        for body in BODIES:
            for way in WAYS:
                check_answer(url_of(ports[way], body), body, pictures[body])

        print(f"{'':6} {'':11}{'user µs':>10}{'sys µs':>10}{'total µs':>10}{'requests/s':>12}")
        met = [report(body, measure(body, ports, directory, worker_of(front), rounds, seconds)) for body in BODIES]
    return 1 if options.check and not all(met) else 0


if __name__ == "__main__":
    sys.exit(main())
