import pytest

pytest.register_assert_rewrite("harness")

from harness.fixtures import *  # noqa: E402, F403

# All tests run with the module that is built with sanitizers. These run with the plain one as well, whose workers are nobody:
PLAIN = {
    # what depends on who the workers are
    "test_examples", "test_live_files", "test_replaced_worker", "test_secrets", "test_state", "test_store",
    "test_store_safety", "test_storing", "test_storing_trouble",
    # what counts exactly, or is about time and memory, which sanitizers change
    "test_buffering", "test_exactness", "test_keys", "test_memory", "test_network", "test_no_memory", "test_turns",
    # what most clients do
    "test_contract", "test_lifecycle", "test_sandbox", "test_streams",
}
# These run with the HTTP of libcurl as well: `http libcurl`.
LIBCURL = {
    "test_bodies", "test_buffering", "test_dialects", "test_edits", "test_kept_connections", "test_outcomes",
    "test_stream_forms", "test_streams", "test_turns",
}
# These take longest and begin first, so that nobody waits for one of them at the end.
SLOWEST = ("test_turns", "test_memory", "test_exactness", "test_keys", "test_dialects", "test_buffering", "test_state", "test_fal")
# These need no module, and so no sanitizers.
NO_MODULE = {"test_fakes", "test_harness"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        for files, mark in ((PLAIN, pytest.mark.plain), (LIBCURL, pytest.mark.libcurl), (NO_MODULE, pytest.mark.no_module)):
            if item.path.stem in files:
                item.add_marker(mark)
    items.sort(key=lambda item: SLOWEST.index(item.path.stem) if item.path.stem in SLOWEST else len(SLOWEST))
