"""What is asked of a model of texts: exactly one thing, and what becomes of the answers."""

from __future__ import annotations

import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.config import ClassificationRequestConfig
from bert_qa_tf.tasks.classification.examples import Classification as Classified
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.single_text.request import TextRequest


class Echo:
    """Answers with the text as the label."""

    def answer(self, examples):
        for example in examples:
            yield Classified(example.text, 0.75, {example.text: 0.75, "other": 0.25})


def request(input_file=None, output_file=None, **options):
    return TextRequest(Classification, ClassificationRequestConfig(**options), input_file, output_file)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "none"),
        ({"text": "a", "text_file": "b"}, "--text and --text_file"),
        ({"text": "a", "input_file": "b"}, "--text and --input_file"),
        ({"text": "", "text_file": "b", "input_file": "c"}, "--text and --text_file and --input_file"),
    ],
)
def test_exactly_one_thing_is_asked(given, found):
    with pytest.raises(InputError) as raised:
        request(**given)
    assert str(raised.value) == f"give one of --text, --text_file and --input_file, got {found}"


def test_one_text_is_answered_on_the_screen(capsys):
    asked = request(text=" so good ")
    asked.read()
    asked.answer_with(Echo())
    assert capsys.readouterr().out == " so good \n  score 0.750\n  or: other (0.250)\n"


def test_a_file_may_hold_the_one_text(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("😀\r\ntwo lines", encoding="utf-8", newline="")
    request(text_file=str(tmp_path / "a.txt")).answer_with(Echo())
    assert capsys.readouterr().out.startswith("😀")


def test_one_answer_may_go_to_a_file(tmp_path, capsys):
    request(text="so good", output_file=str(tmp_path / "out.jsonl")).answer_with(Echo())
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {
        "id": 1,
        "label": "so good",
        "score": 0.75,
        "probabilities": {"so good": 0.75, "other": 0.25},
    }
    assert capsys.readouterr().out == f"wrote 1 answer to {tmp_path}/out.jsonl\n"


@pytest.mark.parametrize("to_file", [False, True])
def test_a_file_is_answered_line_by_line_with_its_ids(tmp_path, capsys, to_file):
    (tmp_path / "in.tsv").write_text("sentence\tlabel\ncafé\tgood\n\nmat\n".replace("mat\n", "mat\t\n"))
    output = str(tmp_path / "out.jsonl") if to_file else None
    asked = request(str(tmp_path / "in.tsv"), output)
    asked.read()
    asked.answer_with(Echo())
    shown = capsys.readouterr().out
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8") if to_file else shown
    assert [(row["id"], row["label"]) for row in map(json.loads, lines.splitlines())] == [
        ("in.tsv:2", "café"),
        ("in.tsv:4", "mat"),
    ]
    assert "café" in lines  # as text, not as \u00e9
    assert not to_file or shown == f"wrote 2 answers to {output}\n"


def test_the_column_of_the_texts_is_chosen(tmp_path, capsys):
    (tmp_path / "in.csv").write_text("7,cat\n8,mat\n")
    request(str(tmp_path / "in.csv"), text_column="1").answer_with(Echo())
    labels = [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()]
    assert labels == ["cat", "mat"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": "  "}, "--text: is empty, expected a text"),
        ({"text_file": "empty.txt"}, "empty.txt: is empty, expected a text"),
        ({"text_file": "none.txt"}, "none.txt: cannot read this file"),
        ({"input_file": "none.tsv"}, "none.tsv: cannot read this file"),
        ({"input_file": "empty.txt"}, "empty.txt: the extension is '.txt', expected .tsv, .csv, .jsonl"),
        ({"input_file": "bad.tsv"}, "bad.tsv:3: 2 fields, expected 1 as in the header"),
    ],
)
def test_a_mistake_is_told_when_it_is_read(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "bad.tsv").write_text("text\na\nb\tc\n")
    with pytest.raises(InputError) as raised:
        request(**given).read()
    assert str(raised.value).startswith(message)


def test_columns_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="the texts need the position of their column"):
        request(input_file="a.tsv", header=False)
