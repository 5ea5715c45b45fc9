"""Reads the WordPiece tokenizer that lies beside an encoder's weights."""

from __future__ import annotations

import tensorflow as tf

from bert_qa_tf.encoders.sources import casing
from bert_qa_tf.errors import InputError
from bert_qa_tf.text import tokenization
from bert_qa_tf.text.tokenization import VOCAB_FILE, BertTokenizer


def read_tokenizer(folder: str, size: int, do_lower_case: bool | None = None) -> BertTokenizer:
    """Reads the tokenizer of a folder that holds a `vocab.txt` and does not have to state its casing.

    Args:
      folder: the folder; may be remote.
      size: the rows of the encoder's table, one for each piece.
      do_lower_case: the casing that the user states, if any; see `casing.find_casing`.

    Raises:
      InputError: the vocabulary is missing, is none of BERT's or has another size, or its casing cannot be told.
    """
    vocab = read_vocab(tf.io.gfile.join(folder, VOCAB_FILE), size)
    return BertTokenizer(vocab, casing.find_casing(folder, vocab, do_lower_case), source=folder)


def read_vocab(path: str, size: int | None = None) -> list[str]:
    """Reads a WordPiece vocabulary, one piece a line.

    Args:
      path: the file; may be remote.
      size: the rows of the encoder's table, one for each piece; None where they are not known.

    Raises:
      InputError: the file cannot be read, is not UTF-8, or has another number of pieces.
    """
    vocab = tokenization.read_vocab(path)
    if size is not None:
        check_size(len(vocab), size, path)
    return vocab


def check_size(vocab_size: int, rows: int, source: str) -> None:
    """Refuses a vocabulary that an encoder's table was not made for.

    Args:
      vocab_size: the number of pieces.
      rows: of the table.
      source: where the vocabulary is from, for the message.

    Raises:
      InputError: the two differ.
    """
    if vocab_size != rows:
        raise InputError(f"{source}: the vocabulary has {vocab_size} pieces, the encoder's table has {rows} rows")
