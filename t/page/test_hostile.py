"""What callers, models and providers write stays text on the page, and the page asks nobody but its own server."""

import json

import pytest
from fakes.openai import Error, Images
from harness import provider
from steps import facts, make, open_all, sample

MARKUP = "</script></style></title><img src=x onerror=\"globalThis.broken=1\"><script>globalThis.broken=1</script>'\"&lt;`${1}"
SANDBOX = "image_provider sandbox { api sandbox; }"


def assert_text_only(page):
    assert page.run("globalThis.broken") is None
    assert page.run("document.querySelectorAll('img[src=x], [onerror], main script, [style]:not(image-compare, .shape, .ring)').length") == 0


def test_a_prompt_is_text_everywhere(serve, browse):
    page = browse(serve())
    make(page, MARKUP)
    make(page, MARKUP + "2")
    open_all(page)
    assert page.run("document.querySelector('.stage img').alt").startswith(MARKUP)
    assert page.run("document.querySelector('.history button').title") == MARKUP + "2"
    for language in ("curl", "Python", "JavaScript"):
        assert "globalThis.broken=1" in sample(page, language)
    assert_text_only(page)


def test_the_name_of_a_model_is_text(serve, browse, scratch):
    name = "<img/src=x/onerror=globalThis.broken=1>'&lt;"
    (scratch / "catalog.json").write_text(json.dumps({"apis": {"sandbox": [{"model": name, "family": "sandbox"}]}}))
    (scratch / "catalog.json").chmod(0o644)
    page = browse(serve(SANDBOX + f"image_gateway_catalog {scratch}/catalog.json;"))
    page.choose("[data-field=model]", f"sandbox/{name}")
    make(page)
    assert page.text("image-run h2") == f"sandbox/{name}"
    assert facts(page)["Model"] == f"sandbox/{name}"
    assert_text_only(page)


def test_a_providers_error_is_text(serve, browse, openai):
    openai.always(Error(400, "invalid_request_error", "invalid_value", MARKUP, "prompt"))
    page = browse(serve(provider("openai", openai) + "image_model auto openai/gpt-image-2;"))
    make(page)
    open_all(page)
    assert MARKUP in page.text(".error")
    assert_text_only(page)


def test_what_a_provider_says_beside_a_picture_is_text(serve, browse, openai):
    def change(document):
        for one in document["data"]:
            one["revised_prompt"] = MARKUP
        return {**document, "quality": MARKUP, "size": MARKUP}

    openai.always(Images(change=change))
    page = browse(serve(provider("openai", openai) + "image_model auto openai/gpt-image-2;"))
    make(page)
    open_all(page)
    assert page.run("document.querySelector('image-run').state") == "made"
    assert_text_only(page)


def test_bytes_that_are_no_picture_run_nothing(serve, browse, openai):
    html = "PGh0bWw+PHNjcmlwdD5nbG9iYWxUaGlzLmJyb2tlbj0xPC9zY3JpcHQ+PC9odG1sPg=="

    def change(document):
        return {**document, "data": [{"b64_json": html} for _ in document["data"]]}

    openai.always(Images(change=change))
    page = browse(serve(provider("openai", openai) + "image_model auto openai/gpt-image-2;"))
    make(page)
    if page.run("document.querySelector('image-run').state") == "made":
        assert page.run("document.querySelector('image-run').pictures[0].blob.type") == "application/octet-stream"
    assert_text_only(page)


def test_the_title_of_the_operator_is_text(serve, browse):
    title = "<b>Pictures & \"more\"</b> {{api}}"
    page = browse(serve(page=json.dumps("title=" + title)))
    assert page.text("h1") == title and page.run("document.title") == title
    assert page.count("h1 b") == 0


@pytest.mark.parametrize("attempt", (
    "document.body.innerHTML = '<b>x</b>'",
    "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
    "eval('1')",
    "new Function('return 1')()",
))
def test_the_policy_lets_no_text_become_code(serve, browse, attempt):
    page = browse(serve())
    assert page.run(f"(() => {{ try {{ {attempt}; return 'done'; }} catch (error) {{ return error.constructor.name; }} }})()") in ("TypeError", "EvalError")
    page.problems.clear()  # the refusal itself


def test_the_policy_lets_the_page_ask_nobody_else(serve, browse):
    page = browse(serve())
    asked = page.run("fetch('http://127.0.0.2:1/').then(() => 'asked', (error) => error.constructor.name)")
    framed = page.run("new Promise((done) => { addEventListener('securitypolicyviolation', (event) => done(event.violatedDirective));"
                      "document.body.append(Object.assign(document.createElement('img'), {src: '/v1/x.png'})); })")
    assert asked == "TypeError" and framed == "img-src"
    page.problems.clear()  # the refusals themselves
