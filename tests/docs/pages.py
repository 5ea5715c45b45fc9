"""The pages that people read, and what the tests of this folder take out of them."""

from __future__ import annotations

import pathlib
import re
from typing import NamedTuple

from tests.testing import REPOSITORY

README = REPOSITORY / "README.md"
DOCUMENTS = sorted((REPOSITORY / "docs").glob("*.md"))
EXPERIMENTS = REPOSITORY / "experiments"
PAGES = [
    README,
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "SECURITY.md",
    REPOSITORY / "tfrecords" / "README.md",
    REPOSITORY / "bert_qa_tf" / "demo_data" / "README.md",
    *DOCUMENTS,
    EXPERIMENTS / "README.md",
    *sorted(EXPERIMENTS.glob("*/README.md")),
    REPOSITORY / "benchmarks" / "README.md",
]

_VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s`\"'|]+)"
_FLAGS = rf"(?: +--[\w-]+(?:={_VALUE})?)*"
_COMMAND = re.compile(rf"-m bert_qa_tf\.(\w+)({_FLAGS})")
_CODE_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command as a page tells people to type it."""

    page: str
    name: str
    flags: dict[str, str | None]


def name_of(path: pathlib.Path) -> str:
    """A page's path below the repository."""
    return path.relative_to(REPOSITORY).as_posix()


def read(path: pathlib.Path) -> str:
    """A page, with lines that end in a backslash joined to the next."""
    return re.sub(r"\s*\\\n\s*", " ", path.read_text(encoding="utf-8"))


def commands(path: pathlib.Path) -> list[Command]:
    """Every `python -m bert_qa_tf.NAME --flag …` of a page."""
    return [Command(name_of(path), name, flags_in(text)) for name, text in _COMMAND.findall(read(path))]


def flags_in(text: str) -> dict[str, str | None]:
    """Flag → its value as it is typed, without quotes; None where it has none."""
    found = re.findall(rf"--([\w-]+)(?:=({_VALUE}))?", text)
    return {name: value.strip("\"'") or None for name, value in found}


def code_blocks(path: pathlib.Path, language: str) -> list[str]:
    """The blocks of code in a language."""
    return [
        re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
        for indent, found, code in _CODE_BLOCK.findall(path.read_text(encoding="utf-8"))
        if found == language
    ]


def prose(path: pathlib.Path) -> str:
    """A page without its blocks of code."""
    return _CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))


def anchors(path: pathlib.Path) -> set[str]:
    """What links to a page's headings are called."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path: pathlib.Path) -> list[tuple[str, str]]:
    """The relative links of a page and its pictures: file ("" for the page itself) and anchor ("" for none)."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return [tuple(f"{target}#".split("#")[:2]) for target in targets if "://" not in target]
