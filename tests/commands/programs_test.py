"""Every command runs as a program: `python -m bert_qa_tf.<command>`."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from bert_qa_tf.__main__ import find_commands
from tests.testing import REPOSITORY


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )


@pytest.mark.parametrize("name", find_commands())
def test_help_as_a_program_lists_every_flag_and_exits_0(name):
    module = importlib.import_module(f"bert_qa_tf.{name}")
    values = absl_flags.FlagValues()
    for group in module.FLAG_GROUPS:
        group(values)
    done = run(f"bert_qa_tf.{name}", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(module.__doc__.splitlines()[0])
    listed = {line.strip().removeprefix("--").removeprefix("[no]") for line in done.stdout.splitlines()}
    assert set(values) - listed == set()


@pytest.mark.parametrize("name", find_commands())
def test_a_wrong_flag_given_to_the_program_is_one_line_and_status_1(name):
    done = run(f"bert_qa_tf.{name}", "--no_such_flag_anywhere")
    assert done.returncode == 1
    assert done.stderr.startswith("error: Unknown command line flag 'no_such_flag_anywhere'")
    assert done.stderr.count("\n") == 1


def test_the_package_runs_a_command_by_its_name():
    done = run("bert_qa_tf", "predict", "--help")
    assert done.returncode == 0
    assert done.stdout == run("bert_qa_tf.predict", "--help").stdout
