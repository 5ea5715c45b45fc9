"""The protocol of tokenizers: what the package needs of anything that turns text into the ids an encoder takes.

Windowing, conversion, training and the graph modules are written against `Tokenizer`, so that they work with any
vocabulary. A tokenizer describes itself by its settings, a small JSON object that manifests and run directories hold.
Imports no TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from bert_qa_tf.text.tokenized_text import TokenizedBatch, TokenizedText

if TYPE_CHECKING:
    import tensorflow as tf

# The kind of tokenizer of settings that state none: the first manifests and run directories knew no other.
WORDPIECE = "wordpiece"

_DIGITS_SHOWN = 12


class Tokenizer(Protocol):
    """Turns text into the ids that an encoder takes.

    Attributes:
      vocab_size: the number of different ids; they count from 0.
      cls_id: begins every input; the position of "no answer".
      sep_id: ends each segment of an input.
      pad_id: fills what is left of a batch's row.
      mask_id: stands for a hidden token in pre-training; None where the vocabulary has none.
    """

    vocab_size: int
    cls_id: int
    sep_id: int
    pad_id: int
    mask_id: int | None

    @property
    def fingerprint(self) -> str:
        """Equal for two tokenizers if they give every text the same ids; see `fingerprint_of`."""

    def settings(self) -> dict[str, Any]:
        """What the ids depend on, as JSON: `kind`, a checksum of each of its files, and its switches."""

    def save(self, folder: str) -> None:
        """Writes the tokenizer's files, which with `settings` are all that is needed to read it back.

        Args:
          folder: is made where it is missing; may be remote.
        """

    def tokenize_texts(self, texts: Sequence[str]) -> list[TokenizedText]:
        """The ids and offsets of each text, in the order given."""

    def tokenize(self, texts: tf.Tensor) -> TokenizedBatch:
        """Tokenizes a batch with graph ops only.

        Args:
          texts: `<string>[num_texts]`, UTF-8.

        Returns:
          Ragged `<int32>[num_texts, (tokens)]` ids and offsets.
        """


def with_kind(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they were read, with the `kind` that old ones leave out.

    >>> with_kind({"do_lower_case": True})
    {'kind': 'wordpiece', 'do_lower_case': True}
    """
    return {"kind": WORDPIECE, **settings}


def fingerprint_of(settings: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of a tokenizer's settings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf-8")).hexdigest()


def describe(settings: Mapping[str, Any]) -> str:
    """Settings in a few words, for messages.

    >>> describe({"kind": "wordpiece", "vocab_sha256": "07eced375cec144d27c9", "do_lower_case": True})
    'kind=wordpiece, vocab_sha256=07eced375cec, do_lower_case=True'
    """
    short = {name: value[:_DIGITS_SHOWN] if name.endswith("sha256") else value for name, value in settings.items()}
    return ", ".join(f"{name}={value}" for name, value in short.items())
