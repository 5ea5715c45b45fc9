"""What the documents in `docs/` tell people to type exists: commands, flags, flagfiles, files."""

import importlib
import re

import pytest
from absl import flags as absl_flags

from tests.testing import REPOSITORY

DOCUMENTS = sorted((REPOSITORY / "docs").glob("*.md"))
_COMMAND = re.compile(r"-m bert_qa_tf\.(\w+)((?: --[\w-]+(?:=\S+)?)*)")
COMMANDS = [
    (path.name, name, flags)
    for path in DOCUMENTS
    for name, flags in _COMMAND.findall(re.sub(r"\s*\\\n\s*", " ", path.read_text(encoding="utf-8")))
]


def test_there_are_documents_with_commands():
    assert {document for document, _, _ in COMMANDS} >= {"gpu.md", "serving.md", "tpu.md"}


@pytest.mark.parametrize(("document", "name", "arguments"), COMMANDS)
def test_every_command_and_flag_exists(document, name, arguments):
    values = absl_flags.FlagValues()
    for group in importlib.import_module(f"bert_qa_tf.{name}").FLAG_GROUPS:
        group(values)
    for flag in re.findall(r"--([\w-]+)", arguments):
        assert flag in values or flag in ("flagfile", "help"), f"{document}: {name} --{flag}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_is_there(path):
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/.])((?:configs|requirements|benchmarks)/[\w./-]+\.\w+)", text)
    named += [f"bert_qa_tf/{name}" for name in re.findall(r"`(models/[\w/.]+\.py)`", text)]
    assert named
    for name in named:
        assert (REPOSITORY / name).exists(), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_a_document_lead_to_its_headings(path):
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for anchor in re.findall(r"\]\(#([\w-]+)\)", text):
        assert anchor in anchors
