"""Addresses of links: every spelling, name or redirect that leads into a network that is not allowed is refused."""

import os
import subprocess
from itertools import product

import pytest
from fakes.openai import Json
from fakes.images_host import PNG, ImagesHost
from harness import provider
from harness.gateway import until

OPEN = "image_gateway; image_gateway_auth off;"
EVERYWHERE = ("::1", "127.0.0.2")
REFUSED = "address that is not allowed"
VARIABLES = {"OPENAI_API_KEY": "sk-test-openai"}


@pytest.fixture
def host():
    """Listens on every address of this machine that a spelling may lead to."""
    with ImagesHost(also=EVERYWHERE) as one:
        yield one


@pytest.fixture
def ask(gateway, studio):
    """Requests b64_json when the provider returns this link; `where` is a location with other rules."""
    def start(allow="", **parts):
        extra = f"location /closed/ {{ {OPEN} }} location /none/ {{ {OPEN} image_gateway_fetch_allow none; }}"
        more = f"image_gateway_fetch_allow {allow};" if allow else ""
        g = gateway(OPEN + more, provider("studio", studio), extra_locations=extra, **parts)

        def ask(link, where="/v1/"):
            studio.next(Json({"created": 1, "data": [{"url": link}]}))
            return g.generate(model="studio/sdxl", response_format="b64_json", path=where + "images/generations")
        ask.gateway = g
        return ask
    return start


def is_fetched(reply) -> bool:
    assert reply.status == 200 and len(reply.json["data"]) == 1, reply
    return "b64_json" in reply.json["data"][0]


def reason(reply) -> str:
    return [one["reason"] for one in reply.json["extra_fields"]["adjustments"] if one["param"] == "response_format"][0]


# Every spelling leads to this machine.
SPELLINGS = ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "0177.0.0.1",
             "0x7f.1", "0x7f000001", "017700000001", "127.1", "127.0.0.2", "0.0.0.0", "0", "[::]", "[0:0:0:0:0:0:0:1]",
             "LOCALHOST")
THIS_MACHINE = "127.0.0.0/8 0.0.0.0 ::1 ::"


def test_every_spelling_of_this_machine_is_refused_and_would_have_led_there(ask, certs):
    with ImagesHost(also=EVERYWHERE) as plain, ImagesHost(tls=certs.untrusted, also=EVERYWHERE) as secure:
        hosts = {"http": plain, "https": secure}
        one = ask(THIS_MACHINE)
        links = {f"{scheme}://{name}:{hosts[scheme].port}/a.png": hosts[scheme]
                 for scheme, name in product(hosts, SPELLINGS)}
        for where in ("/closed/", "/none/"):
            replies = {link: one(link, where) for link in links}
            assert [link for link, reply in replies.items() if is_fetched(reply) or REFUSED not in reason(reply)] == []
            assert plain.connections == secure.connections == 0
        not_led_there = []
        for link, host in links.items():  # with permission they are fetched: so the refusal prevented it before
            before = host.connections
            fetched = is_fetched(one(link))
            not_led_there += [link] if host.connections == before or fetched != (host is plain) else []
        assert not_led_there == []


# Networks that must never be contacted, whatever the scheme. The gateway must not even try.
NETWORKS = ("169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[fd00::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1",
            "100.64.0.1", "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[ff02::1]",
            "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[2001:db8::1]", "0xa9fea9fe", "2852039166")


def test_every_network_of_ones_own_is_refused_at_once(ask):
    one = ask()
    for scheme, name in product(("http", "https"), NETWORKS):
        reply = one(f"{scheme}://{name}/latest/meta-data/")
        assert not is_fetched(reply) and REFUSED in reason(reply), (scheme, name, reply)


def test_a_public_address_is_not_asked_without_tls(ask):
    reply = ask()("http://1.2.3.4/a.png")
    assert not is_fetched(reply) and REFUSED in reason(reply)


CREDENTIALS = ("user:pass@", "user@", ":pass@", "a.example@", "a.example:80%40@")


def test_a_link_with_credentials_is_not_followed_even_where_it_leads_is_allowed(ask, host):
    one = ask(THIS_MACHINE)
    for credentials in CREDENTIALS:
        assert not is_fetched(one(f"http://{credentials}127.0.0.1:{host.port}/a.png")), credentials
    assert host.connections == 0


NO_WEB_LINKS = ("file:///etc/passwd", "gopher://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/a.png", "", "/a.png",
                "dict://127.0.0.1:{port}/x", "javascript:alert(1)", "//127.0.0.1:{port}/a.png", "127.0.0.1:{port}/a.png",
                "http:/127.0.0.1:{port}/a.png", " http://127.0.0.1:{port}/a.png", "http://127.0.0.1:{port}/a b.png",
                "http://127.0.0.1:{port}/a.png\r\nX: y", "http://127。0。0。1:{port}/a.png")


def test_what_is_no_web_link_is_not_followed(ask, host):
    one = ask(THIS_MACHINE)
    for link in NO_WEB_LINKS:
        reply = one(link.format(port=host.port))
        assert reply.status == 502 and reply.json["extra_fields"]["attempts"][0]["outcome"] == "unknown", (link, reply)
    assert host.connections == 0


NOWHERE = ("http://", "http:///a.png", "http://127.0.0.1:99999/a.png", "http://127.0.0.1:0/a.png", "https://%31/",
           "http://[::1/a.png", "http://" + "a" * 5000 + "/", "http://127.0.0.1:{port}@/a.png", "http://#@127.0.0.1:{port}/")


def test_a_web_link_that_leads_nowhere_is_left_as_it_is(ask, host):
    one = ask(THIS_MACHINE)
    for link in NOWHERE:
        link = link.format(port=host.port)
        reply = one(link)
        assert not is_fetched(reply) and reply.json["data"][0]["url"] == link
    assert host.requests == []


# Rules


def test_only_the_allowed_networks_may_be_contacted(ask, host):
    one = ask("127.0.0.2/32 10.0.0.0/8")
    assert is_fetched(one(f"http://127.0.0.2:{host.port}/a.png"))
    seen = host.connections
    for name in ("127.0.0.1", "127.0.0.3", "[::1]", "localhost"):
        assert not is_fetched(one(f"http://{name}:{host.port}/a.png"))
    assert host.connections == seen


def test_rules_are_inherited_and_replaced_whole(gateway, studio, host):
    g = gateway(OPEN, provider("studio", studio) + "image_gateway_fetch_allow 127.0.0.1;", extra_locations=
                f"location /two/ {{ {OPEN} image_gateway_fetch_allow 127.0.0.2; }}"
                f"location /none/ {{ {OPEN} image_gateway_fetch_allow none; }}")
    found = {}
    for where, name in product(("/v1/", "/two/", "/none/"), ("127.0.0.1", "127.0.0.2")):
        studio.next(Json({"created": 1, "data": [{"url": f"http://{name}:{host.port}/a.png"}]}))
        found[where, name] = is_fetched(g.generate(model="studio/sdxl", response_format="b64_json",
                                                   path=where + "images/generations"))
    assert [key for key, fetched in found.items() if fetched] == [("/v1/", "127.0.0.1"), ("/two/", "127.0.0.2")]


def test_an_open_connection_of_another_location_s_fetch_is_not_used(ask, host):
    one = ask("127.0.0.1")
    assert is_fetched(one(host.origin + "/a.png"))
    seen = host.connections
    assert not is_fetched(one(host.origin + "/a.png", "/closed/"))
    assert host.connections == seen
    assert until(lambda: host.open_connections == 0, 3), "a connection that was looked at is not kept"


def test_a_private_provider_is_asked_and_links_to_it_are_not(ask, studio):
    studio._files["/files/own.png"] = PNG
    one = ask()
    for name in ("127.0.0.1", "localhost"):
        assert not is_fetched(one(f"http://{name}:{studio.port}/files/own.png"))
    assert [request.method for request in studio.requests] == ["POST", "POST"]
    assert studio.connections == 1, "its connection is kept, and open while the link is looked at"


# Redirects


OUTSIDE = ("http://127.0.0.2:{port}/a.png", "//127.0.0.2:{port}/a.png", "http://2130706434:{port}/a.png",
           "http://[::1]:{port}/a.png", "http://[::ffff:127.0.0.2]:{port}/a.png", "https://127.0.0.2:{port}/a.png",
           "http://0.0.0.0:{port}/a.png", "http://169.254.169.254/latest/", "https://10.0.0.1/a.png")


@pytest.mark.parametrize("hops", (1, 3))
def test_a_redirect_into_a_network_that_is_not_allowed_is_refused(ask, host, hops):
    one = ask("127.0.0.1")
    for to in OUTSIDE:
        for hop in range(hops):
            host.redirect(f"/r{hop}", to.format(port=host.port) if hop == hops - 1 else f"/r{hop + 1}")
        before = host.connections
        reply = one(host.origin + "/r0")
        assert not is_fetched(reply) and REFUSED in reason(reply), to
        assert reply.json["data"][0]["url"] == host.origin + "/r0"
        assert [request.path for request in host.requests][before:] == [f"/r{hop}" for hop in range(hops)], to
        assert host.connections == before + hops, "every address is looked at, so none is taken as read"


NO_WEB = ("file:///etc/passwd", "ftp://127.0.0.1:{port}/a.png", "gopher://127.0.0.1:{port}/_x",
          "http://user:pass@127.0.0.1:{port}/a.png", "data:image/png;base64,iVBORw0KGgo=")


def test_a_redirect_to_what_is_no_plain_web_link_is_refused(ask, host):
    one = ask(THIS_MACHINE)
    for to in NO_WEB:
        host.redirect("/out", to.format(port=host.port))
        assert not is_fetched(one(host.origin + "/out")), to
    assert {request.path for request in host.requests} == {"/out"}


# Names

RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>

/* Names below ".turns" are 127.0.0.1 and 127.0.0.2 in turns; below ".both", the second and then the first. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    static atomic_int turn;
    const char *end = name == 0 ? 0 : strrchr(name, '.');
    if (end != 0 && strcmp(end, ".turns") == 0) {
        return real(atomic_fetch_add(&turn, 1) % 2 == 0 ? "127.0.0.1" : "127.0.0.2", service, hints, result);
    }
    if (end != 0 && strcmp(end, ".both") == 0) {
        struct addrinfo *second = 0;
        int failed = real("127.0.0.2", service, hints, &second);
        if (failed == 0 && (failed = real("127.0.0.1", service, hints, &second->ai_next)) == 0) {
            *result = second;
        }
        return failed;
    }
    return real(name, service, hints, result);
}
"""


@pytest.fixture
def resolver(scratch):
    source, library = scratch / "turns.c", scratch / "turns.so"
    source.write_text(RESOLVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    library.chmod(0o755)
    return ":".join(filter(None, [os.environ.get("SANITIZER_PRELOAD"), str(library)]))


def test_a_name_that_changes_its_address_is_judged_by_where_it_leads_now(ask, host, resolver):
    one = ask("127.0.0.1", env={**VARIABLES, "LD_PRELOAD": resolver})
    fetched = [is_fetched(one(f"http://n{turn}.turns:{host.port}/a.png")) for turn in range(6)]
    assert fetched == [True, False] * 3 and host.connections == 3
    assert {request.headers["host"] for request in host.requests} == {f"n{turn}.turns:{host.port}" for turn in (0, 2, 4)}


def test_of_the_addresses_of_a_name_only_the_allowed_ones_are_asked(ask, host, resolver):
    with ImagesHost() as beside:  # listens at 127.0.0.1 only, so a connection can only be to that
        one = ask("127.0.0.1", env={**VARIABLES, "LD_PRELOAD": resolver})
        assert is_fetched(one(f"http://name.both:{beside.port}/a.png"))
    assert is_fetched(one(f"http://name.both:{host.port}/a.png")) and host.connections == 1


def test_a_name_of_a_private_address_is_refused_with_and_without_tls(ask, host, resolver):
    one = ask(env={**VARIABLES, "LD_PRELOAD": resolver})
    for scheme in ("http", "https"):
        assert not is_fetched(one(f"{scheme}://images.both:{host.port}/a.png"))
    assert host.connections == 0
