"""Files of labelled texts to records: what is set aside, what is counted, what lies beside the shards."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bert_qa_tf.config import ColumnsConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.records import batches, conversion
from bert_qa_tf.records.manifest import read_manifest
from bert_qa_tf.records.reader import open_split
from bert_qa_tf.tasks.classification.config import ClassificationConversionConfig
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.features import CLASSIFICATION_FEATURES
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.single_text.conversion import TextConverter, distinct_names
from bert_qa_tf.tasks.single_text.tokenizing import unique_id
from tests.tiny_model import tiny_tokenizer


def write(path, rows):
    path.write_text("sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return str(path)


def convert(files, folder, **settings):
    """Converts, and returns the manifest with what is said of it."""
    config = ClassificationConversionConfig(num_shards=2, **{"max_seq_length": 8, **settings})
    tokenizer = tiny_tokenizer()
    converter = TextConverter(Classification, files, tokenizer, config)
    manifest = conversion.convert("classification", converter, str(folder), tokenizer, config)
    return manifest, converter.describe(manifest)


def columns_of(folder, split):
    manifest = read_manifest(str(folder))
    reader = open_split(str(folder), manifest, split, CLASSIFICATION_FEATURES, with_decoding=split == "dev")
    return reader.read(np.arange(len(reader)))


def dev_examples(folder):
    return list(Classification.iter_development(str(folder)))


MANY = [(f"cat {i}", "good" if i % 3 else "bad") for i in range(300)]


def test_each_text_is_a_record_of_its_split(tmp_path):
    path = write(tmp_path / "a.tsv", MANY)
    manifest, _ = convert([path], tmp_path / "out", dev_fraction=0.25)
    dev = dev_examples(tmp_path / "out")
    assert 40 < len(dev) < 110
    assert manifest.counts["examples"] == 300
    assert manifest.counts["dev_examples"] == len(dev)
    assert manifest.counts["train_examples"] == 300 - len(dev)
    train, held_out = (columns_of(tmp_path / "out", split) for split in ("train", "dev"))
    assert (len(train), len(held_out)) == (300 - len(dev), len(dev))
    assert sorted(held_out.scalars["example_id"]) == sorted(example.example_id for example in dev)
    assert sorted(held_out.scalars["unique_id"]) == sorted(unique_id(example.example_id) for example in dev)


def test_records_hold_the_pieces_and_the_place_of_the_label(tmp_path):
    path = write(tmp_path / "a.tsv", [("the cat", "good"), ("mat", "bad")])
    convert([path], tmp_path / "out", dev_fraction=0.0)
    columns = columns_of(tmp_path / "out", "train")
    batch = batches.pad_batch(columns, 5, 2, CLASSIFICATION_FEATURES)
    ids = tiny_tokenizer()
    vocab = {piece: i for i, piece in enumerate(ids.vocab)}
    rows = dict(zip(batch["label"].tolist(), batch["input_word_ids"].tolist(), strict=True))
    assert rows == {
        0: [ids.cls_id, vocab["mat"], ids.sep_id, 0, 0],
        1: [ids.cls_id, vocab["the"], vocab["cat"], ids.sep_id, 0],
    }
    assert sorted(batch["input_mask"].tolist()) == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
    assert batch["input_type_ids"].tolist() == [[0] * 5] * 2


def test_the_same_text_is_never_on_both_sides(tmp_path):
    one, two = write(tmp_path / "a.tsv", MANY), write(tmp_path / "b.tsv", [*MANY[::-1], *MANY])
    convert([one, two], tmp_path / "out", dev_fraction=0.3)
    texts = [example.text for example in dev_examples(tmp_path / "out")]
    for text in set(texts):
        assert texts.count(text) == 3
    # The same in another file alone, in another order.
    convert([two], tmp_path / "again", dev_fraction=0.3)
    assert {example.text for example in dev_examples(tmp_path / "again")} == set(texts)


def test_the_seed_decides_what_is_set_aside(tmp_path):
    path = write(tmp_path / "a.tsv", MANY)
    sides = []
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        convert([path], tmp_path / name, dev_fraction=0.3, seed=seed)
        sides.append([example.text for example in dev_examples(tmp_path / name)])
    assert sides[0] == sides[1]
    assert sides[0] != sides[2]


def test_dev_jsonl_holds_the_examples_as_they_were_read(tmp_path):
    path = write(tmp_path / "a.tsv", [*MANY, ("😀 the café\u2028 at 北京 ", "good")] * 2)
    convert([path], tmp_path / "out", dev_fraction=0.99)
    lines = (tmp_path / "out" / "dev.jsonl").read_bytes().decode().split("\n")
    assert set(json.loads(lines[0])) == {"example_id", "text", "label"}
    odd = ClassificationExample("a.tsv:302", "😀 the café\u2028 at 北京 ", "good")
    assert odd in dev_examples(tmp_path / "out")
    assert Classification.development_examples(str(tmp_path / "out")) == dev_examples(tmp_path / "out")


def test_without_a_development_split_there_is_no_file_of_it(tmp_path):
    manifest, _ = convert([write(tmp_path / "a.tsv", MANY)], tmp_path / "out", dev_fraction=0.0)
    assert not (tmp_path / "out" / "dev.jsonl").exists()
    assert dev_examples(tmp_path / "out") == []
    assert manifest.split("dev") == ()


def test_what_was_passed_over_or_cut_is_counted_and_told(tmp_path):
    (tmp_path / "a.tsv").write_text("sentence\tlabel\ncat\tgood\n\n\n\x07\tbad\n\ncat " + "mat " * 30 + "\tbad\n\n")
    manifest, told = convert([str(tmp_path / "a.tsv")], tmp_path / "out", dev_fraction=0.0)
    expected = {"examples": 3, "train_examples": 3, "dev_examples": 0}
    # Empty lines are counted once, though a file is read twice; those at its end are usual.
    assert manifest.counts == {**expected, "empty_lines": 3, "texts_cut": 1, "texts_without_tokens": 1}
    assert told == (
        "3 examples: 3 to train on, 0 set aside\n"
        "  empty lines: 3\n"
        "  texts cut: 1\n"
        "  texts without tokens: 1\n"
        "  'bad': 2 to train on\n"
        "  'good': 1 to train on"
    )


def test_the_settings_and_the_sources_are_in_the_manifest(tmp_path):
    path = write(tmp_path / "a.tsv", [*MANY, ("odd one", "odd")])
    manifest, _ = convert([path], tmp_path / "out", dev_fraction=0.0, labels=("odd", "good", "bad"))
    assert read_manifest(str(tmp_path / "out")).settings == {
        "max_seq_length": 8,
        "labels": ["odd", "good", "bad"],
        "label_counts": [1, 200, 100],
        "training": {"class_weights": "none", "pooling": "pooler"},
    }
    assert [source.file for source in manifest.sources] == ["a.tsv"]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    path = write(tmp_path / "a.tsv", MANY)
    for name in ("one", "two"):
        convert([path], tmp_path / name, dev_fraction=0.2)
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()} == files


def test_columns_are_chosen(tmp_path):
    (tmp_path / "a.csv").write_text("1,cat sat\n0,mat\n")
    settings = {"columns": ColumnsConfig("1", "0"), "dev_fraction": 0.0}
    manifest, _ = convert([str(tmp_path / "a.csv")], tmp_path / "out", **settings)
    assert manifest.settings["labels"] == ("0", "1")


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([("cat", "good")] * 3, {}, r"^the training examples: only one label, 'good', expected at least two classes$"),
        (
            MANY,
            {"labels": ("good", "fair")},
            r"^a\.tsv:2: unknown label 'bad', expected one of 'good', 'fair'$",
        ),
        (MANY[:5], {"dev_fraction": 0.9999999}, r"^nothing to train on: all 5 examples were set aside"),
        ([("cat", "good"), ("", "bad")], {}, r"a\.tsv:3: the text is empty, expected a sentence$"),
        ([("cat", "good"), ("mat", "")], {}, r"a\.tsv:3: the label is missing, expected one for each text$"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_and_nothing_is_written(tmp_path, rows, settings, message):
    path = write(tmp_path / "a.tsv", rows)
    with pytest.raises(InputError, match=message):
        convert([path], tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_files_of_one_name_are_told_apart():
    assert distinct_names(["x/a.tsv", "y/a.tsv", "a.tsv#2", "gs://z/a.tsv"]) == [
        "a.tsv",
        "a.tsv#2",
        "a.tsv#2#2",
        "a.tsv#3",
    ]
