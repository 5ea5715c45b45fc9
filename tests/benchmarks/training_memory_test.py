"""The benchmark of training's memory converts and trains as a user does now."""

import os
import re
import subprocess
import sys

import pytest

from tests.testing import MESSAGES, REPOSITORY, tiny_hub_module


@pytest.mark.slow
def test_one_and_ten_copies_are_trained_on(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, str(REPOSITORY / "benchmarks" / "training_memory.py"), f"--input_file={MESSAGES}"),
            *(f"--work={tmp_path / 'work'}", f"--encoder_handle={tiny_hub_module(tmp_path)}", "--steps=2"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = re.findall(r"^\| ([\d,]+) \| \d+ \| (\d\.\d\d) \| [\d.]+ \|$", done.stdout, re.MULTILINE)
    (few, memory), (many, more_memory) = [(int(windows.replace(",", "")), float(peak)) for windows, peak in rows]
    assert many == 10 * few > 0
    assert memory > 0.3
    assert abs(more_memory - memory) < 0.3
