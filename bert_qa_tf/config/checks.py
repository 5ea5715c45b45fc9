"""Provides the check that the settings use."""

from __future__ import annotations

from bert_qa_tf.errors import InputError


def require(condition: bool, message: str) -> None:
    """Raises `InputError` with `message` unless `condition` holds."""
    if not condition:
        raise InputError(message)
