"""Does once, before processes are forked, what each of them would do anew and what writes nothing of ours.

That is the conversion of Python functions by AutoGraph, most of the time of a tiny model, and the character tables.
Only source code is worked on: no operation of TensorFlow runs, since its threads would not outlive a fork.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import pickle
import sys
import types

_kept: list[types.FunctionType] = []
_known: set[bytes] = set()


def note_conversions(path: str) -> None:
    """Appends to a file, from now on, what AutoGraph converts in this process."""
    from tensorflow.python.autograph.impl import api

    real = api._convert_actual

    def convert(entity: object, context: object) -> object:
        function = getattr(entity, "__func__", entity)
        note = (
            function.__module__,
            function.__qualname__,
            marshal.dumps(function.__code__),
            context.options.as_tuple(),
        )
        with open(path, "ab") as file:
            file.write(pickle.dumps(note))
        return real(entity, context)

    api._convert_actual = convert


def convert_noted(path: str) -> None:
    """Converts, in this process, what was noted; forked ones find it in AutoGraph's cache."""
    from tensorflow.python.autograph.core import converter
    from tensorflow.python.autograph.impl import api

    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        while file.peek(1):
            note = pickle.load(file)
            if pickle.dumps(note) in _known:
                continue
            _known.add(pickle.dumps(note))
            module, name, code, options = note
            with contextlib.suppress(Exception):  # is then converted in each process
                code = marshal.loads(code)
                cells = tuple(types.CellType() for _ in code.co_freevars)
                function = types.FunctionType(code, sys.modules[module].__dict__, closure=cells)
                function.__qualname__ = name
                api._convert_actual(function, converter.ProgramContext(converter.ConversionOptions(*options)))
                _kept.append(function)
    os.remove(path)


def make_tables() -> None:
    """Makes what the tokenizers of all commands share."""
    from bert_qa_tf.text import character_table

    for do_lower_case in (True, False):
        character_table.character_table(do_lower_case)
