"""Finds out whether an encoder's text is lower-cased, for sources that do not have to state it.

A statement in a file beside the weights decides. Without one, the folder's name and the vocabulary give clues, which
count if they agree. Where neither is enough, the user is asked to say, because a wrong casing costs accuracy and raises
no error.
"""

from __future__ import annotations

import os
import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from bert_qa_tf.config import schema
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.text.tokenizer import Tokenizer

_CASED_NAME = re.compile(r"(?:^|[^a-z])(un)?cased(?:[^a-z]|$)")
# [CLS], [unused7]: not cut out of any text.
_SPECIAL_PIECE = re.compile(r"\[.+\]")


def find_casing(folder: str, vocab: Sequence[str], asked: bool | None = None) -> bool:
    """Whether text is lower-cased, and stripped of accents, before it is cut into the pieces of `vocab`.

    Args:
      folder: holds the encoder; may be remote.
      vocab: its word pieces.
      asked: the user's word; None for none. It settles what clues leave open, and may not contradict a statement.

    Returns:
      BERT's `do_lower_case`.

    Raises:
      InputError: statements contradict each other or the user; or there is none, nor a clue, or clues contradict.
    """
    stated = _statements(folder)
    words = {f"{where} states do_lower_case={value}": value for where, value in stated.items()}
    if asked is not None:
        words[f"--do_lower_case={asked}"] = asked
    if len(set(words.values())) > 1:
        raise InputError(f"{folder}: is its text lower-cased? {', but '.join(words)}")
    if words:
        return next(iter(words.values()))
    clues = _clues(folder, vocab)
    if len(set(clues.values())) != 1:
        found = ", but ".join(clues) or "nothing in the folder says so"
        raise InputError(f"{folder}: is its text lower-cased? {found}; say which with --do_lower_case=true or =false")
    do_lower_case = next(iter(clues.values()))
    logging.info("%s: do_lower_case=%s, because %s", folder, do_lower_case, " and ".join(clues))
    return do_lower_case


def check_asked(handle: str, tokenizer: Tokenizer, asked: bool | None) -> None:
    """Refuses a tokenizer of another casing than the one that was asked for.

    Args:
      handle: of the encoder, for the message.
      tokenizer: the encoder's.
      asked: the user's word, or that of the records to train on; None for none.

    Raises:
      InputError: the two differ.
    """
    stated = tokenizer.settings().get("do_lower_case")
    if asked not in (None, stated):
        raise InputError(
            f"{handle}: this encoder states do_lower_case={stated}, but --do_lower_case, or the records it is to be "
            f"trained on, say {asked}"
        )


def _statements(folder: str) -> dict[str, bool]:
    """File name → the casing that it states."""
    found = {}
    for name in ("bert_config.json", "config.json", "tokenizer_config.json", "tokenizer.json"):
        path = tf.io.gfile.join(folder, name)
        if not tf.io.gfile.exists(path):
            continue
        values = files.read_json(path)
        if name == "tokenizer.json":
            values = schema.read(dict[str, Any], values.get("normalizer") or {}, f"{path}: `normalizer`")
            values = {**values, "do_lower_case": values.get("lowercase")}
        lower, strip = values.get("do_lower_case"), values.get("strip_accents")
        if lower is None:
            continue
        for key, value in (("do_lower_case", lower), ("strip_accents", strip)):
            schema.read(bool | None, value, f"{path}: `{key}`")
        if strip not in (None, lower):
            raise InputError(
                f"{path}: strip_accents={strip} with do_lower_case={lower}; BERT's tokenizer does both or neither"
            )
        found[name] = bool(lower)
    return found


def _clues(folder: str, vocab: Sequence[str]) -> dict[str, bool]:
    """What speaks for a casing, in words → that casing."""
    clues = {}
    path = folder if "://" in folder else os.path.abspath(folder)
    name = path.rstrip("/").rpartition("/")[2]
    in_name = _CASED_NAME.search(name.lower())
    if in_name:
        clues[f"its name is {name!r}"] = in_name.group(1) is not None
    pieces = [piece for piece in vocab if not _SPECIAL_PIECE.fullmatch(piece)]
    capital = next((piece for piece in pieces if any(map(_is_capital, piece))), None)
    if capital is not None:
        clues[f"its vocabulary has {capital!r}"] = False
    elif set(string.ascii_lowercase) <= set(pieces):
        # Text with capital letters would be all [UNK]: no one makes such a vocabulary for it.
        clues["its vocabulary has a to z and no capital letter"] = True
    return clues


def _is_capital(character: str) -> bool:
    # Letters such as ℝ have no lower-case form: they stay in lower-cased text.
    return unicodedata.category(character) == "Lu" and character.lower() != character
