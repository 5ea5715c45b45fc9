"""Defines the protocol of tokenizers, which turn text into the ids that an encoder takes.

Windowing, conversion, training and the graph modules use only `Tokenizer`, so that they work with any vocabulary. A
tokenizer is described by its settings, a small JSON object that is stored in manifests and run directories. This module
does not import TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from bert_qa_tf.text.tokenized_text import TokenizedBatch, TokenizedText

if TYPE_CHECKING:
    import tensorflow as tf

# The kind of tokenizer if settings state none, because it was the only one when the first manifests were written.
WORDPIECE = "wordpiece"

_DIGITS_SHOWN = 12


class Tokenizer(Protocol):
    """Turns text into the ids that an encoder takes.

    Attributes:
      vocab_size: the number of ids, which count from 0.
      cls_id: the id that begins every input; its position stands for "no answer".
      sep_id: the id that ends each segment of an input.
      pad_id: the id that pads the rows of a batch.
      mask_id: the id of a masked token in pre-training; None if the vocabulary has none.
    """

    vocab_size: int
    cls_id: int
    sep_id: int
    pad_id: int
    mask_id: int | None

    @property
    def fingerprint(self) -> str:
        """Returns a string that is equal for tokenizers that give every text the same ids; see `fingerprint_of`."""

    def settings(self) -> dict[str, Any]:
        """Returns everything that the ids depend on, as JSON: `kind`, the checksums of its files, and its options."""

    def save(self, folder: str) -> None:
        """Writes the tokenizer's files; with them and `settings` it can be read back.

        Args:
          folder: the folder to write to, which is made if it is missing; may be remote.
        """

    def tokenize_texts(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Returns the ids and offsets of each text, in the order given."""

    def tokenize(self, texts: tf.Tensor) -> TokenizedBatch:
        """Tokenizes a batch with graph ops only.

        Args:
          texts: `<string>[num_texts]`, UTF-8.

        Returns:
          Ragged `<int32>[num_texts, (tokens)]` ids and offsets.
        """


def with_kind(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the `kind` to settings if it is missing, as in old ones.

    >>> with_kind({"do_lower_case": True})
    {'kind': 'wordpiece', 'do_lower_case': True}
    """
    return {"kind": WORDPIECE, **settings}


def fingerprint_of(settings: Mapping[str, Any]) -> str:
    """The SHA-256, in hexadecimal, of a tokenizer's settings; the order of their keys does not matter."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf-8")).hexdigest()


def describe(settings: Mapping[str, Any]) -> str:
    """Formats settings briefly, for messages.

    >>> describe({"kind": "wordpiece", "vocab_sha256": "07eced375cec144d27c9", "do_lower_case": True})
    'kind=wordpiece, vocab_sha256=07eced375cec, do_lower_case=True'
    """
    short = {name: str(value)[:_DIGITS_SHOWN] if name.endswith("sha256") else value for name, value in settings.items()}
    return ", ".join(f"{name}={value}" for name, value in short.items())
