"""Defines the results of tokenization: token ids with their offsets in the text.

This module does not import TensorFlow, so that windowing and decoding can use its types without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class TokenizedText(NamedTuple):
    """One tokenized text, as ids, start_chars and end_chars, each `<int32>[num_tokens]`.

    Offsets are Unicode code points into the given text, with exclusive ends.
    """

    ids: np.ndarray
    start_chars: np.ndarray
    end_chars: np.ndarray


class TokenizedBatch(NamedTuple):
    """Texts tokenized in the graph, as ids, start_chars and end_chars, each a ragged `<int32>[num_texts, (tokens)]`.

    Offsets are Unicode code points into the text after `tf.strings.unicode_transcode(errors='replace')`, with exclusive
    ends.
    """

    ids: tf.RaggedTensor
    start_chars: tf.RaggedTensor
    end_chars: tf.RaggedTensor
