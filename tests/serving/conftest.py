"""A tiny exported model, written once for all tests of servers, and servers of it for tests of clients."""

import pytest


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory):
    """The folders of `tests/tiny_export.py`."""
    from tests.tiny_export import write_tiny_export

    return write_tiny_export(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="session")
def export_path(tiny_export):
    """The folder of the model that takes text."""
    return tiny_export.qa_dir


@pytest.fixture(scope="session")
def running(export_path):
    """Scheme → what a server of `export_path` has seen, for REST and gRPC."""
    from tests.serving import servers

    with servers.rest_server(export_path) as rest, servers.grpc_server(export_path) as grpc:
        yield {"http": rest, "grpc": grpc}


@pytest.fixture(params=["http", "grpc"])
def scheme(request):
    """Of a server's address."""
    return request.param


@pytest.fixture
def seen(running, scheme):
    """What the server of `scheme` sees in this test."""
    state = running[scheme]
    for notes in (state.failures, state.delays, state.batches, state.versions, state.headers):
        notes.clear()
    state.replaced = None
    return state
