import os
from pathlib import Path

import pytest

os.environ["NO_PROXY"] = "127.0.0.1"
pytest.register_assert_rewrite("harness", "browser")

from browser import Browser  # noqa: E402
from harness.fixtures import *  # noqa: E402, F403

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;"


@pytest.fixture(scope="session")
def chromium():
    one = Browser()
    yield one
    one.close()


@pytest.fixture
def serve(gateway):
    """A gateway with the page at /. `page` has further arguments of the directive."""
    def start(http=SANDBOX, location="image_gateway; image_gateway_auth off;", page="", extra="", **parts):
        return gateway(location, http, extra_locations=f"location = / {{ image_gateway_page api=/v1/ {page}; }} {extra}", **parts)
    return start


@pytest.fixture
def browse(chromium):
    """Opens pages of a gateway. At the test's end the browser must have had nothing to report."""
    opened = []

    def open_page(g, path="/", ready=True, **how):
        page = chromium.open(g.url + path, **how)
        opened.append(page)
        if ready:
            page.wait("document.querySelector('textarea') !== null || document.querySelector('[role=alert]:not([hidden])') !== null")
        return page

    yield open_page
    problems = [problem for page in opened for problem in page.problems]
    outside = [url for page in opened for url in page.requests if not url.startswith(("http://127.0.0.1", "data:", "blob:", "about:"))]
    for page in opened:
        page.close()
    assert not problems, "\n".join(problems)
    assert not outside, f"the page asks others: {outside}"


@pytest.fixture(scope="session")
def axe() -> str:
    """The rules of axe-core, which prepare_node in scripts/packages.sh installs."""
    return Path(os.environ["AXE"]).read_text()
