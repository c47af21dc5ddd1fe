"""Each allocation of a request fails in turn: only that request ends, at once, and the worker serves the next one."""

import http.client
import itertools
import os
from contextlib import contextmanager
from functools import partial

import pytest

from fakes.behaviours import Json
from fakes.black_forest_labs import BlackForestLabs
from fakes.openai import OpenAI
from fakes.images_host import ImagesHost
from harness.configuration import provider
from harness.gateway import until
from harness.keys import key_entry, write_keys
from harness.memory import FailingMemory

PATH = "/v1/images/generations"
KEY = {"Authorization": "Bearer sk-bf-memory"}
BROKEN = None  # the result of a reply that breaks off
SLOW = bool(os.environ.get("SANITIZER_PRELOAD"))


class Case:
    """A way through the gateway: what is configured, what is asked, and how often it is tried (0: for each allocation)."""

    def __init__(self, fake, model="gpt-image-2", api="openai", location="", breaks_off=False, tries=0, keyed=False, kept=False,
                 **body):
        self.fake, self.model, self.api, self.location, self.body = fake, model, api, location, body
        self.kept = kept  # with a state file and a store
        self._keys = (f"key-{number}" for number in itertools.count()) if keyed else itertools.repeat(None)
        self.breaks_off, self.tries = breaks_off, tries

    def ask(self, gateway):
        key = next(self._keys)
        headers = {**KEY, "Idempotency-Key": key} if key else KEY
        try:
            return gateway.post(PATH, {"prompt": "x", "model": f"p/{self.model}", **self.body}, headers, timeout=20)
        except (http.client.HTTPException, ConnectionError):
            return BROKEN

    @staticmethod
    def is_whole(reply) -> bool:
        if reply is BROKEN or reply.status != 200:
            return False
        if reply.headers["Content-Type"].startswith("text/event-stream"):
            return b"event: image_generation.completed" in reply.body and b"event: error" not in reply.body
        return bool(reply.json["data"])

    def is_told(self, reply) -> bool:
        """Whether the client can see that the request failed."""
        if reply is BROKEN:
            return self.breaks_off
        if reply.status == 200:
            return b'"internal_error"' in reply.body and b"event: error" in reply.body
        if self.kept and reply.status == 503:  # the records could not be written
            return reply.json["error"]["code"] == "idempotency_unavailable"
        return reply.status == 500 and reply.json["error"]["code"] == "internal_error"


@contextmanager
def studio_with_links():
    with ImagesHost() as host, OpenAI(family="dalle") as studio:
        studio.always(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}]}))
        yield studio


CASES = {
    "plain": Case(partial(OpenAI, image_bytes=20_000)),
    "stream": Case(partial(OpenAI, image_bytes=20_000), breaks_off=True, stream=True, partial_images=1),
    "passed through": Case(partial(OpenAI, image_bytes=60_000), location="image_gateway_buffering off;", breaks_off=True),
    "with an idempotency key": Case(partial(OpenAI, image_bytes=20_000), keyed=True),
    "a stream with an idempotency key": Case(partial(OpenAI, image_bytes=20_000), keyed=True, breaks_off=True, stream=True,
                                             partial_images=1),
    "with an idempotency key whose result is kept": Case(partial(OpenAI, image_bytes=20_000), keyed=True, kept=True, tries=60),
    "cached": Case(partial(OpenAI, image_bytes=20_000), location="image_gateway_cache on unseeded=on;", kept=True, tries=60),
    "coalesced": Case(partial(OpenAI, image_bytes=20_000), location="image_gateway_coalesce on unseeded=on;"),
    "several calls": Case(partial(OpenAI, family="dalle"), model="dall-e-3", n=3),
    "a polled job": Case(BlackForestLabs, api="black-forest-labs", model="flux-2-pro", tries=20),
    "a link that is fetched": Case(studio_with_links, model="sdxl", response_format="b64_json"),
}


@pytest.fixture
def memory(scratch):
    return FailingMemory(scratch)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_whatever_allocation_fails_only_its_request_ends_and_the_next_is_served(scratch, gateway, memory, case):
    keys = write_keys(scratch / "keys.json", [key_entry("memory", "sk-bf-memory", limits={"concurrent": 1})])
    store = f"image_gateway_store {scratch}/store;" if case.kept else ""
    state = f"image_gateway_state {scratch}/state/state.db;" if case.kept else ""
    with case.fake() as fake:
        g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_fetch_allow 127.0.0.0/8; {store} {case.location}",
                    state + provider("p", fake, "max_calls 3; breaker failures=1;", api=case.api),
                    env={"OPENAI_API_KEY": "sk-test-openai", **memory.variables})
        g.allow_log("bad_alloc")
        memory.watch(g.worker_pids()[0])
        for _ in range(3):
            first = case.ask(g)
        assert case.is_whole(first), (first, g.error_log()[-2000:])
        count = memory.count(lambda: case.ask(g))
        assert count > 50
        failed = 0
        tries = case.tries or (count // 7 if SLOW else count)
        step = max(1, count // tries)
        for number in range(1, count + 1, step):
            reply, has_failed = memory.fail(number, lambda: case.ask(g))
            failed += has_failed
            assert case.is_whole(reply) or case.is_told(reply), (number, count, reply and reply.body, g.log_lines("warn")[-2:], g.log_lines("crit")[-2:])
            if has_failed:
                next_reply = until(lambda: (r := case.ask(g)) and case.is_whole(r) and r, 3, 0)
                assert next_reply, (number, count, reply and reply.body[:300], case.ask(g).body, g.log_lines("warn")[-2:], g.log_lines("crit")[-2:])
        assert failed > tries // 2, "some are the fake's fault, whose answers differ"
