import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_qa_tf.text.normalization import normalize_answer, normalized_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat", "cat"),
        ("  an   apple,\ta\nday! ", "apple day"),
        ("don't", "dont"),
        ("co-op", "coop"),
        ("a.m.", "am"),
        ("A-a", "aa"),
        ("x—the—y", "x— —y"),
        ("theory of an atheist", "theory of atheist"),
        ("“quoted”", "“quoted”"),
        ("½ Straße", "½ straße"),
        ("the", ""),
        ("", ""),
    ],
)
def test_normalizes_as_squad_does(text, expected):
    assert normalize_answer(text) == expected


def test_tokens_are_the_normalized_words():
    assert normalized_tokens("The Cat's  hat -- an old one.") == ["cats", "hat", "old", "one"]


def _stated_step_by_step(text):
    lowered = text.lower()
    unpunctuated = "".join(c for c in lowered if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", unpunctuated).split())


@given(st.text())
def test_equals_the_rules_stated_step_by_step(text):
    assert normalize_answer(text) == _stated_step_by_step(text)


@given(st.lists(st.text(alphabet="aAnthe.-—'ΣσÅ1 ", max_size=6), max_size=6))
def test_tokens_of_a_text_are_those_of_its_words(words):
    text = " ".join(words)
    assert normalized_tokens(text) == [token for word in text.split() for token in normalized_tokens(word)]
