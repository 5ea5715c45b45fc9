"""The short form of `make prove-resume`: killed twice, once while it saves, and the same bits at the end."""

import os
import subprocess
import sys

import pytest

from tests.testing import REPOSITORY, tiny_hub_module


@pytest.mark.slow
def test_a_training_that_is_killed_ends_with_the_bits_of_one_left_alone(tmp_path):
    program = REPOSITORY / "experiments" / "resume" / "kill_resume.py"
    arguments = ("--kills=2", "--during_save=1", "--steps=40", f"--encoder_handle={tiny_hub_module(tmp_path)}")
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "same weights: True; same metrics, each step once: True" in done.stdout
    assert done.stdout.count("while it wrote ckpt-") == 1
    assert done.stdout.count("kill ") == 2
