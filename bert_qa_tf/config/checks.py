"""Provides the checks that the settings use."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from bert_qa_tf.errors import InputError

_MAX_SEED = 2**32 - 1  # NumPy's


def require(condition: bool, message: str) -> None:
    """Raises `InputError` with `message` unless `condition` holds."""
    if not condition:
        raise InputError(message)


def require_finite(config: Any) -> None:
    """Raises `InputError` if a number among the fields of a dataclass is infinite or not a number.

    `nan` passes many comparisons, and a learning rate of `inf` is above 0.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float):
                require(math.isfinite(number), f"{field.name} must be a finite number, got {number}")


def require_seed(seed: int) -> None:
    """Raises `InputError` unless random generators take `seed`."""
    require(0 <= seed <= _MAX_SEED, f"seed must be 0 to {_MAX_SEED}, got {seed}")
