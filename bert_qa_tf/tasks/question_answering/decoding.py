"""Decodes start and end logits to answers by BERT's n-best rules, in NumPy.

From the windows of a question, their logits and the context, decoding finds the answer, its place, the next best
candidates and, for SQuAD 2.0, the null odds. The exported model applies the same rules in its graph
(`tasks/question_answering/graph_decoding.py`); a test compares the two.

The rules are those of BERT's `run_squad.py`:

1. In each window take the `n_best_size` best starts and the `n_best_size` best ends.
2. A span combines one of these starts with one of these ends that is not before it, and is at most `max_answer_length`
   word pieces long. Both lie in the context, and the window is the one that sees the start with the most context.
3. Spans of all windows are ordered by `start_logit + end_logit`. Of spans with the same text only the best is kept. The
   `n_best_size` best remain, and a softmax over their scores turns these into probabilities.
4. SQuAD 2.0: the null score is the lowest `start_logit[0] + end_logit[0]` of the windows. The answer is "" when it
   exceeds the best span's score by more than `null_score_diff_threshold`. "" is listed among the spans (after one of
   the same score) and takes part in the softmax.

Differences from `run_squad.py`, with reasons:

* Positions that can never be an answer ([CLS], the question, starts that another window sees with more context) are
  masked before the best are taken, not after. Otherwise the best positions of a model that favours [CLS] or the
  question could all be discarded, and a question could end with no span at all.
* If still no pair is valid (every good end is before every good start), each of the best starts is paired with its best
  end. So a context with a token always gives a real span, where `run_squad.py` invents the text "empty".
* "" does not push a span off the list, so a 2.0 list has up to `n_best_size + 1` entries.
* The text is cut from the context by offsets. `run_squad.py` joins word pieces and searches for them, which can fail.
* Equal scores are ordered by window, then start, then end. `run_squad.py` leaves this to the order of insertion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.config import DecodingConfig
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, RawResult, SquadExample

# How many ids an error message shows.
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One entry of an n-best list.

    Attributes:
      text: the text, cut from the context; "" for no answer.
      start_char: where it starts, in Unicode code points into the context.
      end_char: where it ends, exclusive.
      start_logit: the first word piece's start logit; None if the source does not return it (an exported model).
      end_logit: the last word piece's end logit; None likewise.
      probability: softmax over the list's scores.
    """

    text: str
    start_char: int
    end_char: int
    start_logit: float | None
    end_logit: float | None
    probability: float

    def to_dict(self) -> dict[str, str | int | float | None]:
        """The entry in the form of `nbest_predictions.json`."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class DecodedAnswer:
    """The answer to one question.

    Attributes:
      text: the answer, `context[start_char:end_char]`; "" if there is none.
      start_char: where it starts, in Unicode code points into the context; 0 if there is no answer.
      end_char: where it ends, exclusive; 0 if there is no answer.
      score: the answer's probability, 0 to 1; 0.0 if there is no candidate.
      nbest: the candidates, best first; for SQuAD 2.0 the entry "" is among them.
      null_odds: for SQuAD 2.0, the null score minus the best span's score; else None.
      question_tokens_cut: how many word pieces at the end of the question the model did not read, because it is longer
        than `max_query_length`; None if an older export does not say.
    """

    text: str
    start_char: int
    end_char: int
    score: float
    nbest: tuple[Candidate, ...]
    null_odds: float | None = None
    question_tokens_cut: int | None = 0


@dataclasses.dataclass
class Predictions:
    """The answers of a data set, in the form of the files that `evaluate` writes.

    Attributes:
      predictions: `qas_id → text`, as the official script reads it.
      nbest: `qas_id → list of entries`, best first.
      null_odds: `qas_id → null score minus best score`; empty unless SQuAD 2.0.
      answers: `qas_id → DecodedAnswer`, including the offsets.
    """

    predictions: dict[str, str] = dataclasses.field(default_factory=dict)
    nbest: dict[str, list[dict[str, str | int | float | None]]] = dataclasses.field(default_factory=dict)
    null_odds: dict[str, float] = dataclasses.field(default_factory=dict)
    answers: dict[str, DecodedAnswer] = dataclasses.field(default_factory=dict)

    def add(self, qas_id: str, answer: DecodedAnswer) -> None:
        """Adds one answer.

        Raises:
          InputError: the id already has an answer.
        """
        if qas_id in self.answers:
            raise InputError(f"question id {qas_id!r} was answered twice: ids must be unique")
        self.answers[qas_id] = answer
        self.predictions[qas_id] = answer.text
        self.nbest[qas_id] = [entry.to_dict() for entry in answer.nbest]
        if answer.null_odds is not None:
            self.null_odds[qas_id] = answer.null_odds


@dataclasses.dataclass
class _Spans:
    """Candidate spans of one question, one entry per span in each array."""

    window: np.ndarray
    start: np.ndarray
    end: np.ndarray
    start_logit: np.ndarray
    end_logit: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """Returns the scores, `<float32>[num_spans]`, summed in float32 as in the exported model."""
        return self.start_logit + self.end_logit

    @classmethod
    def join(cls, parts: Sequence[_Spans]) -> _Spans:
        """Concatenates the spans of several windows."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def decode(
    features: Sequence[InputFeatures], results: Sequence[RawResult], context: str, config: DecodingConfig
) -> DecodedAnswer:
    """Answers one question.

    Args:
      features: the windows of the question, in any order.
      results: one result per window, in any order.
      context: the text that the windows' offsets refer to.
      config: see `DecodingConfig`.

    Returns:
      The answer; if the context has no token, "" with an empty n-best list (for SQuAD 2.0 the list holds "").

    Raises:
      InputError: there is no window, a window has no result, or a result is not finite or of the wrong length.
    """
    if not features:
        raise InputError("a question without windows cannot be answered")
    windows = sorted(features, key=lambda feature: feature.doc_span_index)
    by_id = {result.unique_id: result for result in results}
    missing = [window for window in windows if window.unique_id not in by_id]
    if missing:
        raise InputError(_missing_results_message(missing))
    ordered = [by_id[window.unique_id] for window in windows]
    for window, result in zip(windows, ordered, strict=True):
        _check_result(window, result)
    best = _best_texts(_find_spans(windows, ordered, config), windows, context, config.n_best_size)
    return _choose(best, ordered, config)


def decode_all(
    examples: Iterable[SquadExample],
    features: Iterable[InputFeatures],
    results: Iterable[RawResult],
    config: DecodingConfig,
) -> Predictions:
    """Answers every question, or raises an error.

    Args:
      examples: the questions.
      features: all their windows, in any order.
      results: one result per window, in any order.
      config: see `DecodingConfig`.

    Returns:
      One answer per example, in the order of the examples.

    Raises:
      InputError: a question has no window, a window has no result, or an id occurs twice; the message names the ids.
    """
    windows_of: dict[str, list[InputFeatures]] = {}
    for feature in features:
        windows_of.setdefault(feature.qas_id, []).append(feature)
    by_id = {result.unique_id: result for result in results}
    unanswered = [window for windows in windows_of.values() for window in windows if window.unique_id not in by_id]
    if unanswered:
        raise InputError(_missing_results_message(unanswered))
    examples = list(examples)
    without_windows = [example.qas_id for example in examples if example.qas_id not in windows_of]
    if without_windows:
        raise InputError(
            f"{len(without_windows)} of {len(examples)} questions have no window: {_some(without_windows)}"
        )
    predictions = Predictions()
    for example in examples:
        windows = windows_of[example.qas_id]
        answer = decode(windows, [by_id[window.unique_id] for window in windows], example.context, config)
        predictions.add(example.qas_id, answer)
    return predictions


def _missing_results_message(windows: Sequence[InputFeatures]) -> str:
    ids = [f"{window.qas_id} (window {window.doc_span_index})" for window in windows]
    return f"{len(ids)} windows have no model result: {_some(ids)}"


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more


def _check_result(window: InputFeatures, result: RawResult) -> None:
    name = f"question {window.qas_id}, window {window.doc_span_index}"
    for which, logits in (("start", result.start_logits), ("end", result.end_logits)):
        if len(logits) != len(window):
            raise InputError(f"{name}: {len(logits)} {which} logits for {len(window)} tokens")
        if not np.isfinite(logits).all():
            raise InputError(f"{name}: the model's {which} logits are not all finite numbers")


def _find_spans(windows: Sequence[InputFeatures], results: Sequence[RawResult], config: DecodingConfig) -> _Spans:
    """Applies rules 1 and 2 to all windows; if they give no span, pairs each good start with its best end."""
    pairs = list(zip(windows, results, strict=True))
    spans = _Spans.join([_spans_of_window(i, window, result, config) for i, (window, result) in enumerate(pairs)])
    if len(spans.window):
        return spans
    return _Spans.join([_fallback_of_window(i, window, result, config) for i, (window, result) in enumerate(pairs)])


def _top(logits: np.ndarray, allowed: np.ndarray, n_best_size: int) -> np.ndarray:
    """The positions of the best allowed logits, in the order of the text; the earlier of equal ones is better."""
    positions = np.flatnonzero(allowed)
    best = np.argsort(-logits[positions], kind="stable")[:n_best_size]
    return np.sort(positions[best])


def _masks(window: InputFeatures) -> tuple[np.ndarray, np.ndarray]:
    """`<bool>[num_tokens]`: where an answer may start, and where it may end."""
    in_context = (window.token_start_chars >= 0) & (window.token_end_chars > window.token_start_chars)
    return in_context & (window.token_is_max_context == 1), in_context


def _spans_of_window(index: int, window: InputFeatures, result: RawResult, config: DecodingConfig) -> _Spans:
    may_start, may_end = _masks(window)
    starts = _top(result.start_logits, may_start, config.n_best_size)
    ends = _top(result.end_logits, may_end, config.n_best_size)
    length = ends[None, :] - starts[:, None] + 1
    row, column = np.nonzero((length >= 1) & (length <= config.max_answer_length))
    return _make_spans(index, starts[row], ends[column], result)


def _fallback_of_window(index: int, window: InputFeatures, result: RawResult, config: DecodingConfig) -> _Spans:
    may_start, may_end = _masks(window)
    starts = _top(result.start_logits, may_start, config.n_best_size)
    end_logits = np.where(may_end, result.end_logits, -np.inf)
    ends = [start + int(np.argmax(end_logits[start : start + config.max_answer_length])) for start in starts]
    return _make_spans(index, starts, np.array(ends, np.int64), result)


def _make_spans(index: int, starts: np.ndarray, ends: np.ndarray, result: RawResult) -> _Spans:
    start_logits = np.asarray(result.start_logits, np.float32)
    end_logits = np.asarray(result.end_logits, np.float32)
    return _Spans(np.full(len(starts), index), starts, ends, start_logits[starts], end_logits[ends])


def _best_texts(
    spans: _Spans, windows: Sequence[InputFeatures], context: str, n_best_size: int
) -> list[tuple[str, int, int, np.float32, np.float32]]:
    """Applies rule 3: (text, start_char, end_char, start_logit, end_logit) of the best spans, each text once."""
    order = np.lexsort((spans.end, spans.start, spans.window, -spans.score))
    best: dict[str, tuple[str, int, int, np.float32, np.float32]] = {}
    for i in order:
        window = windows[spans.window[i]]
        start_char = int(window.token_start_chars[spans.start[i]])
        end_char = int(window.token_end_chars[spans.end[i]])
        text = context[start_char:end_char]
        if text not in best:
            best[text] = (text, start_char, end_char, spans.start_logit[i], spans.end_logit[i])
            if len(best) == n_best_size:
                break
    return list(best.values())


def _choose(
    best: Sequence[tuple[str, int, int, np.float32, np.float32]], results: Sequence[RawResult], config: DecodingConfig
) -> DecodedAnswer:
    """Applies rules 3 (probabilities) and 4 (the null answer)."""
    entries = list(best)
    null_odds = None
    is_null = not best
    if config.version_2_with_negative:
        null = min(((result.start_logits[0], result.end_logits[0]) for result in results), key=_sum)
        # If there is no span, run_squad.py compares with a score of 0, and "" is the answer whatever the threshold.
        null_odds = float(_sum(null) - (_sum(best[0][3:]) if best else np.float32(0)))
        is_null = is_null or null_odds > np.float32(config.null_score_diff_threshold)
        entries.append(("", 0, 0, *null))
        entries.sort(key=lambda entry: -_sum(entry[3:]))  # stable: "" stays behind a span of the same score
    scores = np.array([_sum(entry[3:]) for entry in entries], np.float64)
    nbest = tuple(
        Candidate(*entry[:3], *map(float, entry[3:]), float(probability))
        for entry, probability in zip(entries, _softmax(scores), strict=True)
    )
    wanted = [entry for entry in nbest if (entry.text == "") == is_null]
    if not wanted:
        return DecodedAnswer("", 0, 0, 0.0, nbest, null_odds)
    answer = wanted[0]
    return DecodedAnswer(answer.text, answer.start_char, answer.end_char, answer.probability, nbest, null_odds)


def _sum(logits: Sequence[np.float32]) -> np.float32:
    # In float32, as everywhere: a sum in float64 could order two spans that are equal in the exported model.
    return np.float32(logits[0]) + np.float32(logits[1])


def _softmax(scores: np.ndarray) -> np.ndarray:
    if not len(scores):
        return scores
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()
