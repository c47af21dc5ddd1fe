"""A peer that runs: its processes, what /proc knows about all of them, and whether it answers."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from _bench import cpu_seconds, free_port, private_bytes

from .peer import PARTIALS, NotRun

STARTING = 120  # seconds
ANSWERING = 30


class Running:
    """The processes of a peer, until the context ends."""

    def __init__(self, peer, servers, provider):
        self.peer, self.provider, self.port = peer, provider, free_port()
        launch = peer.launch(servers, provider, self.port)
        self._log = servers.directory / f"{peer.name}.output"
        began = time.monotonic()
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(launch.command, env={**os.environ, **launch.environment}, stdout=log, stderr=log,
                                             stdin=subprocess.DEVNULL, cwd=servers.directory, start_new_session=True)
        try:
            self._wait_for_answer()
        except BaseException:
            self.stop()
            raise
        self.start_up = time.monotonic() - began  # seconds until it has answered the first request

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)

    def call(self, kind):
        return self.peer.call(kind, self.port, self.provider)

    def cpu(self) -> float:
        """Seconds in user mode and in the kernel, of all processes."""
        return sum(_of_each(self._process.pid, lambda pid: sum(cpu_seconds(pid))))

    def memory(self) -> int:
        """Bytes of private memory of all processes."""
        return sum(_of_each(self._process.pid, private_bytes))

    def ask(self, kind: str) -> bytes:
        call = self.call(kind)
        request = urllib.request.Request(call.url, call.body.encode(), {"Content-Type": "application/json", **call.headers})
        with urllib.request.urlopen(request, timeout=ANSWERING) as response:
            return response.read()

    def check(self, kind: str) -> float:
        """It must deliver the images whole before its speed means anything. The seconds that this takes."""
        began = time.monotonic()
        try:
            answer = self.ask(kind)
            problem = _problem_of_stream(answer) if kind == "stream" else self._problem_of(kind, answer)
        except urllib.error.HTTPError as error:
            problem = f"it answers with {error.code}: {error.read(200).decode(errors='replace')}"
        except (OSError, HTTPException, ValueError, TypeError, KeyError) as error:
            problem = f"no answer: {error}"
        if problem:
            raise NotRun(problem)
        return time.monotonic() - began

    def _problem_of(self, kind: str, answer: bytes) -> str:
        images = [item.get("b64_json") for item in json.loads(answer)["data"]]
        image = base64.b64encode(self.provider.images[self.provider.answer(kind)]).decode()
        wanted = 4 if kind == "fan-out" else 1
        return "" if images == [image] * wanted else f"{len(images)} images, or not the provider's, instead of {wanted}"

    def _wait_for_answer(self):
        end = time.monotonic() + STARTING
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError, HTTPException):
                self.ask("tiny")
                return
            time.sleep(0.005)
        said = self._log.read_text(errors="replace").strip().splitlines() or ["it says nothing"]
        raise NotRun("it did not start: " + next((line for line in said if "rror" in line), said[-1]).strip()[:200])


def _problem_of_stream(answer: bytes) -> str:
    previews, completed = (answer.count(b'"type":"image_generation.%s"' % name) + answer.count(b'"type": "image_generation.%s"' % name)
                           for name in (b"partial_image", b"completed"))
    if previews == PARTIALS and completed == 1:
        return ""
    return f"it does not stream images: {previews} previews and {completed} images came"


def _of_each(pid: int, value) -> list:
    """Of this process and all below it. One that has just ended counts as nothing."""
    values = []
    with contextlib.suppress(OSError):
        values.append(value(pid))
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                values += _of_each(int(child), value)
    return values
