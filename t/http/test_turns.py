"""A provider that sends endless data does not block the worker: other requests are served at the same time."""

import json
import os
import statistics
import subprocess
import sys
import threading

import pytest

from fakes.behaviours import Behaviour, Endless, Json, Raw
from fakes.openai import OpenAI
from fakes.images_host import PNG, ImagesHost
from harness import provider

SLOW = bool(os.environ.get("SANITIZER_PRELOAD"))

# Runs in a separate process, because the fakes keep this one busy. Time during which it or the worker waited for a
# processor does not count.
CANARY = """
import http.client, json, sys, time
def waited():
    return sum(int(open(f"/proc/{one}/schedstat").read().split()[1]) for one in ("thread-self", sys.argv[3])) / 1e9
times = []
for _ in range(int(sys.argv[2])):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    began, before = time.monotonic(), waited()
    connection.request("GET", "/v1/models/none")
    assert connection.getresponse().status == 404
    times.append(time.monotonic() - began - (waited() - before))
    connection.close()
    time.sleep(0.01)
print(json.dumps(times))
"""


class Informing(Behaviour):
    """Endless informational responses."""

    def play(self, call):
        while True:
            call.connection.send(b"HTTP/1.1 102 Processing\r\nX-Nothing: x\r\n\r\n" * 1000)


def endless(content_type: str, piece: bytes) -> Endless:
    return Endless(Raw(200, {"Content-Type": content_type}, b""), piece=piece)


EVENT = b'data: {"type":"image_generation.partial_image","partial_image_index":7,"b64_json":"AAAA"}\n\n'
SENT = {
    "a body": (endless("application/json", b"[" + b"1" * 65535), {}),
    "white space": (endless("application/json", b" \n" * 32768), {}),
    "a string": (endless("application/json", b'{"data":[{"b64_json":"' + b"A" * 65536), {}),
    "events": (endless("text/event-stream", EVENT * 700), {"stream": True}),
    "empty events": (endless("text/event-stream", b"data:\n\n" * 8000), {"stream": True}),
    "comments": (endless("text/event-stream", b":\n" * 30000), {"stream": True}),
    "heads": (Raw(), {}),
    "an image behind a link": (Raw(), {"response_format": "b64_json"}),
}


@pytest.mark.parametrize("count", (1, 4 if SLOW else 16))
@pytest.mark.parametrize("what", SENT)
def test_requests_without_a_provider_are_served_while_a_provider_sends_endless_data(gateway, what, count):
    behaviour, fields = SENT[what]
    with ImagesHost() as host, OpenAI(family="gpt" if "stream" in fields else "dalle") as openai:
        openai.always(behaviour)
        if what == "heads":
            openai.always(Informing())
        elif "link" in what:
            host.always(Endless(Raw(200, {"Content-Type": "image/png"}, PNG), piece=PNG * 100))
            openai.always(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}]}))
        model = "p/gpt-image-2" if "stream" in fields else "p/sdxl"
        g = gateway("image_gateway; image_gateway_auth off; image_gateway_answer_max 8m;"
                    "image_gateway_fetch_allow 127.0.0.0/8;",
                    "image_gateway_memory 2g;" + provider("p", openai))
        worker, = g.worker_pids()
        over = threading.Event()

        def ask_again_and_again():
            while not over.is_set():
                g.post("/v1/images/generations", {"prompt": "x", "model": model, **fields}, timeout=120)

        clients = [threading.Thread(target=ask_again_and_again) for _ in range(count)]
        for client in clients:
            client.start()
        try:
            openai.wait_requests(count, 30)
            done = subprocess.run([sys.executable, "-c", CANARY, str(g.port), "40", f"{worker}/task/{worker}"],
                                  capture_output=True, text=True,
                                  check=True, timeout=120)
        finally:
            over.set()
            for client in clients:
                client.join()
        times = sorted(json.loads(done.stdout))
        print(f"{what}, {count}: median {statistics.median(times) * 1000:.1f} ms, "
              f"of 40 the third longest {times[-3] * 1000:.1f} ms, the longest {times[-1] * 1000:.1f} ms")
        # Below 20 ms without sanitizers; without turns it was seconds.
        assert statistics.median(times) < (0.4 if SLOW else 0.1) and times[-3] < (2.0 if SLOW else 0.5), times[-10:]
