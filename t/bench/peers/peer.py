"""What a peer is: a gateway or a proxy that is measured beside ours, in one process or with one worker."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from _bench import PROMPT, ROOT

KEY = "sk-bf-peers"  # of the caller, where the peer checks one
MODEL = "gpt-image-2"  # what the provider calls it
PARTIALS = 3
INSTALLING = 900  # seconds
FAN_OUT = 4  # images

# How each kind of request differs from the smallest one
FIELDS = {"stream": {"stream": True, "partial_images": PARTIALS}, "fan-out": {"n": FAN_OUT}}


class NotRun(Exception):
    """Why a peer, or one kind of request to it, is not measured."""


def install(command: list, what: str, log: Path, cwd=None, environment=None):
    """The page says that it failed; why goes into the log, because it may name machines."""
    try:
        with open(log, "wb") as output:
            done = subprocess.run(command, cwd=cwd, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                                  timeout=INSTALLING, check=False)
    except subprocess.TimeoutExpired:
        raise NotRun(f"{what} could not be installed within {INSTALLING} s") from None
    except OSError as error:
        raise NotRun(f"{what} could not be installed: {Path(command[0]).name}: {error.strerror}") from None
    if done.returncode != 0:
        raise NotRun(f"{what} could not be installed ({Path(command[0]).name} says why in {log.relative_to(ROOT)})")


@dataclass(frozen=True)
class Launch:
    """How a peer's processes start. The environment comes on top of ours."""
    command: list
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One kind of request, as this peer wants it."""
    url: str
    body: str
    headers: dict


class Peer:
    """Callers name the kind of request as the model. The peer sends it to that provider as MODEL, if it can."""

    name = ""  # on the command line
    title = ""
    kinds = ()  # of requests that it can serve; see scenarios.KINDS
    does = ""  # beside passing requests on
    leaves_out = ""
    compiles = False  # code that it runs often, while it runs: it needs to get warm

    def install(self, directory: Path):
        """Raises NotRun if it cannot."""

    def version(self) -> str:
        return ""

    def launch(self, servers, provider, port: int) -> Launch:
        raise NotImplementedError

    def call(self, kind: str, port: int, provider) -> Call:
        return Call(f"http://127.0.0.1:{port}/v1/images/generations", body_of(kind),
                    {"Authorization": f"Bearer {KEY}"})


def body_of(kind: str) -> str:
    return json.dumps({"model": kind, "prompt": PROMPT, **FIELDS.get(kind, {})}, separators=(",", ":"))
