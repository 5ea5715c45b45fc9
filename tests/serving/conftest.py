"""A tiny exported model, written once for all tests of servers."""

import pytest


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory):
    """The folders of `tests/tiny_export.py`."""
    from tests.tiny_export import write_tiny_export

    return write_tiny_export(tmp_path_factory.mktemp("exports"))
