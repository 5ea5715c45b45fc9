"""Parses protocol buffers, so that a damaged one is bad input and no exception of the library."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from bert_qa_tf.errors import InputError

_Kind = TypeVar("_Kind", bound=Message)


def parse(kind: type[_Kind], content: bytes, place: str, expected: str) -> _Kind:
    """Parses a message.

    Args:
      kind: the class of the message.
      content: the bytes.
      place: the file, for the error message; perhaps with a place in it.
      expected: what the content should be, for the error message, such as "SavedModel".

    Raises:
      InputError: the bytes are not such a message.
    """
    try:
        return kind.FromString(content)
    except (DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{place}: this is no {expected}, or it is damaged") from error
