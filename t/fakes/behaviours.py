"""What a fake can be told to do with one request: `fake.next(Delay(2), Reset())`, `fake.always(Hang())`.

A behaviour plays only for a request that passes the fake's strict checks; one that fails them is refused as the
real provider would refuse it, and the script waits for the next. (ResetBeforeBody comes before any check.)
"""

import json
import threading
from dataclasses import dataclass, field
from typing import Optional, Union


@dataclass
class Reply:
    """An answer before it is put on the wire."""

    status: int
    headers: dict
    body: bytes

    REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
               405: "Method Not Allowed", 413: "Content Too Large", 429: "Too Many Requests",
               500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}

    def head(self, close: bool = False, length: bool = True) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {self.REASONS.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if length and not {"content-length", "transfer-encoding"} & {name.lower() for name in self.headers}:
            lines.append(f"Content-Length: {len(self.body)}")
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Behaviour:
    """Base and default: answers as the provider would. `call` is a server.Call."""

    before_body = False

    def reply(self, call) -> Reply:
        return call.normal_reply()

    def play(self, call):
        call.send(self.reply(call))


NORMAL = Behaviour()


@dataclass
class Raw(Behaviour):
    """Exactly this: HTML, nothing, megabytes. Content-Length is added unless `headers` sets it."""

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: Union[bytes, str] = b""

    def reply(self, call) -> Reply:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return Reply(self.status, self.headers, body)


def Json(value, status: int = 200, headers: Optional[dict] = None) -> Raw:
    """This value as application/json."""
    return Raw(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value))


@dataclass
class Delay(Behaviour):
    """Nothing at all for so many seconds, then `then`."""

    seconds: float
    then: Behaviour = NORMAL

    def play(self, call):
        call.wait(self.seconds)
        self.then.play(call)


class Held(Behaviour):
    """Nothing at all until it is released, then as the provider would."""

    def __init__(self):
        self._released = threading.Event()

    def release(self):
        self._released.set()

    def play(self, call):
        while not self._released.is_set():
            call.wait(0.02)
        NORMAL.play(call)


class Hang(Behaviour):
    """Never answers: until the client leaves or the fake stops."""

    def play(self, call):
        call.wait(None)


class Reset(Behaviour):
    """Reads the whole request, then resets the connection (RST)."""

    def play(self, call):
        call.connection.reset()


class ResetBeforeBody(Behaviour):
    """Resets the connection (RST) after the request's head, without reading the body."""

    before_body = True

    def play(self, call):
        call.connection.reset()


class CloseUnanswered(Behaviour):
    """Reads the whole request, then closes the connection (FIN) without a byte of answer."""

    def play(self, call):
        call.connection.close()


@dataclass
class Truncate(Behaviour):
    """Promises the whole answer in Content-Length, sends `after_bytes` of the body, closes (or resets)."""

    after_bytes: int
    of: Behaviour = NORMAL
    reset: bool = False

    def play(self, call):
        reply = self.of.reply(call)
        call.connection.send(reply.head() + reply.body[: self.after_bytes])
        call.connection.reset() if self.reset else call.connection.close()


@dataclass
class Trickle(Behaviour):
    """Head at once, then the body in pieces of `chunk_bytes` with `pause` seconds before each."""

    chunk_bytes: int
    pause: float
    of: Behaviour = NORMAL

    def play(self, call):
        reply = self.of.reply(call)
        call.connection.send(reply.head())
        for start in range(0, len(reply.body), self.chunk_bytes):
            call.wait(self.pause)
            call.connection.send(reply.body[start : start + self.chunk_bytes])


@dataclass
class Chunked(Behaviour):
    """The answer in chunked transfer encoding; `unfinished`: closes without the last chunk."""

    of: Behaviour = NORMAL
    chunk_bytes: int = 16 * 1024
    unfinished: bool = False

    def play(self, call):
        reply = self.of.reply(call)
        reply = Reply(reply.status, {**reply.headers, "Transfer-Encoding": "chunked"}, reply.body)
        call.connection.send(reply.head())
        for start in range(0, len(reply.body), self.chunk_bytes):
            chunk = reply.body[start : start + self.chunk_bytes]
            call.connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if self.unfinished:
            call.connection.close()
        else:
            call.connection.send(b"0\r\n\r\n")


@dataclass
class Endless(Behaviour):
    """The answer, and after it `piece` again and again while the client listens; `promised` is its Content-Length, if any."""

    of: Behaviour = NORMAL
    promised: Optional[int] = None
    piece: bytes = bytes(64 * 1024)

    def play(self, call):
        reply = self.of.reply(call)
        if self.promised is not None:
            reply.headers["Content-Length"] = self.promised
        call.connection.send(reply.head(close=True, length=False) + reply.body)
        while True:
            call.connection.send(self.piece)


@dataclass
class UntilClose(Behaviour):
    """Neither Content-Length nor chunks: the end of the answer is the end of the connection."""

    of: Behaviour = NORMAL

    def play(self, call):
        reply = self.of.reply(call)
        call.connection.send(reply.head(close=True, length=False) + reply.body)
        call.connection.close()


@dataclass
class CloseIdle(Behaviour):
    """Answers with keep-alive; the next request on the connection is read and the connection closed unanswered.

    That is what makes curl send a request a second time by itself."""

    of: Behaviour = NORMAL

    def play(self, call):
        call.connection.close_at_next_request = True
        self.of.play(call)


@dataclass
class KeepAliveClose(Behaviour):
    """Answers as if the connection stayed open, and closes it at once."""

    of: Behaviour = NORMAL

    def play(self, call):
        self.of.play(call)
        call.connection.close()


@dataclass
class SayClose(Behaviour):
    """Answers with `Connection: close`, and closes."""

    of: Behaviour = NORMAL

    def play(self, call):
        reply = self.of.reply(call)
        call.connection.send(reply.head(close=True) + reply.body)
        call.connection.close()
