"""The benchmark of encoders' memory goes through training and answering as they are now."""

import os
import re
import subprocess
import sys

import pytest

from tests.testing import REPOSITORY


@pytest.mark.slow
def test_the_smallest_encoder_is_measured():
    script = REPOSITORY / "benchmarks" / "encoder_memory.py"
    done = subprocess.run(
        [sys.executable, str(script), "bert-tiny"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    if "MB were left" in done.stderr:
        pytest.skip("less than 2 GB of memory are free")
    assert done.returncode == 0, done.stderr[-3000:]
    [row] = re.findall(r"^\| `bert-tiny` \| 4,385,920 \| 17 \| (.+) \|$", done.stdout, re.MULTILINE)
    answering, training, half = (int(figure.replace(",", "")) for figure in row.split(" | "))
    assert 0 < answering < training < 2000
    assert 0 < half < 2000
