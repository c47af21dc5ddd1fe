"""Which nginx, which module, as whom, with which sanitizers: what the environment variables say.

NGINX               the nginx to run; otherwise the one in PATH or /usr/sbin
MODULE              the module; otherwise build/ngx_http_image_gateway_module.so in the project
SANITIZER_PRELOAD   libraries for LD_PRELOAD, separated by colons
PROVIDER_HTTP       `http` of all providers that do not say it themselves: libcurl or native (the default)
PROVIDER_TLS        with any value all fakes of providers speak TLS
TEST_USER           whom the workers run as, when the tests run as root
"""

import atexit
import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
from fakes.server import FakeServer

from .certs import Certificates

PROJECT = Path(__file__).resolve().parents[3]


@lru_cache
def nginx() -> str:
    name = os.environ.get("NGINX", "nginx")
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.exit(f"There is no nginx at '{name}': install it or set NGINX.", returncode=3)
    return os.path.abspath(found)


@lru_cache
def module() -> str:
    path = Path(os.environ.get("MODULE") or PROJECT / "build/ngx_http_image_gateway_module.so").absolute()
    if not path.is_file():
        pytest.exit(f"The module {path} does not exist: build it or set MODULE.", returncode=3)
    return str(path)


@lru_cache
def build_arguments() -> str:
    return subprocess.run([nginx(), "-V"], capture_output=True, text=True, check=True).stderr


@lru_cache
def usual_ca():
    """Who signs the certificates of fakes if all of them speak TLS; else None."""
    if not os.environ.get("PROVIDER_TLS"):
        return None
    certificates = Certificates(Path(tempfile.mkdtemp(prefix="certificates-")))
    certificates.directory.chmod(0o755)
    atexit.register(shutil.rmtree, certificates.directory)
    FakeServer.usual_tls = certificates.good
    return certificates.ca


def is_root() -> bool:
    return os.geteuid() == 0


def worker_user():
    """Whom the `user` directive names, or None where there must be none."""
    return os.environ.get("TEST_USER") or "root" if is_root() else None


def worker_group():
    user = worker_user()
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name if user else None


def give_to_workers(path):
    """Makes a directory or file the workers' own."""
    if is_root():
        shutil.chown(path, worker_user(), worker_group())


def variables(own: dict, directory) -> dict:
    """nginx's whole environment: nothing of ours but PATH, so that a proxy variable of the machine has no say."""
    result = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")}
    preload = os.environ.get("SANITIZER_PRELOAD")
    if preload:
        result["LD_PRELOAD"] = preload
        result["ASAN_OPTIONS"] = f"detect_leaks=0:abort_on_error=0:exitcode=99:log_path={directory}/asan"
        result["UBSAN_OPTIONS"] = f"print_stacktrace=1:halt_on_error=0:log_path={directory}/ubsan"
    return {**result, **own}
