"""What docs and comments cite is in the project: files, rooms of the source, links of the pages."""

import ast
import re

import pytest

ROOMS = ("src", "t", "docs", "core", "nginx", "upstream", "state", "access", "bytes", "catalog", "exchange", "json",
         "limits", "net", "providers", "request", "response", "routing", "sse")
# Where a cited path may begin, besides at the directory of the file that cites it.
STARTS = ("", "src", "src/core", "t", "t/http", "docs", "docs/decisions")
NO_SUFFIX = r"[\w-]+"
FILE = r"[\w-][\w.-]*\.(?:cc|h|py|sh|md)"
CITED = re.compile(rf"(?<![\w/.$~<*%{{}}@-])(?:(?P<path>(?:[\w-]+/)+(?:{FILE}|{NO_SUFFIX}))|(?P<name>{FILE}))(?![\w*{{/]|\.\w)")
FOREIGN = re.compile(r"(?:'s |https?://\S*)$")  # a file of another project, an address
PARAGRAPH = re.compile(r"^.*§.*$", re.MULTILINE)


@pytest.fixture(scope="module")
def texts(project, files):
    """(path, what a reader reads in it): whole pages, comments of sources."""
    read = {".md": lambda text: text, ".cc": comments_of_cpp, ".h": comments_of_cpp, ".py": comments_of_python,
            ".sh": comments_of_shell, "": comments_of_shell, ".make": comments_of_shell, ".conf": comments_of_shell}
    found = []
    for path in files:
        if path.suffix in read and "corpus" not in path.parts and path.parts[0] != ".git":
            found.append((path, read[path.suffix]((project / path).read_text(errors="replace"))))
    assert len(found) > 300
    return found


def comments_of_cpp(text: str) -> str:
    return "\n".join(re.findall(r"(?:^|\s)//(.*)$", text, re.MULTILINE))


def comments_of_shell(text: str) -> str:
    return "\n".join(re.findall(r"(?:^|\s)#(.*)$", text, re.MULTILINE))


def comments_of_python(text: str) -> str:
    tree = ast.parse(text)
    described = (ast.Module, ast.ClassDef, ast.FunctionDef)
    strings = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, described)]
    return "\n".join([*strings, comments_of_shell(text)])


def cited(text: str):
    """Paths and names of files that are spelled as if they were ours. NAME stands for what a reader puts in."""
    for match in CITED.finditer(text):
        found = match[0]
        plain = "." not in found.rpartition("/")[2]
        if FOREIGN.search(text[max(0, match.start() - 80):match.start()]) or re.search(r"\b[A-Z]+\b|NAME", found):
            continue
        if not plain or found.split("/")[0] in ROOMS:
            yield found


def missing(texts, files) -> list:
    known = {path.as_posix() for path in files}
    known |= {parent.as_posix() for path in files for parent in path.parents}
    stems = {path.partition(".")[0] for path in known}
    names = {path.name for path in files}
    problems = []
    for path, text in texts:
        for one in cited(text):
            places = [f"{start}/{one}".lstrip("/") for start in (*STARTS, path.parent.as_posix())]
            if "/" not in one and one in names:
                continue
            if not any(place in known or place in stems for place in places):
                problems.append(f"{path} cites {one}, which is not there")
    return problems


def test_files_that_are_cited_exist(texts, files):
    assert not (problems := missing(texts, files)), "\n".join(problems)


def test_sections_that_are_cited_are_those_of_a_published_standard(texts):
    problems = [f"{path}: {line.strip()}" for path, text in texts for line in PARAGRAPH.findall(text)
                if "RFC" not in line and path.name != "test_cited_paths.py"]
    assert not problems, "\n".join(problems)


def test_links_between_pages_lead_somewhere(project, files):
    problems = []
    for path in files:
        if path.suffix == ".md":
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (project / path).read_text()):
                if "://" not in target and not (project / path.parent / target).exists():
                    problems.append(f"{path} links to {target}, which is not there")
    assert not problems, "\n".join(problems)


def test_what_the_map_of_the_rooms_names_exists(project):
    """docs/architecture.md: a block that begins with a directory, then a line for each thing in it. "*" stands for many."""
    page = (project / "docs/architecture.md").read_text()
    block = re.search(r"^```\n(src/core/.*?)^```", page, re.MULTILINE | re.DOTALL)[1]
    problems, directory, named = [], None, set()
    for line in block.splitlines():
        if match := re.match(r"(src/\S+)/", line):
            directory = project / match[1]
        elif match := re.match(r"  (\S.*?)(?:  |$)", line):
            for name in re.split(r",\s*", match[1]):
                place = directory / name.rstrip("/")
                named.add(place)
                if not place.is_dir() and not list(directory.glob(f"{name}.h")) and not list(directory.glob(f"{name}.cc")):
                    problems.append(f"the map names {place.relative_to(project)}, which is not there")
    rooms = {path for path in (project / "src/core").iterdir() if path.is_dir()}
    problems += [f"the map has no line for {path.relative_to(project)}" for path in sorted(rooms - named)]
    assert not problems, "\n".join(problems)


def test_what_is_not_there_is_found(files):
    page = files[0].parent / "docs/page.md"
    look = lambda text: missing([(page, text)], files)
    for text in ("README.md", "`src/core/ports.h`", "core/ports", "ports.h", "providers/", "t/unit",
                 "nginx's src/event.h", "https://example.com/src/no.cc", "t/http/test_NAME.py", "openai/gpt-image-2"):
        assert not look(text), text
    for text in ("providers/openai.md", "`request/no_fields.cc`", "core/no_ports", "no_ports.h.", "src/no/file"):
        assert len(look(text)) == 1, text
