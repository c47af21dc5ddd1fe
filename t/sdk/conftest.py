import os

import pytest

os.environ["NO_PROXY"] = "127.0.0.1"
pytest.register_assert_rewrite("harness", "sandbox")

from harness.fixtures import *  # noqa: E402, F403
from sandbox import *  # noqa: E402, F403
