"""Loads the tokenizer of an encoder without its weights, from a handle or from the folder of a conversion or a run.

The protocol that every tokenizer meets is `text.tokenizer.Tokenizer`. Libraries that only some handles need, such as
tensorflow_hub and keras-nlp, are imported when one is met, so that an encoder whose files are at hand is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bert_qa_tf.config import schema
from bert_qa_tf.encoders.sources import (
    casing,
    google_checkpoint,
    handles,
    hub_graph,
    keras_preset,
    minilm,
    safetensors,
)
from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenization import BertTokenizer
from bert_qa_tf.text.tokenizer import WORDPIECE, Tokenizer, describe, with_kind

# Called with the folder (or a preset's name), and the casing that the user states, if any.
_READERS: dict[handles.Kind, Callable[[str, bool | None], Tokenizer]] = {
    "minilm": lambda path, asked: minilm.read_tokenizer(),
    "tf_hub": lambda path, asked: hub_graph.read_tokenizer(hub_graph.read_graph(path)),
    "google_checkpoint": google_checkpoint.read_tokenizer,
    "keras_preset": keras_preset.read_tokenizer,
    "safetensors": safetensors.read_tokenizer,
}
# Called with the folder that `Tokenizer.save` wrote to, and the settings.
_SAVED: dict[str, Callable[[str, Mapping[str, Any]], Tokenizer]] = {WORDPIECE: BertTokenizer.read_saved}


def load_tokenizer(handle: str, *, do_lower_case: bool | None = None, vocab_file: str | None = None) -> Tokenizer:
    """Reads the tokenizer of a pretrained encoder, and of the encoder nothing else.

    Its size is compared with the encoder's table where a file beside the weights states that; training compares it in
    any case.

    Args:
      handle: a name, folder or address; see `handles.find_source`.
      do_lower_case: the casing, for a source that does not state its own; one that does may not contradict it.
      vocab_file: a WordPiece vocabulary to read in place of any encoder's. Its text is lower-cased unless
        `do_lower_case` is False.

    Raises:
      InputError: the handle leads nowhere or to something that is no encoder with a tokenizer; or its casing cannot be
        told, or is not the one that was asked for.
    """
    if vocab_file:
        return BertTokenizer.from_vocab_file(vocab_file, do_lower_case is not False)
    kind, path = handles.find_source(handle)
    tokenizer = _READERS[kind](path, do_lower_case)
    casing.check_asked(handle, tokenizer, do_lower_case)
    return tokenizer


def load_saved_tokenizer(folder: str, settings: Mapping[str, Any]) -> Tokenizer:
    """Reads a tokenizer back from where it was saved.

    Args:
      folder: what `Tokenizer.save` was called with; may be remote.
      settings: what `Tokenizer.settings` returned, as far as they were kept: the oldest run directories hold
        `do_lower_case` alone.

    Raises:
      InputError: a file is missing, damaged or not the one that was saved, or the settings are of another program.
    """
    stated = with_kind(settings)
    schema.read(dict[str, str | bool | None], stated, f"{folder}: the settings of its tokenizer")
    if stated["kind"] not in _SAVED:
        raise InputError(f"{folder}: its tokenizer is of kind {stated['kind']!r}, expected {' or '.join(_SAVED)}")
    try:
        tokenizer = _SAVED[stated["kind"]](folder, stated)
    except KeyError as error:
        raise InputError(f"{folder}: the settings of its tokenizer lack {error.args[0]}") from error
    found = tokenizer.settings()
    if {**found, **stated} != found:
        raise InputError(
            f"{folder}: the tokenizer here is not the one that was saved: expected {describe(stated)}, "
            f"found {describe(found)}"
        )
    return tokenizer
