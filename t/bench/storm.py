#!/usr/bin/env python3
"""What a primary provider that answers only 429 costs callers who are served by the secondary.

64 clients ask the alias of both, and the secondary alone, in turns, through one nginx with one worker; what counts
is the median time of a request. Two primaries: one that says nothing about when to come again (its key rests), and
one that says "at once", and is asked as often as the gateway asks such a one.

    ./build.sh bench [--quick] [--check]
"""

import json
import statistics

from _bench import Servers, answer_with, free_port, load, main, png, request_for, stored

CLIENTS = 64
ALLOWED = 2.0  # milliseconds more than the secondary alone
WAYS = ("secondary", "resting", "eager")  # aliases

HTTP = """
    image_model secondary secondary/gpt-image-2;
    image_model resting   resting/gpt-image-2 secondary/gpt-image-2;
    image_model eager     eager/gpt-image-2 secondary/gpt-image-2;
    server {{
        listen 127.0.0.1:{front};
        location / {{ image_gateway; image_gateway_auth off; }}
    }}
"""

THROTTLED = json.dumps({"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded",
                                  "param": None}})


def times_of(module, rounds, seconds) -> dict:
    """By alias, the rounds of it."""
    with Servers(module) as servers:
        mock = servers.mock(stored("/secondary/", "made.json") + f"""
            location /resting/ {{ return 429 '{THROTTLED}'; }}
            location /eager/ {{ add_header Retry-After-Ms 0 always; return 429 '{THROTTLED}'; }}""",
                            {"made.json": answer_with(png())})
        front = free_port()
        providers = "".join(servers.provider(way, mock, f"/{way}") for way in WAYS)
        servers.front(providers + HTTP.format(front=front), front, level="crit")
        times = {way: [] for way in WAYS}
        for number in range(rounds + 1):
            for way in WAYS:
                measured = load(f"http://127.0.0.1:{front}/v1/images/generations", request_for(way), CLIENTS,
                                seconds if number else 1, servers.directory)
                if number:  # the first was to get warm
                    times[way].append(measured)
        return times


def measure(module, quick) -> bool:
    times = times_of(module, *((2, 1) if quick else (5, 3)))
    median = {way: statistics.median(one.median for one in times[way]) for way in WAYS}
    print(f"{CLIENTS} clients, one worker: median time of a request (99th percentile)")
    met = True
    for way in WAYS:
        slowest = statistics.median(one.slowest for one in times[way])
        more = median[way] - median["secondary"]
        met = met and more < ALLOWED
        against = "" if way == "secondary" else f"  {more:+.2f} ms ({median[way] / median['secondary']:.2f} times)"
        print(f"{way:10} {median[way]:7.2f} ms ({slowest:.2f}){against}")
    print(f"a primary that answers only 429 adds less than {ALLOWED:.0f} ms: {'met' if met else 'NOT MET'}\n")
    return met


if __name__ == "__main__":
    main(measure, "nine seconds instead of fifty")
