"""A client of HTTP/2 in clear text, with prior knowledge, whose streams are read as they come."""

import json as json_module
import socket

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes

from .client import Content


class Http2Stream(Content):
    """A request, and what has come of its answer. `ended` is the server's own word; `reset` is a code, if it broke off."""

    def __init__(self, connection, number: int):
        self.number = number
        self.headers, self.body, self.ended, self.reset = {}, bytearray(), False, None
        self.untaken = 0  # bytes that the server may not yet follow with others
        self._connection = connection

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    @property
    def is_over(self) -> bool:
        return self.ended or self.reset is not None

    def receive_until(self, mark: bytes) -> bytes:
        """All of the body so far, once the mark is in it."""
        self._connection.read(self, lambda: mark in self.body)
        assert mark in self.body, self
        return bytes(self.body)

    def response(self) -> "Http2Stream":
        """Itself, once the answer is whole."""
        self._connection.read(self, lambda: self.ended)
        assert self.ended, self
        return self

    def leave(self):
        """Tells the server that nobody wants the rest; the connection stays."""
        self._connection.cancel(self)

    def __repr__(self):
        how = "ended" if self.ended else "open" if self.reset is None else f"reset with {self.reset}"
        return f"<{self.headers.get(':status')}, {how}, {bytes(self.body[-300:])!r}>"


class Http2Connection:
    """`window`: how many bytes of a stream may come that is not read."""

    def __init__(self, port: int, window: int = 65535, timeout: float = 30):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._protocol = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._authority = f"127.0.0.1:{port}"
        self._streams = {}
        self._protocol.initiate_connection()
        self._protocol.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self._flush()

    def get(self, path: str, headers=()) -> Http2Stream:
        return self._request("GET", path, dict(headers))

    def post(self, path: str, json, headers=()) -> Http2Stream:
        """POST of JSON."""
        return self._request("POST", path, {"content-type": "application/json", **dict(headers)},
                             json_module.dumps(json).encode())

    def read(self, stream: Http2Stream, condition):
        """Until the condition holds, or the stream is over. Other streams get no further than their windows."""
        while not condition() and not stream.is_over:
            if stream.untaken:
                self._protocol.increment_flow_control_window(stream.untaken, stream.number)
                stream.untaken = 0
                self._flush()
            data = self._socket.recv(65536)
            assert data, f"the server closed the connection: {stream}"
            for event in self._protocol.receive_data(data):
                self._take(event)
            self._flush()

    def cancel(self, stream: Http2Stream):
        self._protocol.reset_stream(stream.number, ErrorCodes.CANCEL)
        self._flush()

    def close(self):
        self._socket.close()

    def _request(self, method, path, headers, body=None) -> Http2Stream:
        head = {":method": method, ":scheme": "http", ":authority": self._authority, ":path": path, **headers}
        stream = Http2Stream(self, self._protocol.get_next_available_stream_id())
        self._streams[stream.number] = stream
        self._protocol.send_headers(stream.number, list(head.items()), end_stream=body is None)
        if body is not None:
            self._protocol.send_data(stream.number, body, end_stream=True)
        self._flush()
        return stream

    def _take(self, event):
        stream = self._streams.get(getattr(event, "stream_id", None))
        if isinstance(event, ResponseReceived):
            stream.headers = dict(event.headers)
        elif isinstance(event, DataReceived):
            stream.body += event.data
            stream.untaken += event.flow_controlled_length
            if event.flow_controlled_length:
                self._protocol.increment_flow_control_window(event.flow_controlled_length)
        elif isinstance(event, StreamEnded):
            stream.ended = True
        elif isinstance(event, StreamReset):
            stream.reset = event.error_code

    def _flush(self):
        self._socket.sendall(self._protocol.data_to_send())
