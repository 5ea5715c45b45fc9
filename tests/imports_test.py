"""Imports point one way (leaves, storage, text, records, encoders, tasks, training, exporting, serving)."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

import pytest

from bert_qa_tf.__main__ import find_commands
from tests.testing import REPOSITORY

PACKAGE = REPOSITORY / "bert_qa_tf"
LEAVES = {"config", "errors", "odd_items", "cli"}
COMMANDS = set(find_commands())

_BELOW_RECORDS = LEAVES | {"storage", "text"}
_BELOW_TASKS = _BELOW_RECORDS | {"records", "encoders", "evaluation", "asr_simulation"}
# Which layers a layer may import, beside itself.
MAY_IMPORT = {
    "storage": LEAVES,
    "text": LEAVES | {"storage"},
    "records": _BELOW_RECORDS,
    "encoders": _BELOW_RECORDS | {"records"},
    "evaluation": _BELOW_RECORDS,
    "asr_simulation": _BELOW_RECORDS,
    "tasks": _BELOW_TASKS,
    "speech": _BELOW_RECORDS,
    # Spoken versions of data sets are made of a task's files.
    "speech.spoken_dataset": _BELOW_TASKS | {"tasks", "speech"},
    "training": _BELOW_TASKS | {"tasks"},
    "exporting": _BELOW_TASKS | {"tasks", "training"},
    "serving": _BELOW_TASKS | {"tasks", "exporting", "speech"},
    "serving_client": _BELOW_TASKS | {"tasks"},
    "demo_data": set(),
}
LIBRARY_LAYERS = set(MAY_IMPORT)
MAY_IMPORT |= {leaf: LEAVES - {"cli"} for leaf in LEAVES}
# The version may be asked for anywhere.
MAY_IMPORT |= {"flags": LEAVES, "__init__": set()}
MAY_IMPORT |= {command: LEAVES | LIBRARY_LAYERS | {"flags"} for command in COMMANDS}
# These two start other commands.
MAY_IMPORT |= {name: LEAVES | LIBRARY_LAYERS | {"flags"} | COMMANDS for name in ("demo", "__main__")}


def modules() -> list[pathlib.Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(path: pathlib.Path) -> str:
    """The first name below the package, a folder or a module at its top; or a folder with a rule of its own."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    nested = ".".join(parts[:2])
    return nested if nested in MAY_IMPORT else parts[0]


def imported_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every absolute dotted name that is imported, inside functions too, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def forbidden_imports(source: str, layer: str) -> list[str]:
    """The imports of the package's own modules that `layer` may not make."""
    found = []
    for name, line in imported_names(ast.parse(source)):
        top, _, rest = name.partition(".")
        parts = rest.split(".")
        nested = ".".join(parts[:2])
        target = nested if nested in MAY_IMPORT else parts[0]
        if top != "bert_qa_tf" or not rest or target.startswith("__"):
            continue
        if target != layer and target not in MAY_IMPORT[layer]:
            found.append(f"line {line}: {layer} imports {name}")
    return found


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path):
    layer = layer_of(path)

    assert layer in MAY_IMPORT, (
        f"{path.name} is neither a layer nor a command: add it to MAY_IMPORT and the map of docs"
    )
    assert forbidden_imports(path.read_text(encoding="utf-8"), layer) == []


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if layer_of(path) not in COMMANDS | {"cli", "flags"}],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_libraries_read_no_absl_flags(path):
    names = [name for name, _ in imported_names(ast.parse(path.read_text(encoding="utf-8")))]

    assert [name for name in names if name.startswith(("absl.flags", "absl.app"))] == []


def scripts_and_tests() -> list[pathlib.Path]:
    folders = ("benchmarks", "experiments", "tests")
    found = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    return [path for path in found if path != pathlib.Path(__file__)]  # it names what it looks for


@pytest.mark.parametrize(
    "path", [*modules(), *scripts_and_tests()], ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_keras_2_is_imported_by_its_own_name(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    names = [name for name, _ in imported_names(tree)]
    attributes = {dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert [name for name in names if name.startswith("tensorflow.keras")] == []
    assert [name for name in attributes if name.startswith(("tf.keras", "tensorflow.keras"))] == []
    assert "TF_USE_LEGACY_KERAS" not in source


def test_nothing_is_called_utils_or_common():
    assert [path for path in modules() if path.stem in ("utils", "util", "common", "helpers", "misc")] == []


@pytest.mark.parametrize(
    ("layer", "source", "allowed"),
    [
        ("records", "from bert_qa_tf.text import surrogates", True),
        ("text", "from bert_qa_tf.records import manifest", False),
        ("encoders", "def f():\n    import bert_qa_tf.training.loop", False),
        ("encoders", "from bert_qa_tf import config, errors", True),
        ("serving", "from bert_qa_tf import flags", False),
        ("speech", "from bert_qa_tf.tasks import base", False),
        ("speech.spoken_dataset", "from bert_qa_tf.tasks import base", True),
        ("speech", "from bert_qa_tf.speech.spoken_dataset import files", False),
        ("evaluation", "from bert_qa_tf import __version__", True),
        ("audit", "from bert_qa_tf import cli, flags", True),
        ("audit", "from bert_qa_tf import train", False),
    ],
)
def test_the_rule_itself(layer, source, allowed):
    if layer == "audit" and not {"audit", "train"} <= COMMANDS:
        pytest.skip("needs both commands")
    assert (forbidden_imports(source, layer) == []) is allowed
