"""HTTP of our own over TLS: faults of providers that only TLS has."""

import socket
import threading
import time

import pytest
from fakes.openai import Images, Trickle, UntilClose
from fakes.server import FakeServer, note_port
from harness import background, provider

MODEL = "p/gpt-image-2"


@pytest.fixture
def native(gateway, certs):
    """A gateway in front of a fake, by HTTP of our own."""
    def start(fake, more="", **parts):
        return gateway(http=provider("p", fake, f"{more} http native; ca {certs.ca};"), **parts)
    return start


class Cut(UntilClose):
    """Ends the connection without the end of TLS."""

    def play(self, call):
        reply = self.of.reply(call)
        call.connection.send(reply.head(close=True, length=False) + reply.body)
        call.connection.wake()


@pytest.mark.parametrize("behaviour, outcome", ((UntilClose(), "made"), (Cut(), "unknown")), ids=("ended", "cut"))
def test_an_answer_without_a_length_is_whole_only_if_tls_was_ended(native, openai_factory, certs, behaviour, outcome):
    fake = openai_factory(tls=certs.good)
    fake.always(behaviour)
    g = native(fake)
    attempt, = g.generate(model=MODEL).json["extra_fields"]["attempts"]
    assert attempt["outcome"] == outcome


def test_a_large_image_in_one_flight_is_taken_whole_and_its_connection_used_again(native, openai_factory, certs):
    fake = openai_factory(tls=certs.good, image_bytes=3_000_000)
    g = native(fake)
    for _ in range(3):
        reply = g.generate(model=MODEL)
        assert reply.status == 200 and len(reply.body) > 4_000_000
    assert fake.connections == 1


def test_an_image_that_is_passed_to_a_slow_client_is_whole(native, openai_factory, certs):
    fake = openai_factory(tls=certs.good, image_bytes=3_000_000)
    g = native(fake, location="image_gateway; image_gateway_auth off; image_gateway_buffering off;")
    with g.connect() as client:
        client.post("/v1/images/generations", {"prompt": "x", "model": MODEL})
        time.sleep(0.5)  # what TLS has taken from the socket must go on without another event
        reply = client.response()
    assert reply.status == 200 and len(reply.json["data"][0]["b64_json"]) == 4_000_000


def test_single_bytes_in_records_of_their_own_are_put_together(native, openai_factory, certs):
    fake = openai_factory(tls=certs.good)
    fake.always(Trickle(1, 0, of=Images(image_bytes=700)))
    assert native(fake).generate(model=MODEL).status == 200


class Deaf:
    """Accepts connections, and says what it is told to: nothing, or something that is not TLS."""

    def __init__(self, greeting=b""):
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        note_port(port)
        self.url = f"https://127.0.0.1:{port}/v1"
        self._greeting, self._taken = greeting, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._taken.append(connection)
            connection.sendall(self._greeting)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._taken:
            one.close()


@pytest.mark.parametrize("greeting", (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"), ids=("silent", "plain"))
def test_a_handshake_that_fails_or_never_ends_is_given_up_before_anything_is_sent(native, greeting):
    deaf = Deaf(greeting)
    g = native(deaf, "timeout connect=300ms;")
    began = time.monotonic()
    attempt, = g.generate(model=MODEL).json["extra_fields"]["attempts"]
    assert attempt["outcome"] == "broken" and time.monotonic() - began < 5
    deaf.stop()


def test_clients_that_leave_within_a_handshake_leave_nothing_behind(native):
    deaf = Deaf()
    g = native(deaf, "timeout connect=30s;")
    for _ in range(5):
        with g.connect() as client:
            client.post("/v1/images/generations", {"prompt": "x", "model": MODEL})
            time.sleep(0.1)
    deaf.stop()


class Proxy:
    """Answers CONNECT, and passes bytes to and fro. `asked`: the heads that it has got."""

    def __init__(self, port):
        self._port, self.asked = port, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        note_port(self.port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.asked.append(head)
        server = socket.create_connection(("127.0.0.1", self._port))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
        back.start()
        self._pass(client, server)

    @staticmethod
    def _pass(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_a_proxy_sees_the_host_and_nothing_of_the_request_and_its_connection_is_used_again(native, openai_factory, certs):
    fake = openai_factory(tls=certs.good)
    proxy = Proxy(fake.port)
    g = native(fake, f"proxy http://user:s3cret@127.0.0.1:{proxy.port};")
    for _ in range(3):
        assert g.generate(model=MODEL).status == 200
    assert len(proxy.asked) == 1 and proxy.asked[0].startswith(f"CONNECT 127.0.0.1:{fake.port} HTTP/1.1".encode())
    assert all("proxy-authorization" not in request.headers for request in fake.requests)
    assert "s3cret" not in g.error_log()
    proxy.stop()


class Reader:
    """A provider that speaks TLS, reads requests and sends `answer` for each: then it waits for more."""

    def __init__(self, certs, answer):
        self._tls, self._answer, self.requests, self.connections = FakeServer.tls_context(certs.good), answer, 0, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        note_port(port)
        self.url = f"https://127.0.0.1:{port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection = self._tls.wrap_socket(connection, server_side=True)
            while connection.recv(65536):
                self.requests += 1
                connection.sendall(self._answer)
        except OSError:
            pass
        connection.close()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


SMUGGLED = {
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "a continued line": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/0.9": b"{\"data\": []}",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 2_000_000,
    "informational heads without end": b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 40_000,
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_what_two_readers_could_understand_in_different_ways_ends_the_attempt_and_the_connection(native, certs, what):
    server = Reader(certs, SMUGGLED[what])
    g = native(server)
    for _ in range(2):
        attempt, = g.generate(model=MODEL).json["extra_fields"]["attempts"]
        assert attempt["outcome"] == "unknown"
    assert server.connections == 2
    server.stop()


def test_many_at_once_share_the_worker(native, openai_factory, certs):
    fake = openai_factory(tls=certs.good, image_bytes=500_000)
    g = native(fake)
    waiting = [background(g.generate, model=MODEL) for _ in range(30)]
    assert [one.result(60).status for one in waiting] == [200] * 30
