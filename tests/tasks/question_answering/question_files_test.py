import gzip
import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering import question_files


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
    (tmp_path / "in.jsonl").write_text(line)
    with pytest.raises(InputError, match=r"in\.jsonl:1: not JSON that can be read \((nested|with)"):
        question_files.count_questions(str(tmp_path / "in.jsonl"))


def test_all_files_that_are_named_are_looked_at_before_the_first_is_read(tmp_path):
    class Reader:
        def look_at(self, path):
            files.check_inputs([path])

        def __call__(self, path):
            pytest.fail(f"{path} was recognised")

    (tmp_path / "first.wav").write_bytes(b"")
    lines = [json.dumps({"question": "who", "audio": name}) for name in ("first.wav", "second.wav")]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"in\.jsonl:2: .*second\.wav: cannot read this file"):
        question_files.count_questions(str(tmp_path / "in.jsonl"), {"audio": Reader()})
