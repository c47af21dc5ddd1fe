import sys
from pathlib import Path

import pytest

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # for the fakes
pytest.register_assert_rewrite("harness")

from harness.fixtures import *  # noqa: E402, F403
