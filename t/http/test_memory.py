"""image_gateway_memory: what a worker holds for its callers, and which requests are refused or wait if memory is short."""

import base64
import json
import os
import threading
import time

import pytest

from fakes.behaviours import Chunked, Delay, Raw
from fakes.openai import Images
from fakes.sample_images import sample_image
from harness.client import together
from harness.configuration import openai_as_auto
from harness.gateway import until
from harness.keys import key_entry, write_keys
from harness.processes import private_memory

PATH = "/v1/images/generations"
ASK = {"prompt": "x"}
OPEN = "image_gateway; image_gateway_auth off;"
MEGA = 1024 * 1024
SANITIZED = os.environ.get("SANITIZER_PRELOAD")  # sanitizers change memory use


class Watch:
    """The peak memory of a process while the block runs."""

    def __init__(self, pid: int):
        self._pid, self._going = pid, True
        self.most = self.before = private_memory(pid)
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        while self._going:
            self.most = max(self.most, private_memory(self._pid))
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._going = False
        self._thread.join()

    @property
    def growth(self) -> int:
        return self.most - self.before


@pytest.fixture
def keyed(gateway, openai_factory, scratch):
    """A gateway with the keys a and b, whose provider makes images of `size` bytes."""
    def start(size: int, memory: str, more: str = ""):
        keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a"), key_entry("b", "sk-bf-b")])
        openai = openai_factory(image_bytes=size)
        return gateway(f"image_gateway; image_gateway_keys {keys}; {more}",
                       openai_as_auto(openai) + f"image_gateway_memory {memory};", listen="sndbuf=32k"), openai
    return start


A, B = {"x-api-key": "sk-bf-a"}, {"x-api-key": "sk-bf-b"}


def slow(g, headers=(), body=ASK):
    """A client that does not read yet."""
    return g.connect(receive_buffer=4096, timeout=60).post(PATH, body, headers)


def beginning(g, headers, seconds: float = 0.5) -> bytes:
    """The first bytes of a reply; empty if it does not begin in time, because it waits for memory."""
    with g.connect(timeout=seconds).post(PATH, ASK, headers) as connection:
        try:
            return connection.receive(12)
        except TimeoutError:
            return b""


def is_refused(g, headers) -> bool:
    return beginning(g, headers) == b"HTTP/1.1 503"


def test_slow_readers_of_one_key_leave_room_for_other_keys(keyed):
    g, openai = keyed(3_000_000, "16m")
    clients = [slow(g, A) for _ in range(8)]
    assert until(lambda: is_refused(g, A), 20)
    refused = g.post(PATH, ASK, A)
    assert refused.json["error"]["code"] == "overloaded" and refused.headers["Retry-After"] == "1"
    for _ in range(3):
        assert g.post(PATH, ASK, B).status == 200
    for client in clients:
        client.reset()
    assert until(lambda: not is_refused(g, A), 10)
    assert g.post(PATH, ASK, A).status == 200


@pytest.mark.parametrize("directive, problem", (
    ("image_gateway_memory 1000k;", '"image_gateway_memory" must be at least 1m'),
    ("image_gateway_memory 8m share=0%;", 'invalid share "0"'),
    ("image_gateway_memory 8m share=25;", 'invalid share "25", expected something like 20%'),
    ("image_gateway_memory 8m fair=25%;", 'invalid parameter "fair=25%"'),
    ("image_gateway_memory 8m; image_gateway_memory 8m;", "is duplicate")))
def test_a_mistake_is_told(nginx_t, directive, problem):
    tested = nginx_t(directive)
    assert not tested.ok and problem in tested.output


def test_a_share_of_all_lets_one_key_have_all(keyed):
    g, openai = keyed(3_000_000, "16m share=100%")
    clients = [slow(g, A) for _ in range(8)]
    assert until(lambda: beginning(g, B, 2) != b"HTTP/1.1 200", 20)
    for client in clients:
        client.reset()


@pytest.mark.parametrize("how", (Images(), Chunked(chunk_bytes=50_000)), ids=("of known length", "of unknown length"))
def test_many_slow_readers_hold_no_more_than_the_limit_and_leave_nothing(gateway, openai_factory, how):
    size, limit, clients = 4_000_000, 40 * MEGA, 60
    openai = openai_factory(image_bytes=size)
    g = gateway(OPEN + "image_gateway_answer_max 8m;", openai_as_auto(openai) + "image_gateway_memory 40m;",
                listen="sndbuf=32k", events="worker_connections 1024;")
    pid = g.worker_pids()[0]
    assert g.post(PATH, ASK).status == 200
    assert until(lambda: private_memory(pid) < 60 * MEGA, 10)
    openai.always(how)
    with Watch(pid) as watch:
        readers = [slow(g) for _ in range(clients)]
        assert until(lambda: len(openai.work) >= 20, 20)
        time.sleep(2)
        for reader in readers:
            reader.reset()
    assert watch.growth < limit * 1.1 + clients * 256 * 1024 or SANITIZED, watch.growth / MEGA
    assert until(lambda: private_memory(pid) < watch.before + 12 * MEGA or SANITIZED, 60, 0.2), \
        (private_memory(pid) - watch.before) / MEGA
    assert until(lambda: openai.in_flight == 0, 10)


def test_whoever_waits_for_memory_gets_it_when_others_have_read(keyed):
    g, openai = keyed(3_000_000, "8m")
    openai.always(Delay(0.5))  # so that all have begun before memory is short
    assert [reply.status for reply in together(6, g.post, PATH, ASK, A)] == [200] * 6


def test_the_deadline_holds_while_an_answer_waits_for_memory(keyed):
    g, openai = keyed(6_000_000, "4m", "image_gateway_deadline 3s;")
    first = slow(g, A)
    first.receive_until(b"b64_json")
    openai.next(Delay(0))
    began = time.monotonic()
    # It is admitted while there is room, but finds none when its response arrives.
    second = slow(g, B)
    reply = second.response()
    assert reply.status in (504, 503) and time.monotonic() - began < 6
    first.reset()


def test_tiny_events_cost_memory_in_proportion_to_their_bytes(gateway, openai_factory):
    openai = openai_factory()
    text = b'data: {"type":"nothing"}\n\n' * 46_000  # 1.2 MB
    openai.always(Raw(200, {"Content-Type": "text/event-stream"}, text))
    g = gateway(OPEN, openai_as_auto(openai))
    pid = g.worker_pids()[0]
    g.post(PATH, {**ASK, "stream": True})
    with Watch(pid) as watch:
        clients = [g.connect().post(PATH, {**ASK, "stream": True}) for _ in range(5)]
        for client in clients:
            client.response()
    assert watch.growth < 4 * 5 * len(text) or SANITIZED, watch.growth / MEGA


def linked(host, count: int) -> Raw:
    return Raw(200, {"Content-Type": "application/json"},
               json.dumps({"created": 1, "data": [{"url": f"{host.origin}/files/{i}.png"} for i in range(count)]}))


def test_all_images_behind_the_links_of_an_answer_have_one_limit(gateway, openai_factory):
    big = sample_image(16, 16, size_bytes=2 * MEGA)
    host = openai_factory(family="dalle")
    for number in range(6):
        host._files[f"/files/{number}.png"] = big
    openai = openai_factory(family="dalle")
    openai.always(linked(host, 6))
    g = gateway(OPEN + "image_gateway_answer_max 5m; image_gateway_fetch_allow 127.0.0.0/8;",
                f"image_provider p {{ api openai; url {openai.url}; key env:OPENAI_API_KEY; }}"
                "image_model auto p/dall-e-2;")
    pid = g.worker_pids()[0]
    with Watch(pid) as watch:
        reply = g.post(PATH, {**ASK, "n": 6, "response_format": "b64_json"})
    assert reply.status == 200, reply.body[:500]
    images = [base64.b64decode(one["b64_json"]) for one in reply.json["data"] if one.get("b64_json")]
    assert images == [big, big]
    assert len([one for one in reply.json["data"] if one.get("url")]) == 4
    assert "too large" in json.dumps(reply.json["extra_fields"])


def test_images_behind_links_wait_for_memory_too(gateway, openai_factory):
    big = sample_image(16, 16, size_bytes=6 * MEGA)
    host = openai_factory(family="dalle")
    for number in range(8):
        host._files[f"/files/{number}.png"] = big
    openai = openai_factory(family="dalle")
    openai.always(linked(host, 4))
    g = gateway(OPEN + "image_gateway_answer_max 64m; image_gateway_fetch_allow 127.0.0.0/8;",
                f"image_provider p {{ api openai; url {openai.url}; key env:OPENAI_API_KEY; }}"
                "image_model auto p/dall-e-2; image_gateway_memory 40m;", listen="sndbuf=32k")
    pid = g.worker_pids()[0]
    g.post(PATH, {**ASK, "n": 4, "response_format": "b64_json"})
    with Watch(pid) as watch:
        readers = [slow(g, body={**ASK, "n": 4, "response_format": "b64_json"}) for _ in range(4)]
        time.sleep(3)
        for reader in readers:
            reader.reset()
    # 4 requests of 32 MB each; one of them may exceed the limit.
    assert watch.most < (40 + 32 + 20) * MEGA or SANITIZED, watch.most / MEGA


def test_bodies_leave_room_for_the_answers_that_their_requests_wait_for(gateway, openai_factory, scratch):
    """Otherwise all would wait until their deadline for memory that their own bodies hold, and would be billed."""
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    openai = openai_factory(image_bytes=1_500_000)
    openai.always(Delay(0.5))
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_deadline 20s;",
                openai_as_auto(openai) + "image_gateway_memory 16m;")
    headers = {"x-api-key": "sk-bf-a", "Content-Type": "application/json"}
    replies = together(11, g.post, PATH, body=json.dumps(ASK).encode().ljust(360_000), headers=headers, timeout=60)
    statuses = [reply.status for reply in replies]
    assert statuses.count(200) > 0 and set(statuses) <= {200, 503}
    assert len(openai.work) == statuses.count(200)
