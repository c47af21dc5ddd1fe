import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS), str(TESTS / "http")]  # for the fakes and the harness
os.environ["NO_PROXY"] = "127.0.0.1"
pytest.register_assert_rewrite("harness", "sandbox")

from harness.fixtures import *  # noqa: E402, F403
from sandbox import *  # noqa: E402, F403
