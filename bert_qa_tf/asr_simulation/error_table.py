"""Says how often a recogniser errs, and in which ways, at a given word error rate.

The numbers lie in `error_table.json`, fitted by `table_fitting.py` to what a recogniser really heard. Between the word
error rates that were fitted they are interpolated.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.resources
import json
from typing import Any

import numpy as np

from bert_qa_tf.asr_simulation.error_features import ERROR_FEATURES
from bert_qa_tf.config import schema
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import json_text

TABLE_FILE = "error_table.json"


@dataclasses.dataclass(frozen=True)
class ErrorLevel:
    """How a recogniser hears at one word error rate.

    Attributes:
      wer: the word error rate, 0 to 1.
      error_weights: log-odds that a word is misheard, one weight for each of `ERROR_FEATURES`.
      utterance_spread: standard deviation of what is added to these log-odds for a whole utterance: a sentence is
        understood, or it is not.
      dropped: share of the misheard words of which nothing is heard.
      inserted: words heard where nothing was said, per word.
      ends_kept: share of the ends of words amid misheard ones where a heard word ends, too.
      ends_moved: share of them where one ends a phone earlier or later; at the others two words become one.
      splits: new ends per place inside a misheard word of the vocabulary.
      splits_unknown: the same inside a word that the recogniser does not know.
      sound: nats per unit of sound distance that a word is less likely to be heard.
      language: nats per nat of the recogniser's language model.
    """

    wer: float
    error_weights: tuple[float, ...]
    utterance_spread: float
    dropped: float
    inserted: float
    ends_kept: float
    ends_moved: float
    splits: float
    splits_unknown: float
    sound: float
    language: float


@dataclasses.dataclass(frozen=True)
class ErrorTable:
    """Fitted levels, by rising word error rate.

    Attributes:
      levels: at least one.
      shifts: (word error rate, what is added to the bias there), rising: makes what is asked for and what comes out
        the same, and reaches beyond the levels that were fitted.
      fitted_on: where the numbers come from.
    """

    levels: tuple[ErrorLevel, ...]
    shifts: tuple[tuple[float, float], ...]
    fitted_on: dict[str, Any]

    def at(self, wer: float) -> ErrorLevel:
        """The level of a word error rate; beyond the fitted ones the nearest of them, with its bias shifted."""
        rates = [level.wer for level in self.levels]
        columns = [dataclasses.astuple(level)[1:] for level in self.levels]

        def between(values: list[float]) -> float:
            return float(np.interp(wer, rates, values))

        weights, *others = zip(*columns, strict=True)
        bias, *rest = (between(list(column)) for column in zip(*weights, strict=True))
        bias += float(np.interp(wer, *zip(*self.shifts, strict=True)))
        return ErrorLevel(wer, (bias, *rest), *(between(list(column)) for column in others))

    @functools.cached_property
    def sha256(self) -> str:
        """Of the file's text: another table makes other errors of the same seed."""
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()

    def to_json(self) -> str:
        """The file's text."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


def table_from_json(text: str, source: str) -> ErrorTable:
    """The table that `ErrorTable.to_json` wrote.

    Raises:
      InputError: it is something else.
    """
    table = schema.read(ErrorTable, json_text.parse_at(source, text, "a table of recognition errors"), source)
    if not table.levels or not table.shifts or any(len(a.error_weights) != len(ERROR_FEATURES) for a in table.levels):
        raise InputError(f"{source}: expected levels with {len(ERROR_FEATURES)} error_weights each, and shifts")
    return table


@functools.cache
def load_table() -> ErrorTable:
    """The table that comes with the package."""
    file = importlib.resources.files("bert_qa_tf.asr_simulation") / TABLE_FILE
    return table_from_json(file.read_text(encoding="utf-8"), TABLE_FILE)
