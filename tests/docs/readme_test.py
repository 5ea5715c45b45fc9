"""What the README shows is what the commands print: figures, flags and names."""

import importlib
import re
import runpy

import pytest
from absl import flags as absl_flags

from tests.testing import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"python -m bert_qa_tf\.(\w+)((?: --[\w-]+(?:=\"[^\"]*\"|=\S+)?)*)", README.replace("\\\n", " "))


@pytest.mark.parametrize(("name", "arguments"), COMMANDS, ids=lambda value: value.strip()[:40])
def test_every_command_and_flag_in_the_readme_exists(name, arguments):
    module = importlib.import_module(f"bert_qa_tf.{name}")
    values = absl_flags.FlagValues()
    for group in module.FLAG_GROUPS:
        group(values)
    for flag in re.findall(r"--([\w-]+)", arguments):
        assert flag in values or flag == "flagfile", f"{name} --{flag}"


def test_the_table_of_results_is_the_one_the_results_give():
    table = runpy.run_path(str(REPOSITORY / "benchmarks" / "summarize_transfer.py"))["table"]
    assert table() in README


def test_the_sizes_of_the_encoders_are_those_that_were_measured():
    results = (REPOSITORY / "benchmarks" / "results" / "encoders.md").read_text(encoding="utf-8")
    measured = _rows(results)
    shown = _rows(README)
    assert len(measured) == 7
    for handle, figures in measured.items():
        assert shown[handle][-5:] == figures, handle


def test_the_word_error_rates_are_those_that_were_measured():
    results = (REPOSITORY / "benchmarks" / "results" / "recognition.md").read_text(encoding="utf-8")
    assert results[results.index("| speech |") :] in README


def _rows(text: str) -> dict[str, list[str]]:
    """The first name in a table's row → its other cells."""
    rows = re.findall(r"^\| `([a-z][\w-]*)`[^|]*\|(.+)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_every_folder_and_file_the_readme_names_is_there():
    for path in re.findall(r"`((?:bert_qa_tf|configs|tfrecords|benchmarks|requirements)/[\w/.-]*)`", README):
        assert (REPOSITORY / path).exists(), path
