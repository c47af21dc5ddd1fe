"""A store's directory in which others can write: what they put there is not trusted, not followed and not removed."""

import os
import re
import shutil
import stat
import time

import pytest
from harness import environment
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
ASK = {"response_format": "url", "size": "64x48"}
SECRET = "0123456789abcdef0123456789abcdef"
ROOT_ONLY = pytest.mark.skipif(not environment.is_root(), reason="only root can make files of others")


@pytest.fixture
def store(scratch):
    directory = scratch / "store"
    directory.mkdir()
    environment.give_to_workers(directory)
    directory.chmod(0o777)
    return directory


def location(store, options="") -> str:
    return f"{OPEN} image_gateway_store {store} {options};"


def link(store):
    elsewhere = store.parent / "root-only"
    elsewhere.write_text(SECRET * 2 + "\n")
    elsewhere.chmod(0o600)
    (store / ".key").symlink_to(elsewhere)


def other_name(store):
    elsewhere = store.parent / "root-only"
    elsewhere.write_text(SECRET * 2 + "\n")
    elsewhere.chmod(0o600)
    (store / ".key").hardlink_to(elsewhere)


def of_somebody_else(store):
    write_key(store, SECRET * 2)
    os.chown(store / ".key", 65534, 65534)


def write_key(store, text, mode=0o600):
    (store / ".key").write_text(text + "\n")
    (store / ".key").chmod(mode)


@pytest.mark.parametrize("put, told", (
    (link, "symbolic link"), (lambda store: os.mkfifo(store / ".key", 0o600), "not a regular file"),
    (lambda store: (store / ".key").mkdir(), "directory"), (other_name, "second name"),
    pytest.param(of_somebody_else, "belongs neither", marks=ROOT_ONLY),
    (lambda store: write_key(store, SECRET, 0o666), "others may write"),
    (lambda store: write_key(store, "x"), "32 characters"), (lambda store: write_key(store, ""), "32 characters"),
    (lambda store: write_key(store, "\n".join([SECRET] * 3)), "one or two keys"),
    (lambda store: write_key(store, "x" * 100_000), "too large")),
    ids=("link", "pipe", "directory", "second-name", "foreign", "writable", "one-letter", "empty", "three", "huge"))
def test_a_key_that_somebody_else_may_have_put_there_is_not_trusted(nginx_t, store, put, told):
    put(store)
    tested = nginx_t(SANDBOX, location(store))
    assert not tested.ok, "and it does not wait for a pipe"
    assert re.search(rf"the key of the store, .*{told}.* in .*nginx.conf:\d+", tested.output, re.DOTALL), tested.output


def test_a_key_of_its_own_goes_on(gateway, store):
    g = gateway(location(store), SANDBOX)
    path = g.generate(**ASK).json["data"][0]["url"].removeprefix(g.url)
    key = store / ".key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_text().strip()) >= 32
    g.reload()
    assert g.get(path).status == 200


@pytest.mark.parametrize("length, ok, warns", ((15, False, False), (16, True, True), (31, True, True), (32, True, False)))
def test_a_short_key_of_an_operator_is_taken_with_a_warning(nginx_t, store, length, ok, warns):
    key = store.parent / "keys"
    key.write_text("k" * length + "\n")
    tested = nginx_t(SANDBOX, f"{location(store)} image_gateway_store_key {key};")
    assert (tested.ok, bool(re.search(r"\[warn\].*less than 32 characters.*nginx.conf:\d+", tested.output))) == (ok, warns)


def test_the_sweep_removes_only_files_with_names_of_ours(gateway, store):
    name = "ab" + "c" * 24 + ".png"
    ours = ("ab/" + name, "ab/" + name + ".tmp")
    others = ("ab/notes.tmp", "ab/thesis.png", "zz/" + name, "A1/" + name, "ab/" + name + ".bak", ".tmp", "aa/x.tmp",
              "ab/" + name.replace("c", "C") + ".tmp", "ab/.tmp")
    outside = store.parent / "outside"
    outside.mkdir()
    (outside / ("cd" + name[2:])).write_text("not ours")
    (store / "cd").symlink_to(outside)
    for one in ours + others:
        (store / one).parent.mkdir(exist_ok=True)
        (store / one).write_text("x")
        os.utime(store / one, (0, 0))
    os.utime(outside / ("cd" + name[2:]), (0, 0))
    for one in store.iterdir():
        if one.is_dir() and not one.is_symlink():
            environment.give_to_workers(one)
    gateway(location(store, "ttl=1s"), SANDBOX)
    assert until(lambda: not any((store / one).exists() for one in ours), 10, 0.1)
    assert [one for one in others if not (store / one).exists()] == []
    assert (outside / ("cd" + name[2:])).exists()


def test_links_below_the_store_are_not_followed(gateway, store):
    """Neither when an image is written nor when it is served."""
    g = gateway(location(store), SANDBOX)
    path = g.generate(**ASK).json["data"][0]["url"].removeprefix(g.url)
    name = path.partition("?")[0].rsplit("/", 1)[1]
    image = store / name[:2] / name
    secret = store.parent / "secret"
    secret.write_text("what workers can read")
    environment.give_to_workers(secret)
    image.unlink()
    image.symlink_to(secret)
    reply = g.get(path)
    assert reply.status == 404 and b"workers can read" not in reply.body
    shutil.rmtree(image.parent)
    outside = store.parent / "outside"
    outside.mkdir()
    environment.give_to_workers(outside)
    shutil.copy(secret, outside / name)
    image.parent.symlink_to(outside)
    assert g.get(path).status == 404
    for letters in (a + b for a in "abcdefghijklmnopqrstuvwxyz234567" for b in "abcdefghijklmnopqrstuvwxyz234567"):
        if not (store / letters).exists():
            (store / letters).symlink_to(outside)
    reply = g.generate(**ASK)
    assert reply.status == 200 and reply.json["data"][0]["url"].startswith("data:")
    assert [one.name for one in outside.iterdir()] == [name]
    if environment.is_root():
        for one in store.iterdir():
            if one.is_symlink():
                one.unlink()
                one.mkdir(mode=0o777)
                os.chown(one, 12345, 12345)
                one.chmod(0o777)
        assert g.generate(**ASK).json["data"][0]["url"].startswith("data:"), "a directory of somebody else"


@pytest.mark.parametrize("file", ("image_gateway_catalog {pipe};", "image_provider p {{ api openai; url http://x; key file:{pipe}; }}",
                                  "image_provider p {{ api openai; url http://x; key none; ca {pipe}; }}"))
def test_a_pipe_where_a_file_should_be_does_not_make_nginx_wait(nginx_t, scratch, file):
    pipe = scratch / "pipe"
    os.mkfifo(pipe)
    began = time.monotonic()
    tested = nginx_t(SANDBOX + file.format(pipe=pipe))
    assert not tested.ok and "not a regular file" in tested.output and re.search(r"nginx.conf:\d+", tested.output)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("where", ("store", "state"))
def test_a_directory_that_cannot_be_made_names_the_line(nginx_t, scratch, where):
    (scratch / "file").write_text("")
    parts = {"store": (SANDBOX, f"{OPEN} image_gateway_store {scratch}/none/store;"),
             "state": (SANDBOX + f"image_gateway_state {scratch}/file/state/state.db;", OPEN)}[where]
    tested = nginx_t(*parts)
    assert not tested.ok and re.search(r"\[emerg\].* mkdir\(\) .* failed.* in .*nginx.conf:\d+", tested.output), tested.output
