"""The one line of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bert_qa_tf.errors import InputError


def message(function: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """Returns what `function` refuses these arguments with."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
