"""`docs/classification.md`: its files are read as it says, and its lines are those that the code writes."""

from __future__ import annotations

import json
import re

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification import reader
from bert_qa_tf.tasks.classification.examples import Classification
from bert_qa_tf.tasks.classification.features import CLASSIFICATION_FEATURES
from bert_qa_tf.tasks.classification.labels import LabelSet
from bert_qa_tf.tasks.classification.task import Classification as ClassificationTask
from bert_qa_tf.tasks.single_text.request import to_json
from tests.docs import pages

PAGE = pages.REPOSITORY / "docs" / "classification.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = pages.code_blocks(PAGE, "")


def block(beginning):
    [found] = [code for code in BLOCKS if code.startswith(beginning)]
    return found


def test_the_kinds_of_files_are_those_that_are_read():
    assert tuple(re.findall(r"^\| `(\.\w+)` \|", TEXT, re.MULTILINE)) == reader.EXTENSIONS


def test_the_file_to_copy_is_read(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text(block("sentence"), encoding="utf-8")
    examples = list(reader.read_examples(path, require_labels=True))
    assert [(example.text, example.label) for example in examples] == [
        ("a gripping film", "1"),
        ("two hours that i want back", "0"),
    ]


def test_the_answers_are_shown_as_they_are_printed():
    shown = block('{"id"')
    answer = json.loads(shown)
    label = Classification(answer["label"], answer["score"], answer["probabilities"])
    assert to_json(ClassificationTask, answer["id"], label) == shown.strip()
    assert ClassificationTask.describe_answer(label) == block("1\n  score").strip()


def test_the_error_lines_are_those_of_the_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["sentence\tlabel", *["a film\tpositive"] * 5, "a film\tand\tpositive"]
    (tmp_path / "train.tsv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(InputError) as fields:
        list(reader.read_examples("train.tsv"))
    with pytest.raises(InputError) as label:
        LabelSet(("negative", "positive")).index_of("neutral", "train.tsv:9")
    assert block("error") == f"error: {fields.value}\nerror: {label.value}\n"


def test_the_fields_of_a_record_are_named_on_the_page_of_the_format():
    page = (pages.REPOSITORY / "tfrecords" / "README.md").read_text(encoding="utf-8")
    [sentence] = re.findall(r"a record is a text: (.*?)\(", page, re.DOTALL)
    stored = {spec.name for spec in CLASSIFICATION_FEATURES if spec.storage != "derived"}
    assert set(re.findall(r"`(\w+)`", sentence)) == stored
