"""Tests of the source tree itself: they read it, and need neither nginx nor a build."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def project() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def files(project) -> list:
    """Paths of all files of the project, relative to it: those that Git knows, and new ones that it would not ignore."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=project,
                            capture_output=True, text=True)
    if listed.returncode == 0:
        return [Path(name) for name in listed.stdout.split("\0") if name and (project / name).is_file()]
    return [path.relative_to(project) for path in project.rglob("*")
            if path.is_file() and not {"build", ".git", "__pycache__"} & set(path.relative_to(project).parts)]
