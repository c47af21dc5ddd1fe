"""An answer as OpenAI streams it, and what can be wrong with one."""

import base64
import json
from dataclasses import dataclass
from typing import Callable, Optional

from .behaviours import Behaviour, Reply
from .sample_images import sample_image

PARTIAL, COMPLETED = "image_generation.partial_image", "image_generation.completed"


@dataclass
class Events(Behaviour):
    """`change` is given the events, (name, data) each, and returns those to send; data may also be text.

    `tail` comes behind them, `wrap` changes the whole text. `named`: whether events have an `event` line."""

    change: Callable[[list], list] = lambda events: events
    tail: str = ""
    wrap: Callable[[str], str] = lambda text: text
    named: bool = True

    def reply(self, call) -> Reply:
        return call.server.stream_reply(call.request, self)

    def text(self, events: list) -> str:
        blocks = ""
        for name, data in self.change(events):
            line = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
            blocks += (f"event: {name}\n" if self.named else "") + f"data: {line}\n\n"
        return self.wrap(blocks + self.tail)


def failure(code="image_generation_failed", kind="image_generation_server_error", message="Image generation failed"):
    """An error in the middle of a stream."""
    return "error", {"type": "error", "error": {"type": kind, "code": code, "message": message, "param": None}}


def breaks_off_after(count: int, *more) -> Events:
    """So many of its events, then `more`, and the end."""
    return Events(lambda events: events[:count] + list(more))


def events_of(document: dict, partials: int, preview: Callable[[int], bytes], operation: str = "image_generation") -> list:
    """Every completed event tells the usage of all: which of the two readings the real one means, is not known."""
    partial, completed = f"{operation}.partial_image", f"{operation}.completed"
    about = {"created_at": document["created"],
             **{name: document[name] for name in ("size", "quality", "background", "output_format") if name in document}}
    events = []
    for item in document["data"]:
        for number in range(partials):
            drawn = base64.b64encode(preview(number)).decode()
            events.append((partial, {"type": partial, "partial_image_index": number, "b64_json": drawn, **about}))
        events.append((completed, {"type": completed, **item, "usage": document["usage"], **about}))
    return events


def stream_reply(document: dict, partials: int, style: Optional[Events] = None, size=(16, 16),
                 output_format: str = "png", headers: Optional[dict] = None, operation: str = "image_generation") -> Reply:
    events = events_of(document, partials, lambda number: sample_image(*size, output_format, 100 + number), operation)
    return Reply(200, {"Content-Type": "text/event-stream; charset=utf-8", **(headers or {})},
                 (style or Events()).text(events).encode())
