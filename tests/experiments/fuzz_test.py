"""A short run of `experiments/fuzz/fuzz.py`, and that it finds what it looks for."""

import os
import re
import subprocess
import sys

import pytest

from tests.testing import REPOSITORY

FUZZ = REPOSITORY / "experiments" / "fuzz"


def run(*arguments, folder=FUZZ):
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(folder / "fuzz.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


@pytest.mark.slow
def test_no_damaged_input_raises_hangs_or_takes_much_memory():
    done = run("--inputs=40000", "--seed=1")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [row for row in done.stdout.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 40
    for row in rows:
        name, inputs, _, refused = (cell.strip() for cell in row.split("|")[1:5])
        assert int(inputs.replace(",", "")) > 0, name
        assert int(refused.replace(",", "")) >= 0, name
    assert re.search(r"\| all \| (39,9|40,)\d\d\d? \|", rows[-1])


@pytest.mark.slow
def test_an_error_a_hang_and_a_dead_process_are_found(tmp_path):
    for path in FUZZ.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "own_files.py").write_text("def targets():\n    return []\n")
    (tmp_path / "readers.py").write_text(
        "import dataclasses, os, time\n"
        "ALLOWED = (ValueError,)\n"
        "@dataclasses.dataclass\n"
        "class Target:\n"
        "    name: str\n"
        "    samples: list\n"
        "    read: object\n"
        "    share: float = 1.0\n"
        "def spin(content, folder):\n"
        "    end = time.process_time() + 2.2\n"
        "    while content == b'2' and time.process_time() < end: pass\n"
        "def targets(cases):\n"
        "    return [Target('sound', [b'1'], lambda content, folder: int(content)),\n"
        "            Target('raises', [b'1'], lambda content, folder: {}[content]),\n"
        "            Target('spins', [b'2'], spin),\n"
        "            Target('takes', [b'1'], lambda content, folder: bytearray(1300 << 20) and None),\n"
        "            Target('dies', [b'1'], lambda content, folder: len(content) == 2 and os._exit(3))]\n"
    )
    (tmp_path / "mutation.py").write_text("def mutate(rng, samples):\n    return samples[0] * rng.choice((1, 2, 3))\n")
    done = run("--inputs=20", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "sound: input" not in done.stdout
    for message in (
        "raises: input 0: KeyError",
        "spins: input",
        "hang 2.2 s",
        "takes: input 0: memory",
        "dies: input 0: died the worker",
    ):
        assert message in done.stdout
