"""Kills every writing command at each of its writing calls, fills the disk, forbids writing, and runs it again.

python -m experiments.crash.prove_crash                                       all: hours
python -m experiments.crash.prove_crash --commands=predict,audit --kills=20   some commands, with fewer random moments
python -m experiments.crash.prove_crash --commands=predict --fault='kill 7'   one trial again

Exits with status 1 if a trial had faults. README.md says what a fault is.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time

from experiments.crash import cases, forked, pieces, plan, trials
from experiments.crash.report import Report
from experiments.crash.watcher import Call, Fault

# Here, waiting until a file is on the disk takes no time.
_MEMORY = "/dev/shm"
_PROGRESS_EVERY = 100


def main() -> None:
    """Runs the trials and writes the report."""
    values = _arguments()
    chosen = cases.find([name for name in values.commands.split(",") if name])
    work = tempfile.mkdtemp(prefix="prove_crash_", dir=values.work or (_MEMORY if os.path.isdir(_MEMORY) else None))
    print(f"seed {values.seed}, {values.jobs} processes; trials that fail are kept below {values.failed}", flush=True)
    began = time.monotonic()
    report = Report(values)
    try:
        with concurrent.futures.ProcessPoolExecutor(
            values.jobs, multiprocessing.get_context("spawn"), _begin, (work, values.failed)
        ) as pool:
            pool.submit(_make_pieces, work, cases.pieces_of(chosen)).result()
            recorded = {case.name: pool.submit(_record, case.name) for case in chosen}
            planned = []
            for case in chosen:
                calls, seconds, faults = recorded[case.name].result()
                report.begin(case, calls, seconds, faults)
                planned += [(case, *trial) for trial in plan.trials_of(values, case, calls, seconds)]
            random.Random(values.seed).shuffle(planned)  # so that one that is ended early has tried a bit of all
            running = {pool.submit(_try_out, case.name, fault): (case, kind, fault) for case, kind, fault in planned}
            for number, future in enumerate(concurrent.futures.as_completed(running), start=1):
                report.add(*running[future], future.result())
                if number % _PROGRESS_EVERY == 0:
                    print(f"{number} of {len(running)} trials, {time.monotonic() - began:.0f} s", flush=True)
                if values.minutes and time.monotonic() - began > 60 * values.minutes:
                    print(f"stopped after {values.minutes} minutes, {number} of {len(running)} trials", flush=True)
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report.write(time.monotonic() - began)
    sys.exit(int(report.failed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", default="", help="names of commands or their beginnings, with commas; all")
    parser.add_argument("--kills", type=int, default=200, help="kills at random moments, for each command")
    parser.add_argument("--calls", type=int, default=0, help="at most so many calls of each command are hit; 0: all")
    parser.add_argument("--kinds", default="moment,call,full,read-only", help="kinds of trials, with commas")
    parser.add_argument("--fault", default="", help="one trial only, as a report names it: 'kill 7 torn'")
    parser.add_argument("--jobs", type=int, default=2, help="trials at the same time")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so many minutes; 0: when all is done")
    parser.add_argument("--work", default=None, help="folder for the trials; default: in memory")
    parser.add_argument("--failed", default="runs/crash", help="folder for trials that fail")
    parser.add_argument("--output_file", default="", help="where to write the report; default: only printed")
    values = parser.parse_args()
    values.failed = os.path.abspath(values.failed)
    return values


# === In the processes of the pool ===

_place: trials.Workplace | None = None


def _begin(work: str, failed: str) -> None:
    global _place
    forked.import_all()
    _place = trials.Workplace(os.path.join(work, f"worker{os.getpid()}"), os.path.join(work, "pieces"), failed)


def _make_pieces(work: str, needed: set[str]) -> None:
    folder = os.path.join(work, "pieces")
    os.makedirs(folder)
    forked.run_apart(lambda: pieces.make(folder, needed))


def _record(name: str) -> tuple[list[Call], float, list[str]]:
    return _place.record(_case(name))


def _try_out(name: str, fault: Fault) -> trials.Verdict:
    return _place.try_out(_case(name), fault)


def _case(name: str) -> cases.Case:
    return next(case for case in cases.CASES if case.name == name)


if __name__ == "__main__":
    main()
