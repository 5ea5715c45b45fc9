import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation import bootstrap
from bert_qa_tf.tasks.question_answering.metrics import METRICS, QuestionScores


def _questions(f1, exact_match=None):
    f1 = np.asarray(f1, float)
    ids = tuple(f"q{i}" for i in range(len(f1)))
    return QuestionScores(ids, f1 if exact_match is None else np.asarray(exact_match, float), f1, f1, f1)


def test_the_interval_is_that_of_the_normal_approximation():
    # 3,000 right of 10,000: 30 % ± 1.96 · sqrt(0.3 · 0.7 / 10,000) = 29.10 … 30.90
    low, high = bootstrap.bootstrap_intervals(_questions([1.0] * 3000 + [0.0] * 7000))["f1"]
    assert (low, high) == (pytest.approx(29.10, abs=0.1), pytest.approx(30.90, abs=0.1))


def test_every_metric_has_an_interval_of_its_own():
    intervals = bootstrap.bootstrap_intervals(_questions([1.0, 1.0, 1.0], exact_match=[0.0, 0.0, 0.0]))
    assert tuple(intervals) == METRICS
    assert intervals["f1"] == (100.0, 100.0)
    assert intervals["exact_match"] == (0.0, 0.0)


def test_the_seed_decides_the_interval():
    questions = _questions(np.random.default_rng(0).random(500))
    first = bootstrap.bootstrap_intervals(questions, seed=1)
    assert first == bootstrap.bootstrap_intervals(questions, seed=1)
    assert first != bootstrap.bootstrap_intervals(questions, seed=2)


def test_memory_blocks_do_not_change_the_result(monkeypatch):
    questions = _questions(np.random.default_rng(0).random(100))
    whole = bootstrap.bootstrap_intervals(questions, num_resamples=50)
    monkeypatch.setattr(bootstrap, "_DRAWS_PER_BLOCK", 700)
    parts = bootstrap.bootstrap_intervals(questions, num_resamples=50)
    assert np.allclose(list(whole.values()), list(parts.values()))


def test_more_confidence_gives_a_wider_interval():
    questions = _questions(np.random.default_rng(0).random(500))
    narrow = bootstrap.bootstrap_intervals(questions, confidence=0.8)["f1"]
    wide = bootstrap.bootstrap_intervals(questions, confidence=0.99)["f1"]
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_small_but_steady_difference_shows_in_pairs():
    first = np.random.default_rng(0).random(400)
    alone = bootstrap.bootstrap_intervals(_questions(first))["f1"]
    paired = bootstrap.paired_bootstrap(_questions(first), _questions(first + 0.01))["f1"]
    assert alone.high - alone.low > 4
    assert paired == (pytest.approx(1.0), pytest.approx(1.0))


def test_a_pair_needs_the_same_questions():
    with pytest.raises(InputError, match="same items in the same order"):
        bootstrap.paired_bootstrap(_questions([1.0]), _questions([1.0, 0.0]))
