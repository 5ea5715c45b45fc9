import dataclasses
import gzip
import itertools
import json
import os
import subprocess
import sys

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.tasks.question_answering import question_files
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
    assert question_files.answer_file(_FirstWord(), source, str(output)) == 3
    found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert found[0] == {"id": "a", "answer": "nora", "answer_start": 2, "answer_end": 6, "score": 0.5}
    assert [record["id"] for record in found] == ["a", 3, "a"]
    assert "北京" in output.read_text(encoding="utf-8")
    assert [path.name for path in output.parent.iterdir()] == ["out.jsonl"]


def test_without_an_output_file_answers_are_printed(tmp_path, capsys):
    source = _write(tmp_path / "in.jsonl", '{"question": "who", "context": "nora called"}')
    question_files.answer_file(_FirstWord(), source, None)
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
        question_files.answer_file(_FirstWord(), source, None)
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.jsonl: cannot read this file"):
        question_files.answer_file(_FirstWord(), str(tmp_path / "nothing.jsonl"), None)


def test_a_folder_is_named_and_not_read_as_an_empty_file(tmp_path):
    with pytest.raises(InputError, match="is a folder, expected a file of questions"):
        question_files.answer_file(_FirstWord(), str(tmp_path), None)


def test_a_pipe_is_named_and_not_read_as_an_empty_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    with pytest.raises(InputError, match="pipe: is a pipe, which can be read only once, expected a file"):
        question_files.answer_file(_FirstWord(), str(tmp_path / "pipe"), None)


def test_a_file_without_a_question_is_named(tmp_path):
    source = _write(tmp_path / "in.jsonl", "", " ")
    with pytest.raises(InputError, match=r"in\.jsonl: empty file, expected one question a line"):
        question_files.answer_file(_FirstWord(), source, None)


def test_a_byte_order_mark_and_windows_line_ends_are_passed_over(tmp_path, capsys):
    source = _write(tmp_path / "in.jsonl", b'\xef\xbb\xbf{"question": "who", "context": "nora called"}\r\n')
    assert question_files.answer_file(_FirstWord(), source, None) == 1
    assert json.loads(capsys.readouterr().out)["answer"] == "nora"


def test_a_folder_in_the_place_of_the_output_is_named_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out: is a folder, expected the name of a file to write"):
        atomic_files.write_lines(str(tmp_path / "out"), ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_squad_file_is_answered_by_its_ids(tmp_path, capsys):
    examples = [SquadExample("56d9", "who", "nora called"), SquadExample("56da", "who", "😀 北京 calling")]
    write_squad(tmp_path / "dev.json", examples)
    assert question_files.answer_file(_FirstWord(), str(tmp_path / "dev.json"), None) == 2
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
        question_files.answer_file(Cutting(), _write(tmp_path / "in.jsonl", *lines), None)
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
        question_files.answer_file(Failing(), source, str(output))
    assert output.read_text() == "old"


def test_no_tensorflow_is_imported_for_local_files():
    code = "import sys, bert_qa_tf.tasks.question_answering.request; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_half_a_surrogate_pair_in_an_id_costs_no_answer(tmp_path):
    source = _write(tmp_path / "in.jsonl", '{"id": "a\\ud83d", "question": "who", "context": "nora \\udc00 called"}')
    assert question_files.answer_file(_FirstWord(), source, str(tmp_path / "out.jsonl")) == 1
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["id"] == "a\ud83d"


def test_half_a_surrogate_pair_in_an_id_of_squad_is_replaced_and_counted_once(tmp_path):
    qas = {"id": "a\ud83d", "question": "who", "answers": []}
    source = tmp_path / "in.json"
    source.write_text(json.dumps({"data": [{"paragraphs": [{"context": "nora", "qas": [qas]}]}]}))
    with odd_items.collect() as odd:
        assert question_files.answer_file(_FirstWord(), str(source), str(tmp_path / "out.jsonl")) == 1
    assert odd.counts() == {"invalid_unicode": 1}
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["id"] == "a\ufffd"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_forms_of_others_are_told_by_their_content(tmp_path, pack):
    paragraph = {"context": "nora called", "qas": [{"qid": "a", "question": "who", "answers": ["nora"]}]}
    lines = json.dumps({"header": {}}) + "\n" + json.dumps(paragraph)
    for name in ("mrqa.jsonl", "mrqa.jsonl.gz", "mrqa"):
        (tmp_path / name).write_bytes(pack(lines.encode()))
        (question,) = question_files.read_questions(str(tmp_path / name))
        assert (question.question_id, question.example.context) == ("a", "nora called")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_json_lines_may_be_packed_and_in_another_encoding(tmp_path, pack, encoding):
    lines = '{"id": 7, "question": "who", "context": "北京 calling"}\r\n\r\n{"question": "who", "context": "max"}'
    (tmp_path / "in.jsonl").write_bytes(pack(lines.encode(encoding)))
    found = list(question_files.read_questions(str(tmp_path / "in.jsonl")))
    assert [(question.question_id, question.example.context) for question in found] == [(7, "北京 calling"), (3, "max")]


@pytest.mark.parametrize("line", ["[" * 5000, '{"id": 1e400}', '{"id": ' + "9" * 5000 + "}", '{"id": NaN}'])
def test_a_line_beyond_the_limits_of_json_is_named(tmp_path, line):
    with pytest.raises(InputError, match=r"in\.jsonl:1: not JSON that can be read \((nested|with)"):
        question_files.count_questions(_write(tmp_path / "in.jsonl", line))


def test_all_files_that_are_named_are_looked_at_before_the_first_is_read(tmp_path):
    class Reader:
        def look_at(self, path):
            files.check_inputs([path])

        def __call__(self, path):
            pytest.fail(f"{path} was recognised")

    (tmp_path / "first.wav").write_bytes(b"")
    lines = [json.dumps({"question": "who", "audio": name}) for name in ("first.wav", "second.wav")]
    with pytest.raises(InputError, match=r"in\.jsonl:2: .*second\.wav: cannot read this file"):
        question_files.count_questions(_write(tmp_path / "in.jsonl", *lines), {"audio": Reader()})
