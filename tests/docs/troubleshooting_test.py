"""The error lines in `docs/troubleshooting.md` are those that the code raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "troubleshooting.md"
# Lines of other programs: pip, make's, Python's, TensorFlow's.
OF_OTHERS = (
    "No module named",
    "THESE PACKAGES",
    "command not found",
    "ResourceExhaustedError",
    "OOM when",
    "Op type not registered",
)


def shown_lines() -> list[str]:
    """The lines in backticks of the first column of each table."""
    rows = re.findall(r"^\| (`.*?) \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    spans = [span for row in rows for span in re.findall(r"`([^`]+)`", row)]
    return [span for span in spans if not span.startswith(OF_OTHERS) and (" " in span or "…" in span)]


def constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The strings that a module gives names to."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def messages(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, with "…" for what is filled in."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(map(filled_in, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def filled_in(part: ast.expr) -> str:
    """Text as it is, a constant by its value, and anything else as "…"."""
    if isinstance(part, ast.Constant):
        return part.value
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return CONSTANTS.get(value.id, "…") if isinstance(value, ast.Name) else "…"


TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((REPOSITORY / "bert_qa_tf").rglob("*.py"))]
CONSTANTS = dict(pair for tree in TREES for pair in constants(tree))
SOURCES = [message for tree in TREES for message in messages(tree)]
SOURCES += (REPOSITORY / "Makefile").read_text(encoding="utf-8").splitlines()


def test_there_are_lines_to_check():
    assert len(shown_lines()) > 40


@pytest.mark.parametrize("line", shown_lines())
def test_the_line_is_one_that_the_code_has(line):
    fragments = [re.escape(part.strip(" ;()")) for part in line.split("…") if part.strip(" ;(),.:")]
    pattern = re.compile(".*".join(fragments))
    assert any(pattern.search(source) for source in SOURCES), line
