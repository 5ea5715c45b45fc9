import collections

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.single_text import tokenizing
from bert_qa_tf.tasks.single_text.tokenizing import encode_examples, encode_texts, unique_id
from bert_qa_tf.text.tokenized_text import TokenizedText


class _WordTokenizer:
    """Each word is a piece; ids count up from 20."""

    cls_id, sep_id = 1, 2

    def __init__(self):
        self.calls = []

    def tokenize_texts(self, texts):
        self.calls.append(list(texts))
        sizes = [len(text.split()) for text in texts]
        return [TokenizedText(np.arange(20, 20 + size, dtype=np.int32), None, None) for size in sizes]


def _examples(*texts):
    return [ClassificationExample(f"a.tsv:{line}", text, "pos") for line, text in enumerate(texts, start=2)]


def test_a_text_lies_between_cls_and_sep():
    [ids] = encode_texts(["a b c"], _WordTokenizer(), 16)
    assert ids.dtype == np.int32
    assert ids.tolist() == [1, 20, 21, 22, 2]


def test_long_texts_are_cut_and_counted():
    counts = collections.Counter()
    encoded = encode_texts(["a b c d", "a b c", "a", ""], _WordTokenizer(), 5, counts)
    assert [ids.tolist() for ids in encoded] == [[1, 20, 21, 22, 2], [1, 20, 21, 22, 2], [1, 20, 2], [1, 2]]
    assert counts == {"texts_cut": 1, "texts_without_tokens": 1}


def test_a_length_without_room_is_refused():
    with pytest.raises(InputError, match="max_seq_length=2 leaves no room for text beside 2 special tokens"):
        encode_texts(["a"], _WordTokenizer(), 2)


def test_each_example_comes_with_its_ids():
    [one, two] = _examples("a b", "c")
    pairs = list(encode_examples(iter([one, two]), _WordTokenizer(), 8))
    assert [(example, ids.tolist()) for example, ids in pairs] == [(one, [1, 20, 21, 2]), (two, [1, 20, 2])]


def test_texts_are_tokenized_some_at_a_time(monkeypatch):
    monkeypatch.setattr(tokenizing, "_CHARS_PER_CHUNK", 6)
    tokenizer = _WordTokenizer()
    pairs = list(encode_examples(_examples("a b", "c d", "e", "f g h i"), tokenizer, 8))
    assert tokenizer.calls == [["a b", "c d"], ["e"], ["f g h i"]]
    assert [len(ids) for _, ids in pairs] == [4, 4, 3, 6]


def test_unique_ids_are_the_same_on_every_machine():
    assert unique_id("train.tsv:2") == 5846409576963992706
    assert unique_id("train.tsv:3") != unique_id("train.tsv:2")
