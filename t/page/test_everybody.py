"""The page for everybody: axe-core finds nothing, dark or light, wide or narrow; keys suffice; whoever wants no motion sees none."""

import json

import pytest
from fakes.edited import original
from fakes.openai import ERRORS
from harness import provider
from steps import make, open_all, use_operation

WIDTHS = {"wide": 1280, "narrow": 360}


def violations(page, axe) -> list:
    page.run(axe + "; 0")
    found = json.loads(page.run("axe.run(document, {resultTypes: ['violations']}).then((result) => JSON.stringify(result.violations))"))
    return [f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary'][:300]}" for one in found for node in one["nodes"]]


@pytest.fixture
def g(serve, openai):
    openai.always(ERRORS["rate_limit_exceeded"])
    return serve(provider("openai", openai) + "image_provider sandbox { api sandbox; } image_model auto openai/gpt-image-2 sandbox/placeholder;")


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing(g, browse, axe, dark, width):
    page = browse(g, dark=dark, width=WIDTHS[width])
    assert not (found := violations(page, axe)), "\n".join(found)
    make(page)
    page.choose("[data-field=model]", "sandbox/placeholder")
    use_operation(page, "Edit")
    page.hand_over("drop", ".drop", original(64, 48))
    page.wait("document.querySelector('mask-brush canvas')?.width === 64")
    page.fill(".n input", "77")
    make(page)
    open_all(page)
    assert page.count(".error") == 1 and page.count(".n .mistake") == 1
    assert not (found := violations(page, axe)), "\n".join(found)
    page.click(".history li:last-child button")
    open_all(page)
    assert not (found := violations(page, axe)), "\n".join(found)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(g, browse, width):
    page = browse(g, width=WIDTHS[width])
    make(page, "a-very-long-word-" * 30)
    open_all(page)
    assert page.run("document.documentElement.scrollWidth") <= WIDTHS[width]


def test_the_tab_key_reaches_every_control_in_order(g, browse):
    page = browse(g)
    open_all(page)
    seen = []
    for _ in range(60):
        page.press("Tab")
        here = page.run("(() => { const one = document.activeElement; return one === document.body ? '' : one.id || one.name || one.innerText || one.tagName; })()")
        if here in seen[-1:] or here == "":
            break
        seen.append(here)
    controls = page.run("[...document.querySelectorAll('form input:not([type=radio]), form select, form textarea, form button')]"
                        ".filter((each) => each.checkVisibility() && !each.disabled).map((each) => each.id || each.innerText)")
    assert [each for each in seen if each in controls] == controls


def test_without_motion_nothing_moves(g, browse):
    page = browse(g)
    page.prefer(dark=False, less_motion=True)
    page.run("document.querySelector('.results').append(Object.assign(document.createElement('div'), {className: 'waiting'})); 0")
    assert page.run("getComputedStyle(document.querySelector('.waiting')).animationName") == "none"
