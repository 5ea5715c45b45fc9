"""The values that tokenization hands on: ids of texts with their places in them.

Imports no TensorFlow, so that windowing and decoding can name the types without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class TokenizedText(NamedTuple):
    """One tokenized text: ids, start_chars, end_chars, each `<int32>[num_tokens]`.

    Offsets are Unicode code points into the text as given, end exclusive.
    """

    ids: np.ndarray
    start_chars: np.ndarray
    end_chars: np.ndarray


class TokenizedBatch(NamedTuple):
    """Texts tokenized in the graph: ids, start_chars, end_chars, each a ragged `<int32>[num_texts, (tokens)]`.

    Offsets are Unicode code points of the text after `tf.strings.unicode_transcode(errors='replace')`, end exclusive.
    """

    ids: tf.RaggedTensor
    start_chars: tf.RaggedTensor
    end_chars: tf.RaggedTensor
