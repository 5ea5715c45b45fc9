import numpy as np
import pytest

from bert_qa_tf.asr_simulation.error_features import ERROR_FEATURES, log_odds
from bert_qa_tf.asr_simulation.error_fitting import Utterance, fit_errors
from tests.asr_simulation.tiny_recognizer import weights

NUM_FEATURES = len(ERROR_FEATURES) - 4
MADE_WITH = weights(bias=-1.0, after_error=1.0, surprisal_after_error=-0.4, surprisal=0.6, log_phones=-0.5, T=0.3)


def utterances(spread: float, count: int = 500, unknown: float = 0.0) -> list[Utterance]:
    """Words with random features, misheard as `MADE_WITH` has it."""
    random = np.random.default_rng(0)
    made = []
    for _ in range(count):
        features = random.standard_normal((20, NUM_FEATURES))
        is_unknown = random.random(20) < unknown
        odds = np.stack(log_odds(features, MADE_WITH)) + spread * random.standard_normal()
        misheard: list[bool] = []
        for index in range(20):
            after_error = bool(misheard) and misheard[-1]
            chance = 1.0 / (1.0 + np.exp(-odds[int(after_error), index]))
            misheard.append(bool(is_unknown[index] or random.random() < chance))
        made.append(Utterance(features, np.array(misheard), is_unknown))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.8])
def test_a_fit_finds_weights_and_spread(spread):
    fitted, found = fit_errors(utterances(spread))
    assert fitted == pytest.approx(MADE_WITH, abs=0.2)
    assert found == pytest.approx(spread, abs=0.2)


def test_unknown_words_teach_nothing_but_that_they_were_misheard():
    fitted, _ = fit_errors(utterances(0.0, unknown=0.3))
    assert fitted == pytest.approx(MADE_WITH, abs=0.2)


def test_utterances_without_an_error_have_finite_weights():
    calm = [utterance._replace(misheard=np.zeros(20, bool)) for utterance in utterances(0.0, count=30)]
    fitted, spread = fit_errors(calm)
    assert np.isfinite(fitted).all()
    assert fitted[0] < -3.0
    assert np.isfinite(spread)
