#!/usr/bin/env python3
"""CPU time of a request through the gateway, beside the same request through plain proxy_pass.

Both ways lead through one nginx with one worker to the same mock provider, in turns, and what counts is the
CPU time of that worker for each completed request: the time of the machine's other processes is nobody's merit.

    ./build.sh bench [--quick] [--check]
"""

import base64
import json
import statistics
import sys
import urllib.request
from dataclasses import dataclass

from _bench import Servers, answer_with, cpu_seconds, free_port, load, main, png, request_for, stored, workers_of

WAYS = ("proxy_pass", "gateway")

HTTP = """
    upstream mock {{
        server 127.0.0.1:{mock};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{proxy_pass};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_max_temp_file_size 0;
        location / {{ proxy_pass http://mock; }}
    }}
    server {{
        listen 127.0.0.1:{gateway};
        location /tiny/ {{ image_gateway; image_gateway_auth off; }}
        location /big/  {{ image_gateway; image_gateway_auth off; }}
    }}
"""


@dataclass(frozen=True)
class Body:
    name: str
    width: int  # of the image
    height: int
    connections: int
    target: float  # throughput for each CPU second, gateway : proxy_pass

    @property
    def request(self) -> str:
        return request_for(f"{self.name}/gpt-image-2")


BODIES = (Body("tiny", 1, 1, 32, 0.27), Body("big", 1000, 500, 8, 0.75))


@dataclass(frozen=True)
class Round:
    requests: int
    seconds: float
    user: float
    system: float

    def microseconds(self, spent):
        return spent * 1e6 / self.requests


def url_of(port, body):
    return f"http://127.0.0.1:{port}/{body.name}/v1/images/generations"


def check_answer(url, body, image):
    """Both ways must deliver the image whole before their speed means anything."""
    request = urllib.request.Request(url, body.request.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    if answer["data"][0]["b64_json"] != base64.b64encode(image).decode():
        sys.exit(f"{url} answers with another image than the mock's")


def one_round(url, body, directory, seconds, worker) -> Round:
    before = cpu_seconds(worker)
    done = load(url, body.request, body.connections, seconds, directory)
    after = cpu_seconds(worker)
    return Round(done.requests, done.seconds, after[0] - before[0], after[1] - before[1])


def rounds_of(body, ports, directory, worker, rounds, seconds) -> dict:
    results = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way in WAYS:
            result = one_round(url_of(ports[way], body), body, directory, seconds if number else 1, worker)
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


def measure(module, quick) -> bool:
    rounds, seconds = (2, 1) if quick else (5, 4)
    with Servers(module) as servers:
        images = {body: png(body.width, body.height) for body in BODIES}
        mock = servers.mock("".join(stored(f"/{body.name}/", f"{body.name}.json") for body in BODIES),
                            {f"{body.name}.json": answer_with(image) for body, image in images.items()})
        ports = {way: free_port() for way in WAYS}
        providers = "".join(servers.provider(body.name, mock, f"/{body.name}") for body in BODIES)
        worker, = workers_of(servers.front(providers + HTTP.format(mock=mock, **ports), ports["gateway"]))
        for body in BODIES:
            for way in WAYS:
                check_answer(url_of(ports[way], body), body, images[body])

        print(f"{'':6} {'':11}{'user µs':>10}{'sys µs':>10}{'total µs':>10}{'requests/s':>12}")
        met = [report(body, rounds_of(body, ports, servers.directory, worker, rounds, seconds)) for body in BODIES]
    return all(met)


if __name__ == "__main__":
    main(measure, "ten seconds instead of a minute and a half")
