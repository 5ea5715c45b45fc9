"""What is wrong with what a command left after a fault."""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Mapping
from typing import NamedTuple

from experiments.crash import contents
from experiments.crash.cases import Case
from experiments.crash.watcher import Call, Outcome


class Ran(NamedTuple):
    """A run: what became of the process, and what it printed to both streams."""

    outcome: Outcome
    output: str
    errors: str


class Known(NamedTuple):
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


def after_error(case: Case, known: Known, ran: Ran, between: Mapping[str, str]) -> list[str]:
    """What is wrong after a full disk or a read-only folder."""
    status = ran.outcome.status
    if status == 0:
        different = contents.differences(settled(case, dict(between)), known.expected)
        return [line for line in different if not line.startswith("missing: cache/")]  # which saves time only
    found = []
    if status != 1:
        found.append(f"status {status}, expected 1")
    if "Traceback" in ran.errors:
        found.append(f"a traceback: {last_line(ran.errors)}")
    new = [line for line in ran.errors.splitlines() if line and line not in known.error_lines]
    if "Traceback" not in ran.errors and (len(new) != 1 or not new[0].startswith("error: ")):
        found.append(f"expected one line `error: …`, got {len(new)}: {' | '.join(new)[-400:]}")
    for path in sorted(known.begin.keys() - between.keys()):
        if not _may_remain(case, path) and not _as_a_whole(case, known, path, between):
            found.append(f"lost: {path}")
    for path, content in sorted(between.items()):
        earlier = known.begin.get(path)
        if content in (earlier, contents.FOLDER) or _may_remain(case, path):
            continue
        if path.startswith("cache/") and content == known.expected.get(path):  # of use to the next command
            continue
        if not _as_a_whole(case, known, path, between):
            found.append(f"{'half-written' if path in known.expected else 'left behind'}: {path}")
    return found


def settled(case: Case, found: dict[str, str]) -> dict[str, str]:
    """Returns a snapshot in which two good results are equal."""
    return case.settle(found) if case.settle else found


def _may_remain(case: Case, path: str) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in case.resumable)


def _as_a_whole(case: Case, known: Known, path: str, between: Mapping[str, str]) -> bool:
    """Whether the set of results that a path belongs to is there as the undisturbed run leaves it."""
    units = case.units or ("out*",)
    unit = next((unit for unit in units if fnmatch.fnmatch(path, unit)), None)
    if unit is None:
        return False
    all_of_it = settled(case, dict(between))
    mine = {name: value for name, value in all_of_it.items() if fnmatch.fnmatch(name, unit)}
    return mine == {name: value for name, value in known.expected.items() if fnmatch.fnmatch(name, unit)}


def gone(case: Case, known: Known, between: Mapping[str, str]) -> list[str]:
    """Returns a line for each kind of file of which none is left."""
    return [
        f"none is left: {pattern}"
        for pattern in case.keeps
        if fnmatch.filter(known.begin, pattern) and not fnmatch.filter(between, pattern)
    ]


def torn(case: Case, known: Known, between: Mapping[str, str]) -> list[str]:
    """Files that have the name of a result and hold neither the earlier nor the new content."""
    if case.command == "train":
        return []
    all_of_it = settled(case, dict(between))
    return [
        f"neither old nor new: {path}"
        for path, content in all_of_it.items()
        if path.startswith(("out/", "in/")) and path in known.expected and not _may_remain(case, path)
        if content not in (known.begin.get(path), known.expected[path])
    ]


def last_line(text: str) -> str:
    """Returns the last line, for a report."""
    return (text.strip().splitlines() or ["no message"])[-1][:300]
