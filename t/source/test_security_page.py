"""docs/security.md names the tests that check each guarantee: all of them exist."""

import re

import pytest

FORMS = {
    r"test_\w+": "def {}(",
    r"[A-Z]\w+\.[A-Z]\w+": "({}, {})",  # of TEST and TEST_F
}


@pytest.fixture(scope="module")
def names(project):
    page = (project / "docs/security.md").read_text()
    return [name for row in page.splitlines() if row.startswith("| ") for name in re.findall("`([^`]+)`", row)]


@pytest.fixture(scope="module")
def tests(project):
    files = [*(project / "t").glob("*/*.py"), *(project / "t/unit").glob("*.cc")]
    return {file.name: file.read_text() for file in files}


def test_every_test_that_it_names_exists(names, tests):
    source = "\n".join(tests.values())
    missing = []
    for name in names:
        for form, definition in FORMS.items():
            if re.fullmatch(form, name) and definition.format(*name.split(".")) not in source:
                missing.append(name)
        if re.fullmatch(r"test_\w+\.py|\w+_test\.cc", name) and name not in tests:
            missing.append(name)
    assert len(names) > 50 and not missing


def test_every_guarantee_names_a_test(project):
    rows = [row for row in (project / "docs/security.md").read_text().splitlines()
            if row.startswith("| ") and not row.startswith("| guarantee")]
    assert rows and not [row for row in rows if not re.search(r"`[^`]*(test|[A-Z]\w+\.[A-Z])[^`]*` *\|$", row)]
