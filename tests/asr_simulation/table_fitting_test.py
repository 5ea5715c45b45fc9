import numpy as np
import pytest

from bert_qa_tf.asr_simulation.error_features import log_odds, text_features
from bert_qa_tf.asr_simulation.phone_alignment import Chunk
from bert_qa_tf.asr_simulation.simulator import AsrSimulator
from bert_qa_tf.asr_simulation.table_fitting import Pair, fit_level, fit_table, trimmed_chunks, word_error_rate
from bert_qa_tf.text.verbalization import VerbalizedWord, verbalize
from tests.asr_simulation.tiny_recognizer import level, table, tiny_vocabulary, weights

pytest.importorskip("jiwer", reason="pip install -r requirements/speech.txt")

VOCABULARY = tiny_vocabulary()
WORDS = ("cat", "the", "on", "sat", "saturn", "three", "bat", "and", "turn", "for", "skyfall")


def _paragraphs(count: int) -> list[list[VerbalizedWord]]:
    random = np.random.default_rng(0)
    return [verbalize(" ".join(random.choice(WORDS, 60))) for _ in range(count)]


def _pairs(count: int, **changes) -> list[Pair]:
    simulator, random = AsrSimulator(VOCABULARY, table()), np.random.default_rng(1)
    return [Pair(p, [w.text for w in simulator.hear_at(p, level(**changes), random)]) for p in _paragraphs(count)]


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("cat", "cat", [(0, 1, 0, 1)]),
        ("cat the", "cat", [(0, 1, 0, 1), (1, 2, 1, 1)]),
        ("cat", "the cat", [(0, 0, 0, 1), (0, 1, 1, 2)]),
        ("on cat sat", "on bat sat", [(0, 1, 0, 1), (1, 2, 1, 2), (2, 3, 2, 3)]),
        ("saturn", "sat turn", [(0, 1, 0, 2)]),
    ],
)
def test_what_is_the_same_at_the_ends_of_a_chunk_is_no_error(said, heard, expected):
    one, other = said.split(), heard.split()
    assert [tuple(c) for c in trimmed_chunks(one, other, [Chunk(0, len(one), 0, len(other))])] == expected


def test_words_heard_as_they_were_said_fit_a_level_without_errors():
    known = [[word for word in words if word.text != "skyfall"] for words in _paragraphs(5)]
    pairs = [Pair(words, [word.text for word in words]) for words in known]
    fitted = fit_level(VOCABULARY, pairs)
    assert fitted.wer == fitted.dropped == fitted.inserted == 0.0
    simulator = AsrSimulator(VOCABULARY, table(fitted))
    simulated = [Pair(w, [h.text for h in simulator.hear(w, 0.0, np.random.default_rng(0))]) for w in known]
    assert word_error_rate(simulated) < 0.02


def test_a_fit_finds_what_the_errors_were_made_with():
    made_with = weights(bias=-1.5, after_error=1.5, log_phones=-0.5)
    fitted = fit_level(VOCABULARY, _pairs(60, error_weights=made_with, dropped=0.1, splits_unknown=0.2, sound=0.4))
    # So few words have phones that stand for each other in many ways: single weights say nothing, their sums do.
    for word in set(WORDS) - {"skyfall"}:
        features = text_features(VOCABULARY, ["on", word], [VOCABULARY.pronunciations.phones(w) for w in ("on", word)])
        expected = np.stack(log_odds(features, made_with))[:, 1]
        assert np.stack(log_odds(features, fitted.error_weights))[:, 1] == pytest.approx(expected, abs=0.5)
    assert fitted.dropped == pytest.approx(0.1, abs=0.06)
    assert fitted.splits_unknown == pytest.approx(0.2, abs=0.08)
    assert fitted.sound == pytest.approx(0.4, abs=0.2)
    assert fitted.inserted < 0.02


def test_a_simulation_with_a_fitted_table_has_the_rate_that_is_asked_for():
    levels = [_pairs(8, error_weights=weights(bias=bias, after_error=0.5, log_phones=-0.5)) for bias in (-1.5, -0.5)]
    fitted = fit_table(VOCABULARY, levels, {"paragraphs": 8}, asked_rates=(0.3, 0.4))
    assert [level.wer for level in fitted.levels] == sorted(word_error_rate(pairs) for pairs in levels)
    simulator, random = AsrSimulator(VOCABULARY, fitted), np.random.default_rng(5)
    for wer in (0.3, 0.4):
        simulated = [Pair(p, [w.text for w in simulator.hear(p, wer, random)]) for p in _paragraphs(20)]
        assert word_error_rate(simulated) == pytest.approx(wer, rel=0.15)
