"""Which trials a command goes through."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence

from experiments.crash.cases import Case
from experiments.crash.watcher import Call, Fault

KINDS = ("kill at a moment", "kill at a call", "full disk", "read-only")
# Calls that need space. A full disk lets files be removed.
_NEED_SPACE = (
    *("create", "write", "writev", "pwritev", "pwritev2", "rename", "mkdir", "link", "symlink", "ftruncate"),
    *("truncate", "fallocate", "fsync", "fdatasync", "copy_file_range", "sendfile"),
)


def trials_of(values: argparse.Namespace, case: Case, calls: Sequence[Call], seconds: float) -> list[tuple[str, Fault]]:
    """Returns the kind of each trial and its fault.

    Args:
      values: the flags.
      case: the command.
      calls: its writing calls when it is undisturbed.
      seconds: how long it then takes.
    """
    if values.fault:
        fault = parse(values.fault)
        return [(_kind(fault), fault)]
    kinds = values.kinds.split(",")
    moments = random.Random(f"{values.seed} {case.name}")
    chosen = representatives(calls)
    if values.calls and len(chosen) > values.calls:
        chosen = sorted(moments.sample(chosen, values.calls))
    faults: list[Fault] = []
    if "moment" in kinds:
        count = values.kills // 4 if case.slow else values.kills
        faults += [Fault("kill", seconds=moments.uniform(0, seconds)) for _ in range(count)]
    if "call" in kinds:
        faults += [Fault("kill", number) for number in chosen]
        faults += [Fault("kill", number, torn=True) for number in chosen if calls[number].name == "write"]
    if "full" in kinds:
        chosen = [number for number in chosen if calls[number].name in _NEED_SPACE]
        faults += [Fault("full", number) for number in chosen]
        faults += [Fault("full", number, torn=True, forever=True) for number in chosen]
    if "read-only" in kinds:
        everywhere = (False, True)
        faults += [Fault("read-only", error=error, everywhere=e) for error in ("EROFS", "EACCES") for e in everywhere]
    return [(_kind(fault), fault) for fault in faults]


def _kind(fault: Fault) -> str:
    if fault.kind == "kill":
        return KINDS[0 if fault.seconds is not None else 1]
    return KINDS[2 if fault.kind == "full" else 3]


def representatives(calls: Sequence[Call]) -> list[int]:
    """Returns the numbers of the calls to hit.

    These are all, but of more than four equal ones in a row only the first, the second, the middle one and the last.
    """
    chosen: list[int] = []
    first = 0
    for number in range(1, len(calls) + 1):
        if number == len(calls) or calls[number] != calls[first]:
            run = range(first, number)
            chosen += run if len(run) <= 4 else [run[0], run[1], run[len(run) // 2], run[-1]]
            first = number
    return chosen


def describe(fault: Fault) -> str:
    """Returns the text that `parse` reads."""
    words = [fault.kind]
    words += [str(fault.number)] if fault.number is not None else []
    words += [f"{fault.seconds:.6f}s"] if fault.seconds is not None else []
    words += [name for name in ("torn", "forever", "everywhere") if getattr(fault, name)]
    return " ".join(words + ([fault.error] if fault.kind == "read-only" else []))


def parse(text: str) -> Fault:
    """Returns the fault that a report names.

    >>> parse("kill 7 torn")
    Fault(kind='kill', number=7, torn=True, seconds=None, forever=False, everywhere=False, error='EROFS')
    """
    kind, *words = text.split()
    given: dict[str, object] = {}
    for word in words:
        if word in ("torn", "forever", "everywhere"):
            given[word] = True
        elif word.isdigit():
            given["number"] = int(word)
        elif word.isupper():
            given["error"] = word
        else:
            given["seconds"] = float(word.removesuffix("s"))
    return Fault(kind, **given)
