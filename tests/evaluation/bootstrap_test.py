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


# === Counts ===


def _share_of_first(counts):
    return {"share": 100.0 * counts[:, 0] / counts.sum(axis=1)}


def test_counts_give_the_interval_that_their_items_do():
    of_items = bootstrap.bootstrap_intervals(_questions([1.0] * 300 + [0.0] * 700), num_resamples=20_000)["f1"]
    of_counts = bootstrap.bootstrap_counts(np.array([300, 0, 700]), _share_of_first, num_resamples=20_000)["share"]
    assert of_counts == (pytest.approx(of_items.low, abs=0.15), pytest.approx(of_items.high, abs=0.15))


def test_every_draw_has_as_many_items_and_none_of_an_empty_kind():
    seen = []

    def note(counts):
        seen.append(counts)
        return {("kind", 1): counts[:, 1]}

    intervals = bootstrap.bootstrap_counts(np.array([3, 0, 4]), note, num_resamples=50)
    drawn = np.concatenate(seen)
    assert drawn.shape == (50, 3)
    assert (drawn.sum(axis=1) == 7).all()
    assert intervals == {("kind", 1): (0.0, 0.0)}


def test_memory_blocks_do_not_change_the_result_of_counts(monkeypatch):
    counts = np.array([30, 0, 50, 20])
    whole = bootstrap.bootstrap_counts(counts, _share_of_first, num_resamples=500)
    monkeypatch.setattr(bootstrap, "_DRAWS_PER_BLOCK", 100)
    assert bootstrap.bootstrap_counts(counts, _share_of_first, num_resamples=500) == whole
    assert bootstrap.bootstrap_counts(counts, _share_of_first, num_resamples=500, seed=1) != whole
