"""Converts questions and answers to and from the inputs and outputs of the `serving_default` signature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bert_qa_tf.tasks.base import ReplyError
from bert_qa_tf.tasks.question_answering.decoding import Candidate, DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.surrogates import replace_surrogates

INPUTS = ("question", "context")
# The type of each output's values, one value for each question; the `nbest_…` outputs have a list for each.
_COLUMNS = {"answer": str, "answer_start": int, "answer_end": int, "score": (int, float)}
_LISTS = {"nbest_answer": str, "nbest_start": int, "nbest_score": (int, float)}
# Outputs of models that may give no answer, and of those that were exported since there is such an output.
_OPTIONAL = {"null_odds": (int, float), "question_tokens_cut": int}
OUTPUTS = (*_COLUMNS, *_LISTS)


def to_columns(examples: Sequence[SquadExample]) -> dict[str, list[str]]:
    """Converts questions to inputs by name; lone surrogates, which cannot be sent, become U+FFFD, so offsets stay."""
    return {name: [replace_surrogates(getattr(example, name)) for example in examples] for name in INPUTS}


def from_columns(columns: Mapping[str, Any], examples: Sequence[SquadExample]) -> list[DecodedAnswer]:
    """Converts outputs to answers.

    Args:
      columns: output name → a list with one entry for each question.
      examples: the questions.

    Returns:
      The answers; their logits are None, because servers do not return them.

    Raises:
      ReplyError: the outputs do not have the form that an export produces.
    """
    kinds = _COLUMNS | _LISTS | {name: kind for name, kind in _OPTIONAL.items() if name in columns}
    for name, kind in kinds.items():
        _check_column(name, columns.get(name), kind, len(examples))
    return [
        _to_answer({name: columns[name][row] for name in kinds}, replace_surrogates(example.context))
        for row, example in enumerate(examples)
    ]


def _check_column(name: str, column: Any, kind: type | tuple[type, ...], count: int) -> None:
    found = "no such output"
    if isinstance(column, list):
        rows = column if name in _LISTS else [column]
        values_fit = all(isinstance(row, list) and all(_fits(value, kind) for value in row) for row in rows)
        if len(column) == count and values_fit:
            return
        found = f"{len(column)} entries" + (f", the first of them {column[0]!r:.40}" if column else "")
    raise ReplyError(
        f"expected `{name}` with {count} entries, got {found}: is this model a `qa` export of this project?"
    )


def _fits(value: Any, kind: type | tuple[type, ...]) -> bool:
    is_number = kind is not str
    return isinstance(value, kind) and not (is_number and (isinstance(value, bool) or not math.isfinite(value)))


def _to_answer(row: Mapping[str, Any], context: str) -> DecodedAnswer:
    text, start_char, end_char = row["answer"], row["answer_start"], row["answer_end"]
    if context[start_char:end_char] != text:
        raise ReplyError(f"{text!r:.40} is not what stands at characters {start_char} to {end_char} of the text")
    if len({len(row[name]) for name in _LISTS}) != 1:
        raise ReplyError(f"{', '.join(_LISTS)} of one question differ in length")
    nbest = tuple(
        Candidate(entry, start, start + len(entry), None, None, float(score))
        for entry, start, score in zip(row["nbest_answer"], row["nbest_start"], row["nbest_score"], strict=True)
        if entry or score > 0  # else it pads a short list
    )
    null_odds = float(row["null_odds"]) if "null_odds" in row else None
    num_cut = row.get("question_tokens_cut")
    return DecodedAnswer(text, start_char, end_char, float(row["score"]), nbest, null_odds, num_cut)
