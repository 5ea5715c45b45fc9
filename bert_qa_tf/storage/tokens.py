"""Reads the secret that a server asks its clients for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

VARIABLE = "BERT_QA_TF_TOKEN"
_MAX_CHARS = 1000
# What may follow "Bearer" in a header: RFC 6750.
_TOKEN = re.compile(r"[0-9A-Za-z._~+/-]+=*")


def read_token(token: str | None, token_file: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Returns the secret, from the one place that names it.

    Args:
      token: the secret itself, of `--token`.
      token_file: a file that holds it, of `--token_file`.
      environment: holds it as `BERT_QA_TF_TOKEN`, which applies where neither is given.

    Returns:
      The secret; None if there is none.

    Raises:
      InputError: two places name one, the file cannot be read, or it holds no secret. The message does not show it.
    """
    if token is not None and token_file is not None:
        raise InputError("give either --token or --token_file")
    if token_file is not None:
        place, found = token_file, files.read_text(token_file, expected="a file that holds a token").strip()
    elif token is not None:
        place, found = "--token", token
    else:
        place, found = VARIABLE, environment.get(VARIABLE)
    if found is None:
        return None
    if len(found) > _MAX_CHARS or not _TOKEN.fullmatch(found):
        raise InputError(
            f"{place}: expected a token of letters, digits and . _ ~ + / - (openssl rand -hex 32 makes one)"
        )
    return found
