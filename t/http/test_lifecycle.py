"""Requests in flight while nginx reloads, quits, or loses its clients."""

import json
import os
import signal
import socket
import time

import pytest
from fakes.openai import Delay, Hang, Images, Trickle
from harness import background, key_entry, provider, together, write_keys

MODEL = "openai/gpt-image-2"
PATH = "/v1/images/generations"
ASK = {"prompt": "a red kite", "model": MODEL}


def test_a_reload_loses_no_request(gateway, openai):
    openai.always(Delay(1.0, Images()))
    g = gateway(http=provider("openai", openai), workers=2)
    running = [background(g.generate, model=MODEL) for _ in range(10)]
    openai.wait_requests(10)
    g.reload()
    assert {each.result(20).status for each in running} == {200}
    openai.always()
    assert g.generate(model=MODEL).status == 200


def test_reloads_under_load_lose_no_request(gateway, openai):
    g = gateway(http=provider("openai", openai), workers=2)
    load = background(lambda: [g.generate(model=MODEL).status for _ in range(300)])
    for _ in range(3):
        g.reload()
    assert set(load.result(60)) == {200}


def test_quitting_waits_for_the_requests_that_run(gateway, openai):
    openai.always(Delay(1.0, Images()))
    g = gateway(http=provider("openai", openai))
    running = background(g.generate, model=MODEL)
    openai.wait_requests(1)
    assert g.quit() == 0
    assert running.result(10).status == 200


def test_an_idle_worker_quits_at_once_though_it_keeps_connections(gateway, openai):
    g = gateway(http=provider("openai", openai))
    assert g.generate(model=MODEL).status == 200
    assert g.upstream_connections()
    began = time.monotonic()
    assert g.quit() == 0
    assert time.monotonic() - began < 3


def test_worker_shutdown_timeout_ends_what_hangs(gateway, openai):
    openai.always(Hang())
    g = gateway(http=provider("openai", openai), main="worker_shutdown_timeout 500ms;")
    connection = g.connect().post(PATH, ASK)
    openai.wait_requests(1)
    assert g.quit() == 0
    connection.close()
    openai.wait_in_flight(0)


# The moments when a client may leave, and what is in progress then.
LEAVING = {
    "while the provider thinks": (Hang(), 0),
    "while the answer arrives": (Trickle(chunk_bytes=100, pause=0.05, of=Images(image_bytes=50_000)), 0.3),
}


@pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize("moment", LEAVING)
def test_a_client_that_leaves_cancels_upstream_and_frees_everything(gateway, openai, moment, reset):
    behaviour, wait = LEAVING[moment]
    openai.always(behaviour)
    g = gateway(http=provider("openai", openai),
                access_format="$status $image_gateway_outcome $image_gateway_provider")
    connection = g.connect().post(PATH, ASK)
    openai.wait_requests(1)
    time.sleep(wait)
    connection.reset() if reset else connection.close()
    openai.wait_aborted()
    assert g.access_log(1)[-1].startswith("499 client_gone")


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(gateway, openai):
    g = gateway(http=provider("openai", openai))
    g.connect().post(PATH, b'{"prompt": "a r', promised=1000).close()
    assert g.generate(model=MODEL).status == 200
    assert len(openai.requests) == 1


def test_a_client_that_leaves_while_the_sandbox_draws_is_forgotten(gateway):
    g = gateway(http="image_provider sandbox { api sandbox; }")
    for _ in range(20):
        connection = g.connect().post(PATH, {"prompt": "x", "model": "sandbox/x", "size": "2048x2048", "n": 3})
        time.sleep(0.01)
        connection.reset()
    assert g.generate(model="sandbox/x", size="64x64").status == 200


def test_a_client_that_leaves_while_the_sandbox_waits_is_forgotten(gateway):
    g = gateway(http="image_provider sandbox { api sandbox; latency 30s; }",
                access_format="$status $image_gateway_outcome")
    connection = g.connect().post(PATH, {"prompt": "x", "model": "sandbox/x"})
    time.sleep(0.2)
    connection.close()
    assert g.access_log(1) == ["499 client_gone"]


def test_a_client_that_leaves_while_connecting_or_resolving_is_forgotten(gateway):
    # Loopback has no address that drops packets, but a full backlog behaves the same.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        g = gateway(http=f"image_provider openai {{ api openai; url http://127.0.0.1:{port}/v1; "
                         "key env:OPENAI_API_KEY; }", access_format="$status $image_gateway_outcome")
        connection = g.connect().post(PATH, ASK)
        time.sleep(0.3)
        connection.close()
        assert g.access_log(1) == ["499 client_gone"]
        g.wait_idle_descriptors()
        for filler in fillers:
            filler.close()


def test_a_slow_reader_gets_the_whole_answer(gateway, openai_factory):
    openai = openai_factory(image_bytes=4_000_000)
    g = gateway(http=provider("openai", openai))
    connection = g.connect(receive_buffer=4096).post(PATH, ASK)
    time.sleep(0.5)
    assert len(connection.response().json["data"][0]["b64_json"]) > 5_000_000


def test_a_reader_that_stops_is_left_by_send_timeout(gateway, openai_factory):
    openai = openai_factory(image_bytes=12_000_000)
    g = gateway(http=provider("openai", openai) + "send_timeout 500ms;")
    connection = g.connect(receive_buffer=4096).post(PATH, ASK)
    g.access_log(1, timeout=10)
    connection.close()


def test_requests_on_one_connection_are_answered_in_turn(gateway, openai):
    g = gateway(http=provider("openai", openai))
    with g.connect() as connection:
        body = json.dumps(ASK)
        request = (f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        connection.send(request * 5)  # pipelined
        received = b""
        while received.count(b'"extra_fields"') < 5:
            received += connection.receive()
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 5


def test_running_out_of_connections_fails_single_requests_with_503(gateway, openai):
    openai.always(Delay(1.0, Images()))
    g = gateway(http=provider("openai", openai), events="worker_connections 24;")
    g.allow_log(r"\[alert\].*worker_connections are not enough")
    # All requests are in progress before the first is complete, so none may be dropped for another.
    body = json.dumps(ASK).encode()
    clients = [g.connect().post(PATH, body[:-1], promised=len(body)) for _ in range(14)]
    time.sleep(0.3)
    for client in clients:
        client.send(body[-1:])
    answers = [client.response() for client in clients]
    assert {answer.status for answer in answers} == {200, 503}
    assert {answer.headers["Retry-After"] for answer in answers if answer.status == 503} == {"1"}
    for client in clients:
        client.close()
    openai.always()
    assert g.generate(model=MODEL).status == 200


def test_many_at_once_are_all_answered(gateway, openai):
    openai.always(Delay(0.2, Images()))
    g = gateway(http=provider("openai", openai), workers=2)
    assert {response.status for response in together(150, g.generate, model=MODEL)} == {200}


def test_without_a_master_process_it_works_as_well(gateway, openai):
    g = gateway(http=provider("openai", openai) + "image_provider sandbox { api sandbox; }", master=False)
    assert g.generate(model=MODEL).status == 200
    assert g.generate(model="sandbox/placeholder", size="64x64").status == 200


def test_a_worker_that_is_killed_leaves_no_lease_behind(gateway, openai, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("team", "sk-bf-1", limits={"concurrent": 1})])
    openai.always(Hang())
    g = gateway("image_gateway;", provider("openai", openai) + f"image_gateway_keys {keys};")
    g.allow_worker_change()
    g.allow_log(r"\[alert\].*(exited on signal 9|sem_post)")
    own = {"Authorization": "Bearer sk-bf-1"}
    hanging = g.connect().post(PATH, ASK, headers=own)
    openai.wait_requests(1)
    assert g.generate(model=MODEL, headers=own).status == 429
    os.kill(g.worker_pids()[0], signal.SIGKILL)
    hanging.close()
    openai.always()
    g.wait_log("released 1 leases")
    assert g.generate(model=MODEL, headers=own).status == 200
