"""The settings of the server check themselves."""

import re

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.settings import ServerConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"port": 70000}, "--port must be at most 65535, got 70000"),
        ({"max_concurrent_calls": 0}, "--max_concurrent_calls must be at least 1, got 0"),
        ({"grace_secs": -1}, "--grace_secs must be at least 0, got -1"),
        ({"max_connections": 0}, "--max_connections must be at least 1, got 0"),
        ({"receive_secs": 0}, "--receive_secs must be above 0, got 0"),
        ({"model_name": "a/b"}, "--model_name must be a name without / \\ : ? # %, got 'a/b'"),
        ({"model_name": ".."}, "--model_name must be a name without / \\ : ? # %, got '..'"),
    ],
)
def test_settings_check_themselves(settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        ServerConfig(**settings)
