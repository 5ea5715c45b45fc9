"""Questions about timed texts: the words, and the seconds in which they are said."""

import dataclasses
import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering import answer_files
from bert_qa_tf.tasks.question_answering.answer_text import describe
from bert_qa_tf.tasks.question_answering.decoding import Candidate, DecodedAnswer
from bert_qa_tf.tasks.question_answering.request import QuestionRequest
from bert_qa_tf.text.timed_text import clock


@dataclasses.dataclass(frozen=True)
class _Said:
    text: str
    start_char: int
    end_char: int
    start_secs: float | None
    end_secs: float | None
    times_estimated: bool = False
    speaker: str | None = None


class _Call:
    """Each character takes a second; "um " was taken out before the fifth."""

    text = "call nora now"

    def said(self, start_char, end_char):
        whole = "call um nora now"
        start, end = (place + 3 * (place > 4) for place in (start_char, end_char))
        return _Said(whole[start:end], start, end, float(start), float(end), times_estimated=end > 13)


class _Untimed:
    text = "call nora now"

    def said(self, start_char, end_char):
        return _Said(self.text[start_char:end_char], start_char, end_char, None, None)


class _Finds:
    """Answers with the words of the question."""

    def answer(self, examples):
        for example in examples:
            start = example.context.find(example.question)
            found = example.question if start >= 0 else ""
            start = max(start, 0)
            other = Candidate("now", 10, 13, None, None, 0.25)
            yield DecodedAnswer(found, start, start + len(found), 0.5, (other,))


def asked(path="call.vtt", read=lambda path: _Call(), **given):
    return QuestionRequest(timed_texts={"transcript_file": (path, read)}, **given)


def test_an_answer_is_shown_with_the_time_it_is_said(capsys):
    asked(question="nora").answer_with(_Finds())
    assert capsys.readouterr().out == (
        "nora\n  said from 00:08.0 to 00:12.0\n  characters 8 to 12, score 0.500\n  or: now (0.250) at 00:13.0\n"
    )


def test_what_cleaning_took_out_of_its_middle_is_shown(capsys):
    asked(question="call nora now").answer_with(_Finds())
    assert capsys.readouterr().out.splitlines()[:4] == [
        "call nora now",
        "  as said: call um nora now",
        "  said from 00:00.0 to 00:16.0, estimated",
        "  characters 0 to 16, score 0.500",
    ]


def test_where_no_time_is_known_none_is_shown(capsys):
    asked(question="nora", read=lambda path: _Untimed()).answer_with(_Finds())
    assert capsys.readouterr().out == "nora\n  characters 5 to 9, score 0.500\n  or: now (0.250)\n"


def test_no_answer_was_said_at_no_time():
    assert describe(DecodedAnswer("", 0, 0, 0.9, ()), _Call()) == "(no answer)"
    assert json.loads(answer_files.to_json(1, DecodedAnswer("", 0, 0, 0.9, ()), _Call())) == {
        "id": 1,
        "answer": "",
        "answer_start": 0,
        "answer_end": 0,
        "score": 0.9,
    }


def test_one_question_is_written_with_its_seconds(tmp_path, capsys):
    output = tmp_path / "answer.jsonl"
    asked(question="nora", output_file=str(output)).answer_with(_Finds())
    assert json.loads(output.read_text(encoding="utf-8")) == {
        "id": 1,
        "answer": "nora",
        "answer_start": 8,
        "answer_end": 12,
        "score": 0.5,
        "start_secs": 8.0,
        "end_secs": 12.0,
    }
    assert capsys.readouterr().out == f"wrote 1 answer to {output}\n"


class _Dialogue(_Untimed):
    def said(self, start_char, end_char):
        speaker = "Ana" if end_char <= 9 else None
        return dataclasses.replace(super().said(start_char, end_char), speaker=speaker)


def test_an_answer_says_who_says_it_unless_several_do(tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "nora", "transcript_file": "a"}\n{"question": "now", "transcript_file": "a"}\n')
    readers = {"transcript_file": (None, lambda path: _Dialogue())}
    QuestionRequest(input_file=str(questions), output_file=str(output), timed_texts=readers).answer_with(_Finds())
    assert [json.loads(line).get("speaker") for line in output.read_text().splitlines()] == ["Ana", None]


def test_the_speaker_is_shown_with_the_time_or_without():
    answer = DecodedAnswer("nora", 5, 9, 0.5, [])
    assert "\n  said by Ana\n" in describe(answer, _Dialogue())
    timed = _Said("nora", 5, 9, 1.0, 2.0, True, "Ana")
    assert "\n  said by Ana from 00:01.0 to 00:02.0, estimated\n" in describe(answer, _Only(timed))


@dataclasses.dataclass(frozen=True)
class _Only:
    span: _Said
    text: str = "call nora now"

    def said(self, start_char, end_char):
        return self.span


class _Silence(_Call):
    text = " "


def test_where_nothing_was_said_there_is_nothing_to_ask(tmp_path, capsys):
    with pytest.raises(InputError, match=r"^a\.wav: no word was heard in it, or cleaning left none: nothing to ask"):
        asked("a.wav", lambda path: _Silence(), question="nora").read()
    # Among others it has no answer, and the others have theirs.
    source = tmp_path / "questions.jsonl"
    rows = [{"question": "nora", "transcript_file": name} for name in ("silence", "call")]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    read = {f"{tmp_path}/silence": _Silence(), f"{tmp_path}/call": _Call()}
    asked(None, read.__getitem__, input_file=str(source)).answer_with(_Finds())
    assert [json.loads(line)["answer"] for line in capsys.readouterr().out.splitlines()] == ["", "nora"]


def test_what_a_file_of_questions_names_is_read_before_anybody_is_asked(tmp_path):
    source = tmp_path / "questions.jsonl"
    source.write_text(json.dumps({"question": "nora", "transcript_file": "a"}) + "\n", encoding="utf-8")
    read = []
    given = asked(None, lambda path: read.append(path) or _Call(), input_file=str(source))
    given.read()
    assert read == [f"{tmp_path}/a"]
    given.answer_with(_Finds())
    assert len(read) == 2  # its reader remembers


def test_lines_may_name_files_relative_to_their_own(tmp_path, capsys):
    source = tmp_path / "questions.jsonl"
    rows = [
        {"question": "call nora now", "transcript_file": "calls/a.vtt"},
        {"question": "nora", "context": "so nora"},
        {"question": "nora", "transcript_file": "/elsewhere/b.vtt"},
        {"question": "nora", "transcript_file": "gs://calls/c.vtt"},
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    read = []

    def reader(path):
        read.append(path)
        return _Call()

    asked(path=None, read=reader, input_file=str(source)).answer_with(_Finds())
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert read[:3] == [f"{tmp_path}/calls/a.vtt", "/elsewhere/b.vtt", "gs://calls/c.vtt"]
    assert found[0] == {
        "id": 1,
        "answer": "call nora now",
        "answer_start": 0,
        "answer_end": 16,
        "score": 0.5,
        "start_secs": 0.0,
        "end_secs": 16.0,
        "times_estimated": True,
        "as_said": "call um nora now",
    }
    assert found[1] == {"id": 2, "answer": "nora", "answer_start": 3, "answer_end": 7, "score": 0.5}
    assert [row.get("start_secs") for row in found] == [0.0, None, 8.0, 8.0]


def _refuse(path):
    raise InputError(f"{path}: cannot read this file")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "a", "context": "b", "transcript_file": "c"}, r":1: expected one text, got `context` and `trans"),
        ({"question": "a", "transcript_file": 3}, r":1: `transcript_file` must be a string, got int"),
        ({"question": "a", "transcript_file": "c.vtt"}, r":1: .*c\.vtt: cannot read this file"),
        ({"transcript_file": "c.vtt"}, r":1: `question` is missing"),
        ({"question": "a"}, r":1: `context` is missing"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path, row, message):
    source = tmp_path / "questions.jsonl"
    source.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(InputError, match=rf"questions\.jsonl{message}"):
        asked(path=None, read=_refuse, input_file=str(source)).answer_with(_Finds())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"question": "a", "context": "b"},
            "expected one of --context, --context_file and --transcript_file, got --conte",
        ),
        ({"input_file": "f"}, "expected no --transcript_file: --input_file has the texts, got --transcript_file"),
        ({}, "give either --question, with --context, --context_file or --transcript_file, or --input_file"),
    ],
)
def test_a_text_comes_from_one_place(given, message):
    with pytest.raises(InputError, match=f"^{message}"):
        asked(**given)


def test_a_missing_text_is_asked_for():
    with pytest.raises(InputError, match="expected one of --context, --context_file and --transcript_file, got none"):
        asked(path=None, question="a")


def test_clocks_carry_from_tenths_to_hours():
    assert [clock(secs) for secs in (0, 3.04, 59.96, 600, 3599.96, 36000.05)] == [
        "00:00.0",
        "00:03.0",
        "01:00.0",
        "10:00.0",
        "1:00:00.0",
        "10:00:00.0",
    ]
