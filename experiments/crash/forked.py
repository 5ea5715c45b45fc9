"""Processes forked from one that has imported TensorFlow and the package and computed nothing.

So a trial takes as long as the command's own work.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator

from experiments.crash import warm_start
from experiments.crash.cases import Case

_PACKAGE_MODULES = (
    *("demo", "encoders.sources.tf_hub", "evaluate", "exporting.archive", "exporting.encoder_exporter"),
    *("exporting.exported_model", "exporting.exporter", "predict", "records.conversion", "serving_client.client"),
    *("speech.recordings.transcription_job", "speech.spoken_dataset.files", "speech.spoken_dataset.simulated_squad"),
    *("tasks.public_datasets", "training.loop", "training.run_directory"),
)
_OTHER_MODULES = (
    *("tensorflow", "tensorflow_text", "tf_keras", "orbit", "matplotlib.pyplot", "pocketsphinx", "soundfile", "jiwer"),
    *("scipy.signal", "tensorflow_hub", "tensorflow_serving.apis.predict_pb2", "tests.serving.servers"),
    "tests.storage.file_server",
)


def import_all() -> None:
    """Imports what the commands will import; none of it may compute, since threads do not outlive a fork."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (*_OTHER_MODULES, *(f"bert_qa_tf.{name}" for name in _PACKAGE_MODULES)):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    warm_start.make_tables()


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(descriptor, "wb", closefd=False), line_buffering=True)


def redirect(output: str, errors: str) -> None:
    for target, path in ((1, output), (2, errors)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, target)
        os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdout = _text_stream(1)
    sys.stderr = _text_stream(2)


def move_into(root: str) -> None:
    os.chdir(root)
    os.environ |= {
        "TMPDIR": os.path.join(root, "tmp"),
        "XDG_CACHE_HOME": os.path.join(root, "cache"),
        "HOME": os.path.join(root, "home"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    tempfile.tempdir = os.environ["TMPDIR"]  # not found by writing a file there


def call(case: Case, argv: list[str]) -> int:
    """Runs the command as its program does, and what Python does at the end."""
    from bert_qa_tf import cli

    module = case.module()
    try:
        cli.run(module.main, module.__doc__, module.FLAG_GROUPS, argv)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def run_apart(body: Callable[[], None]) -> None:
    """Runs a function in a forked process and waits for it.

    Raises:
      SystemExit: it failed.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            body()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise SystemExit("error: preparing failed; see above")


@contextlib.contextmanager
def served(case: Case) -> Iterator[int]:
    """Starts the server of a case in a forked process; yields its port."""
    read, write = os.pipe()
    stop_read, stop_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            os.close(stop_write)
            with case.server() as port:
                os.write(write, str(port).encode())
                os.close(write)
                os.read(stop_read, 1)  # ends with the parent, too
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    os.close(stop_read)
    try:
        text = os.read(read, 16)
        if not text:
            raise SystemExit(f"error: the server of `{case.name}` did not start; see above")
        yield int(text)
    finally:
        os.close(read)
        os.close(stop_write)
        os.waitpid(pid, 0)
