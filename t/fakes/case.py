"""What the contract suite (t/http/test_dialects.py) must know of a dialect to hold it to its promises.

Each fake's module that speaks for a dialect says `CASE = Case(…)`; t/fakes/cases.py lists them."""

from dataclasses import dataclass, field
from typing import Callable, Optional

from .behaviours import NORMAL, Behaviour
from .server import FakeServer


@dataclass(frozen=True)
class Probe:
    """A parameter that fitting sends to this model, and where the provider then finds it.

    `found` is given the request that asked for the image (a server.Request) and returns what it says."""

    value: object                          # what the caller asks for
    found: Callable                        # Request -> what the provider was told
    told: object = None                    # if that is not the value itself
    beside: dict = field(default_factory=dict)  # other fields that must be asked for with it


@dataclass(frozen=True)
class Case:
    api: str                               # as in `api NAME;`
    fake: Callable[..., FakeServer]        # its fake takes keys={…}, and has `url` and `work` (requests for images)
    model: str                             # the one that the suite asks for
    errors: dict                           # outcome -> {name: Behaviour}: what the real one says, and what it means
    probes: dict                           # parameter -> Probe
    conf: str = ""                         # more lines for the image_provider block
    key: str = "env:OPENAI_API_KEY"        # or "none"
    makes: str = "b64"                     # what the provider's answers hold: b64, url or bytes
    most: int = 1                          # images of one call
    running: Optional[Behaviour] = None    # what a poll says while a job goes on, where there are jobs: see fake.polls
    taken: Behaviour = NORMAL              # what a submit says of a job that goes on
    cancels: bool = False                  # a job is cancelled at the provider when its client leaves: see fake.cancels
    unusual_errors: tuple = ()             # bodies of errors that this suite must not play here, by name; say why

    def __str__(self):
        return self.api
