"""Cuts examples into windows, `[CLS] question [SEP] context window [SEP]`, with labels and fields for decoding.

Windows are unpadded and in order. Reading files, choosing which windows to keep and writing records are done elsewhere.
This module does not import TensorFlow.

A context that does not fit next to its question is cut into several overlapping windows, whose starts are `doc_stride`
word pieces apart. A piece that is in several windows counts in the one where it has the most context on both sides
(shown in capitals):

    room 4, doc_stride 2    the cat sat on  the mat here
      window 0, span (0, 4) THE CAT SAT on
      window 1, span (2, 4)         sat ON  THE mat
      window 2, span (4, 3)                 the MAT HERE

With `[CLS]` = 1, `[SEP]` = 2, a question of one piece 9, the context's pieces 20..26 and the answer "on the", window 1:

    input_word_ids        1  9  2 22 23 24 25  2
    input_type_ids        0  0  0  1  1  1  1  1
    token_is_max_context  0  0  0  0  1  1  0  0
    start_positions 4, end_positions 5; both are 0 in windows 0 and 2, which do not hold the whole answer
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from bert_qa_tf.tasks.question_answering.config import NUM_SPECIAL_TOKENS, WindowingConfig
from bert_qa_tf.tasks.question_answering.examples import Answer, InputFeatures, SquadExample
from bert_qa_tf.text.tokenized_text import TokenizedText
from bert_qa_tf.text.tokenizer import Tokenizer

Span = tuple[int, int]

# The amount of text that is tokenized at a time, which bounds memory whatever the size of the data.
_CHARS_PER_CHUNK = 1_000_000


def window_spans(num_context_tokens: int, room: int, doc_stride: int) -> list[Span]:
    """Computes the spans of a context's windows.

    Args:
      num_context_tokens: the number of word pieces in the context.
      room: the most context pieces that fit into one window.
      doc_stride: the step between two window starts; at most a window's length, so that no piece is skipped.

    Returns:
      `(start, length)` of each window, in word pieces: `window_spans(7, 4, 2) == [(0, 4), (2, 4), (4, 3)]`. An empty
      context has one empty window, so that its questions are answered (with "") and counted like all others.
    """
    spans = []
    start = 0
    while True:
        length = min(num_context_tokens - start, room)
        spans.append((start, length))
        if start + length >= num_context_tokens:
            return spans
        start += min(length, doc_stride)


def max_context_masks(spans: Sequence[Span]) -> list[np.ndarray]:
    """Marks, for each piece, the window that sees it with the most context (BERT's rule).

    A window's score for a piece is the smaller of the numbers of pieces to its left and right, plus a hundredth of the
    window's length; the first window with the best score wins.

    Returns:
      For each window, `<int32>[length]`, 1 where the window is the one for that piece. Spans `(0, 4), (2, 4), (4, 3)`
      give `[1, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1]`.
    """
    num_tokens = max(start + length for start, length in spans)
    best_score = np.full(num_tokens, -1.0)
    best_window = np.zeros(num_tokens, np.int32)
    for window, (start, length) in enumerate(spans):
        left = np.arange(length)
        score = np.minimum(left, left[::-1]) + 0.01 * length
        better = score > best_score[start : start + length]
        best_score[start : start + length][better] = score[better]
        best_window[start : start + length][better] = window
    return [
        (best_window[start : start + length] == window).astype(np.int32) for window, (start, length) in enumerate(spans)
    ]


def answer_token_span(answer: Answer, start_chars: np.ndarray, end_chars: np.ndarray) -> tuple[int, int] | None:
    """Finds the pieces that an answer overlaps.

    Args:
      answer: the answer, whose offset must be correct (`Answer.fits`).
      start_chars: `<int32>[num_tokens]` code-point offsets of the context's pieces.
      end_chars: `<int32>[num_tokens]`, exclusive.

    Returns:
      The first and the last piece, both inclusive; None if the answer overlaps none, for example if it is white space.
      An answer inside a piece gives the whole piece: "198" of "1980" gives the piece `1980`.
    """
    first = int(np.searchsorted(end_chars, answer.start_char, side="right"))
    last = int(np.searchsorted(start_chars, answer.end_char, side="left")) - 1
    return (first, last) if first <= last else None


def make_windows(
    example: SquadExample,
    question_ids: np.ndarray,
    context: TokenizedText,
    cls_id: int,
    sep_id: int,
    windowing: WindowingConfig,
    answer: Answer | None,
) -> list[InputFeatures]:
    """Makes all windows of one question, in order.

    Args:
      example: the question; its `qas_id` identifies the windows.
      question_ids: `<int32>[num_question_tokens]`, truncated here to `max_query_length`.
      context: the example's tokenized context.
      cls_id: the id of `[CLS]`.
      sep_id: the id of `[SEP]`.
      windowing: lengths and stride.
      answer: the answer that labels the windows, with a correct offset; None labels every window `[CLS]`.

    Returns:
      At least one window; a window that does not contain the whole answer has start and end position 0.
    """
    question_ids = np.asarray(question_ids, np.int32)[: windowing.max_query_length]
    room = windowing.max_seq_length - len(question_ids) - NUM_SPECIAL_TOKENS
    spans, masks = _layout(len(context.ids), room, windowing.doc_stride)
    head = np.array([cls_id, *question_ids, sep_id], np.int32)
    tail = np.array([sep_id], np.int32)
    answer_span = answer_token_span(answer, context.start_chars, context.end_chars) if answer else None

    windows = []
    for index, ((start, length), mask) in enumerate(zip(spans, masks, strict=True)):
        inside = slice(start, start + length)
        start_position, end_position = _label(answer_span, start, length, len(head))
        windows.append(
            InputFeatures(
                input_word_ids=np.concatenate([head, context.ids[inside], tail]),
                input_type_ids=_frame(np.ones(length, np.int32), len(head), before=0, after=1),
                start_positions=start_position,
                end_positions=end_position,
                unique_id=window_id(example.qas_id, index),
                qas_id=example.qas_id,
                doc_span_index=index,
                token_start_chars=_frame(context.start_chars[inside], len(head), before=-1, after=-1),
                token_end_chars=_frame(context.end_chars[inside], len(head), before=-1, after=-1),
                token_is_max_context=_frame(mask, len(head), before=0, after=0),
            )
        )
    return windows


def window_id(qas_id: str, doc_span_index: int) -> int:
    """A signed 64-bit fingerprint of the question id and the window's index; the same on every machine."""
    name = f"{qas_id}\0{doc_span_index}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little", signed=True)


def first_fitting_answer(example: SquadExample) -> Answer | None:
    """The training label: the first gold answer with a correct offset; None if there is none."""
    if example.is_impossible:
        return None
    return next((answer for answer in example.answers if answer.fits(example.context)), None)


def featurize_examples(
    examples: Iterable[SquadExample],
    tokenizer: Tokenizer,
    windowing: WindowingConfig,
    choose_answer: Callable[[SquadExample], Answer | None] = first_fitting_answer,
    on_cut: Callable[[SquadExample, int], None] | None = None,
) -> Iterator[list[InputFeatures]]:
    """Tokenizes and windows any number of examples, a bounded amount of text at a time.

    Args:
      examples: the questions; those about one context should be consecutive, as `squad_reader` yields them, so that
        each context is tokenized once.
      tokenizer: the tokenizer of the encoder that will read the windows.
      windowing: lengths and stride.
      choose_answer: returns the answer that labels an example's windows, or None.
      on_cut: called with each example whose question is longer than `max_query_length`, and by how many word pieces.

    Yields:
      The windows of each example, in the order of the examples.
    """
    known: dict[str, TokenizedText] = {}
    for chunk in _chunks(examples):
        # A chunk may end between two questions about one context, so that context's pieces are kept for the next chunk.
        new = {text: None for example in chunk for text in (example.context, example.question) if text not in known}
        known |= zip(new, tokenizer.tokenize_texts(list(new)), strict=True)
        for example in chunk:
            question_ids = known[example.question].ids
            if on_cut is not None and len(question_ids) > windowing.max_query_length:
                on_cut(example, len(question_ids) - windowing.max_query_length)
            yield make_windows(
                example,
                question_ids,
                known[example.context],
                tokenizer.cls_id,
                tokenizer.sep_id,
                windowing,
                choose_answer(example),
            )
        last_context = chunk[-1].context
        known = {last_context: known[last_context]}


def _chunks(examples: Iterable[SquadExample]) -> Iterator[list[SquadExample]]:
    """Groups examples into lists with at most `_CHARS_PER_CHUNK` of text; a single example may have more."""
    chunk: list[SquadExample] = []
    num_chars = 0
    for example in examples:
        same_context = bool(chunk) and chunk[-1].context == example.context
        added = len(example.question) + (0 if same_context else len(example.context))
        if chunk and num_chars + added > _CHARS_PER_CHUNK:
            yield chunk
            chunk, num_chars = [], 0
        chunk.append(example)
        num_chars += added
    if chunk:
        yield chunk


@functools.lru_cache(maxsize=1024)
def _layout(num_context_tokens: int, room: int, doc_stride: int) -> tuple[list[Span], list[np.ndarray]]:
    """Spans and masks, cached for questions that leave the same room next to contexts of the same length."""
    spans = window_spans(num_context_tokens, room, doc_stride)
    return spans, max_context_masks(spans)


def _label(answer_span: tuple[int, int] | None, start: int, length: int, num_head: int) -> tuple[int, int]:
    """Token indices of the answer in a window, both inclusive; 0 (`[CLS]`) unless the window contains all of it."""
    if answer_span is None or answer_span[0] < start or answer_span[1] >= start + length:
        return 0, 0
    return answer_span[0] - start + num_head, answer_span[1] - start + num_head


def _frame(inside: np.ndarray, num_head: int, before: int, after: int) -> np.ndarray:
    """Extends values of the context's pieces to all tokens of the window, `<int32>[num_tokens]`."""
    framed = np.full(num_head + len(inside) + 1, before, np.int32)
    framed[num_head:-1] = inside
    framed[-1] = after
    return framed
