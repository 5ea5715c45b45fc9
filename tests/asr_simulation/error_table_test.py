import dataclasses
import hashlib
import itertools

import pytest

from bert_qa_tf.asr_simulation.error_table import TABLE_FILE, ErrorTable, load_table, table_from_json
from bert_qa_tf.errors import InputError
from tests.asr_simulation.tiny_recognizer import level, weights
from tests.testing import REPOSITORY

LOW = level(wer=0.2, error_weights=weights(bias=-2.0, after_error=1.0), sound=0.4)
HIGH = level(wer=0.4, error_weights=weights(bias=-1.0, after_error=2.0), sound=0.2)
TABLE = ErrorTable((LOW, HIGH), ((0.1, -3.0), (0.2, 0.0), (0.4, 0.0), (0.6, 2.0)), {"paragraphs": 2})


def test_between_two_levels_everything_is_interpolated():
    between = TABLE.at(0.3)
    assert between.wer == 0.3
    assert between.error_weights == pytest.approx(weights(bias=-1.5, after_error=1.5))
    assert between.sound == pytest.approx(0.3)
    assert TABLE.at(0.2) == LOW


def test_beyond_the_levels_only_the_bias_goes_on():
    above = TABLE.at(0.5)
    assert above.error_weights == pytest.approx(weights(after_error=2.0))
    assert dataclasses.replace(above, wer=0.4, error_weights=HIGH.error_weights) == HIGH
    assert TABLE.at(0.1).error_weights[0] == pytest.approx(-5.0)


def test_a_table_comes_back_from_its_file():
    again = table_from_json(TABLE.to_json(), "table")
    assert again == TABLE
    assert again.sha256 == TABLE.sha256


def test_the_checksum_of_the_package_s_table_is_that_of_its_file():
    text = (REPOSITORY / "bert_qa_tf" / "asr_simulation" / TABLE_FILE).read_bytes()
    assert load_table().sha256 == hashlib.sha256(text).hexdigest() != TABLE.sha256


@pytest.mark.parametrize("text", ["{", "{}", '{"levels": [], "shifts": [], "fitted_on": {}}', "[]"])
def test_another_file_is_refused_by_name(text):
    with pytest.raises(InputError, match=r"^mine\.json: "):
        table_from_json(text, "mine.json")


def test_the_table_of_the_package_rises():
    table = load_table()
    rates = [level.wer for level in table.levels]
    assert rates == sorted(rates)
    assert len(rates) >= 2
    shifted = [table.at(wer / 100).error_weights[0] for wer in range(10, 70)]
    assert all(one < other for one, other in itertools.pairwise(shifted))
