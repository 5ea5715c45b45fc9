import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.tasks.question_answering.config import DecodingConfig, WindowingConfig
from bert_qa_tf.tasks.question_answering.decoding import decode
from bert_qa_tf.tasks.question_answering.examples import RawResult, SquadExample
from bert_qa_tf.tasks.question_answering.graph_decoding import best_answers, find_spans
from bert_qa_tf.tasks.question_answering.windowing import make_windows
from bert_qa_tf.text.tokenized_text import TokenizedText

WINDOWING = WindowingConfig(max_seq_length=24, doc_stride=5, max_query_length=4)


def _question(rng, number, num_words):
    """A random question: its context, windows and logits. Few words and few logits: many equal texts and scores."""
    words = rng.choice(["a", "b", "né", "日本", "😀"], num_words).tolist()
    context = " ".join(words)
    ends = np.cumsum([len(word) + 1 for word in words], dtype=np.int32) - 1 if words else np.zeros(0, np.int32)
    starts = ends - np.array([len(word) for word in words], np.int32)
    text = TokenizedText(np.arange(num_words, dtype=np.int32), starts, ends)
    ids = np.arange(int(rng.integers(0, 4)), dtype=np.int32)
    windows = make_windows(SquadExample(str(number), "", context), ids, text, 1, 2, WINDOWING, None)
    results = []
    for window in windows:
        logits = rng.integers(-3, 4, (2, len(window))).astype(np.float32)
        logits[:, :1] += rng.integers(0, 6)
        results.append(RawResult(window.unique_id, *logits))
    return context, windows, results


def _pad(rows, value, length):
    return np.stack([np.pad(row, (0, length - len(row)), constant_values=value) for row in rows])


def _decode_in_graph(questions, config):
    windows = [window for _, some, _ in questions for window in some]
    results = [result for _, _, some in questions for result in some]
    length = max(len(window) for window in windows)
    spans = find_spans(
        _pad([result.start_logits for result in results], -1e9, length),
        _pad([result.end_logits for result in results], -1e9, length),
        _pad([window.token_start_chars for window in windows], -1, length),
        _pad([window.token_end_chars for window in windows], -1, length),
        tf.cast(_pad([window.token_is_max_context for window in windows], 0, length), tf.bool),
        config,
    )
    counts = tf.constant([len(some) for _, some, _ in questions], tf.int64)
    contexts = tf.constant([context for context, _, _ in questions])
    return {name: value.numpy() for name, value in best_answers(spans, counts, contexts, config).items()}


@pytest.mark.parametrize("threshold", [None, 0.0, -2.0, 3.0])
@pytest.mark.parametrize(("n_best", "max_length"), [(20, 30), (3, 4), (1, 2), (5, 1)])
def test_answers_in_graph_equal_those_of_numpy_ties_included(n_best, max_length, threshold):
    config = DecodingConfig(n_best, max_length, threshold is not None, threshold or 0.0)
    rng = np.random.default_rng(n_best)
    questions = [_question(rng, i, num_words) for i, num_words in enumerate([0, 1, 2, 5, 9, 14, 18, 30, 41, 60] * 3)]
    found = _decode_in_graph(questions, config)
    places = n_best + (threshold is not None)
    for i, (context, windows, results) in enumerate(questions):
        expected = decode(windows, results, context, config)
        fill = places - len(expected.nbest)
        texts = [text.decode() for text in found["nbest_answer"][i]]
        assert texts == [entry.text for entry in expected.nbest] + [""] * fill
        assert found["nbest_start"][i].tolist() == [entry.start_char for entry in expected.nbest] + [0] * fill
        probabilities = [entry.probability for entry in expected.nbest] + [0.0] * fill
        np.testing.assert_allclose(found["nbest_score"][i], probabilities, atol=1e-6)
        assert found["answer"][i].decode() == expected.text
        assert (found["answer_start"][i], found["answer_end"][i]) == (expected.start_char, expected.end_char)
        np.testing.assert_allclose(found["score"][i], expected.score, atol=1e-6)
        if threshold is None:
            assert "null_odds" not in found
        else:
            np.testing.assert_allclose(found["null_odds"][i], expected.null_odds, rtol=1e-6)


def test_a_text_of_one_repeated_word_lists_each_text_once():
    # Far more spans than texts: they are cut out some at a time until no more can be found.
    context = " ".join(["a"] * 200)
    starts = np.arange(0, 400, 2, dtype=np.int32)
    text = TokenizedText(np.zeros(200, np.int32), starts, starts + 1)
    windows = make_windows(SquadExample("q", "", context), np.zeros(1, np.int32), text, 1, 2, WINDOWING, None)
    results = [RawResult(window.unique_id, *np.zeros((2, len(window)), np.float32)) for window in windows]
    config = DecodingConfig(n_best_size=20, max_answer_length=6)
    found = _decode_in_graph([(context, windows, results)], config)
    expected = [entry.text for entry in decode(windows, results, context, config).nbest]
    assert len(expected) == 6
    assert [text.decode() for text in found["nbest_answer"][0]] == expected + [""] * 14
