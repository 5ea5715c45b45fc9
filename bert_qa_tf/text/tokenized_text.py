"""The value that tokenization hands on: word pieces of one text with their places in it.

A leaf of plain NumPy, so that windowing and decoding can name the type without importing TensorFlow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class TokenizedText(NamedTuple):
    """One tokenized text: ids, start_chars, end_chars, each `<int32>[num_tokens]`.

    Offsets are Unicode code points into the text as given, end exclusive.
    """

    ids: np.ndarray
    start_chars: np.ndarray
    end_chars: np.ndarray
