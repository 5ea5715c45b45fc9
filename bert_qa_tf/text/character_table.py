"""Builds lookup tables for the graph with the result of BERT's character rules for each Unicode character.

A `CharacterTable` of a few hundred kilobytes is computed from the character rules of `reference_tokenization.py` and
Python's Unicode database. `tokenization.py` makes it constants of the graph. So a SavedModel treats characters like the
Python that wrote it, whichever Unicode version its server is built with.

All rules except two look at one character at a time. The two are the final sigma, for which the table has
`case_context`, and the order of combining marks, see `tokenization.py`.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from typing import NamedTuple

import numpy as np

from bert_qa_tf.text import reference_tokenization as rules

BLOCK_SIZE = 256

# Kinds of output character.
IN_WORD, ALONE, SPACE = 0, 1, 2

# Kinds of source character, for the final sigma rule, which ignores SKIPPED characters.
UNCASED, CASED, SKIPPED = 0, 1, 2

CAPITAL_SIGMA, FINAL_SIGMA = "\u03a3", "\u03c2"


class CharacterTable(NamedTuple):
    """A two-stage table: `entry = entries[blocks[c // 256] * 256 + c % 256]` is an index into the other columns.

    Attributes:
      blocks: `<int32>[num_code_points / 256]`.
      entries: `<int32>[num_blocks * 256]`.
      output_splits: `<int32>[num_entries + 1]`, entry e's outputs are `[output_splits[e], output_splits[e + 1])`.
      output_deltas: `<int32>[num_outputs]`, output code point minus source code point.
      output_kinds: `<int32>[num_outputs]`, IN_WORD, ALONE (a word of its own) or SPACE.
      is_accent: `<bool>[num_entries]`, the source character is an accent that lower-casing strips.
      case_context: `<int32>[num_entries]`, UNCASED, CASED or SKIPPED.
      final_sigma_entry: the entry of a capital sigma at the end of a word.
    """

    blocks: np.ndarray
    entries: np.ndarray
    output_splits: np.ndarray
    output_deltas: np.ndarray
    output_kinds: np.ndarray
    is_accent: np.ndarray
    case_context: np.ndarray
    final_sigma_entry: int


class _Entry(NamedTuple):
    outputs: tuple[tuple[int, int], ...]
    is_accent: bool
    case_context: int


@functools.cache
def character_table(do_lower_case: bool) -> CharacterTable:
    """Builds the table (about a second), once per process and casing."""
    numbers: dict[_Entry, int] = {}

    def number_of(entry: _Entry) -> int:
        return numbers.setdefault(entry, len(numbers))

    plain = number_of(_Entry(((0, IN_WORD),), is_accent=False, case_context=UNCASED))
    entry_of = np.full(sys.maxunicode + 1, plain, np.int32)
    for code_point in range(sys.maxunicode + 1):
        char = chr(code_point)
        # BERT treats unassigned, private and surrogate code points, nine tenths of the range, as letters without case.
        if unicodedata.category(char) not in ("Cn", "Co", "Cs"):
            entry_of[code_point] = number_of(_entry(char, do_lower_case))

    sigma = _entry(CAPITAL_SIGMA, do_lower_case)
    final_sigma = number_of(sigma._replace(outputs=((ord(FINAL_SIGMA) - ord(CAPITAL_SIGMA), IN_WORD),)))
    unique_blocks, blocks = np.unique(entry_of.reshape(-1, BLOCK_SIZE), axis=0, return_inverse=True)
    outputs = [entry.outputs for entry in numbers]
    return CharacterTable(
        blocks=blocks.reshape(-1).astype(np.int32),
        entries=unique_blocks.reshape(-1).astype(np.int32),
        output_splits=np.cumsum([0, *map(len, outputs)], dtype=np.int32),
        output_deltas=np.array([delta for entry in outputs for delta, _ in entry], np.int32),
        output_kinds=np.array([kind for entry in outputs for _, kind in entry], np.int32),
        is_accent=np.array([entry.is_accent for entry in numbers], bool),
        case_context=np.array([entry.case_context for entry in numbers], np.int32),
        final_sigma_entry=final_sigma,
    )


def _entry(char: str, do_lower_case: bool) -> _Entry:
    """Applies the rules to one character: `É` gives `e`, `한` three letters, U+200B nothing."""
    if rules.is_space(char):
        return _Entry(((0, SPACE),), is_accent=False, case_context=UNCASED)
    if rules.is_dropped(char):
        return _Entry((), is_accent=False, case_context=SKIPPED)
    if not do_lower_case:
        return _Entry((_output(char, char),), is_accent=False, case_context=UNCASED)
    decomposed = unicodedata.normalize("NFD", char.lower())
    kept = [part for part in decomposed if not rules.is_accent(part)]
    return _Entry(tuple(_output(char, part) for part in kept), is_accent=not kept, case_context=_case_context(char))


def _output(source: str, output: str) -> tuple[int, int]:
    alone = rules.is_cjk(source) or rules.is_punctuation(output)
    return ord(output) - ord(source), ALONE if alone else IN_WORD


def _case_context(char: str) -> int:
    """How `str.lower` treats the character next to a capital sigma (Unicode's Final_Sigma condition).

    Python does not expose the two properties (Cased, Case_Ignorable), so they are derived from its behaviour.
    """
    if (char + CAPITAL_SIGMA).lower().endswith(FINAL_SIGMA):
        return CASED
    if ("a" + char + CAPITAL_SIGMA).lower().endswith(FINAL_SIGMA):
        return SKIPPED
    return UNCASED
