"""Tests the harness itself, with an nginx without the module."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from fakes.openai import Delay
from fakes.server import ports_of_fakes
from harness import (Configuration, Gateway, background, descriptor_problems, key_entry, log_problems,
                     sanitizer_problems, together, worker_problems, write_keys)
from harness.processes import Descriptor
from ports import free_port

ALERT = "2026/11/20 11:36:00 [alert] 7#7: worker process 8 exited on signal 11"
PLAIN = {"load_module": False}


def unwatched(**parts):
    """An nginx that the test stops, not the fixture."""
    return Gateway(Configuration(load_module=False, **parts), {}, ports_of_fakes)


def test_a_plain_nginx_answers_and_leaves_without_a_complaint(gateway):
    g = gateway('return 200 "hello $http_x_one $request_method\\n";', **PLAIN)
    assert g.get("/v1/", headers=[("X-One", "1")]).text == "hello 1 GET\n"
    assert g.post("/v1/", json={"a": 1}).status == 200
    assert g.access_log(2)[0].startswith("200 GET /v1/ ")


def test_response_headers_are_case_insensitive_and_keep_every_value(gateway):
    g = gateway("add_header X-A 1; add_header X-A 2; return 204;", **PLAIN)
    headers = g.get("/v1/").headers
    assert headers["x-a"] == "1" and headers.get_all("X-A") == ["1", "2"]


def test_two_gateways_with_several_workers_run_side_by_side(gateway):
    first, second = gateway(**PLAIN, workers=3), gateway(**PLAIN, workers=2)
    assert first.port != second.port
    assert len(first.worker_pids()) == 3 and len(second.worker_pids()) == 2


def test_one_process_without_a_master_works_too(gateway):
    g = gateway(**PLAIN, master=False)
    assert g.worker_pids() == [g.pid]
    assert g.get("/v1/").status == 200


def test_it_speaks_tls(gateway, certs):
    g = gateway(**PLAIN, tls=certs.good)
    assert g.get("/v1/").status == 200
    assert g.connect().send("GET /v1/ HTTP/1.0\r\n\r\n").receive_all().endswith(b"ok\n")


def test_raw_connections_send_what_no_client_would(gateway):
    g = gateway(**PLAIN)
    with g.connect() as raw:
        assert b" 400 Bad Request" in raw.send("BAD\0REQUEST\r\n\r\n").receive_all()
    raw = g.connect()
    assert raw.post("/v1/", {"a": 1}).response().status == 200
    assert raw.post("/v1/", b"{").response().status == 200
    raw.reset()


def test_reload_returns_when_only_new_workers_serve(gateway):
    g = gateway('return 200 "old";', **PLAIN, workers=2)
    before = g.worker_pids()
    g.reload(location='return 200 "new";')
    assert not set(before) & set(g.worker_pids())
    assert {reply.text for reply in together(8, g.get, "/v1/")} == {"new"}


def test_quit_waits_for_requests_that_are_under_way(gateway, openai):
    openai.always(Delay(0.5))
    g = gateway(f"proxy_pass {openai.origin};", **PLAIN)
    reply = background(g.generate, headers={"Authorization": "Bearer sk-test-openai"}, model="gpt-image-2")
    openai.wait_in_flight(1)
    assert g.quit() == 0
    assert reply.result(5).status == 200


def test_ports_are_not_those_that_the_kernel_gives_and_no_process_has_anothers(project):
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    mine = {free_port() for _ in range(8)}
    done = subprocess.run([sys.executable, "-c", "import ports; print(*(ports.free_port() for _ in range(8)))"],
                          cwd=project / "t", capture_output=True, text=True, check=True)
    others = {int(port) for port in done.stdout.split()}
    assert len(mine) == len(others) == 8 and not mine & others
    assert not any(first <= port <= last for port in mine | others)


def test_a_port_that_somebody_else_has_is_passed_over(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = free_port()
        monkeypatch.setattr("ports._ports", lambda: iter((port, free)))
        assert free_port() == free


def test_nginx_t_tells_whether_a_configuration_is_right(nginx_t):
    assert nginx_t(**PLAIN).ok
    ok, output = nginx_t("no_such_directive on;", **PLAIN)
    assert not ok and 'unknown directive "no_such_directive"' in output


def test_a_wrong_configuration_is_reported_with_nginxs_own_words():
    with pytest.raises(Exception, match="unknown directive"):
        unwatched(http="no_such_directive on;")


def test_the_environment_reaches_nginx_and_nothing_else_of_ours_does(gateway, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    g = gateway(env={"A_KEY": "secret"}, **PLAIN)
    with open(f"/proc/{g.worker_pids()[0]}/environ", "rb") as environment:
        assert b"http_proxy" not in environment.read()


# The checks at the end of every test


def test_an_alert_in_the_log_is_a_problem_unless_it_is_allowed():
    assert log_problems(ALERT) == [f"error.log: {ALERT}"]
    assert log_problems(ALERT, [r"exited on signal 11"]) == []
    assert log_problems(ALERT, [r"signal 9"]) != []
    assert log_problems(ALERT.replace("[alert]", "[error]")) == []
    assert log_problems("2026/11/20 11:36:00 [info] 7#7: client sent [alert] in a header") == []
    assert log_problems("nginx: [emerg] bind() failed") != []


def test_a_worker_that_died_is_found_by_the_log_and_by_its_pid():
    g = unwatched()
    os.kill(g.worker_pids()[0], signal.SIGKILL)
    g.wait_log("exited on signal 9")
    problems = "\n".join(g.finish())
    assert "[alert]" in problems and "no longer the same" in problems


def test_a_worker_that_died_on_purpose_is_no_problem(gateway):
    g = gateway(**PLAIN)
    g.allow_log("exited on signal 9")
    g.allow_worker_change()
    os.kill(g.worker_pids()[0], signal.SIGKILL)
    g.wait_log("exited on signal 9")


def test_an_nginx_that_does_not_leave_in_time_is_killed_and_reported(monkeypatch):
    monkeypatch.setattr("harness.gateway.LEAVING", 0.5)
    monkeypatch.setattr("harness.gateway.SETTLING", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        g = unwatched(location=f"proxy_pass http://127.0.0.1:{silent.getsockname()[1]};")
        with socket.create_connection(("127.0.0.1", g.port)) as client:
            client.sendall(b"GET /v1/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            upstream, _ = silent.accept()
            problems = "\n".join(g.finish())
            upstream.close()
    assert "did not leave within 0.5 s" in problems
    assert "has kept 1 × TCP socket" in problems
    assert not g.running


def test_a_descriptor_that_stays_open_is_found_and_a_closed_one_is_not(gateway):
    g = gateway(**PLAIN)
    raw = g.connect().send("GET /v1/ HT")
    with pytest.raises(AssertionError, match="has kept 1 × TCP socket"):
        g.wait_idle_descriptors(timeout=0.3)
    raw.close()
    g.wait_idle_descriptors()


def test_kept_connections_to_a_fake_are_no_leak(gateway, openai):
    g = gateway('proxy_pass http://fake; proxy_http_version 1.1; proxy_set_header Connection "";', **PLAIN,
                http=f"upstream fake {{ server 127.0.0.1:{openai.port}; keepalive 4; }}")
    assert g.generate(headers={"Authorization": "Bearer sk-test-openai"}, model="gpt-image-2").status == 200
    assert len(g.upstream_connections()) == 1
    g.wait_idle_descriptors()


def test_descriptors_are_compared_by_kind_and_count():
    found = [Descriptor(3, "socket:[11]"), Descriptor(4, "socket:[12]"), Descriptor(5, "/log")]
    assert descriptor_problems(9, Counter({"socket": 2, "/log": 1}), found) == []
    assert descriptor_problems(9, Counter({"socket": 1, "/log": 1, "/gone": 1}), found) == [
        "worker 9 has kept 1 × socket"]


def test_other_workers_and_sanitizer_reports_are_problems(tmp_path):
    assert worker_problems([1, 2], [1, 2]) == []
    assert worker_problems([1, 2], [1, 3]) != []
    assert sanitizer_problems(tmp_path) == []
    (tmp_path / "asan.77").write_text("ERROR: AddressSanitizer: heap-use-after-free")
    assert "heap-use-after-free" in sanitizer_problems(tmp_path)[0]


def test_keys_are_written_as_hashes(scratch):
    path = write_keys(scratch / "keys.json", [key_entry("team-a", "sk-bf-1", models=["auto"])])
    entry = json.loads(path.read_text())["keys"][0]
    assert entry == {"id": "team-a", "models": ["auto"], "sha256": hashlib.sha256(b"sk-bf-1").hexdigest()}
    assert "sk-bf-1" not in path.read_text()
