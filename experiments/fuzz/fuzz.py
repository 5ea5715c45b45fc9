"""Fuzzes every reader: files that users bring, requests, replies, archives, and this package's own files.

    python experiments/fuzz/fuzz.py --inputs=1000000 --output_file=experiments/fuzz/results/fuzz.md
    python experiments/fuzz/fuzz.py --only='SQuAD form' --inputs=5000       one reader
    python experiments/fuzz/fuzz.py --only='SQuAD form' --show=1234         writes input 1234 to standard output

Samples are damaged: bytes, numbers, values of JSON. An input fails if a reader raises anything but `InputError` (or
what the server and the client turn into an answer), takes over 2 s of a core, adds over 1 GiB of memory, or ends the
process. The script writes a table with a row for each reader, lists the failures, and exits with status 1 if there are
any; Ctrl-C ends it earlier. The samples are those of tests/testdata and of the folders that --cases names.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import sys
import time

import workers

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))  # the package, from a checkout

_SHOWN_FAILURES = 5
_REPORT_SECS = 30


def main() -> int:
    """Fuzzes, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="number of inputs for all readers together")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damage; each seed makes other inputs")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    parser.add_argument("--cases", type=pathlib.Path, action="append", default=[], help="folder with more samples")
    parser.add_argument("--only", help="name of one reader to fuzz, as in the table")
    parser.add_argument("--show", type=int, help="with --only: write the input of this number to standard output")
    parser.add_argument("--output_file", type=pathlib.Path, help="file to write the table to")
    values = parser.parse_args()
    missing = [str(folder) for folder in values.cases if not folder.is_dir()]
    if missing:
        parser.error(f"--cases: no folder {missing[0]}")
    found = _targets(values.cases)
    if values.only is not None:
        found = {name: target for name, target in found.items() if name == values.only}
        if not found:
            parser.error(f"--only: expected one of {', '.join(_targets([]))}")
    if values.show is not None:
        [(name, target)] = found.items()
        sys.stdout.buffer.write(workers.make_input(target.samples, values.seed, name, values.show))
        return 0
    began = time.monotonic()
    tallies = _fuzz(found, values)
    table = _table(tallies)
    print(table)
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for line in _described(failures):
        print(line)
    if values.output_file is not None:
        values.output_file.parent.mkdir(parents=True, exist_ok=True)
        minutes = (time.monotonic() - began) / 60
        head = f"Seed {values.seed}, {values.jobs} processes, {minutes:.0f} minutes; written by `fuzz.py`.\n\n"
        values.output_file.write_text(head + table + "\n" + "\n".join(_described(failures)), encoding="utf-8")
    return 1 if failures else 0


def _targets(cases: list[pathlib.Path]) -> dict[str, object]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import own_files
    import readers

    return {target.name: target for target in (*readers.targets(cases), *own_files.targets())}


def _fuzz(found: dict[str, object], values: argparse.Namespace) -> dict[str, workers.Tally]:
    total = sum(target.share for target in found.values())
    counts = {name: max(1, round(values.inputs * target.share / total)) for name, target in found.items()}
    tallies = {name: workers.Tally() for name in found}
    done, shown = 0, time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):  # what was done until then is reported
        for name, tally in workers.run(workers.chunks_of(counts), values.seed, values.cases, values.jobs):
            tallies[name].add(tally)
            done += tally.inputs
            if time.monotonic() - shown > _REPORT_SECS:
                shown = time.monotonic()
                failures = sum(len(tally.failures) for tally in tallies.values())
                print(f"{done:,} of {sum(counts.values()):,} inputs, {failures} failures", file=sys.stderr, flush=True)
    return tallies


def _table(tallies: dict[str, workers.Tally]) -> str:
    rows = ["| reader | inputs | read | refused | failed | slowest, s | memory, MiB |", "|---|---|---|---|---|---|---|"]
    whole = workers.Tally()
    for tally in tallies.values():
        whole.add(tally)
    for name, tally in {**tallies, "all": whole}.items():
        refused = (
            tally.inputs
            - tally.accepted
            - sum(f.kind not in ("hang", "memory", "long message") for f in tally.failures)
        )
        rows.append(
            f"| {name} | {tally.inputs:,} | {tally.accepted:,} | {refused:,} | {len(tally.failures)} | "
            f"{tally.slowest_secs:.2f} | {tally.peak_bytes >> 20} |"
        )
    return "\n".join(rows)


def _described(failures: list[workers.Failure]) -> list[str]:
    lines, counts = [], {}
    for failure in failures:
        key = (failure.target, failure.kind, failure.detail.rpartition(" at ")[2])
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= _SHOWN_FAILURES:
            lines.append(f"{failure.target}: input {failure.number}: {failure.kind} {failure.detail}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
