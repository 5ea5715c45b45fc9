import collections

import numpy as np
import pytest
from bert_qa_tf.tasks.classification.tokenizing import encode_texts, featurize_examples, unique_id

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import batches
from bert_qa_tf.records.reader import RecordReader
from bert_qa_tf.records.writer import ShardWriter, serialize
from bert_qa_tf.tasks.classification import tokenizing
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.features import CLASSIFICATION_FEATURES
from bert_qa_tf.tasks.classification.labels import LabelSet
from bert_qa_tf.text.tokenization import BertTokenizer
from bert_qa_tf.text.tokenized_text import TokenizedText

LABELS = LabelSet(("neg", "pos"))


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


def test_an_example_becomes_a_row():
    [row] = featurize_examples(_examples("a b"), _WordTokenizer(), 8, LABELS)
    assert row.input_word_ids.tolist() == [1, 20, 21, 2]
    assert row.input_type_ids.tolist() == [0, 0, 0, 0]
    assert (row.label, row.example_id, row.unique_id, len(row)) == (1, "a.tsv:2", unique_id("a.tsv:2"), 4)


def test_labels_must_be_known():
    for label, message in ((None, "a.tsv:2: the label is missing"), ("other", "a.tsv:2: unknown label 'other'")):
        with pytest.raises(InputError, match=message):
            list(featurize_examples([ClassificationExample("a.tsv:2", "t", label)], _WordTokenizer(), 8, LABELS))


def test_texts_are_tokenized_some_at_a_time(monkeypatch):
    monkeypatch.setattr(tokenizing, "_CHARS_PER_CHUNK", 6)
    tokenizer = _WordTokenizer()
    rows = list(featurize_examples(_examples("a b", "c d", "e", "f g h i"), tokenizer, 8, LABELS))
    assert tokenizer.calls == [["a b", "c d"], ["e"], ["f g h i"]]
    assert [len(row) for row in rows] == [4, 4, 3, 6]


def test_unique_ids_are_the_same_on_every_machine():
    assert unique_id("train.tsv:2") == 5846409576963992706
    assert unique_id("train.tsv:3") != unique_id("train.tsv:2")


def test_rows_go_through_records_to_a_batch(tmp_path):
    tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film"], do_lower_case=True)
    examples = [ClassificationExample("a.tsv:2", "Good film", "pos"), ClassificationExample("a.tsv:3", "bad", "neg")]
    rows = {row.example_id: row for row in featurize_examples(examples, tokenizer, 8, LABELS)}
    with ShardWriter(str(tmp_path), "dev", 1, seed=0) as writer:
        for row in rows.values():
            writer.add(row.unique_id, len(row), serialize(vars(row), CLASSIFICATION_FEATURES, True))
        shards, index = writer.finish()

    reader = RecordReader(str(tmp_path), shards, index, CLASSIFICATION_FEATURES, with_decoding=True)
    columns = reader.read(np.arange(2))
    order = columns.scalars["example_id"]
    assert sorted(order) == ["a.tsv:2", "a.tsv:3"]
    assert columns.scalars["label"].tolist() == [rows[example_id].label for example_id in order]
    batch = batches.pad_batch(columns, 5, 2, CLASSIFICATION_FEATURES)
    good = order.index("a.tsv:2")
    assert batch["input_word_ids"][good].tolist() == [2, 4, 6, 3, 0]
    assert batch["input_mask"][good].tolist() == [1, 1, 1, 1, 0]
    assert batch["input_type_ids"].tolist() == [[0] * 5] * 2
    assert batch["label"][good] == 1
