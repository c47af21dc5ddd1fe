"""docs/providers.md agrees with the catalogue that it is generated from."""

import re
import subprocess
import sys


def test_the_page_of_providers_is_current(project):
    done = subprocess.run([sys.executable, project / "docs/providers.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_has_every_api_that_nginx_names(project, nginx_t):
    known = re.search(r"expected one of: (.+?) in ", nginx_t("image_provider p { api none; }").output)[1]
    page = (project / "docs/providers.md").read_text()
    assert re.findall(r"^## ([\w-]+)$", page, re.MULTILINE) == sorted(known.split(", "))
