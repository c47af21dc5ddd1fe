"""What goes on: the page shows the document of image_gateway_status, and again when it has changed."""

import json

import pytest
from status_document import status_document
from steps import make
from test_everybody import WIDTHS, violations
from test_hostile import MARKUP, assert_text_only


@pytest.fixture
def status(scratch):
    """Writes the document that the gateway serves as its status."""
    def write(**changes):
        path = scratch / "new"
        path.write_text(json.dumps(status_document(**changes)))
        path.chmod(0o644)
        path.rename(scratch / "status.json")
    write()
    return write


@pytest.fixture
def board(serve, browse, scratch, status):
    g = serve(page="status=/status", extra=f"location = /status {{ alias {scratch}/status.json; default_type application/json; }}")

    def open_board(**how):
        page = browse(g, **how)
        show(page)
        page.wait("document.querySelectorAll('.board > section').length > 3")
        return page
    return open_board


def show(page):
    page.run("[...document.querySelectorAll('#views label')].find((each) => each.innerText === 'What goes on').click()")


def rows(page, caption) -> list:
    return page.run(f"[...[...document.querySelectorAll('table')].find((one) => one.caption.innerText === '{caption}').tBodies[0].rows]"
                    ".map((row) => [...row.cells].map((cell) => cell.innerText))")


def test_without_a_status_there_is_nothing_to_switch(serve, browse):
    page = browse(serve())
    assert page.count("nav") == 0


def test_state_charts_providers_and_failures_are_there(board):
    page = board()
    assert page.count("form.request") == 0 and page.text(".board .good") == "Ready"
    text = page.text(".board")
    for word in ("7 in flight, 2 waiting for room", "40.0 MB of 512.0 MB", "420 files, 1.2 GB of 10.0 GB", "12 ms behind", "4711 since", "nginx 1.22.1"):
        assert word in text, word
    assert page.run("document.querySelectorAll('.charts figure').length") == 3
    assert page.run("document.querySelectorAll('.charts figure:first-child rect.made').length") == 58
    openai, sandbox = rows(page, "Providers")
    assert openai[:3] == ["openai", "openai", "911"] and openai[3:6] == ["8.1 s", "22.0 s", "41.0 s"]
    assert openai[6] == "870 made, 30 throttled, 11 broken" and openai[7].startswith("gpt-image-2: open, 2") and "1 rests (throttled)" in openai[8]
    assert sandbox[3] == "–" and sandbox[7:] == ["closed", "in use"]
    assert [row[1:] for row in rows(page, "Last failures")] == [["openai/gpt-image-2", "throttled", "429", "rate_limit_exceeded", "req_x1"],
                                                             ["–", "too late", "–", "–", "req_x2"]]


def test_limits_close_to_their_end_are_named_with_the_fullest_first(board):
    page = board()
    limits = page.run("[...[...document.querySelectorAll('.bars')].find((one) => one.innerText.startsWith('Limits')).querySelectorAll('li')].map((each) => each.innerText.split('\\n'))")
    assert limits == [["team-a, images per minute", "10 of 10"], ["team-a, month", "$96.50 of $100.00"]]
    assert "Spend by model" in page.text(".board") and "unknown, 3 images" in page.text(".board")


def test_a_minute_without_a_value_is_a_gap_and_not_zero(board):
    page = board()
    path = page.run("document.querySelector('.charts figure:nth-child(2) path').getAttribute('d')")
    assert path.count("M") == 3  # two minutes are missing, and one has no latency


def test_it_updates_by_itself(board, status):
    page = board()
    status(ready=False, not_ready=["state file cannot be written"])
    page.wait("document.querySelector('.board .bad')?.innerText === 'Not ready: state file cannot be written'")


def test_it_does_not_ask_while_nobody_looks(board):
    page = board()
    page.run("document.querySelector('#views label').click()")
    asked = len([url for url in page.requests if url.endswith("/status")])
    make(page)
    page.run("new Promise((done) => setTimeout(done, 5500))")
    assert len([url for url in page.requests if url.endswith("/status")]) == asked


def test_what_is_not_there_yet_is_said(board, status):
    status(requests={"in_flight": 0, "parked": 0, "last_minutes": []}, providers=[], keys=[], models=[], failures=[], store=None, state=None,
           memory={"held": 0, "limit": 0}, jobs={"waiting": 3, "running": 1})
    page = board()
    text = page.text(".board")
    for word in ("0 in the last hour", "None is more than four fifths used.", "No model was used.", "1 running, 3 waiting"):
        assert word in text, word


@pytest.mark.parametrize("answer, said", (("return 403;", "needs a key with admin rights"), ("return 500;", "The status cannot be read"),
                                          ("return 200 '{}';", "not of this version"), ("return 200 'x';", "The status cannot be read")))
def test_a_status_that_cannot_be_read_is_said(serve, browse, answer, said):
    page = browse(serve(page="status=/status", extra=f"location = /status {{ default_type application/json; {answer} }}"))
    show(page)
    page.wait(f"document.querySelector('[role=status].notice')?.innerText.includes('{said}')")


def test_the_key_of_the_page_is_sent(serve, browse):
    page = browse(serve(page="status=/status", extra="location = /status { default_type application/json; if ($http_authorization != 'Bearer sk-admin') { return 401; }"
                        " return 200 '{}'; }"))
    show(page)
    page.wait("document.querySelector('[role=status].notice')?.innerText.includes('admin rights')")
    page.fill("#key", "sk-admin")
    page.wait("document.querySelector('[role=status].notice')?.innerText.includes('not of this version')")


def test_names_in_it_are_text(board, status):
    document = status_document()
    document["failures"][0].update(provider=MARKUP, model=MARKUP, code=MARKUP, outcome=MARKUP, request_id=MARKUP)
    document["providers"][0].update(name=MARKUP, type=MARKUP, outcomes={MARKUP: 1}, keys=[{"number": MARKUP, "resting_until": document["now"] + 9, "reason": MARKUP}],
                                    breakers=[{"model": MARKUP, "state": MARKUP, "until": None}])
    document["keys"][0].update(id=MARKUP, limits=[{"name": MARKUP, "used": 9, "limit": 10}])
    document["models"][0]["model"] = MARKUP
    status(**{**document, "ready": False, "not_ready": [MARKUP]})
    page = board()
    assert MARKUP in page.text(".board")
    assert_text_only(page)


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_is_too_wide(board, axe, dark, width):
    page = board(dark=dark, width=WIDTHS[width])
    assert not (found := violations(page, axe)), "\n".join(found)
    assert page.run("document.documentElement.scrollWidth") <= WIDTHS[width]
