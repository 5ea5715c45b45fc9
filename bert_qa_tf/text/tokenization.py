"""Implements BERT's WordPiece tokenization in the graph, for bulk conversion and for SavedModels that take text.

Ids and code-point offsets equal those of `reference_tokenization.py`, which states the rules.

`tensorflow_text.FastBertTokenizer` differs from them: it case-folds and decomposes by compatibility (`…` becomes `...`,
`½` is joined to the digit before it, `ß` becomes `ss`). So plain TensorFlow ops look characters up in our own table
(`character_table.py`), and tensorflow-text only searches for the longest pieces (`FastWordpieceTokenizer`, linear in
time; its op is registered by tensorflow-text 2.12, which TF Serving up to 2.19 links). Everything is one pass over flat
arrays of code points, whatever the number and length of the texts:

    texts        "Déjà vu!"
    characters    D  é  j  à  _  v  u  !       looked up: each has a place, 0..n outputs, a kind
    outputs       d  e  j  a  _  v  u  !       IN_WORD, SPACE or ALONE
    words        "deja"        "vu"    "!"
    pieces       "de" "##ja"   "vu"    "!"     ids, [start_char, end_char)

One difference from the reference remains: two spacing combining marks (category Mc) with different, non-zero combining
classes that follow one letter in other than canonical order are not reordered. Accents (Mn) are stripped, so their
order does not matter, and only marks of musical notation, two Hangul tone marks and the viramas of some Indic and
Indonesian scripts are left; two of them on one letter is no text in any language and in no BERT vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.text import character_table
from bert_qa_tf.text.reference_tokenization import CONTINUATION, MAX_CHARS_PER_WORD, UNKNOWN
from bert_qa_tf.text.tokenized_text import TokenizedBatch, TokenizedText
from bert_qa_tf.text.tokenizer import WORDPIECE, fingerprint_of

CLS, SEP, PAD, MASK = "[CLS]", "[SEP]", "[PAD]", "[MASK]"
# The file that `BertTokenizer.save` writes.
VOCAB_FILE = "vocab.txt"

# Bounds the memory of one call of the graph, which needs about 100 bytes per character.
_MAX_CHARS_PER_BATCH = 1_000_000
_MAX_BYTES_PER_CHAR = 4
# JSON can represent half a surrogate pair, but UTF-8 cannot. The replacement has the same length, so offsets stay.
_LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


class _Outputs(NamedTuple):
    """Characters after the rules, `[num_outputs]` each: `<int32>`, and where they came from."""

    code_points: tf.Tensor
    kinds: tf.Tensor
    texts: tf.Tensor
    start_chars: tf.Tensor
    end_chars: tf.Tensor


class BertTokenizer:
    """BERT's basic tokenization and WordPiece with one vocabulary; a `tokenizer.Tokenizer`.

    In the graph it consists of constants, so a `tf.function` that calls `tokenize` can be saved and loaded without
    tracked resources or assets.

    Args:
      vocab: the pieces; a piece's id is its index.
      do_lower_case: whether text is lower-cased and stripped of accents.
      source: where the vocabulary comes from, for messages.

    Attributes:
      vocab: the pieces; a piece's id is its index.
      vocab_size: the number of pieces.
      do_lower_case: whether text is lower-cased and stripped of accents.
      cls_id, sep_id, pad_id, unk_id: ids of the special tokens.
      mask_id: id of `[MASK]`; None if the vocabulary has none.
      vocab_sha256: SHA-256 of the vocabulary, written one piece per line.

    Example:
      >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "deja", "v", "##u", "!"], do_lower_case=True)
      >>> tokenizer.tokenize(tf.constant(["Déjà vu!"])).start_chars
      <tf.RaggedTensor [[0, 5, 6, 7]]>
    """

    def __init__(self, vocab: Sequence[str], do_lower_case: bool, *, source: str = "vocabulary") -> None:
        self.vocab = tuple(vocab)
        self.vocab_size = len(self.vocab)
        self.do_lower_case = bool(do_lower_case)
        self._ids = _check_vocab(self.vocab, source)
        self.cls_id, self.sep_id, self.pad_id, self.unk_id = (self._ids[name] for name in (CLS, SEP, PAD, UNKNOWN))
        self.mask_id = self._ids.get(MASK)
        self.vocab_sha256 = hashlib.sha256(("\n".join(self.vocab) + "\n").encode("utf-8")).hexdigest()
        self._table = character_table.character_table(self.do_lower_case)
        self._piece_chars = np.array([_num_chars(piece) for piece in self.vocab], np.int32)
        try:
            with tf.init_scope(), tf.device("/CPU:0"):
                self._word_pieces = tf_text.FastWordpieceTokenizer(
                    list(self.vocab),
                    suffix_indicator=CONTINUATION,
                    max_bytes_per_word=MAX_CHARS_PER_WORD * _MAX_BYTES_PER_CHAR,
                    token_out_type=tf.int32,
                    unknown_token=UNKNOWN,
                    no_pretokenization=True,
                )
        except RuntimeError as error:  # a piece that its trie cannot hold, such as one with a zero byte
            raise InputError(f"{source}: not a vocabulary of BERT ({str(error).splitlines()[0][:200]})") from error
        self._tokenize_batch = tf.function(
            self.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
        )

    @classmethod
    def from_vocab_file(cls, path: str, do_lower_case: bool) -> BertTokenizer:
        """Reads a vocabulary, one piece a line.

        Raises:
          InputError: the file is missing, empty, not UTF-8, has an empty or a repeated line, or lacks one of `[CLS]`,
            `[SEP]`, `[PAD]` and `[UNK]`.
        """
        path = str(path)
        if not tf.io.gfile.exists(path) or tf.io.gfile.isdir(path):
            raise InputError(f"{path}: no such vocabulary file")
        return cls(read_vocab(path), do_lower_case, source=path)

    @property
    def fingerprint(self) -> str:
        """See `Tokenizer`."""
        return fingerprint_of(self.settings())

    def settings(self) -> dict[str, Any]:
        """See `Tokenizer`."""
        return {"kind": WORDPIECE, "vocab_sha256": self.vocab_sha256, "do_lower_case": self.do_lower_case}

    def save(self, folder: str) -> None:
        """Writes the vocabulary, one piece a line, as `vocab.txt`; see `Tokenizer`."""
        atomic_files.write_text(f"{folder}/{VOCAB_FILE}", "".join(f"{piece}\n" for piece in self.vocab))

    @classmethod
    def read_saved(cls, folder: str, settings: Mapping[str, Any]) -> BertTokenizer:
        """Reads what `save` wrote; see `from_vocab_file`.

        Args:
          folder: may be remote.
          settings: the result of `settings`.
        """
        return cls.from_vocab_file(f"{folder}/{VOCAB_FILE}", settings["do_lower_case"])

    def id_of(self, piece: str) -> int | None:
        """The id of a piece; None if the vocabulary does not have it."""
        return self._ids.get(piece)

    # === In bulk, from Python ===

    def tokenize_texts(self, texts: Sequence[str], batch_size: int = 1024) -> list[TokenizedText]:
        """Tokenizes texts of any length, each distinct one once; equal texts share one result.

        Args:
          texts: any strings; a lone surrogate counts as U+FFFD.
          batch_size: the most texts in one call of the graph; there are fewer if texts are long.

        Returns:
          For each text its ids and offsets, `<int32>[num_tokens]`, in the order given.
        """
        distinct = list(dict.fromkeys(texts))
        results: dict[str, TokenizedText] = {}
        for batch in _batches(distinct, batch_size):
            encoded = [text.translate(_LONE_SURROGATES).encode("utf-8") for text in batch]
            tokens = self._tokenize_batch(tf.constant(encoded, tf.string))
            splits = tokens.ids.row_splits.numpy()
            flat = [column.flat_values.numpy() for column in tokens]
            for text, start, end in zip(batch, splits[:-1], splits[1:], strict=True):
                # Copies, so that one result does not keep its whole batch in memory.
                results[text] = TokenizedText(*(column[start:end].copy() for column in flat))
        return [results[text] for text in texts]

    # === In the graph ===

    def tokenize(self, texts: tf.Tensor) -> TokenizedBatch:
        """Tokenizes a batch of texts with graph ops only.

        Args:
          texts: `<string>[num_texts]`, UTF-8; invalid bytes count as U+FFFD.

        Returns:
          Ragged `<int32>[num_texts, (tokens)]` ids and offsets.
        """
        with tf.device("/CPU:0"), tf.name_scope("bert_tokenize"):
            decoded = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
            text_splits = tf.cast(decoded.row_splits, tf.int32)
            outputs = self._apply_character_rules(decoded.flat_values, text_splits)
            word_starts, words, outputs = _split_words(outputs)
            piece_ids, piece_splits = self._find_pieces(words)
            starts, ends = self._piece_places(piece_ids, piece_splits, words)
            # Texts → words → pieces: a text's pieces end where its last word's do.
            num_texts = tf.size(text_splits) - 1
            words_per_text = tf.math.bincount(tf.gather(outputs.texts, word_starts), minlength=num_texts)
            row_splits = tf.gather(piece_splits, _splits_of(words_per_text))
            return TokenizedBatch(
                *(
                    tf.RaggedTensor.from_row_splits(values, tf.cast(row_splits, tf.int64), validate=False)
                    for values in (
                        piece_ids,
                        tf.gather(outputs.start_chars, starts),
                        tf.gather(outputs.end_chars, ends - 1),
                    )
                )
            )

    def _apply_character_rules(self, code_points: tf.Tensor, text_splits: tf.Tensor) -> _Outputs:
        """Cleans, lower-cases and strips accents: turns code points, `<int32>[num_chars]`, into words' characters."""
        table = self._table
        num_chars = tf.size(code_points)
        texts = _row_ids(text_splits, num_chars)
        block = tf.gather(table.blocks, code_points // character_table.BLOCK_SIZE)
        place = block * character_table.BLOCK_SIZE + code_points % character_table.BLOCK_SIZE
        entries = tf.gather(table.entries, place)
        if self.do_lower_case:
            entries = self._mark_final_sigmas(entries, code_points, texts)

        # A character extends over the accents after it, up to the next other character or the end of its text.
        kept = tf.where(~tf.gather(table.is_accent, entries))[:, 0]
        kept = tf.cast(kept, tf.int32)
        texts = tf.gather(texts, kept)
        following = tf.concat([kept[1:], [num_chars]], axis=0)
        reach = tf.minimum(following, tf.gather(text_splits, texts + 1))[: tf.size(kept)]
        text_starts = tf.gather(text_splits, texts)

        # Each source character has 0..n outputs.
        entries = tf.gather(entries, kept)
        first_output = tf.gather(table.output_splits, entries)
        outputs = tf.ragged.range(first_output, tf.gather(table.output_splits, entries + 1), row_splits_dtype=tf.int32)
        source = _row_ids(outputs.row_splits, tf.size(outputs.flat_values))
        return _Outputs(
            code_points=tf.gather(tf.gather(code_points, kept), source)
            + tf.gather(table.output_deltas, outputs.flat_values),
            kinds=tf.gather(table.output_kinds, outputs.flat_values),
            texts=tf.gather(texts, source),
            start_chars=tf.gather(kept - text_starts, source),
            end_chars=tf.gather(reach - text_starts, source),
        )

    def _mark_final_sigmas(self, entries: tf.Tensor, code_points: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
        """Gives a capital sigma that ends a word its own entry: `ΟΔΟΣ` is lowered to `οδος`, not `οδοσ`."""
        is_sigma = tf.equal(code_points, ord(character_table.CAPITAL_SIGMA))

        def mark() -> tf.Tensor:
            # Apart from skipped characters (accents, dots), a final sigma follows a cased letter and precedes none.
            context = tf.gather(self._table.case_context, entries)
            seen = tf.cast(tf.where(tf.not_equal(context, character_table.SKIPPED))[:, 0], tf.int32)
            is_cased = tf.equal(tf.gather(context, seen), character_table.CASED)
            text = tf.gather(texts, seen)
            same_text = tf.equal(text[1:], text[:-1])
            cased_before = tf.concat([[False], is_cased[:-1] & same_text], axis=0)
            cased_after = tf.concat([is_cased[1:] & same_text, [False]], axis=0)
            final = tf.boolean_mask(seen, tf.gather(is_sigma, seen) & cased_before & ~cased_after)
            updates = tf.fill(tf.shape(final), self._table.final_sigma_entry)
            return tf.tensor_scatter_nd_update(entries, final[:, tf.newaxis], updates)

        return tf.cond(tf.reduce_any(is_sigma), mark, lambda: entries)

    def _find_pieces(self, words: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Cuts words, ragged code points, into piece ids `<int32>[num_pieces]`, with row splits `[num_words + 1]`."""
        strings = tf.strings.unicode_encode(words, "UTF-8")
        # The op's own limit counts bytes, but BERT's counts characters.
        strings = tf.where(words.row_lengths() > MAX_CHARS_PER_WORD, UNKNOWN, strings)
        pieces = self._word_pieces.tokenize(strings)
        return pieces.flat_values, tf.cast(pieces.row_splits, tf.int32)

    def _piece_places(
        self, piece_ids: tf.Tensor, piece_splits: tf.Tensor, words: tf.RaggedTensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes where each piece begins and ends among the words' characters, `<int32>[num_pieces]` each.

        The pieces of a word cover it without gaps, so a piece begins where those before it end.
        """
        word = _row_ids(piece_splits, tf.size(piece_ids))
        word_chars = tf.cast(words.row_lengths(), tf.int32)
        is_unknown = tf.equal(piece_ids, self.unk_id)
        num_chars = tf.where(is_unknown, tf.gather(word_chars, word), tf.gather(self._piece_chars, piece_ids))
        ends = tf.cumsum(num_chars)
        return ends - num_chars, ends


def read_vocab(path: str) -> list[str]:
    """Reads the pieces of a vocabulary file, one per line.

    Raises:
      InputError: the file cannot be read, or is not UTF-8.
    """
    content = files.read_text(path, expected="a vocabulary")
    # Not splitlines: U+0085 or U+2028 may be pieces.
    return content.replace("\r\n", "\n").removesuffix("\n").split("\n") if content else []


def _split_words(outputs: _Outputs) -> tuple[tf.Tensor, tf.RaggedTensor, _Outputs]:
    """Cuts characters into words at spaces, around characters that stand alone and between texts.

    Returns:
      The index of each word's first character, `<int32>[num_words]`; the words as ragged code points,
      `<int32>[num_words, (chars)]`; and the characters without the spaces.
    """
    is_alone = tf.equal(outputs.kinds, character_table.ALONE)
    is_space = tf.equal(outputs.kinds, character_table.SPACE)
    ends_word = is_alone | is_space
    new_text = tf.not_equal(outputs.texts[1:], outputs.texts[:-1])
    # The first character, if there is one, always begins a word.
    begins = tf.concat([[True], new_text | ends_word[:-1]], axis=0)[: tf.size(outputs.texts)] | is_alone
    kept = tf.where(~is_space)[:, 0]
    outputs = _Outputs(*(tf.gather(column, kept) for column in outputs))
    word_starts = tf.cast(tf.where(tf.gather(begins, kept))[:, 0], tf.int32)
    splits = tf.concat([word_starts, [tf.size(kept, out_type=tf.int32)]], axis=0)
    return word_starts, tf.RaggedTensor.from_row_splits(outputs.code_points, splits, validate=False), outputs


def _row_ids(row_splits: tf.Tensor, num_values: tf.Tensor) -> tf.Tensor:
    """The row of each value: `[0, 2, 2, 3]` gives `[0, 0, 2]`.

    `RaggedTensor.value_rowids` does the same, but its memory grows with rows × longest row, too much if one text
    is long.
    """
    rows_ended_here = tf.math.bincount(row_splits[1:], minlength=num_values + 1)
    return tf.cumsum(rows_ended_here)[:num_values]


def _splits_of(row_lengths: tf.Tensor) -> tf.Tensor:
    return tf.concat([[0], tf.cumsum(row_lengths)], axis=0)


def _num_chars(piece: str) -> int:
    """The number of a word's characters that the piece covers."""
    return len(piece.removeprefix(CONTINUATION)) or len(piece)


def _batches(texts: Sequence[str], batch_size: int) -> Iterator[list[str]]:
    """Groups texts into batches of at most `batch_size` texts and bounded length; a single text may be longer."""
    batch: list[str] = []
    num_chars = 0
    for text in texts:
        if batch and (len(batch) == batch_size or num_chars + len(text) > _MAX_CHARS_PER_BATCH):
            yield batch
            batch, num_chars = [], 0
        batch.append(text)
        num_chars += len(text)
    if batch:
        yield batch


def _check_vocab(vocab: Sequence[str], source: str) -> dict[str, int]:
    """Returns the id of each piece, or raises an `InputError` that names the first invalid line."""
    if not vocab:
        raise InputError(f"{source}: empty, expected one word piece a line")
    ids: dict[str, int] = {}
    for line, piece in enumerate(vocab):
        if not piece:
            raise InputError(f"{source}: line {line + 1} is empty, expected a word piece")
        if piece in ids:
            raise InputError(f"{source}: line {line + 1} repeats {piece!r} of line {ids[piece] + 1}")
        ids[piece] = line
    missing = [name for name in (CLS, SEP, PAD, UNKNOWN) if name not in ids]
    if missing:
        raise InputError(f"{source}: no {', '.join(missing)} among {len(ids)} pieces, expected a BERT vocabulary")
    return ids
