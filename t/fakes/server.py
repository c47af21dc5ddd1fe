"""The generic part of every fake provider: a threaded HTTP/1.1 server that records and can be scripted."""

import json
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Optional

from .behaviours import NORMAL, Behaviour, Reply
from .connection import ClientLeft, Connection, Head, Malformed

_ports = set()


def ports_of_fakes() -> set:
    """Ports of all fakes that this process has had, so that their connections can be told from leaks."""
    return set(_ports)


class Stopped(Exception):
    """The fake was stopped while a request was in flight."""


@dataclass
class Request:
    """What a fake saw. `refused` is the answer's body if the strict checks did not let it pass."""

    method: str
    path: str
    query: str
    headers: dict
    header_list: list
    connection: int
    time: float
    body: bytes = b""
    complete: bool = False
    refused: Optional[bytes] = None

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Call:
    """One request in flight, as behaviours see it."""

    def __init__(self, server, connection: Connection, request: Request):
        self.server = server
        self.connection = connection
        self.request = request

    def normal_reply(self) -> Reply:
        return self.server.accept(self.request)

    def send(self, reply: Reply):
        self.connection.send(reply.head() + reply.body)

    def wait(self, seconds):
        if self.connection.client_leaves_within(seconds):
            raise ClientLeft("while waiting")


class Script:
    """Behaviours for the next requests, first in, first out, and one for all after them."""

    def __init__(self):
        self.queue, self.default = deque(), NORMAL

    def take(self):
        """A behaviour, and whether it was queued."""
        return (self.queue.popleft(), True) if self.queue else (self.default, False)


def note_port(port: int):
    """Of a provider that is no FakeServer: what a worker keeps open to it is no leak either."""
    _ports.add(port)


class FakeServer:
    """A provider's fake overrides `is_scripted`, `refuse` and `accept`; everything else is here.

    Start it with `start()` or as a context manager; it listens on 127.0.0.1 at a port that the kernel picks, and
    at the same port of the addresses in `also`."""

    usual_tls = None  # (certificate, key) of all fakes that get none

    def __init__(self, tls=None, port: int = 0, also=()):
        tls = tls or self.usual_tls
        self._lock = threading.Condition()
        self._requests, self._script, self._polls = [], Script(), Script()
        self._connections = {}
        self._aborted = self._in_flight = self._accepted = self._failed_handshakes = 0
        self._malformed = []
        self._stopping = False
        self._tls = self.tls_context(tls) if tls else None
        self._listeners = self._listen_at(port, also)
        self.port = self._listeners[0].getsockname()[1]
        _ports.add(self.port)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    # What a provider's fake says about itself

    def is_scripted(self, head: Head) -> bool:
        """Whether behaviours are meant for this request (the provider's real work, not its side doors)."""
        return True

    def is_poll(self, head: Head) -> bool:
        """Whether the request asks what became of a job. Such requests have a script of their own."""
        return False

    def wants_key(self, request: Request) -> bool:
        """Whether the provider's key belongs on this request; to hosts that only deliver images it must not go."""
        return True

    def refuse(self, request: Request) -> Optional[Reply]:
        """The provider's answer to a request that is wrong, or None if it is right."""
        return None

    def accept(self, request: Request) -> Reply:
        """The provider's answer to a request that is right."""
        raise NotImplementedError

    # Scripting

    def next(self, *behaviours: Behaviour):
        """Queues behaviours for the next requests, first in, first out."""
        with self._lock:
            self._script.queue.extend(behaviours)

    def always(self, behaviour: Optional[Behaviour] = None):
        """What to do when the queue is empty; nothing means the normal answer."""
        with self._lock:
            self._script.default = behaviour or NORMAL

    def next_poll(self, *behaviours: Behaviour):
        """The same for requests that ask what became of a job."""
        with self._lock:
            self._polls.queue.extend(behaviours)

    def always_poll(self, behaviour: Optional[Behaviour] = None):
        with self._lock:
            self._polls.default = behaviour or NORMAL

    # What happened

    @property
    def requests(self) -> list:
        with self._lock:
            return list(self._requests)

    @property
    def refusals(self) -> list:
        """Requests that failed the strict checks."""
        return [request for request in self.requests if request.refused is not None]

    @property
    def unplayed(self) -> int:
        """Queued behaviours that no request has met yet."""
        with self._lock:
            return len(self._script.queue) + len(self._polls.queue)

    @property
    def aborted(self) -> int:
        """Requests whose client left before the answer was complete."""
        with self._lock:
            return self._aborted

    @property
    def in_flight(self) -> int:
        with self._lock:
            return self._in_flight

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        with self._lock:
            return self._accepted

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._connections)

    @property
    def failed_handshakes(self) -> int:
        with self._lock:
            return self._failed_handshakes

    @property
    def malformed(self) -> list:
        """What was wrong with requests that were not good HTTP."""
        with self._lock:
            return list(self._malformed)

    def wait_requests(self, count: int, timeout: float = 5) -> list:
        self._wait(lambda: len(self._requests) >= count, timeout, f"{count} requests")
        return self.requests

    def wait(self, condition, timeout: float = 5):
        """Until the condition, a function of nothing, holds; it is looked at whenever something happens."""
        self._wait(condition, timeout, "a condition")

    def wait_aborted(self, count: int = 1, timeout: float = 5):
        self._wait(lambda: self._aborted >= count, timeout, f"{count} aborted requests")

    def wait_in_flight(self, count: int, timeout: float = 5):
        self._wait(lambda: self._in_flight == count, timeout, f"{count} requests in flight")

    def _wait(self, condition, timeout, what):
        with self._lock:
            if not self._lock.wait_for(condition, timeout):
                raise AssertionError(
                    f"waited {timeout} s for {what}; seen: {len(self._requests)} requests, "
                    f"{self._in_flight} in flight, {self._aborted} aborted")

    # Life

    def start(self):
        for listener in self._listeners:
            threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
        return self

    def stop(self):
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            serving = list(self._connections.items())
        for listener in self._listeners:
            socket.socket.shutdown(listener, socket.SHUT_RDWR)
            listener.close()
        for connection, _ in serving:
            connection.wake()
        for _, thread in serving:
            thread.join(5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @staticmethod
    def tls_context(files):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, files))
        context.set_alpn_protocols(["http/1.1"])
        return context

    @staticmethod
    def _listen_at(port, also) -> list:
        first = socket.create_server(("127.0.0.1", port), backlog=1024)
        listeners = [first]
        for address in also:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listeners.append(socket.create_server((address, first.getsockname()[1]), family=family))
        return listeners

    def _listen(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._accepted += 1
                number = self._accepted
            threading.Thread(target=self._greet, args=(sock, number), daemon=True).start()

    def _greet(self, sock, number):
        if self._tls:
            try:
                sock.settimeout(10)
                sock = self._tls.wrap_socket(sock, server_side=True)
                sock.settimeout(None)
            except OSError:
                sock.close()
                with self._lock:
                    self._failed_handshakes += 1
                    self._lock.notify_all()
                return
        connection = Connection(sock, number)
        with self._lock:
            self._connections[connection] = threading.current_thread()
            if self._stopping:
                connection.close()
        try:
            while connection.open and self._serve_one(connection):
                pass
        finally:
            connection.close()
            with self._lock:
                del self._connections[connection]
                self._lock.notify_all()

    def _serve_one(self, connection: Connection) -> bool:
        """Serves the next request; false when the connection is over."""
        try:
            head = connection.read_head()
            if head is None or self._stopping:
                return False
            with self._lock:
                self._in_flight += 1
                self._lock.notify_all()
            try:
                self._serve(connection, head)
            finally:
                with self._lock:
                    self._in_flight -= 1
                    self._lock.notify_all()
            return not head.wants_close
        except Malformed as problem:
            with self._lock:
                self._malformed.append(str(problem))
            connection.close()
            return False
        except ClientLeft:
            with self._lock:
                self._aborted += not self._stopping
                self._lock.notify_all()
            return False

    def _serve(self, connection: Connection, head: Head):
        request = Request(head.method, head.path, head.query, head.headers, head.header_list, connection.number,
                          time.monotonic())
        call = Call(self, connection, request)
        silent = connection.close_at_next_request
        script = None if silent else self._script_for(head)
        behaviour, queued = self._take(script)
        if behaviour.before_body:
            self._record(request)
            behaviour.play(call)
            return
        request.body = connection.read_body(head)
        request.complete = True
        refusal = None if silent else self.refuse(request)
        request.refused = refusal.body if refusal else None
        self._record(request)
        if silent:
            connection.close()
        elif refusal:
            if queued:
                self._put_back(script, behaviour)
            call.send(refusal)
        else:
            behaviour.play(call)

    def _script_for(self, head) -> Optional[Script]:
        return self._script if self.is_scripted(head) else self._polls if self.is_poll(head) else None

    def _take(self, script):
        with self._lock:
            return script.take() if script else (NORMAL, False)

    def _put_back(self, script, behaviour):
        with self._lock:
            script.queue.appendleft(behaviour)

    def _record(self, request):
        with self._lock:
            self._requests.append(request)
            self._lock.notify_all()
