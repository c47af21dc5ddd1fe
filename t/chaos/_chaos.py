"""Shared code: a gateway whose provider counts every cent, and callers that send requests continuously."""

import argparse
import collections
import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS), str(TESTS / "http")]  # for the fakes and the harness

from fakes.openai import Delay, OpenAI  # noqa: E402
from fakes.server import ports_of_fakes  # noqa: E402
from harness import Configuration, Gateway, key_entry, provider, write_keys  # noqa: E402
from harness.gateway import new_directory, until  # noqa: E402

LONGEST, LONGEST_QUICK = 900, 120  # seconds
PAUSE = 0.05  # seconds between two requests of a caller; speed is not tested here
CENT = 0.01  # dollars: what an image costs
CATALOGUE = {"apis": {"openai": [{"model": "cent", "operations": ["generate"], "parameters": {"prompt": {}},
                                  "price": {"per_image": [{"usd": CENT}]}}]}}


def options(about: str):
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds instead of minutes")
    found = parser.parse_args()
    # Raised in the main thread, so that everything that was started is stopped.
    signal.signal(signal.SIGALRM, _too_long)
    signal.signal(signal.SIGTERM, _too_long)
    signal.alarm(LONGEST_QUICK if found.quick else LONGEST)
    return found


def _too_long(*_):
    raise TimeoutError("this has taken too long")


class Promises:
    """Reports at the end which promises were broken."""

    def __init__(self):
        self.broken = []

    def check(self, holds: bool, what: str):
        if not holds:
            self.broken.append(what)

    def end(self, figures: str):
        print(figures + ("; " + "; ".join(f"BROKEN: {one}" for one in self.broken) if self.broken else ""), flush=True)
        sys.exit(1 if self.broken else 0)


class Bank:
    """Keys with a lifetime budget, one after another: when one has spent all, the callers go on with the next.

    The provider counts for itself what it has billed to each, by the prompt. So it can be seen whether a budget has
    paid for more than it has, also long after it was spent."""

    def __init__(self, directory: Path, images: int, count: int):
        self.images = images
        self._names = [f"key-{number}" for number in range(count)]
        self._at = 0
        entries = [key_entry(name, self.secret(name), budgets=[{"usd": round(images * CENT, 2), "per": "lifetime"}])
                   for name in self._names]
        self.file = write_keys(directory / "keys.json", entries)
        self.exhausted = set()

    @staticmethod
    def secret(name: str) -> str:
        return f"sk-bf-{name}"

    def name(self, number: int) -> str:
        """Every fourth caller continues with a key that is spent."""
        return self._names[number % (self._at + 1) if number % 4 == 0 else self._at]

    def spent(self, name: str):
        self.exhausted.add(name)
        if name == self._names[self._at] and self._at + 1 < len(self._names):
            self._at += 1

    def billed(self, fake) -> collections.Counter:
        return collections.Counter(json.loads(request.body)["prompt"] for request in fake.work
                                   if request.complete and request.refused is None)

    def overdrawn(self, fake) -> dict:
        return {name: count for name, count in self.billed(fake).items() if count > self.images}

    def underspent(self, fake) -> dict:
        """The keys that were refused as spent although something was left."""
        billed = self.billed(fake)
        return {name: billed[name] for name in self.exhausted if billed[name] < self.images}


class Callers:
    """Threads that send requests while the context lasts. `seen` counts replies by status; 0 is a broken connection."""

    def __init__(self, gateway, bank: Bank, threads: int = 8):
        self.seen = collections.Counter()
        self.examples = {}
        self._gateway, self._bank = gateway, bank
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._numbers = iter(range(10**9))
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def requests(self) -> int:
        return sum(self.seen.values())

    @property
    def failed(self) -> int:
        """All replies except images and refusals because of spent budgets."""
        return self.requests - self.seen[200] - self.seen[402]

    def _run(self):
        while not self._ending.is_set():
            with self._lock:
                number = next(self._numbers)
            name = self._bank.name(number)
            status, text = self._ask(name)
            with self._lock:
                self.seen[status] += 1
                if status not in (200, 402):
                    self.examples.setdefault(status, text)
            if status == 402:
                self._bank.spent(name)
            self._ending.wait(PAUSE)

    def _ask(self, name: str):
        connection = http.client.HTTPConnection("127.0.0.1", self._gateway.port, timeout=30)
        try:
            connection.request("POST", "/v1/images/generations", json.dumps({"prompt": name, "model": "p/cent"}),
                               {"Content-Type": "application/json", "Authorization": f"Bearer {Bank.secret(name)}"})
            reply = connection.getresponse()
            text = reply.read()
            return reply.status, text[:300]
        except (OSError, http.client.HTTPException) as problem:
            return 0, repr(problem)
        finally:
            connection.close()


@contextlib.contextmanager
def world(images: int, keys: int, delay: float = 0.05, zone: str = "", state: bool = True, start=Gateway, **parts):
    """A fake, its bank, a function that makes the text of http, and a started gateway."""
    directory = new_directory()
    fake = OpenAI(family="dalle").start()
    fake.always(Delay(delay))
    bank = Bank(directory, images, keys)
    catalogue = directory / "catalog.json"
    catalogue.write_text(json.dumps(CATALOGUE))
    catalogue.chmod(0o644)

    def http(zone: str = zone) -> str:
        return (provider("p", fake) + f"image_gateway_keys {bank.file}; image_gateway_catalog {catalogue};"
                + (f"image_gateway_zone zone=chaos:{zone};" if zone else "")
                + (f"image_gateway_state {directory}/state.db;" if state else ""))

    gateway = start(Configuration(location="image_gateway;", http=http(), **{"workers": 2, **parts}),
                    {"OPENAI_API_KEY": "sk-test-openai"}, ports_of_fakes)
    try:
        yield fake, bank, gateway, http
    finally:
        with contextlib.redirect_stdout(open(os.devnull, "w", encoding="utf-8")):
            gateway.finish()
        fake.stop()
        shutil.rmtree(directory, ignore_errors=True)


def reload(gateway, **parts):
    """HUP, and waits until only new workers serve. The harness's own reload checks more, which takes too long under load."""
    before = set(gateway.worker_pids())
    gateway.write_configuration(**parts)
    gateway.signal(signal.SIGHUP)
    if not until(lambda: len(now := set(gateway.worker_pids())) == gateway.configuration.workers and not now & before,
                 30, 0.05):
        raise AssertionError(f"the workers were not renewed:\n{gateway.error_log()[-2000:]}")


def settle_spent(gateway, bank: Bank, seconds: float = 10):
    """Uses every spent key until it is refused, as somebody who looks for a leak would."""
    end = time.monotonic() + seconds
    for name in sorted(bank.exhausted):
        for _ in range(3):
            if time.monotonic() > end:
                return
            gateway.generate({"Authorization": f"Bearer {bank.secret(name)}"}, prompt=name, model="p/cent")


def money(bank: Bank, fake, promises: Promises, exactly: bool = True) -> str:
    over, under = bank.overdrawn(fake), bank.underspent(fake)
    promises.check(not over, f"budgets of {bank.images} images paid for {sorted(over.values())}")
    if exactly:
        promises.check(not under, f"refused as spent after {sorted(under.values())} of {bank.images} images")
    return (f"{sum(bank.billed(fake).values())} images billed by the provider, {len(bank.exhausted)} budgets of "
            f"{bank.images} spent, {len(over)} overdrawn (the worst paid for "
            f"{max(bank.billed(fake).values(), default=0)}), {len(under)} refused too early")
