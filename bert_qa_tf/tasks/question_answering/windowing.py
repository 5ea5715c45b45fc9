"""Cuts examples into windows: `[CLS] question [SEP] context window [SEP]`, with labels and marks for decoding.

Windows come unpadded and in order. Reading files, choosing which windows to keep, and writing records are done
elsewhere. Imports no TensorFlow.

A context that does not fit beside its question is seen in several windows, `doc_stride` word pieces apart. A piece that
several windows see is trusted where it has most context on both sides (in capitals):

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

# How much text is tokenized before its windows are handed on: bounds memory, whatever the size of the data.
_CHARS_PER_CHUNK = 1_000_000


def window_spans(num_context_tokens: int, room: int, doc_stride: int) -> list[Span]:
    """Where the windows of a context lie.

    Args:
      num_context_tokens: word pieces of the context.
      room: the most of them that one window holds.
      doc_stride: the step between two window starts; never more than a window's length, so that no piece is skipped.

    Returns:
      `(start, length)` of each window, in word pieces: `window_spans(7, 4, 2) == [(0, 4), (2, 4), (4, 3)]`. An empty
      context has one empty window, so that its questions are answered (with nothing) and counted like all others.
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
    """Which window sees each piece with the most context (BERT's rule).

    A window's score for a piece is the smaller of its pieces to the left and to the right, plus a hundredth of the
    window's length; the first window with the best score wins.

    Returns:
      For each window `<int32>[length]`, 1 where it is that window: for spans `(0, 4), (2, 4), (4, 3)`
      `[1, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1]`.
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
    """The pieces that an answer touches.

    Args:
      answer: its offset is taken as right (`Answer.fits`).
      start_chars: `<int32>[num_tokens]` code-point offsets of the context's pieces.
      end_chars: `<int32>[num_tokens]`, exclusive.

    Returns:
      The first and the last piece, both inclusive; None if the answer touches none (it is white space, say). An answer
      inside a word takes in the whole piece: "198" of "1980" gives the piece `1980`.
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
    """All windows of one question, in order.

    Args:
      example: names the windows (`qas_id`).
      question_ids: `<int32>[num_question_tokens]`, cut here to `max_query_length`.
      context: the example's tokenized context.
      cls_id: id of `[CLS]`.
      sep_id: id of `[SEP]`.
      windowing: lengths and stride.
      answer: what to label, with an offset that fits; None labels every window `[CLS]`.

    Returns:
      At least one window; a window that does not hold the whole answer has start and end position 0.
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
    """A signed 64-bit fingerprint of the window's name, the same on every machine and in every order."""
    name = f"{qas_id}\0{doc_span_index}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little", signed=True)


def first_fitting_answer(example: SquadExample) -> Answer | None:
    """The training label: of several gold answers the first whose offset fits; None where there is none to find."""
    if example.is_impossible:
        return None
    return next((answer for answer in example.answers if answer.fits(example.context)), None)


def featurize_examples(
    examples: Iterable[SquadExample],
    tokenizer: Tokenizer,
    windowing: WindowingConfig,
    choose_answer: Callable[[SquadExample], Answer | None] = first_fitting_answer,
    on_cut: Callable[[SquadExample], None] | None = None,
) -> Iterator[list[InputFeatures]]:
    """Tokenizes and windows any number of examples, some megabytes of text at a time.

    Args:
      examples: questions about one context come one after the other, as `squad_reader` yields them: then each context
        is tokenized once.
      tokenizer: of the encoder that will read the windows.
      windowing: lengths and stride.
      choose_answer: which answer labels an example's windows, None for none.
      on_cut: called with each example whose question is longer than `max_query_length`.

    Yields:
      The windows of each example, in the order of the examples.
    """
    known: dict[str, TokenizedText] = {}
    for chunk in _chunks(examples):
        # A chunk may end amid a context's questions: that context's pieces are kept for the next one.
        new = {text: None for example in chunk for text in (example.context, example.question) if text not in known}
        known |= zip(new, tokenizer.tokenize_texts(list(new)), strict=True)
        for example in chunk:
            question_ids = known[example.question].ids
            if on_cut is not None and len(question_ids) > windowing.max_query_length:
                on_cut(example)
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
    """Cuts examples into lists of at most `_CHARS_PER_CHUNK` of text; one example alone may be longer."""
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
    """Spans and marks, shared by the questions that leave the same room beside contexts of the same length."""
    spans = window_spans(num_context_tokens, room, doc_stride)
    return spans, max_context_masks(spans)


def _label(answer_span: tuple[int, int] | None, start: int, length: int, num_head: int) -> tuple[int, int]:
    """Token indices of the answer in a window, both inclusive; 0 (`[CLS]`) unless the window holds all of it."""
    if answer_span is None or answer_span[0] < start or answer_span[1] >= start + length:
        return 0, 0
    return answer_span[0] - start + num_head, answer_span[1] - start + num_head


def _frame(inside: np.ndarray, num_head: int, before: int, after: int) -> np.ndarray:
    """`<int32>[num_tokens]`: a value of the context's pieces, between those of the question and the last `[SEP]`."""
    framed = np.full(num_head + len(inside) + 1, before, np.int32)
    framed[num_head:-1] = inside
    framed[-1] = after
    return framed
