"""Of all tests in Python."""

pytest_plugins = ["progress"]
