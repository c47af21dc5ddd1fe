"""One client connection of a fake: reads strict HTTP/1.1, writes bytes, notices when the client leaves."""

import re
import select
import socket
import ssl
import struct
import threading
import time

HEAD_LIMIT = 64 * 1024
REQUEST_LINE = re.compile(rb"([A-Z]+) (/[\x21-\x7e]*) HTTP/1\.([01])")
HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientLeft(Exception):
    """The client closed the connection before its answer was complete."""


class Malformed(Exception):
    """What came in is not HTTP as a careful client writes it."""


class Head:
    """Request line and headers. `headers` has lower-case names; repeated ones are joined with a comma."""

    def __init__(self, data: bytes):
        first, *rest = data.split(b"\r\n")
        line = REQUEST_LINE.fullmatch(first)
        if not line:
            raise Malformed(f"request line {first[:200]!r}")
        self.method = line[1].decode()
        target = line[2].decode("latin-1")
        self.path, _, self.query = target.partition("?")
        self.minor_version = int(line[3])
        self.header_list = [self._header(one) for one in rest]
        self.headers = {}
        for name, value in self.header_list:
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self._check()

    @staticmethod
    def _header(line: bytes):
        match = HEADER_LINE.fullmatch(line)
        if not match:
            raise Malformed(f"header line {line[:200]!r}")
        return match[1].decode().lower(), match[2].decode("latin-1")

    def _check(self):
        names = [name for name, _ in self.header_list]
        if names.count("host") != 1:
            raise Malformed("there must be exactly one Host header")
        if names.count("content-length") > 1:
            raise Malformed("more than one Content-Length")
        length = self.headers.get("content-length")
        coding = self.headers.get("transfer-encoding")
        if length is not None and (coding is not None or not re.fullmatch("[0-9]+", length)):
            raise Malformed(f"Content-Length {length!r}, Transfer-Encoding {coding!r}")
        if coding is not None and coding.lower() != "chunked":
            raise Malformed(f"Transfer-Encoding {coding!r}")

    @property
    def wants_close(self) -> bool:
        options = self.headers.get("connection", "").lower()
        return "close" in options or (self.minor_version == 0 and "keep-alive" not in options)


class Connection:
    def __init__(self, sock: socket.socket, number: int):
        self.number = number
        self.open = True
        self.close_at_next_request = False
        self._socket = sock
        self._received = bytearray()
        self._closing = threading.Lock()
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read_head(self):
        """The next request's head, or None when the client has closed the connection between requests."""
        while True:
            end = self._received.find(b"\r\n\r\n")
            if end >= 0:
                break
            if len(self._received) > HEAD_LIMIT:
                raise Malformed("head too long")
            if not self._receive():
                if self._received:
                    raise Malformed("connection closed within a head")
                return None
        data = bytes(self._received[:end])
        del self._received[: end + 4]
        return Head(data)

    def read_body(self, head: Head) -> bytes:
        if head.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "transfer-encoding" in head.headers:
            return self._read_chunks()
        return self._read_exactly(int(head.headers.get("content-length", 0)))

    def send(self, data: bytes):
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ClientLeft(str(error)) from error

    def client_leaves_within(self, seconds) -> bool:
        """Waits up to `seconds` (None: for ever); true as soon as the client has closed or reset its side."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            if poll.poll(None if left is None else left * 1000) and not self._receive():
                return True

    def close(self):
        self._close(reset=False)

    def reset(self):
        self._close(reset=True)

    def wake(self):
        """Ends whatever the serving thread is waiting for. May be called from any thread."""
        with self._closing:
            if self.open:
                try:
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:
                    pass

    def _close(self, reset: bool):
        with self._closing:
            if not self.open:
                return
            self.open = False
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            elif isinstance(self._socket, ssl.SSLSocket):
                self._end_tls()
            self._socket.close()

    def _end_tls(self):
        """Sends a close_notify, and does not wait for the client's."""
        try:
            self._socket.settimeout(0)
            self._socket.unwrap()
        except (OSError, ValueError):
            pass

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(256 * 1024)
        except OSError:
            return False
        self._received += data
        return bool(data)

    def _read_exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            if not self._receive():
                raise ClientLeft("within the request body")
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def _read_line(self) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            if not self._receive():
                raise ClientLeft("within the request body")
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = self._read_line().split(b";")[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]+", size):
                raise Malformed(f"chunk size {size[:50]!r}")
            body += self._read_exactly(int(size, 16))
            if int(size, 16) == 0:
                while self._read_line():
                    pass
                return bytes(body)
            if self._read_exactly(2) != b"\r\n":
                raise Malformed("chunk without its end of line")
