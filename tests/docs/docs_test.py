"""What the pages tell people to type exists: commands, flags, files, links, Python names."""

from __future__ import annotations

import ast
import functools
import importlib
import re

import pytest
from absl import flags as absl_flags

from bert_qa_tf.__main__ import find_commands
from tests.docs import pages
from tests.docs.pages import PAGES, REPOSITORY, name_of

COMMANDS = [command for path in PAGES for command in pages.commands(path)]
COMMAND_NAMES = tuple(find_commands())
by_name = pytest.mark.parametrize("path", PAGES, ids=name_of)

# Flags that pages name and that are other programs': git, pip, docker, gcloud, TF Serving, TensorFlow's tests.
OF_OTHER_PROGRAMS = {
    *("env", "flagfile", "gpus", "help", "network", "no-deps", "profile", "require-hashes", "service-account", "spot"),
    *("rest_api_port", "rest_api_timeout_in_ms", "ssl_config_file", "verbosity"),
}


@functools.cache
def flags_of(name: str) -> absl_flags.FlagValues:
    """The flags of a command."""
    values = absl_flags.FlagValues()
    for group in importlib.import_module(f"bert_qa_tf.{name}").FLAG_GROUPS:
        group(values)
    return values


# === Commands and flags ==============================================================================================


def test_the_pages_that_walk_through_something_show_commands():
    subjects = (
        "asr_simulation",
        "classification",
        "data",
        "gpu",
        "serving",
        "speech",
        "tpu",
        "training",
        "transcripts",
    )
    assert {command.page for command in COMMANDS} >= {"README.md", *(f"docs/{name}.md" for name in subjects)}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}: {command.name}")
def test_every_command_and_flag_exists(command):
    values = flags_of(command.name)
    for flag, value in command.flags.items():
        if flag in ("flagfile", "help", "verbosity"):
            continue
        assert flag in values, f"{command.page}: {command.name} --{flag}"
        if value is not None and "…" not in value and "$" not in value:
            values[flag].parser.parse(value)


@by_name
def test_every_flag_named_in_the_text_exists(path):
    known = {flag for name in COMMAND_NAMES for flag in flags_of(name)}
    text = pages.prose(path)
    if path.name == "coming_from.md":  # the other columns are other programs'
        text = re.sub(r"^\|.*\|([^|\n]*)\|$", r"\1", text, flags=re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", text)
    shown = [span for span in spans if span.startswith("--") or re.match(rf"(?:{'|'.join(COMMAND_NAMES)}) --", span)]
    unknown = {flag for span in shown for flag in pages.flags_in(span)} - known - OF_OTHER_PROGRAMS

    assert {flag for flag in unknown if flag.removeprefix("no") not in known} == set()


@by_name
def test_every_make_command_that_is_named_exists(path):
    targets = re.findall(r"^([a-z][\w-]*):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in re.findall(r"(?:`|^ *|… )make ([a-z][\w-]*)", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert target in targets, f"make {target}"


# === Files and links =================================================================================================


@by_name
def test_every_file_that_is_named_is_there(path):
    text = path.read_text(encoding="utf-8")
    folders = "bert_qa_tf|configs|requirements|benchmarks|experiments|tests|tfrecords|docs"
    named = re.findall(rf"(?<![\w/.])((?:{folders})/[\w./-]*[\w/])(?![\w*…])", text)
    assert named or pages.name_of(path) not in ("README.md", "docs/gpu.md", "docs/serving.md", "docs/tpu.md")
    for name in named:
        # Conversions that a reader makes lie in tfrecords/ too.
        if not name.startswith("tfrecords/") or name in ("tfrecords/README.md", "tfrecords/sample"):
            assert (REPOSITORY / name).exists(), name
    packages = "asr_simulation|encoders|evaluation|exporting|flags|records|serving|serving_client|speech|storage|tasks"
    for name in re.findall(rf"`((?:{packages}|text|training)/[\w/]+\.py)[`:]", text):
        assert (REPOSITORY / "bert_qa_tf" / name).exists(), name


@by_name
def test_every_relative_link_leads_to_a_file_and_a_heading(path):
    for target, anchor in pages.links(path):
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), target
        if anchor:
            assert anchor in pages.anchors(file), f"{target}#{anchor}"


@by_name
def test_every_page_is_reached_from_the_readme(path):
    reached, waiting = set(), [pages.README]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {(page.parent / target).resolve() for target, _ in pages.links(page) if target}
        waiting += [found for found in targets & set(PAGES) if found not in reached and found not in waiting]

    assert path in reached


def test_every_experiment_has_a_page():
    folders = {path.parent for suffix in ("py", "sh") for path in pages.EXPERIMENTS.glob(f"*/*.{suffix}")}
    assert {path.parent for path in pages.EXPERIMENTS.glob("*/README.md")} == folders


# === Python ==========================================================================================================


@by_name
def test_what_the_python_on_a_page_imports_exists(path):
    for code in pages.code_blocks(path, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f"from {node.module} import {alias.name}"
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)


@by_name
def test_what_a_page_names_in_a_file_is_defined_there(path):
    for file, name in re.findall(r"`([\w/]+\.py):(\w+)`", path.read_text(encoding="utf-8")):
        tree = ast.parse((REPOSITORY / "bert_qa_tf" / file).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert name in defined, f"{file}:{name}"
