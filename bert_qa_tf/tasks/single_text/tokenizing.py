"""Texts to the rows of records: `[CLS] text [SEP]`, cut to the longest sequence.

No TensorFlow here.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenizer import Tokenizer

# Anything with a `text`.
Example = TypeVar("Example", bound=Any)
# What `[CLS] text [SEP]` spends beside the text.
NUM_SPECIAL_TOKENS = 2
# How much text is tokenized before its rows are handed on: bounds memory, whatever the size of the data.
_CHARS_PER_CHUNK = 1_000_000


def encode_texts(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    max_seq_length: int,
    counts: collections.Counter[str] | None = None,
) -> list[np.ndarray]:
    """The word pieces of each text with `[CLS]` before and `[SEP]` behind them.

    Args:
      texts: any strings.
      tokenizer: of the encoder that will read the rows.
      max_seq_length: the longest sequence in word pieces, `[CLS]` and `[SEP]` included; what is beyond is cut off.
      counts: `texts_cut` is added to, and `texts_without_tokens`: those that hold no word piece, only control
        characters, say.

    Returns:
      `<int32>[num_tokens]` for each text, in the order given. With `[CLS]` = 1, `[SEP]` = 2 and `max_seq_length` 5, a
      text of the pieces 20, 21, 22, 23 gives `[1, 20, 21, 22, 2]`.

    Raises:
      InputError: `max_seq_length` leaves no room for a word piece.
    """
    room = max_seq_length - NUM_SPECIAL_TOKENS
    if room < 1:
        raise InputError(
            f"max_seq_length={max_seq_length} leaves no room for text beside {NUM_SPECIAL_TOKENS} special tokens"
        )
    counts = collections.Counter() if counts is None else counts
    encoded = []
    for tokens in tokenizer.tokenize_texts(texts):
        counts["texts_cut"] += len(tokens.ids) > room
        counts["texts_without_tokens"] += not len(tokens.ids)
        encoded.append(np.array([tokenizer.cls_id, *tokens.ids[:room], tokenizer.sep_id], np.int32))
    return encoded


def encode_examples(
    examples: Iterable[Example],
    tokenizer: Tokenizer,
    max_seq_length: int,
    counts: collections.Counter[str] | None = None,
) -> Iterator[tuple[Example, np.ndarray]]:
    """The word pieces of any number of examples, some megabytes of text at a time.

    Args:
      examples: have a `text`.
      tokenizer: of the encoder that will read the rows.
      max_seq_length: see `encode_texts`.
      counts: see `encode_texts`.

    Yields:
      Each example with its `<int32>[num_tokens]`, in their order.

    Raises:
      InputError: see `encode_texts`.
    """
    for chunk in _chunks(examples):
        encoded = encode_texts([example.text for example in chunk], tokenizer, max_seq_length, counts)
        yield from zip(chunk, encoded, strict=True)


def unique_id(example_id: str) -> int:
    """A signed 64-bit fingerprint of an example's id, the same on every machine and in every order."""
    digest = hashlib.blake2b(example_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _chunks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Cuts examples into lists of at most `_CHARS_PER_CHUNK` of text; one example alone may be longer."""
    chunk: list[Example] = []
    num_chars = 0
    for example in examples:
        if chunk and num_chars + len(example.text) > _CHARS_PER_CHUNK:
            yield chunk
            chunk, num_chars = [], 0
        chunk.append(example)
        num_chars += len(example.text)
    if chunk:
        yield chunk
