"""The fixtures of the HTTP and SDK tests."""

import shutil
from pathlib import Path

import pytest

from fakes.openai import OpenAI
from fakes.server import ports_of_fakes

from . import environment
from .certs import Certificates
from .configuration import Configuration
from .gateway import Gateway, new_directory, run_nginx_test
from .links import ask, host, studio  # noqa: F401

VARIABLES = {"OPENAI_API_KEY": "sk-test-openai"}


@pytest.fixture(autouse=True, scope="session")
def tls_of_all_fakes():
    """Before the first fake is made."""
    environment.usual_ca()


@pytest.fixture
def openai_factory():
    """Starts fakes of OpenAI with the options of fakes.openai.OpenAI."""
    fakes = []

    def start(**options) -> OpenAI:
        fakes.append(OpenAI(**options).start())
        return fakes[-1]

    yield start
    for fake in fakes:
        fake.stop()


@pytest.fixture
def openai(openai_factory):
    """A fake of OpenAI."""
    return openai_factory()


@pytest.fixture
def gateway(openai_factory):
    """Starts nginx: gateway(location=…, http=…, env=…, and all other parts of Configuration).

    It depends on the fakes only so that it is checked and stopped while they are still there."""
    started = []

    def start(location=None, http="", env=None, **parts) -> Gateway:
        configuration = Configuration(location=location, http=http, **parts)
        started.append(Gateway(configuration, VARIABLES if env is None else env, ports_of_fakes))
        return started[-1]

    yield start
    problems = [problem for one in reversed(started) for problem in one.finish()]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def nginx_t():
    """nginx -t: ok, output = nginx_t("image_provider …", location=…, env=…)."""
    def run(http="", location=None, env=None, **parts):
        return run_nginx_test(Configuration(location=location, http=http, **parts), VARIABLES if env is None else env)
    return run


@pytest.fixture
def scratch():
    """A directory for files that workers read or write (keys.json, stores); pytest's tmp_path is closed to them."""
    directory = new_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def certs():
    directory: Path = new_directory()
    yield Certificates(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def project() -> Path:
    return environment.PROJECT
