import dataclasses
import json
import os

import pytest

from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from bert_qa_tf.tasks.question_answering.squad_writer import SquadWriter, write_squad
from tests import testing

_EXAMPLES = [
    SquadExample("q1", "who", "the cat’s hat", (Answer("cat", 4), Answer("hat", 10)), title="A", paragraph_index=0),
    SquadExample("q2", "what", "the cat’s hat", (Answer("hat", 10),), title="A", paragraph_index=0),
    SquadExample("q3", "why", "the cat’s hat", (Answer("cat", 4),), title="A", paragraph_index=1),
    SquadExample("q4", "when", "noon", (Answer("noon", 0),), title="B", paragraph_index=0),
]


def test_what_is_written_is_read_back_the_same(tmp_path):
    write_squad(tmp_path / "dev.json", _EXAMPLES)
    assert squad_reader.read_squad(tmp_path / "dev.json") == _EXAMPLES


def test_squad_2_fields_are_read_back_the_same(tmp_path):
    impossible = SquadExample("q5", "how", "noon", (), True, "B", 0, (Answer("noon", 0),))
    write_squad(tmp_path / "dev.json", [*_EXAMPLES, impossible], "v2.0")
    assert squad_reader.read_squad(tmp_path / "dev.json") == [*_EXAMPLES, impossible]
    assert json.loads((tmp_path / "dev.json").read_text())["version"] == "v2.0"


def test_the_same_examples_give_the_same_bytes(tmp_path):
    write_squad(tmp_path / "a.json", _EXAMPLES)
    write_squad(tmp_path / "b.json", squad_reader.read_squad(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_real_data_round_trips_but_for_paragraph_numbers(tmp_path):
    path = testing.shared_data("spoken_squad", "spoken_test-v1.1.json")
    examples = squad_reader.read_squad(path, require_answers=True)
    write_squad(tmp_path / "copy.json", examples)
    copy = squad_reader.read_squad(tmp_path / "copy.json")
    assert [dataclasses.replace(e, paragraph_index=0) for e in copy] == [
        dataclasses.replace(e, paragraph_index=0) for e in examples
    ]


def test_a_file_can_grow_an_article_at_a_time(tmp_path):
    path = str(tmp_path / "dev.json")
    with SquadWriter(path, "1.1") as writer:
        for example in _EXAMPLES:
            writer.add(example)
    assert squad_reader.read_squad(path) == _EXAMPLES


def test_a_file_that_is_broken_off_does_not_take_its_name(tmp_path):
    (tmp_path / "dev.json").write_text("old")
    with pytest.raises(AttributeError, match="title"):
        write_squad(tmp_path / "dev.json", [*_EXAMPLES, None])
    assert (tmp_path / "dev.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["dev.json"]


def test_an_unanswerable_question_is_marked_whatever_the_version(tmp_path):
    example = SquadExample("1", "who", "a cat", (), is_impossible=True, title="a")
    write_squad(tmp_path / "dev.json", [example], "1.1")
    assert squad_reader.read_squad(tmp_path / "dev.json") == [example]
