"""Stores that are full, broken, expired or configured wrongly, and changes by an operator."""

import base64
import os
import shutil
import subprocess
import time

import pytest
from fakes.openai import Json
from fakes.images_host import JPEG, PNG
from harness import environment, provider
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
ASK = {"response_format": "url", "size": "64x48"}
STRICT = {"X-Image-Gateway-Fit": "strict"}


@pytest.fixture
def small_disk(scratch):
    """A file system of its own, as large as a few pages."""
    place = scratch / "disk"
    place.mkdir()
    options = f"size=256k,mode=755,uid={scratch.stat().st_uid},gid={scratch.stat().st_gid}"
    if not environment.is_root() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place],
                                                   stderr=subprocess.DEVNULL).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def keeps(gateway, scratch):
    def start(options="", location=OPEN, http=SANDBOX, directory=None, **parts):
        return gateway(f"{location} image_gateway_store {directory or scratch / 'store'} {options};", http, **parts)
    return start


def path_of(g, reply, index=0) -> str:
    assert reply.status == 200, reply
    url = reply.json["data"][index]["url"]
    assert url.startswith(g.url + "/"), url[:200]
    return url.removeprefix(g.url)


def kept(directory) -> list:
    return [one for one in directory.rglob("*") if one.is_file() and one.name != ".key"]


def reasons(reply) -> list:
    return [one["reason"] for one in reply.json["extra_fields"].get("adjustments", [])
            if one["param"] == "response_format"]


def fill(place):
    with open(place / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


# Full


def test_on_a_full_disk_the_url_is_a_data_url_and_says_why(small_disk, keeps):
    g = keeps(directory=small_disk / "store")
    before = path_of(g, g.generate(**ASK))
    fill(small_disk)
    reply = g.generate(**ASK, n=2)
    assert reply.status == 200
    for one in reply.json["data"]:
        head, _, data = one["url"].partition(",")
        assert head == "data:image/png;base64" and base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    assert reasons(reply) == ["the url is a data: URL: the store is full"]
    g.wait_log(rf'\[error\] .*cannot store an image in "{small_disk}/store": No space left on device')
    assert all("expires_at" not in one for one in reply.json["extra_fields"]["images"])
    assert g.get(before).status == 200 and len(kept(small_disk / "store")) == 1, "nothing half written stays"
    (small_disk / "filler").unlink()
    assert g.get(path_of(g, g.generate(**ASK))).status == 200, "and it goes on when there is room"


def test_on_a_full_disk_strict_fitting_is_507(small_disk, keeps):
    g = keeps(directory=small_disk / "store")
    fill(small_disk)
    reply = g.generate(STRICT, **ASK)
    assert (reply.status, reply.json["error"]["code"]) == (507, "insufficient_storage")
    assert g.generate(STRICT, size="64x48").status == 200, "nobody asked for a link"


def test_an_image_larger_than_the_room_leaves_nothing_behind(small_disk, keeps, openai):
    g = keeps(directory=small_disk / "store", http=provider("openai", openai))
    openai.image_bytes = 1_000_000
    reply = g.generate(model="openai/gpt-image-2", response_format="url")
    assert reply.json["data"][0]["url"].startswith("data:") and "the store is full" in reasons(reply)[0]
    assert kept(small_disk / "store") == []


# Broken


@pytest.mark.parametrize("broken", ("taken away", "a file in its place"))
def test_a_store_that_is_no_directory_any_more_leaves_data_urls(keeps, scratch, broken):
    g = keeps()
    path = path_of(g, g.generate(**ASK))
    shutil.rmtree(scratch / "store")
    if broken != "taken away":
        (scratch / "store").write_text("in the way")
    assert g.get(path).status == 404
    reply = g.generate(**ASK)
    assert reply.json["data"][0]["url"].startswith("data:image/png;base64,")
    assert reasons(reply) == ["the url is a data: URL: the image could not be written to the store"]
    strict = g.generate(STRICT, **ASK)
    assert (strict.status, strict.json["error"]["code"]) == (500, "picture_not_kept")
    assert str(scratch) not in reply.text + strict.text


def test_one_of_two_that_cannot_be_written_does_not_spoil_the_other(keeps, scratch, openai):
    g = keeps(http=provider("openai", openai))
    whole = base64.b64encode(PNG).decode()
    # Bits after the end, which only the writer of files checks.
    broken = base64.b64encode(JPEG + bytes(3 - (len(JPEG) + 2) % 3)).decode()
    assert broken.endswith("==") and broken[-3] == "A"
    broken = broken[:-3] + "B=="
    openai.next(Json({"created": 1, "data": [{"b64_json": broken}, {"b64_json": whole}]}))
    reply = g.generate(model="openai/gpt-image-2", response_format="url", n=2)
    assert reply.status == 200 and reply.json["data"][0]["url"].startswith("data:")
    assert g.get(path_of(g, reply, 1)).body == PNG and len(kept(scratch / "store")) == 1


# The cleanup by nginx's cache manager


def age(file, seconds):
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_the_cleanup_removes_our_expired_files_and_the_oldest_above_the_maximum(keeps, scratch):
    g = keeps("max=10k ttl=1h")
    store = scratch / "store"
    g.generate(**ASK)
    fresh, = kept(store)
    old = fresh.with_name(fresh.name[:2] + "a" * 24 + ".png")
    older, left, ours_not = old.with_suffix(".gif"), old.with_suffix(".jpeg.tmp"), fresh.with_name("notes.txt")
    for file, size, seconds in ((old, 6000, 60), (older, 6000, 120), (left, 10, 700), (ours_not, 50_000, 9000)):
        file.write_bytes(bytes(size))
        age(file, seconds)
    beside = store / "README"
    beside.write_bytes(bytes(50_000)), age(beside, 9000)
    link = path_of(g, g.generate(**ASK))
    assert until(lambda: not older.exists() and not left.exists(), 6, 0.05)
    assert old.exists() and fresh.exists() and ours_not.exists() and beside.exists()
    assert g.get(link).status == 200
    age(fresh, 3700)
    assert until(lambda: not fresh.exists(), 6, 0.05) and old.exists()
    assert "removed 2 images" in g.error_log()


def test_a_link_ends_before_its_file_goes(keeps, scratch):
    g = keeps("ttl=1s")
    reply = g.generate(**ASK)
    path, ends = path_of(g, reply), reply.json["extra_fields"]["images"][0]["expires_at"]
    while time.time() < ends + 0.2:
        status = g.get(path).status
        assert status == 200 or time.time() >= ends, "until its end it leads to the image"
        time.sleep(0.05)
    assert g.get(path).json["error"]["code"] == "invalid_link"
    assert g.request("HEAD", path, headers={"If-None-Match": "*"}).status == 403
    assert until(lambda: not kept(scratch / "store"), 6, 0.05)


# Changes by an operator


def test_a_changed_key_file_is_read_at_a_reload_and_either_line_is_good(keeps, scratch):
    file = scratch / "keys"
    file.write_text("the first key, long enough\r\n\n  \n")
    g = keeps(location=f"{OPEN} image_gateway_store_key {file};")
    assert not (scratch / "store/.key").exists(), "no key of its own where there is another"
    first = path_of(g, g.generate(**ASK))
    file.write_text("a second key, long enough\nthe first key, long enough\n")
    second_unread = path_of(g, g.generate(**ASK))
    g.reload()
    second = path_of(g, g.generate(**ASK))
    assert [g.get(one).status for one in (first, second_unread, second)] == [200] * 3
    file.write_text("too short\n")
    g.allow_log("must have one or two keys")
    g.signal(1)
    g.wait_log("must have one or two keys")
    assert g.get(second).status == 200, "a mistake leaves what there was"
    file.write_text("a second key, long enough\n")
    g.reload()
    assert [g.get(one).status for one in (first, second_unread, second)] == [403, 403, 200]


def test_locations_of_one_store_have_links_of_their_own_keys(gateway, scratch):
    (scratch / "key").write_text("a key of its own, long enough")
    g = gateway(OPEN, SANDBOX + f"image_gateway_store {scratch}/store;", extra_locations=
                f"location /b/ {{ {OPEN} image_gateway_store_key {scratch}/key; }} location /c/ {{ {OPEN} }}")
    path = path_of(g, g.generate(**ASK))
    assert [g.get(path.replace("/v1/", other)).status for other in ("/v1/", "/b/", "/c/")] == [200, 403, 200]


def test_stores_of_different_locations_do_not_mix(gateway, scratch):
    g = gateway(OPEN + f"image_gateway_store {scratch}/one;", SANDBOX, extra_locations=
                f"location /b/ {{ {OPEN} image_gateway_store {scratch}/two; }}"
                f"location /b/off/ {{ {OPEN} image_gateway_store off; }}")
    path = path_of(g, g.generate(**ASK))
    assert g.get(path.replace("/v1/", "/b/")).status == 403
    g.generate(path="/b/images/generations", **ASK)
    assert len(kept(scratch / "one")) == len(kept(scratch / "two")) == 1
    assert g.get(path.replace("/v1/", "/b/off/")).status == 404
    assert g.generate(path="/b/off/images/generations", **ASK).json["data"][0]["url"].startswith("data:")


def test_a_relative_directory_lies_below_the_prefix_and_is_made(gateway):
    g = gateway(OPEN + "image_gateway_store images/;", SANDBOX)
    assert g.get(path_of(g, g.generate(**ASK))).status == 200
    assert len(kept(g.directory / "images")) == 1


STORE = "image_gateway_store DIR/s"
MISTAKES = {
    "twice in one location": (f"{STORE}; {STORE};", "duplicate"),
    "described twice": (f"{STORE}; }} location /b/ {{ {OPEN} {STORE};", "used in"),
    "described twice, with a slash": (f"{STORE}; }} location /b/ {{ {OPEN} {STORE}/ max=1m;", "used in"),
    "no directory": ("image_gateway_store;", "invalid number of arguments"),
    "too much": (f"{STORE} max=1m ttl=1m rehost=on rehost=off;", "invalid number of arguments"),
    "no size": (f"{STORE} max=;", "invalid size"), "a negative size": (f"{STORE} max=-1;", "invalid size"),
    "no time": (f"{STORE} ttl=soon;", "invalid time"), "less than a second": (f"{STORE} ttl=999ms;", "ttl must be at least 1s"),
    "rehost of no kind": (f"{STORE} rehost=yes;", "expected on or off"),
    "another word": (f"{STORE} size=1m;", "invalid parameter"), "a bare word": (f"{STORE} on;", "invalid parameter"),
    "no key file": (f"{STORE}; image_gateway_store_key DIR/none;", "none"),
    "three keys": (f"{STORE}; image_gateway_store_key DIR/three;", "one or two keys"),
    "an empty key file": (f"{STORE}; image_gateway_store_key DIR/empty;", "one or two keys"),
    "a short second key": (f"{STORE}; image_gateway_store_key DIR/short;", "one or two keys"),
    "a url of another kind": (f"{STORE}; image_gateway_public_url file:///x;", "image_gateway_public_url"),
    "a url without a scheme": (f"{STORE}; image_gateway_public_url a.example;", "image_gateway_public_url"),
    "a url without a host": (f"{STORE}; image_gateway_public_url https://;", "image_gateway_public_url"),
    "a url with a quote": (f"{STORE}; image_gateway_public_url 'https://a\"b';", "image_gateway_public_url"),
    "a url with a space": (f"{STORE}; image_gateway_public_url 'https://a b';", "image_gateway_public_url"),
    "a url with a query": (f"{STORE}; image_gateway_public_url https://a/?b;", "image_gateway_public_url"),
    "a network with host bits": ("image_gateway_fetch_allow 10.1.2.3/8;", "invalid network"),
    "a network too long": ("image_gateway_fetch_allow 10.0.0.0/33;", "invalid network"),
    "an octal network": ("image_gateway_fetch_allow 010.0.0.0/8;", "invalid network"),
    "a name": ("image_gateway_fetch_allow localhost;", "invalid network"),
    "a mapped network": ("image_gateway_fetch_allow ::ffff:0:0/96;", "invalid network"),
    "none beside some": ("image_gateway_fetch_allow 10.0.0.0/8 none;", "invalid network"),
    "rules twice": ("image_gateway_fetch_allow none; image_gateway_fetch_allow none;", "duplicate"),
    "rules of nothing": ("image_gateway_fetch_allow;", "invalid number of arguments"),
}


@pytest.mark.parametrize("mistake, told", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_it_is_run(nginx_t, scratch, mistake, told):
    for name, text in (("three", "k" * 20 + "\n"), ("short", "k" * 20 + "\nk\n"), ("empty", "\n \n")):
        (scratch / name).write_text(text * 3 if name == "three" else text)
    tested = nginx_t(SANDBOX, OPEN + mistake.replace("DIR", str(scratch)))
    assert not tested.ok and told in tested.output, tested.output
