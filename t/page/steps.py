"""What people do on the page, as steps of tests."""


def send(page):
    """Sends the form and waits until there is a picture or an error of each call."""
    page.run("{globalThis.before = document.querySelector('image-run'); 0}")
    page.click("button[type=submit]")
    page.wait("(() => { const runs = [...document.querySelectorAll('image-run')];"
              "return runs.length > 0 && runs[0] !== globalThis.before && runs.every((run) => run.state !== 'running')"
              "&& !document.querySelector('button[type=submit]').disabled; })()")


def make(page, prompt="a red kite over dunes"):
    page.fill(".prompt textarea", prompt)
    send(page)


def facts(page) -> dict:
    """What the page says about the picture."""
    return dict(page.run("[...document.querySelectorAll('image-run dl dt')].map((term) => [term.innerText, term.nextElementSibling.innerText])"))


def labels(page) -> list:
    """Of the controls that one can see, as a person reads them."""
    return page.run("[...document.querySelectorAll('.field > label, .field > legend')].filter((each) => each.checkVisibility())"
                    ".map((each) => each.firstChild.textContent)")


def open_all(page):
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def use_operation(page, name):
    page.run(f"[...document.querySelectorAll('.switch label')].find((each) => each.innerText === '{name}').click()")


def sample(page, language) -> str:
    open_all(page)
    page.run(f"[...document.querySelectorAll('.samples label')].find((each) => each.innerText === '{language}').click()")
    return page.run("document.querySelector('.samples pre').textContent")
