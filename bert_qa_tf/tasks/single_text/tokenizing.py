"""Tokenizes texts to `[CLS] text [SEP]`, truncated to the maximum length.

This module does not import TensorFlow.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenizer import Tokenizer

# Any class with a `text` attribute.
Example = TypeVar("Example", bound=Any)
# The special tokens of `[CLS] text [SEP]`.
NUM_SPECIAL_TOKENS = 2
# The amount of text that is tokenized at a time, which bounds memory whatever the size of the data.
_CHARS_PER_CHUNK = 1_000_000


def encode_texts(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    max_seq_length: int,
    counts: collections.Counter[str] | None = None,
) -> list[np.ndarray]:
    """Tokenizes texts and puts `[CLS]` before and `[SEP]` after the word pieces of each.

    Args:
      texts: any strings.
      tokenizer: the tokenizer of the encoder that will read the sequences.
      max_seq_length: the maximum length in word pieces, including `[CLS]` and `[SEP]`; longer texts are truncated.
      counts: the counters, of which `texts_cut` is increased, and `texts_without_tokens` for texts without a word
        piece, such as those of control characters only.

    Returns:
      `<int32>[num_tokens]` for each text, in the order given. With `[CLS]` = 1, `[SEP]` = 2 and `max_seq_length` 5, a
      text with the pieces 20, 21, 22, 23 gives `[1, 20, 21, 22, 2]`.

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
    """Tokenizes any number of examples, a bounded amount of text at a time.

    Args:
      examples: objects with a `text`.
      tokenizer: the tokenizer of the encoder that will read the sequences.
      max_seq_length: see `encode_texts`.
      counts: see `encode_texts`.

    Yields:
      Each example with its word pieces, `<int32>[num_tokens]`, in the order of the examples.

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
    """Groups examples into lists with at most `_CHARS_PER_CHUNK` of text; a single example may have more."""
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
