from __future__ import annotations

import json
import string

import pytest

from bert_qa_tf.encoders.sources import casing
from bert_qa_tf.errors import InputError

LOWER = ["[CLS]", "[unused1]", *string.ascii_lowercase, "##é", "ℝ"]
CASED = [*LOWER, "Paris"]
CHINESE = ["[CLS]", "北", "京"]


@pytest.mark.parametrize(
    ("name", "vocab", "expected"),
    [
        ("uncased_L-2_H-128_A-2", CHINESE, True),
        ("multi_cased_L-12_H-768_A-12", CHINESE, False),
        ("bert-base-uncased", LOWER, True),
        ("BERT-Cased", CASED, False),
        ("bert", LOWER, True),
        ("bert", CASED, False),
        ("showcased", LOWER, True),
    ],
)
def test_clues_that_agree_settle_it(tmp_path, name, vocab, expected):
    (tmp_path / name).mkdir()

    assert casing.find_casing(f"{tmp_path / name}/", vocab) is expected


@pytest.mark.parametrize(
    ("name", "vocab", "message"),
    [
        ("chinese", CHINESE, "is its text lower-cased? nothing in the folder says so; say which with --do_lower_case"),
        ("uncased", CASED, "its name is 'uncased', but its vocabulary has 'Paris'; say which with --do_lower_case"),
        ("cased", LOWER, "its name is 'cased', but its vocabulary has a to z and no capital letter; say which"),
    ],
)
def test_without_clues_or_with_contradictory_ones_the_user_is_asked(tmp_path, name, vocab, message):
    folder = str(tmp_path / name)

    with pytest.raises(InputError) as error:
        casing.find_casing(folder, vocab)
    assert message in str(error.value)

    assert casing.find_casing(folder, vocab, asked=True) is True
    assert casing.find_casing(folder, vocab, asked=False) is False


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tokenizer_config.json", {"do_lower_case": False, "strip_accents": None}),
        ("bert_config.json", {"do_lower_case": False}),
        ("tokenizer.json", {"normalizer": {"type": "BertNormalizer", "lowercase": False, "strip_accents": False}}),
    ],
)
def test_a_statement_is_worth_more_than_clues_and_may_not_be_contradicted(tmp_path, name, values):
    folder = tmp_path / "uncased"
    folder.mkdir()
    (folder / name).write_text(json.dumps(values))

    assert casing.find_casing(str(folder), LOWER) is False
    with pytest.raises(InputError, match=f"{name} states do_lower_case=False, but --do_lower_case=True"):
        casing.find_casing(str(folder), LOWER, asked=True)


def test_statements_that_contradict_each_other_are_refused(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    (tmp_path / "tokenizer.json").write_text('{"normalizer": {"lowercase": false}}')

    with pytest.raises(InputError, match=r"tokenizer_config\.json states .*=True, but tokenizer\.json states .*=False"):
        casing.find_casing(str(tmp_path), LOWER)


def test_lower_casing_that_keeps_accents_is_refused(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true, "strip_accents": false}')

    with pytest.raises(InputError, match="strip_accents=False with do_lower_case=True"):
        casing.find_casing(str(tmp_path), LOWER)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("tokenizer.json", {"normalizer": ["lowercase"]}, "`normalizer`: expected an object, got a list of 1"),
        ("tokenizer.json", {"normalizer": {"lowercase": "yes"}}, '`do_lower_case`: expected true or false, got "yes"'),
        ("config.json", {"do_lower_case": []}, "`do_lower_case`: expected true or false, got a list of 0"),
    ],
)
def test_a_statement_of_another_type_is_named(tmp_path, name, values, message):
    (tmp_path / name).write_text(json.dumps(values))

    with pytest.raises(InputError) as error:
        casing.find_casing(str(tmp_path), LOWER)

    assert str(error.value) == f"{tmp_path}/{name}: {message}"
