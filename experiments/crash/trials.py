"""One trial: a command meets its fault, is run again, and both states are judged."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

from experiments.crash import contents, forked, judging, seccomp, warm_start
from experiments.crash.cases import Case
from experiments.crash.judging import Known, Ran
from experiments.crash.watcher import Call, Fault, Watcher

_EARLIEST_SECS = 0.001


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
        self._known: dict[str, Known] = {}
        os.makedirs(folder, exist_ok=True)
        os.environ["CRASH_PIECES"] = made

    def record(self, case: Case) -> tuple[list[Call], float, list[str]]:
        """Returns the writing calls of an undisturbed run, how long it takes, and what is wrong with it."""
        known = self._prepared(case)
        return known.calls, known.seconds, known.faults

    def try_out(self, case: Case, fault: Fault) -> Verdict:
        """Runs a trial; one whose moment comes after the end of the command is tried again with an earlier moment."""
        verdict = self._try_once(case, fault)
        while verdict.hit is None and (fault.seconds or 0) > _EARLIEST_SECS and not verdict.faults:
            fault = fault._replace(seconds=0.7 * fault.seconds)
            verdict = self._try_once(case, fault)
        return verdict

    def _try_once(self, case: Case, fault: Fault) -> Verdict:
        known = self._prepared(case)
        self._reset(known)
        first = self._run(case, known.port, fault)
        between = contents.snapshot(self._root)
        faults = ["processes that it had started were left"] if first.outcome.orphans else []
        if first.outcome.hit is None:
            return Verdict(None, faults, "")
        faults += judging.gone(case, known, between)
        if fault.kind == "kill":
            if first.outcome.status != -signal.SIGKILL:
                return Verdict(None, faults, "")
            faults += judging.torn(case, known, between)
        else:
            faults += judging.after_error(case, known, first, between)
        faults = [f"after it: {line}" for line in faults]
        second = None
        if between not in known.sound and not (fault.kind != "kill" and first.outcome.status == 0):
            second = self._run(case, known.port, Fault())
            different = contents.differences(judging.settled(case, contents.snapshot(self._root)), known.expected)
            faults += [f"after the rerun: {line}" for line in different]
            if second.outcome.status != 0 and different:  # "there already" is fine if it is there
                faults.append(f"after the rerun: status {second.outcome.status}: {judging.last_line(second.errors)}")
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

    def _prepared(self, case: Case) -> Known:
        if case.name not in self._known:
            self._known[case.name] = self._prepare(case)
        return self._known[case.name]

    def _prepare(self, case: Case) -> Known:
        stack = contextlib.ExitStack()
        port = stack.enter_context(forked.served(case)) if case.server else 0
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
                faults.append(f"the run before failed: {judging.last_line(done.errors)}")
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
        return Known(
            before,
            begin,
            judging.settled(case, end),
            outcome.calls,
            outcome.seconds,
            lines,
            port,
            faults,
            stack,
            [begin],
        )

    def _reset(self, known: Known) -> None:
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
            forked.redirect(*streams)
            forked.move_into(self._root)
            if case.patch:
                case.patch(cache)
            if noting:
                warm_start.note_conversions(self._noted)
            return forked.call(case, case.argv(port, earlier=earlier))

        pid, listener = seccomp.start(body)
        output = os.path.join(self._root, "out")
        outcome = Watcher(pid, listener, self._root, output, fault).watch()
        return Ran(outcome, *(pathlib.Path(path).read_text(errors="replace") for path in streams))

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
