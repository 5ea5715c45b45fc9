"""Cuts long contexts into windows in the graph, as `tasks/question_answering/windowing.py` does in NumPy.

`plan_windows` lists the windows of tokenized questions and contexts, a few numbers each. `make_windows` makes the
model's padded inputs, and the fields that decoding needs, for some of these windows at a time. A test compares the
windows with those of `tasks/question_answering/windowing.py`.

Only plain ops are used, because TF Serving before 2.20 links a tensorflow-text without `RoundRobinTrimmer`.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from bert_qa_tf.tasks.question_answering.config import NUM_SPECIAL_TOKENS, WindowingConfig
from bert_qa_tf.text.tokenized_text import TokenizedBatch
from bert_qa_tf.text.tokenizer import Tokenizer


class WindowPlan(NamedTuple):
    """The windows of a batch, question after question, `<int32>[windows]` each.

    Attributes:
      question: the index of the question in the batch.
      index: the index of the window among those of its question.
      start: the first context token of the window.
      length: the number of context tokens in the window.
    """

    question: tf.Tensor
    index: tf.Tensor
    start: tf.Tensor
    length: tf.Tensor


class PaddedWindows(NamedTuple):
    """A batch of windows, padded to the longest of them.

    Attributes:
      inputs: the model's inputs, each `<int32>[windows, seq_length]`.
      token_start_chars: `<int32>[windows, seq_length]`, code points into the context, −1 outside it.
      token_end_chars: `<int32>[windows, seq_length]`, exclusive, −1 outside it.
      token_is_max_context: `<bool>[windows, seq_length]`.
    """

    inputs: dict[str, tf.Tensor]
    token_start_chars: tf.Tensor
    token_end_chars: tf.Tensor
    token_is_max_context: tf.Tensor


def windows_per_question(
    question_lengths: tf.Tensor, context_lengths: tf.Tensor, config: WindowingConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes how many windows each question needs.

    Args:
      question_lengths: `<int32>[batch]`, at most `max_query_length`.
      context_lengths: `<int32>[batch]`.
      config: see `WindowingConfig`.

    Returns:
      The number of windows, `<int32>[batch]`, at least 1 even for an empty context; and the number of context tokens
      that fit into one window, `<int32>[batch]`.
    """
    room = config.max_seq_length - NUM_SPECIAL_TOKENS - question_lengths
    beyond_first = tf.maximum(context_lengths - room, 0)
    return 1 + (beyond_first + config.doc_stride - 1) // config.doc_stride, room


def plan_windows(question_lengths: tf.Tensor, context_lengths: tf.Tensor, config: WindowingConfig) -> WindowPlan:
    """Lists the windows of a batch; arguments as for `windows_per_question`."""
    counts, room = windows_per_question(question_lengths, context_lengths, config)
    question = tf.repeat(tf.range(tf.size(counts)), counts)
    index = tf.ragged.range(counts).flat_values
    start = index * config.doc_stride
    length = tf.minimum(tf.gather(room, question), tf.gather(context_lengths, question) - start)
    return WindowPlan(question, index, start, length)


def make_windows(
    plan: WindowPlan,
    questions: tf.RaggedTensor,
    contexts: TokenizedBatch,
    tokenizer: Tokenizer,
    config: WindowingConfig,
) -> PaddedWindows:
    """Packs `[CLS] question [SEP] context window [SEP]` for the windows in `plan`, which may be part of a batch's plan.

    Args:
      plan: the windows to pack.
      questions: ragged `<int32>[batch, (tokens)]`, already truncated to `max_query_length`.
      contexts: ragged `<int32>[batch, (tokens)]` ids and offsets.
      tokenizer: gives the ids of the special tokens.
      config: see `WindowingConfig`.

    Returns:
      The windows, padded to the longest of them.
    """
    question_length = tf.gather(_lengths(questions), plan.question)[:, None]  # [windows, 1]
    length = plan.length[:, None]
    total = question_length + length + NUM_SPECIAL_TOKENS
    position = tf.range(tf.maximum(tf.reduce_max(total), NUM_SPECIAL_TOKENS))[None, :]  # [1, seq_length]
    context_start = question_length + 2

    in_question = (position >= 1) & (position <= question_length)
    in_context = (position >= context_start) & (position < context_start + length)
    is_separator = (position == question_length + 1) | (position == total - 1)
    token = plan.start[:, None] + position - context_start  # of the context; meaningful where in_context

    ids = tf.where(in_question, _pick(questions, plan.question, position - 1, in_question), tokenizer.pad_id)
    ids = tf.where(in_context, _pick(contexts.ids, plan.question, token, in_context), ids)
    ids = tf.where(is_separator, tokenizer.sep_id, ids)
    ids = tf.where(position == 0, tokenizer.cls_id, ids)
    mask = position < total
    inputs = {
        "input_word_ids": ids,
        "input_mask": tf.cast(mask, tf.int32),
        "input_type_ids": tf.cast(mask & (position >= context_start), tf.int32),
    }
    context_length = tf.gather(_lengths(contexts.ids), plan.question)[:, None]
    room = config.max_seq_length - NUM_SPECIAL_TOKENS - question_length
    best_window = _best_window(token, context_length, room, config.doc_stride)
    return PaddedWindows(
        inputs,
        tf.where(in_context, _pick(contexts.start_chars, plan.question, token, in_context), -1),
        tf.where(in_context, _pick(contexts.end_chars, plan.question, token, in_context), -1),
        in_context & (best_window == plan.index[:, None]),
    )


def _lengths(ragged: tf.RaggedTensor) -> tf.Tensor:
    return tf.cast(ragged.row_lengths(), tf.int32)


def _pick(ragged: tf.RaggedTensor, rows: tf.Tensor, columns: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """`ragged[rows, columns]` where `wanted`, anything elsewhere: `<int32>[windows, seq_length]`."""
    row_starts = tf.gather(tf.cast(ragged.row_starts(), tf.int32), rows)[:, None]
    # A value is appended, because a batch of empty texts has none at all, and gather needs a valid index.
    values = tf.concat([ragged.flat_values, [0]], axis=0)
    return tf.gather(values, tf.where(wanted, row_starts + columns, 0))


def _best_window(token: tf.Tensor, context_length: tf.Tensor, room: tf.Tensor, stride: int) -> tf.Tensor:
    """Finds the window of its question that sees a context token with the most context.

    BERT's score of a token in a window is the smaller of the numbers of tokens to its left and right, plus a hundredth
    of the window's length; the first of equal scores wins. All windows except the last have the same length, and among
    these the one whose middle is nearest wins. So only the two around that point and the last need to be compared.

    Args:
      token: `<int32>[windows, seq_length]`, positions in the context.
      context_length: `<int32>[windows, 1]`.
      room: `<int32>[windows, 1]`, the length of all windows except the last.
      stride: the step from the start of one window to the start of the next.

    Returns:
      `<int32>[windows, seq_length]`, the windows' indices in their question.
    """
    last = (tf.maximum(context_length - room, 0) + stride - 1) // stride  # [windows, 1]
    nearest = (2 * token - room + 1) // (2 * stride)  # floor: the middle of window k is at k * stride + (room - 1) / 2
    highest_full = tf.maximum(last - 1, 0)
    candidates = [
        tf.clip_by_value(nearest, 0, highest_full),
        tf.clip_by_value(nearest + 1, 0, highest_full),
        tf.broadcast_to(last, tf.shape(token)),
    ]
    scores = []
    for candidate in candidates:
        start = candidate * stride
        length = tf.minimum(room, context_length - start)
        left, right = token - start, start + length - 1 - token
        # In float64 as in `tasks/question_answering/windowing.py`: other arithmetic would break ties differently.
        score = tf.cast(tf.minimum(left, right), tf.float64) + 0.01 * tf.cast(length, tf.float64)
        scores.append(tf.where((left >= 0) & (right >= 0), score, -1.0))
    best = tf.argmax(tf.stack(scores), axis=0, output_type=tf.int32)  # candidates ascend: ties go to the first
    return tf.where(best == 0, candidates[0], tf.where(best == 1, candidates[1], candidates[2]))
