"""Switches Keras to float32 for what must be exact, whatever precision policy the program uses elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tf_keras


@contextlib.contextmanager
def float32_policy() -> Iterator[None]:
    """Keras layers made inside compute in float32; the policy in force comes back after."""
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
