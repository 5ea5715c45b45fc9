"""Decodes start and end logits to answers in the graph, as `decoding.py` does in NumPy.

The result is the outputs of the `serving_default` signature. The rules, and their differences from BERT's script, are
described in `tasks/question_answering/decoding.py`; a test compares the two. Decoding has two stages:

1. `find_spans` reduces each window to its best spans, so that only these are kept of a long text, not the logits.
2. `best_answers` orders the spans of all windows of a question and cuts out their texts.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from bert_qa_tf.tasks.question_answering.config import DecodingConfig

_NEVER = float("-inf")


class Spans(NamedTuple):
    """The candidate spans of some windows, `num_spans = n_best_size * (n_best_size + 1)` slots each.

    The slots of each window are ordered by start, then by end, so that a stable sort by score breaks ties as the rules
    require. The last end of each start is its fallback, which counts only if the question has no other span.

    Attributes:
      start_chars: `<int32>[windows, num_spans]`, code points into the context.
      end_chars: `<int32>[windows, num_spans]`, exclusive.
      scores: `<float32>[windows, num_spans]`, `start_logit + end_logit`; −inf in a slot without a span.
      is_fallback: `<bool>[windows, num_spans]`.
      null_scores: `<float32>[windows]`, `start_logit[0] + end_logit[0]`.
    """

    start_chars: tf.Tensor
    end_chars: tf.Tensor
    scores: tf.Tensor
    is_fallback: tf.Tensor
    null_scores: tf.Tensor


def spans_spec(config: DecodingConfig) -> Spans:
    """The `TensorSpec` of each field of `Spans`, for any number of windows."""
    shape = [None, config.n_best_size * (config.n_best_size + 1)]
    return Spans(
        tf.TensorSpec(shape, tf.int32),
        tf.TensorSpec(shape, tf.int32),
        tf.TensorSpec(shape, tf.float32),
        tf.TensorSpec(shape, tf.bool),
        tf.TensorSpec([None], tf.float32),
    )


def find_spans(
    start_logits: tf.Tensor,
    end_logits: tf.Tensor,
    token_start_chars: tf.Tensor,
    token_end_chars: tf.Tensor,
    token_is_max_context: tf.Tensor,
    config: DecodingConfig,
) -> Spans:
    """Finds the candidate spans of each window.

    Args:
      start_logits: `<float32>[windows, seq_length]`.
      end_logits: `<float32>[windows, seq_length]`.
      token_start_chars: `<int32>[windows, seq_length]`, −1 outside the context and in padding.
      token_end_chars: `<int32>[windows, seq_length]`, exclusive, likewise.
      token_is_max_context: `<bool>[windows, seq_length]`.
      config: see `DecodingConfig`.

    Returns:
      The candidates of each window.
    """
    n_best = config.n_best_size
    may_end = (token_start_chars >= 0) & (token_end_chars > token_start_chars)
    may_start = may_end & token_is_max_context
    masked_starts = tf.where(may_start, start_logits, _NEVER)
    masked_ends = tf.where(may_end, end_logits, _NEVER)

    starts, start_scores = _top(masked_starts, n_best)  # [windows, n_best]
    ends, end_scores = _top(masked_ends, n_best)
    length = ends[:, None, :] - starts[:, :, None] + 1  # [windows, start, end]
    fits = (length >= 1) & (length <= config.max_answer_length)
    scores = tf.where(fits, start_scores[:, :, None] + end_scores[:, None, :], _NEVER)

    fallback_ends, fallback_scores = _best_end_of_each(starts, masked_ends, config.max_answer_length)
    all_ends = tf.concat([tf.broadcast_to(ends[:, None, :], tf.shape(length)), fallback_ends[:, :, None]], axis=2)
    all_scores = tf.concat([scores, (start_scores + fallback_scores)[:, :, None]], axis=2)
    is_fallback = tf.concat([tf.zeros_like(fits), tf.ones_like(starts[:, :, None], tf.bool)], axis=2)
    all_starts = tf.broadcast_to(starts[:, :, None], tf.shape(all_ends))

    num_spans = n_best * (n_best + 1)
    all_starts, all_ends, all_scores, is_fallback = (
        tf.reshape(value, [-1, num_spans]) for value in (all_starts, all_ends, all_scores, is_fallback)
    )
    last = tf.shape(start_logits)[1] - 1  # slots without a span may point beyond the window
    return Spans(
        tf.gather(token_start_chars, tf.minimum(all_starts, last), batch_dims=1),
        tf.gather(token_end_chars, tf.minimum(all_ends, last), batch_dims=1),
        all_scores,
        is_fallback,
        start_logits[:, 0] + end_logits[:, 0],
    )


def _top(masked_logits: tf.Tensor, n_best: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Positions and logits of each row's best, `[windows, n_best]`, in text order; ties go to the earlier position."""
    padded = tf.pad(masked_logits, [[0, 0], [0, n_best]], constant_values=_NEVER)  # top_k needs at least k columns
    positions = tf.sort(tf.math.top_k(padded, n_best).indices, axis=1)
    return positions, tf.gather(padded, positions, batch_dims=1)


def _best_end_of_each(starts: tf.Tensor, masked_ends: tf.Tensor, max_length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The best end within `max_length` word pieces of each start: positions and logits, `[windows, n_best]`."""
    n_best = starts.shape[1]
    padded = tf.pad(masked_ends, [[0, 0], [0, n_best + max_length]], constant_values=_NEVER)
    reach = starts[:, :, None] + tf.range(max_length)  # [windows, n_best, max_length]
    logits = tf.gather(padded, reach, batch_dims=1)
    return starts + tf.argmax(logits, axis=2, output_type=tf.int32), tf.reduce_max(logits, axis=2)


class _Best(NamedTuple):
    """The best spans of each question: text, start_chars, end_chars, scores, each `[batch, slots]`.

    A slot without a span holds "", 0, 0 and −inf.
    """

    text: tf.Tensor
    start_chars: tf.Tensor
    end_chars: tf.Tensor
    scores: tf.Tensor


def best_answers(
    spans: Spans, windows_per_question: tf.Tensor, context: tf.Tensor, config: DecodingConfig
) -> dict[str, tf.Tensor]:
    """Answers each question from the candidates of its windows.

    Args:
      spans: the spans of all windows, question after question.
      windows_per_question: `<int64>[batch]`, at least 1 each.
      context: `<string>[batch]`, valid UTF-8.
      config: see `DecodingConfig`.

    Returns:
      `answer` `<string>[batch]`, `answer_start` and `answer_end` `<int32>[batch]`, `score` `<float32>[batch]`, and
      `nbest_answer`, `nbest_start`, `nbest_score`, each `[batch, slots]`, where `slots` is `n_best_size`, plus one for
      SQuAD 2.0. For SQuAD 2.0 there is also `null_odds` `<float32>[batch]`, the null score minus the best span's score
      (minus 0 if there is no span): "" is the answer if it exceeds the threshold, and a client may apply its own.
    """
    best = _distinct_best(_sorted_by_question(spans, windows_per_question), context, config.n_best_size)
    found = best.scores[:, 0] > _NEVER  # [batch]
    is_null = ~found
    listed, null_odds = best, {}
    if config.version_2_with_negative:
        null_scores = tf.RaggedTensor.from_row_lengths(spans.null_scores, windows_per_question)
        null_score = tf.reduce_min(null_scores, axis=1)  # [batch]
        odds = null_score - best.scores[:, 0]  # +inf where there is no span
        is_null |= odds > tf.constant(config.null_score_diff_threshold, tf.float32)
        listed = _insert_null(best, null_score)
        null_odds = {"null_odds": null_score - tf.where(found, best.scores[:, 0], 0.0)}
    probabilities = _softmax(listed.scores)
    is_wanted = (listed.text == "") == is_null[:, None]
    # Slots without a span hold "" too. argmax takes the first "", which in SQuAD 2.0 lists is the null answer, because
    # it always comes before those slots.
    chosen = tf.argmax(is_wanted, axis=1, output_type=tf.int32)

    def choose(values: tf.Tensor) -> tf.Tensor:
        return tf.gather(values, chosen, batch_dims=1)

    return {
        "answer": choose(listed.text),
        "answer_start": choose(listed.start_chars),
        "answer_end": choose(listed.end_chars),
        "score": choose(probabilities),
        "nbest_answer": listed.text,
        "nbest_start": listed.start_chars,
        "nbest_score": probabilities,
        **null_odds,
    }


def _sorted_by_question(spans: Spans, windows_per_question: tf.Tensor) -> _Best:
    """All spans of each question, best first, without their texts."""

    def by_question(values: tf.Tensor, default: float) -> tf.Tensor:
        ragged = tf.RaggedTensor.from_row_lengths(values, windows_per_question)
        dense = ragged.to_tensor(default, shape=[None, None, values.shape[1]])  # [batch, windows, num_spans]
        return tf.reshape(dense, [tf.shape(dense)[0], tf.shape(dense)[1] * values.shape[1]])

    is_fallback = tf.cast(by_question(tf.cast(spans.is_fallback, tf.int32), 0), tf.bool)
    scores = by_question(spans.scores, _NEVER)
    regular = tf.where(is_fallback, _NEVER, scores)
    has_regular = tf.reduce_any(regular > _NEVER, axis=1, keepdims=True)
    scores = tf.where(has_regular, regular, scores)
    # top_k puts the earlier of equal scores first, which here is the order of window, start, end.
    scores, order = tf.math.top_k(scores, tf.shape(scores)[1])
    is_span = scores > _NEVER
    start_chars = tf.gather(by_question(spans.start_chars, 0), order, batch_dims=1)
    end_chars = tf.gather(by_question(spans.end_chars, 0), order, batch_dims=1)
    return _Best(
        tf.fill(tf.shape(scores), ""),
        tf.where(is_span, start_chars, 0),
        tf.where(is_span, end_chars, 0),
        scores,
    )


def _distinct_best(ordered: _Best, context: tf.Tensor, n_best: int) -> _Best:
    """The first `n_best` spans of each question whose texts differ.

    Texts are cut out in rounds until every question has enough, because a long text has tens of thousands of spans.
    """
    chars = tf.strings.unicode_decode(context, "UTF-8")
    step = 4 * n_best
    batch = tf.shape(ordered.scores)[0]

    def needs_more(offset: tf.Tensor, kept: _Best) -> tf.Tensor:
        has_next = tf.reduce_any(ordered.scores[:, offset : offset + 1] > _NEVER, axis=1)  # False beyond the last
        return tf.reduce_any(has_next & (kept.scores[:, -1] == _NEVER))

    def take_more(offset: tf.Tensor, kept: _Best) -> tuple[tf.Tensor, _Best]:
        start_chars, end_chars, scores = (value[:, offset : offset + step] for value in ordered[1:])
        text = _cut(chars, start_chars, end_chars)
        more = _Best(text, start_chars, end_chars, scores)
        joined = _Best(*(tf.concat(pair, axis=1) for pair in zip(kept, more, strict=True)))
        return offset + step, _first_of_each_text(joined, n_best)

    nothing = _Best(
        tf.fill([batch, n_best], ""),
        tf.zeros([batch, n_best], tf.int32),
        tf.zeros([batch, n_best], tf.int32),
        tf.fill([batch, n_best], _NEVER),
    )
    # The first round is outside the loop, because it is nearly always the only one.
    _, best = tf.while_loop(needs_more, take_more, take_more(tf.constant(0), nothing))
    return best


def _first_of_each_text(spans: _Best, n_best: int) -> _Best:
    """Drops the slots without a span and those whose text occurs earlier in the row; keeps `n_best` slots."""
    shape = tf.shape(spans.text)
    # Texts are replaced by numbers first, because comparing all pairs of numbers is much faster.
    text_ids = tf.reshape(tf.unique(tf.reshape(spans.text, [-1])).idx, shape)
    same = text_ids[:, :, None] == text_ids[:, None, :]
    earlier = tf.linalg.band_part(tf.ones([shape[1], shape[1]], tf.int32), -1, 0) - tf.eye(shape[1], dtype=tf.int32)
    is_new = ~tf.reduce_any(same & tf.cast(earlier, tf.bool), axis=2) & (spans.scores > _NEVER)
    # Moves the kept spans to the front without changing their order; the rest become slots without a span.
    kept, order = tf.math.top_k(tf.cast(is_new, tf.int32), n_best)
    text, start_chars, end_chars, scores = (tf.gather(value, order, batch_dims=1) for value in spans)
    is_kept = kept == 1
    return _Best(
        tf.where(is_kept, text, ""),
        tf.where(is_kept, start_chars, 0),
        tf.where(is_kept, end_chars, 0),
        tf.where(is_kept, scores, _NEVER),
    )


def _cut(chars: tf.RaggedTensor, start_chars: tf.Tensor, end_chars: tf.Tensor) -> tf.Tensor:
    """Cuts out the texts of spans.

    Args:
      chars: `<int32>[batch, (num_chars)]`, the code points of each context.
      start_chars: `<int32>[batch, slots]`.
      end_chars: `<int32>[batch, slots]`, exclusive.

    Returns:
      `<string>[batch, slots]`.
    """
    row_starts = tf.cast(chars.row_starts(), tf.int32)[:, None]
    starts = tf.reshape(start_chars + row_starts, [-1])
    limits = tf.reshape(end_chars + row_starts, [-1])
    code_points = tf.gather(chars.flat_values, tf.ragged.range(starts, limits))
    return tf.reshape(tf.strings.unicode_encode(code_points, "UTF-8"), tf.shape(start_chars))


def _insert_null(best: _Best, null_score: tf.Tensor) -> _Best:
    """Inserts "" with its score among the spans, after a span of the same score."""
    batch = tf.shape(null_score)[0]
    zeros = tf.zeros([batch, 1], tf.int32)
    null = _Best(tf.fill([batch, 1], ""), zeros, zeros, null_score[:, None])
    joined = _Best(*(tf.concat(pair, axis=1) for pair in zip(best, null, strict=True)))
    scores, order = tf.math.top_k(joined.scores, joined.scores.shape[1])
    return _Best(*(tf.gather(value, order, batch_dims=1) for value in joined[:3]), scores)


def _softmax(scores: tf.Tensor) -> tf.Tensor:
    """Softmax over each row's spans; 0 in slots without a span, also if a row has none at all."""
    highest = tf.reduce_max(scores, axis=1, keepdims=True)
    exponentials = tf.exp(scores - tf.where(highest > _NEVER, highest, 0.0))
    return tf.math.divide_no_nan(exponentials, tf.reduce_sum(exponentials, axis=1, keepdims=True))
