"""Lists the commands, or runs one: `python -m bert_qa_tf audit …` is the same as `python -m bert_qa_tf.audit …`.

The list is read from the modules' own docstrings, without importing them.
"""

from __future__ import annotations

import ast
import difflib
import pathlib
import runpy
import sys
from collections.abc import Sequence

import bert_qa_tf

_FOLDER = pathlib.Path(__file__).resolve().parent
# The commands in the order of their use; commands that are not named here come last.
_ORDER = (
    "demo",
    "download",
    "transcribe",
    "make_spoken",
    "audit",
    "create_tfrecords",
    "train",
    "evaluate",
    "export",
    "predict",
    "serve",
    "client",
)
_USAGE = """\
bert_qa_tf {version}: find answers in speech transcripts with BERT.

Usage: python -m bert_qa_tf.<command> [--flag=value …]     --help after a command lists its flags.
       python -m bert_qa_tf --version
"""


def find_commands(folder: pathlib.Path = _FOLDER) -> dict[str, str]:
    """Finds the commands in `folder`, in the order of their use: name → the first line of its docstring.

    A command is a module that defines `main`.
    """
    commands = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem.startswith("_"):
            continue
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in module.body):
            commands[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    known = {name: commands[name] for name in _ORDER if name in commands}
    return known | commands


def main(argv: Sequence[str]) -> int:
    """Prints the list, or runs the command that `argv` names, and returns an exit status."""
    commands = find_commands()
    if not argv or argv[0] in ("help", "--help", "-help", "-h"):
        print(_USAGE.format(version=bert_qa_tf.__version__))
        width = max(map(len, commands), default=0)
        for name, line in commands.items():
            print(f"  {name:<{width}}  {line}")
        return 0
    if argv[0] == "--version":
        print(f"bert_qa_tf {bert_qa_tf.__version__}")
        return 0
    name, *rest = argv
    if name not in commands:
        near = difflib.get_close_matches(name, commands, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        print(f"error: no command {name!r}{hint}; python -m bert_qa_tf lists them", file=sys.stderr)
        return 1
    sys.argv[1:] = rest
    runpy.run_module(f"bert_qa_tf.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
