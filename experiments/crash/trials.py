"""One trial: a command meets its fault, is run again, and both states are judged.

Processes are forked from one that has imported TensorFlow and the package and computed nothing: so a trial takes as
long as the command's own work.
"""

from __future__ import annotations

import atexit
import contextlib
import fnmatch
import io
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from experiments.crash import cases, contents, syscalls, warm_start
from experiments.crash.cases import Case
from experiments.crash.syscalls import Call, Fault, Outcome

_OUTPUTS = ("out",)
_MODULES = (
    "tensorflow tensorflow_text tf_keras orbit matplotlib.pyplot bert_qa_tf.training.loop bert_qa_tf.exporting.exporter "
    "bert_qa_tf.exporting.exported_model bert_qa_tf.exporting.encoder_exporter bert_qa_tf.exporting.archive "
    "bert_qa_tf.records.conversion bert_qa_tf.training.run_directory bert_qa_tf.encoders.sources.tf_hub "
    "bert_qa_tf.speech.spoken_dataset.files bert_qa_tf.speech.spoken_dataset.simulated_squad bert_qa_tf.demo "
    "bert_qa_tf.speech.recordings.transcription_job bert_qa_tf.serving_client.client pocketsphinx soundfile jiwer "
    "scipy.signal tensorflow_hub bert_qa_tf.evaluate bert_qa_tf.predict bert_qa_tf.tasks.public_datasets "
    "tensorflow_serving.apis.predict_pb2 tests.serving.servers tests.storage.file_server"
)


class Verdict(NamedTuple):
    """What a trial showed.

    Attributes:
      hit: the call that the fault hit; None if the command ended before.
      faults: a line for each thing that is wrong; none for a good trial.
      folder: where the state and the output are kept, of a trial with faults.
    """

    hit: Call | None
    faults: list[str]
    folder: str


class Ran(NamedTuple):
    """A run: what became of the process, and what it printed to both streams."""

    outcome: Outcome
    output: str
    errors: str


class Workplace:
    """Runs trials below a folder of its own; one for each process.

    Args:
      folder: made if it is missing.
      made: the folder of `pieces.make`.
      failed: where trials with faults are kept.
    """

    def __init__(self, folder: str, made: str, failed: str) -> None:
        self._root = os.path.join(folder, "root")
        self._folder = folder
        self._pieces = made
        self._failed = failed
        self._noted = os.path.join(folder, "noted")
        self._known: dict[str, _Known] = {}
        os.makedirs(folder, exist_ok=True)
        os.environ["CRASH_PIECES"] = made

    def record(self, case: Case) -> tuple[list[Call], float, list[str]]:
        """Returns the writing calls of an undisturbed run, how long it takes, and what is wrong with it."""
        known = self._prepared(case)
        return known.calls, known.seconds, known.faults

    def try_out(self, case: Case, fault: Fault) -> Verdict:
        """Runs a trial."""
        known = self._prepared(case)
        self._reset(known)
        first = self._run(case, known.port, fault)
        between = contents.snapshot(self._root)
        faults = ["processes that it had started were left"] if first.outcome.orphans else []
        if first.outcome.hit is None:
            return Verdict(None, faults, "")
        if fault.kind == "kill":
            if first.outcome.status != -signal.SIGKILL:
                return Verdict(None, faults, "")
            faults += _torn(case, known, between)
        else:
            faults += self._after_error(case, known, first, between)
        faults = [f"after it: {line}" for line in faults]
        second = None
        if between not in known.sound and not (fault.kind != "kill" and first.outcome.status == 0):
            second = self._run(case, known.port, Fault())
            different = contents.differences(_settled(case, contents.snapshot(self._root)), known.expected)
            faults += [f"after the rerun: {line}" for line in different]
            if second.outcome.status != 0 and different:  # "there already" is fine if it is there
                faults.append(f"after the rerun: status {second.outcome.status}: {_last_line(second.errors)}")
            if not different:
                known.sound.append(between)
        folder = self._keep(case, fault, first, second, between) if faults else ""
        return Verdict(first.outcome.hit, faults, folder)

    def close(self) -> None:
        """Ends the servers."""
        for known in self._known.values():
            known.stack.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # === Preparing ===

    def _prepared(self, case: Case) -> _Known:
        if case.name not in self._known:
            self._known[case.name] = self._prepare(case)
        return self._known[case.name]

    def _prepare(self, case: Case) -> _Known:
        stack = contextlib.ExitStack()
        port = stack.enter_context(_served(case)) if case.server else 0
        before = os.path.join(self._folder, "before", case.name)
        shutil.rmtree(self._root, ignore_errors=True)
        for name in ("in", "out", "tmp", "cache", "home"):
            os.makedirs(os.path.join(self._root, name))
        for target, piece in case.inputs.items():
            source = os.path.join(self._pieces, piece)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(self._root, target))
        faults = []
        if case.earlier is not None:
            shutil.copytree(self._root, before)
            done = self._run(case, port, Fault(), earlier=True)
            if case.earlier_killed:
                shutil.rmtree(self._root)
                shutil.copytree(before, self._root)
                self._run(case, port, Fault("kill", int(0.7 * len(done.outcome.calls))), earlier=True)
            elif done.outcome.status:
                faults.append(f"the run before failed: {_last_line(done.errors)}")
            shutil.rmtree(before)
        shutil.copytree(self._root, before, symlinks=True)
        begin = contents.snapshot(self._root)
        self._run(case, port, Fault(), noting=True)
        warm_start.convert_noted(self._noted)
        shutil.rmtree(self._root)
        shutil.copytree(before, self._root, symlinks=True)
        done = self._run(case, port, Fault())
        if done.outcome.status:
            faults.append(f"undisturbed it ends with status {done.outcome.status}: {done.errors[-800:]}")
        end = contents.snapshot(self._root)
        faults += [f"undisturbed: left in {path}" for path in end.keys() - begin.keys() if path.startswith("tmp")]
        outcome = done.outcome
        lines = frozenset(done.errors.splitlines())
        return _Known(
            before, begin, _settled(case, end), outcome.calls, outcome.seconds, lines, port, faults, stack, [begin]
        )

    def _reset(self, known: _Known) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        shutil.copytree(known.before, self._root, symlinks=True)

    # === Running ===

    def _run(self, case: Case, port: int, fault: Fault, *, earlier: bool = False, noting: bool = False) -> Ran:
        streams = [os.path.join(self._folder, name) for name in ("stdout", "stderr")]
        cache = os.path.join(self._folder, "replies")
        os.makedirs(cache, exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()

        def body() -> int:
            _redirect(*streams)
            _move_into(self._root)
            if case.patch:
                case.patch(cache)
            if noting:
                warm_start.note_conversions(self._noted)
            return _call(case, case.argv(port, earlier=earlier))

        pid, listener = syscalls.start(body)
        output = os.path.join(self._root, "out")
        outcome = syscalls.Watcher(pid, listener, self._root, output, fault).watch()
        return Ran(outcome, *(pathlib.Path(path).read_text(errors="replace") for path in streams))

    # === Judging ===

    def _after_error(self, case: Case, known: _Known, ran: Ran, between: Mapping[str, str]) -> list[str]:
        """What is wrong after a full disk or a read-only folder."""
        status = ran.outcome.status
        if status == 0:
            return contents.differences(_settled(case, dict(between)), known.expected)
        found = []
        if status != 1:
            found.append(f"status {status}, expected 1")
        if "Traceback" in ran.errors:
            found.append(f"a traceback: {_last_line(ran.errors)}")
        new = [line for line in ran.errors.splitlines() if line and line not in known.error_lines]
        if "Traceback" not in ran.errors and (len(new) != 1 or not new[0].startswith("error: ")):
            found.append(f"expected one line `error: …`, got {len(new)}: {' | '.join(new)[-400:]}")
        for path in sorted(known.begin.keys() - between.keys()):
            if not _as_a_whole(case, known, path, between):
                found.append(f"lost: {path}")
        for path, content in sorted(between.items()):
            earlier = known.begin.get(path)
            if content in (earlier, contents.FOLDER) or _may_remain(case, path):
                continue
            if not _as_a_whole(case, known, path, between):
                found.append(f"{'half-written' if path in known.expected else 'left behind'}: {path}")
        return found

    def _keep(self, case: Case, fault: Fault, first: Ran, second: Ran | None, between: Mapping[str, str]) -> str:
        os.makedirs(self._failed, exist_ok=True)
        folder = tempfile.mkdtemp(dir=self._failed, prefix=f"{case.name.replace(' ', '_')}.{fault.kind}.")
        shutil.copytree(self._root, os.path.join(folder, "root"), symlinks=True)
        state = "".join(f"{content} {path}\n" for path, content in sorted(between.items()))
        pathlib.Path(folder, "after_the_fault.txt").write_text(state, encoding="utf-8")
        for name, ran in (("first", first), ("rerun", second)):
            if ran is not None:
                text = f"status {ran.outcome.status}\n{ran.output}\n--- standard error\n{ran.errors}"
                pathlib.Path(folder, f"{name}.txt").write_text(text, encoding="utf-8")
        return folder


class _Known(NamedTuple):
    """What the worker knows of a case: its state before, an undisturbed run, and states from which a rerun is right."""

    before: str
    begin: dict[str, str]
    expected: dict[str, str]
    calls: list[Call]
    seconds: float
    error_lines: frozenset[str]
    port: int
    faults: list[str]
    stack: contextlib.ExitStack
    sound: list[dict[str, str]]


def _settled(case: Case, found: dict[str, str]) -> dict[str, str]:
    return case.settle(found) if case.settle else found


def _may_remain(case: Case, path: str) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in case.resumable)


def _as_a_whole(case: Case, known: _Known, path: str, between: Mapping[str, str]) -> bool:
    """Whether the set of results that a path belongs to is there as the undisturbed run leaves it."""
    units = case.units or ("out*",)
    unit = next((unit for unit in units if fnmatch.fnmatch(path, unit)), None)
    if unit is None:
        return False
    settled = _settled(case, dict(between))
    mine = {name: value for name, value in settled.items() if fnmatch.fnmatch(name, unit)}
    return mine == {name: value for name, value in known.expected.items() if fnmatch.fnmatch(name, unit)}


def _torn(case: Case, known: _Known, between: Mapping[str, str]) -> list[str]:
    """Files that have the name of a result and hold neither the earlier nor the new content."""
    if case.command == "train":
        return []
    settled = _settled(case, dict(between))
    return [
        f"neither old nor new: {path}"
        for path, content in settled.items()
        if path.startswith(("out/", "in/")) and path in known.expected and not _may_remain(case, path)
        if content not in (known.begin.get(path), known.expected[path])
    ]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:300]


# === In the forked process ===


def import_all() -> None:
    """Imports what the commands will import; none of it may compute, since threads do not outlive a fork."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import importlib
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _MODULES.split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    warm_start.make_tables()


def _redirect(output: str, errors: str) -> None:
    for target, path in ((1, output), (2, errors)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, target)
        os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), line_buffering=True)


def _move_into(root: str) -> None:
    os.chdir(root)
    os.environ |= {
        "TMPDIR": os.path.join(root, "tmp"),
        "XDG_CACHE_HOME": os.path.join(root, "cache"),
        "HOME": os.path.join(root, "home"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    tempfile.tempdir = os.environ["TMPDIR"]  # not found by writing a file there


def _call(case: Case, argv: list[str]) -> int:
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


def run_apart(body: object) -> None:
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
def _served(case: Case) -> Iterator[int]:
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


__all__ = ["Ran", "Verdict", "Workplace", "cases", "import_all", "run_apart"]
