"""TLS to providers, and names that do not resolve."""

import contextlib
import os
import socket
import subprocess
import time

import pytest
from fakes.openai import Images, SayClose
from harness import background, provider

MODEL = "openai/gpt-image-2"
# Three milliseconds, and much more with sanitizers.
SLOW_HANDSHAKE = 0.012 if os.environ.get("SANITIZER_PRELOAD") else 0.003


@pytest.fixture(params=("libcurl", "native"))
def tls_provider(request):
    """The block of a provider by its name, by either HTTP."""
    def block(openai, more):
        return provider("openai", openai, f"{more} http {request.param};").replace("127.0.0.1", "localhost")
    return block


def test_a_provider_is_reached_over_tls_and_verified(gateway, openai_factory, certs, tls_provider):
    openai = openai_factory(tls=certs.good)
    g = gateway(http=tls_provider(openai, f"ca {certs.ca};"))
    assert g.generate(model=MODEL).status == 200


@pytest.mark.parametrize("certificate", ["wrong_host", "untrusted"])
def test_a_wrong_certificate_is_refused_before_anything_is_sent(gateway, openai_factory, certs, tls_provider, certificate):
    openai = openai_factory(tls=getattr(certs, certificate))
    g = gateway(http=tls_provider(openai, f"ca {certs.ca};"))
    response = g.generate(model=MODEL)
    assert (response.status, openai.requests) == (502, [])
    assert response.json["extra_fields"]["attempts"][0]["outcome"] == "broken"


def test_the_system_s_authorities_are_trusted_when_no_ca_is_named(gateway, openai_factory, certs, tls_provider):
    openai = openai_factory(tls=certs.good)
    g = gateway(http=tls_provider(openai, ""))
    assert g.generate(model=MODEL).status == 502
    assert openai.requests == []


def cpu_seconds(pid: int) -> float:
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_handshakes_after_the_first_do_not_parse_the_bundle_again(gateway, openai_factory, certs, tls_provider, scratch):
    """Each new connection would parse the file. With the system's bundle that costs over 20 ms."""
    bundle = scratch / "bundle.pem"
    system = open("/etc/ssl/certs/ca-certificates.crt").read()
    bundle.write_text(open(certs.ca).read() + system)
    bundle.chmod(0o644)
    openai = openai_factory(tls=certs.good)
    openai.always(SayClose(of=Images()))
    g = gateway(http=tls_provider(openai, f"ca {bundle};"))
    assert g.generate(model=MODEL).status == 200
    [worker] = g.worker_pids()
    before = cpu_seconds(worker)
    count = 50
    for _ in range(count):
        assert g.generate(model=MODEL).status == 200
    assert openai.connections == count + 1
    assert (cpu_seconds(worker) - before) / count < SLOW_HANDSHAKE


def test_a_name_that_does_not_exist_fails_alone(gateway, openai):
    g = gateway(http="image_provider nowhere { api openai; url http://provider.invalid/v1; key env:OPENAI_API_KEY; retry off; }" +
                provider("openai", openai) + "image_model auto nowhere/gpt-image-2 openai/gpt-image-2;")
    response = g.generate(model="auto")
    assert response.status == 200
    assert [each["outcome"] for each in response.json["extra_fields"]["attempts"]] == ["broken", "made"]


SLOW_RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

/* Names ending in ".slow" take three seconds to be not found. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    size_t length = name == 0 ? 0 : strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".slow") == 0) {
        sleep(3);
        return EAI_NONAME;
    }
    return real(name, service, hints, result);
}
"""


@pytest.fixture
def slow_resolver(scratch):
    source, library = scratch / "slow.c", scratch / "slow.so"
    source.write_text(SLOW_RESOLVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    library.chmod(0o755)
    return library


def test_a_name_that_resolves_slowly_stalls_nobody(gateway, openai, slow_resolver):
    preload = ":".join(filter(None, [os.environ.get("SANITIZER_PRELOAD"), str(slow_resolver)]))
    g = gateway(http="image_provider nowhere { api openai; url http://provider.slow/v1; key env:OPENAI_API_KEY; }" +
                provider("openai", openai), env={"OPENAI_API_KEY": "sk-test-openai", "LD_PRELOAD": preload})
    waiting = background(g.generate, model="nowhere/gpt-image-2")
    gone = g.connect().post("/v1/images/generations", {"prompt": "x", "model": "nowhere/gpt-image-2"})
    time.sleep(0.2)
    gone.close()  # a client that leaves during the lookup must not make the worker wait for it
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert g.generate(model=MODEL).status == 200
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1.0
    assert waiting.result(20).status == 502


def test_proxies_in_the_environment_are_ignored(gateway, openai):
    nowhere = "http://127.0.0.1:1"
    g = gateway(http=provider("openai", openai), env={"OPENAI_API_KEY": "sk-test-openai", "http_proxy": nowhere,
                                                      "https_proxy": nowhere, "ALL_PROXY": nowhere})
    assert g.generate(model=MODEL).status == 200


@pytest.mark.parametrize("exceptions", ("", "*", "provider.invalid"))
def test_a_configured_proxy_is_asked_for_the_provider_whatever_the_environment_says(gateway, exceptions):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(10)
        g = gateway(http="image_provider openai { api openai; url http://provider.invalid/v1; "
                         f"key env:OPENAI_API_KEY; retry off; proxy http://127.0.0.1:{proxy.getsockname()[1]}; }}",
                    main="env no_proxy; env NO_PROXY;",
                    env={"OPENAI_API_KEY": "sk-test-openai", "no_proxy": exceptions, "NO_PROXY": exceptions})
        waiting = background(g.generate, model=MODEL)
        connection, _ = proxy.accept()
        with connection:
            request = connection.recv(65536)
            connection.sendall(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert request.startswith(b"POST http://provider.invalid/v1/images/generations HTTP/1.1\r\n")
        assert waiting.result(10).status == 503


@pytest.mark.parametrize("source", ("env:PROXY", "file:{}"))
def test_a_proxys_password_stays_out_of_the_configuration_and_of_all_that_is_said(gateway, source, scratch):
    user, encoded = "gateway:s3cret-w0rd", "Z2F0ZXdheTpzM2NyZXQtdzByZA=="
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        url = f"http://{user}@127.0.0.1:{proxy.getsockname()[1]}"
        path = scratch / "proxy"
        path.write_text(url + "\n")
        g = gateway("image_gateway; image_gateway_auth off; image_gateway_raw on;",
                    "image_provider openai { api openai; url http://provider.invalid/v1; key env:OPENAI_API_KEY; "
                    f"retry off; breaker off; proxy {source.format(path)}; }}",
                    env={"OPENAI_API_KEY": "sk-test-openai", "PROXY": url})
        waiting = background(g.generate, {"X-Image-Gateway-Raw": "request,response"}, model=MODEL)
        connection, _ = proxy.accept()
        with connection:
            request = connection.recv(65536)
            assert f"Proxy-Authorization: Basic {encoded}".encode() in request
            body = f'{{"error": {{"message": "Basic {encoded} is not {user}", "code": "{user}"}}}}'.encode()
            connection.sendall(b"HTTP/1.1 407 No\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body) + body)
        reply = waiting.result(10)
    assert reply.status >= 400
    said = reply.body.decode() + g.error_log()
    assert "s3cret-w0rd" not in said and encoded not in said and "[secret]" in said


@pytest.mark.parametrize("proxy, ok, told", (
    ("http://user:pass@proxy.example", True, "[warn] a proxy with a user name or password stands in the configuration"),
    ("http://proxy.example:3128", True, None), ("env:PROXY", True, None), ("env:NONE", False, '"NONE" is not set'),
    ("env:WRONG", False, "invalid proxy, expected"), ("file:nowhere", False, "nowhere"), ("env:", False, "invalid proxy")))
def test_a_password_of_a_proxy_in_the_configuration_draws_a_warning(nginx_t, proxy, ok, told):
    tested = nginx_t(f"image_provider p {{ api openai; url http://x; key none; proxy {proxy}; }}",
                     env={"PROXY": "socks5://u:p@proxy", "WRONG": "ftp://u:the-password@proxy"})
    assert tested.ok == ok and "the-password" not in tested.output, tested.output
    assert told in tested.output if told else "warn" not in tested.output, tested.output


def test_a_connection_given_up_while_it_is_made_leaves_nothing_behind(gateway, openai):
    """libcurl closes such a socket without a word, and the next connection gets its number."""
    openai.always(SayClose(of=Images()))
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # more than its queue takes: whoever comes then waits
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        g = gateway(http=provider("openai", openai) +
                    f"image_provider full {{ api openai; url http://127.0.0.1:{full.getsockname()[1]}/v1; key env:OPENAI_API_KEY; }}")
        for _ in range(5):
            with g.connect() as one, g.connect() as other:
                for client in (one, other):
                    client.post("/v1/images/generations", {"prompt": "a", "model": "full/gpt-image-2"})
                time.sleep(0.1)
            assert [g.generate(model=MODEL).status for _ in range(3)] == [200] * 3
