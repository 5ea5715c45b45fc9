import dataclasses
import itertools
import json
import os
import subprocess
import sys

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files
from bert_qa_tf.tasks.question_answering import answer_files
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.squad_writer import write_squad


class _FirstWord:
    """Answers with the first word of the context."""

    def answer(self, examples):
        for example in examples:
            word = example.context.split()[0]
            start = example.context.index(word)
            yield DecodedAnswer(word, start, start + len(word), 0.5, ())


def _write(path, *lines):
    path.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines))
    return str(path)


def test_answers_come_in_order_with_the_ids_given_or_line_numbers(tmp_path):
    source = _write(
        tmp_path / "in.jsonl",
        '{"id": "a", "question": "who", "context": "  nora called"}',
        "",
        '{"question": "who", "context": "北京 calling"}',
        '{"id": "a", "question": "who", "context": "max"}',
    )
    output = tmp_path / "new" / "out.jsonl"
    assert answer_files.answer_file(_FirstWord(), source, str(output)) == 3
    found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert found[0] == {"id": "a", "answer": "nora", "answer_start": 2, "answer_end": 6, "score": 0.5}
    assert [record["id"] for record in found] == ["a", 3, "a"]
    assert "北京" in output.read_text(encoding="utf-8")
    assert [path.name for path in output.parent.iterdir()] == ["out.jsonl"]


def test_without_an_output_file_answers_are_printed(tmp_path, capsys):
    source = _write(tmp_path / "in.jsonl", '{"question": "who", "context": "nora called"}')
    answer_files.answer_file(_FirstWord(), source, None)
    assert json.loads(capsys.readouterr().out)["answer"] == "nora"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "who"}', r"in\.jsonl:2: `context` is missing"),
        ('{"context": "who"}', r"in\.jsonl:2: `question` is missing"),
        ('{"question": 3, "context": "a"}', r"in\.jsonl:2: `question` must be a string, got int"),
        ('{"question": " ", "context": "a"}', r"in\.jsonl:2: `question` is empty"),
        ('["who", "a"]', r"in\.jsonl:2: expected an object with `question` and `context`, got list"),
        ("{question: who}", r"in\.jsonl:2: not JSON"),
        (b'{"question": "\xff", "context": "a"}\n', r"in\.jsonl:2: not UTF-8 \(byte 14 of the line\)"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_answered(tmp_path, capsys, line, message):
    source = _write(tmp_path / "in.jsonl", '{"question": "who", "context": "nora called"}', line)
    with pytest.raises(InputError, match=message):
        answer_files.answer_file(_FirstWord(), source, None)
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.jsonl: cannot read this file"):
        answer_files.answer_file(_FirstWord(), str(tmp_path / "nothing.jsonl"), None)


def test_a_folder_is_named_and_not_read_as_an_empty_file(tmp_path):
    with pytest.raises(InputError, match="is a folder, expected a file of questions"):
        answer_files.answer_file(_FirstWord(), str(tmp_path), None)


def test_a_pipe_is_named_and_not_read_as_an_empty_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    with pytest.raises(InputError, match="pipe: is a pipe, which can be read only once, expected a file"):
        answer_files.answer_file(_FirstWord(), str(tmp_path / "pipe"), None)


def test_a_file_without_a_question_is_named(tmp_path):
    source = _write(tmp_path / "in.jsonl", "", " ")
    with pytest.raises(InputError, match=r"in\.jsonl: empty file, expected one question a line"):
        answer_files.answer_file(_FirstWord(), source, None)


def test_a_byte_order_mark_and_windows_line_ends_are_passed_over(tmp_path, capsys):
    source = _write(tmp_path / "in.jsonl", b'\xef\xbb\xbf{"question": "who", "context": "nora called"}\r\n')
    assert answer_files.answer_file(_FirstWord(), source, None) == 1
    assert json.loads(capsys.readouterr().out)["answer"] == "nora"


def test_a_folder_in_the_place_of_the_output_is_named_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out: is a folder, expected the name of a file to write"):
        atomic_files.write_lines(str(tmp_path / "out"), ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_squad_file_is_answered_by_its_ids(tmp_path, capsys):
    examples = [SquadExample("56d9", "who", "nora called"), SquadExample("56da", "who", "😀 北京 calling")]
    write_squad(tmp_path / "dev.json", examples)
    assert answer_files.answer_file(_FirstWord(), str(tmp_path / "dev.json"), None) == 2
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["id"], record["answer"]) for record in found] == [("56d9", "nora"), ("56da", "😀")]


def test_a_question_that_is_cut_is_said_so_and_counted(tmp_path, capsys):
    class Cutting(_FirstWord):
        def answer(self, examples):
            for example, answer in zip(*itertools.tee(examples), strict=True):
                num_cut = max(len(example.question.split()) - 2, 0)
                yield dataclasses.replace(*super().answer([answer]), question_tokens_cut=num_cut)

    lines = [json.dumps({"question": question, "context": "nora called"}) for question in ("who", "who was it then")]
    with odd_items.collect() as odd:
        answer_files.answer_file(Cutting(), _write(tmp_path / "in.jsonl", *lines), None)
    short, long = map(json.loads, capsys.readouterr().out.splitlines())
    assert "question_cut" not in short
    assert long["question_cut"] is True
    assert odd.counts(odd_items.Severity.WARNING) == {"questions_cut": 1}
    assert odd.to_json()[0]["first"] == [f"{tmp_path / 'in.jsonl'}: question 2"]


def test_answers_cut_short_do_not_replace_what_was_there(tmp_path):
    class Failing:
        def answer(self, examples):
            next(examples)
            yield DecodedAnswer("nora", 0, 4, 0.5, ())
            raise InputError("the server is gone")

    line = '{"question": "who", "context": "nora called"}'
    source = _write(tmp_path / "in.jsonl", line, line)
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    with pytest.raises(InputError, match="the server is gone"):
        answer_files.answer_file(Failing(), source, str(output))
    assert output.read_text() == "old"


def test_no_tensorflow_is_imported_for_local_files():
    code = "import sys, bert_qa_tf.tasks.question_answering.request; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_half_a_surrogate_pair_in_an_id_costs_no_answer(tmp_path):
    source = _write(tmp_path / "in.jsonl", '{"id": "a\\ud83d", "question": "who", "context": "nora \\udc00 called"}')
    assert answer_files.answer_file(_FirstWord(), source, str(tmp_path / "out.jsonl")) == 1
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["id"] == "a\ud83d"


def test_half_a_surrogate_pair_in_an_id_of_squad_is_replaced_and_counted_once(tmp_path):
    qas = {"id": "a\ud83d", "question": "who", "answers": []}
    source = tmp_path / "in.json"
    source.write_text(json.dumps({"data": [{"paragraphs": [{"context": "nora", "qas": [qas]}]}]}))
    with odd_items.collect() as odd:
        assert answer_files.answer_file(_FirstWord(), str(source), str(tmp_path / "out.jsonl")) == 1
    assert odd.counts() == {"invalid_unicode": 1}
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["id"] == "a\ufffd"
