"""Many requests as fast as one client can: over several connections, each with a number of requests on their way."""

import re
import socket
import threading
from collections import Counter

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Flood:
    """`statuses` counts the answers by status. Of several `headers`, requests take turns."""

    def __init__(self, gateway, count: int, headers=(), connections: int = 16, ahead: int = 40,
                 body: bytes = b'{"prompt":"a","size":"16x16"}', path: str = "/v1/images/generations"):
        self.statuses = Counter()
        self._gateway, self._ahead = gateway, ahead
        self._lock = threading.Lock()
        headers = headers if isinstance(headers, list) else [headers]
        self._requests = [self._request(path, one, body) for one in headers]
        share, rest = divmod(count, connections)
        self._threads = [threading.Thread(target=self._run, args=(share + (number < rest), number))
                         for number in range(connections)]

    def run(self) -> Counter:
        self.start()
        return self.join()

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self) -> Counter:
        for thread in self._threads:
            thread.join(120)
        return self.statuses

    @staticmethod
    def _request(path, headers, body) -> bytes:
        lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def _run(self, count, number):
        try:
            with socket.create_connection(("127.0.0.1", self._gateway.port), 30) as connection:
                connection.settimeout(60)
                self._ask(connection, count, number)
        except OSError:
            pass  # what is not answered is not counted

    def _ask(self, connection, count, number):
        sent = answered = 0
        while answered < count:
            # nginx ends a connection after keepalive_requests, which the tests set high enough
            more = min(self._ahead, count - sent)
            connection.sendall(b"".join(self._requests[(number + sent + i) % len(self._requests)]
                                        for i in range(more)))
            sent += more
            answered += self._read(connection, sent - answered)

    def _read(self, connection, wanted) -> int:
        """Reads the answers to all that was sent: the last one is whole when its body is."""
        seen, data = 0, b""
        while True:
            piece = connection.recv(1 << 20)
            if not piece:
                raise ConnectionError("closed")
            data += piece
            while (answer := self._take(data)) is not None:
                status, data = answer
                seen += 1
                with self._lock:
                    self.statuses[status] += 1
            if seen == wanted and not data:
                return seen

    @staticmethod
    def _take(data):
        """The status of the first answer if it is whole, and what comes after it."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = data[:end].lower()
        length = re.search(rb"content-length: (\d+)", head)
        after = end + 4 + int(length[1])
        if len(data) < after:
            return None
        return int(STATUS.match(data)[1]), data[after:]
