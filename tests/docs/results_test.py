"""The tables in `docs/` are those that were measured, and those that the code holds."""

from __future__ import annotations

import re
import runpy

from tests import imports_test
from tests.docs.pages import REPOSITORY
from tests.packaging_test import read_pins

DOCS = REPOSITORY / "docs"
MEASURED = REPOSITORY / "benchmarks" / "results"


def transfer_table() -> str:
    """The main table of results, from the `metrics.json` files."""
    return runpy.run_path(str(REPOSITORY / "experiments" / "transfer" / "summarize_transfer.py"))["table"]()


def _rows(text: str) -> dict[str, list[str]]:
    """The first name in a table's row → its other cells."""
    rows = re.findall(r"^\| `([a-z][\w-]*)`[^|]*\|(.+)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_the_table_of_results_is_the_one_the_results_give():
    assert transfer_table() in (DOCS / "results.md").read_text(encoding="utf-8")


def test_the_sizes_of_the_encoders_are_those_that_were_measured():
    measured = _rows((MEASURED / "encoders.md").read_text(encoding="utf-8"))
    shown = _rows((DOCS / "encoders.md").read_text(encoding="utf-8"))
    assert len(measured) == 7
    for handle, figures in measured.items():
        assert shown[handle][-5:] == figures, handle


def test_the_word_error_rates_are_those_that_were_measured():
    results = (MEASURED / "recognition.md").read_text(encoding="utf-8")
    assert results[results.index("| speech |") :] in (DOCS / "results.md").read_text(encoding="utf-8")


def test_the_ablation_is_the_one_that_was_measured():
    measured = (REPOSITORY / "experiments" / "asr_error_ablation" / "results" / "table.md").read_text(encoding="utf-8")
    shown = (DOCS / "results.md").read_text(encoding="utf-8")
    rows = [line for line in measured.splitlines() if line.startswith("|")]
    assert len(rows) >= 7
    assert all(row in shown for row in rows)


def test_the_versions_are_those_that_are_pinned():
    text = (DOCS / "versions.md").read_text(encoding="utf-8")
    pinned = re.findall(r"^\| (?:`(\w+)` \| )?`([\w-]+)`[^|]*\| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(pinned) >= 16
    for extra, package, version in pinned:
        assert read_pins(extra or "base")[package] == version, package


def test_every_direct_dependency_is_explained():
    setup = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    text = (DOCS / "versions.md").read_text(encoding="utf-8")
    explained = text[text.index("## Why each dependency") : text.index("## Changing versions")]
    needed = set(re.findall(r"^    +\"([a-z][\w-]+)[=<>\[]", setup, re.MULTILINE)) | set(
        re.findall(r"\[\"([a-z][\w-]+)[=<>\[]", setup)
    )
    assert len(needed) > 20
    assert {name for name in needed if name.lower() not in explained.lower()} == set()


def test_the_map_has_every_folder_of_the_package():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    package = REPOSITORY / "bert_qa_tf"
    folders = {path.parent.relative_to(package).as_posix() for path in package.rglob("__init__.py")} - {"."}
    listed = re.findall(r"^\| `([\w/]+)/` \|", text[: text.index("## Which way imports point")], re.MULTILINE)
    beside = {name for name in listed if (REPOSITORY / name).is_dir()}

    assert set(listed) - beside == folders
    assert all((package / name).is_dir() for name in set(listed) - beside)


def test_the_direction_of_imports_is_the_one_that_is_tested():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| package \| may import \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    allowed: dict[str, set[str]] = {}
    for packages, may in re.findall(r"^\| (.*) \| (.*) \|$", table, re.MULTILINE):
        like = re.match(r"what `(\w+)` may, and ", may)
        names = set(re.findall(r"`([\w/]+)`", may[like.end() if like else 0 :]))
        for package in re.findall(r"`([\w/]+)`", packages):
            allowed[package.replace("/", ".")] = names | (allowed[like[1]] if like else set())

    layers = imports_test.LIBRARY_LAYERS
    assert allowed == {name: imports_test.MAY_IMPORT[name] - imports_test.LEAVES for name in layers}
