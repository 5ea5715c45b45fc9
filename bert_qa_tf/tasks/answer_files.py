"""Recognises the files of answers that `predict` and `client` write, so that they replace no other file."""

from __future__ import annotations

from collections.abc import Iterable

from bert_qa_tf.storage import json_text, outputs

# An answer has both. A question or a text to label may have an id and even a score, but it also has one of the others.
_OF_ANSWERS = {"id", "score"}
_OF_INPUTS = {"question", "context", "text"}


def check_output(path: str | None, inputs: Iterable[str], overwrite: bool) -> None:
    """Checks that a file of answers may be written.

    Args:
      path: the file; None if answers are printed.
      inputs: the files and folders that are read.
      overwrite: whether to replace a file that does not hold answers.

    Raises:
      InputError: the file is one of the inputs, or exists and must not be replaced.
    """
    if path is not None:
        outputs.check_file(path, inputs, overwrite=overwrite, is_own=_holds_answers)


def _holds_answers(head: bytes) -> bool:
    try:
        value = json_text.parse(head.split(b"\n", 1)[0].decode("utf-8"))
    except (UnicodeDecodeError, json_text.JsonError):
        return False
    return isinstance(value, dict) and value.keys() >= _OF_ANSWERS and not _OF_INPUTS & value.keys()
