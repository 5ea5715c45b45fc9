"""What many tests share: a tiny exported model, servers of it, a browser; and the order of the tests."""

import math
import os
import pathlib
import shutil
import signal
import struct
import tempfile
import threading
import wave

import pytest

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1200,760"
)


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
def classification_path(tmp_path_factory):
    """The folder of a tiny model that gives sentences a label."""
    from tests.tiny_export import write_tiny_classification

    return write_tiny_classification(tmp_path_factory.mktemp("classification_exports"))


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


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Headless Chromium, driven by selenium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs Chromium and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*_FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, Service(driver))
    yield started
    started.quit()


@pytest.fixture
def tone(tmp_path):
    """A recording of ten seconds."""
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (int(3000 * math.sin(0.3 * place)) for place in range(80_000))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return tmp_path / "tone.wav"


_CACHE_PREFIX = "bert_qa_tf_tests_"


def pytest_configure() -> None:
    """Gives the tests a cache of their own, and SIGINT its usual meaning.

    A shell starts what runs in the background with that signal ignored. Processes that tests start, and interrupt,
    would inherit that.
    """
    on_main_thread = threading.current_thread() is threading.main_thread()
    if on_main_thread and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _use_own_cache()


def _use_own_cache() -> None:
    """Links to what the user's cache holds, without the marks of what was checked or trusted: tests add marks."""
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    if base.name.startswith(_CACHE_PREFIX):
        return  # of the process that started this worker
    own = pathlib.Path(tempfile.mkdtemp(prefix=_CACHE_PREFIX))
    (own / "bert_qa_tf").mkdir()
    for folder, left_out in ((base, "bert_qa_tf"), (base / "bert_qa_tf", "checked")):
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name != left_out:
                (own / folder.relative_to(base) / entry.name).symlink_to(entry)
    os.environ["XDG_CACHE_HOME"] = str(own)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes the tests' cache."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.basename(cache).startswith(_CACHE_PREFIX) and not hasattr(config, "workerinput"):
        shutil.rmtree(cache, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trainings that are processes of their own, killed and begun again, take minutes a file: so they go first."""
    items.sort(key=lambda item: "/training/" not in item.nodeid)
