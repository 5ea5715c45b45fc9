import json

import pytest

from bert_qa_tf import audit, cli
from tests import testing

# The keys of `audit --output_file`; length percentiles are under `lengths`.
_KEYS = {
    "file",
    "questions",
    "answers",
    "misaligned_answers",
    "questions_with_a_valid_offset",
    "questions_with_answer_in_context",
    "questions_with_answer_in_context_normalized",
    "duplicate_ids",
    "empty_contexts",
    "paragraphs_without_questions",
    "ceiling_exact_match",
    "ceiling_f1",
    "lengths",
}


def _file(tmp_path, name, offset):
    qa = {"id": "q1", "question": "who", "answers": [{"text": "cat", "answer_start": offset}]}
    path = tmp_path / name
    path.write_text(json.dumps({"data": [{"title": "A", "paragraphs": [{"context": "the cat sat", "qas": [qa]}]}]}))
    return str(path)


def _run(*arguments):
    return cli.call(audit.main, audit.__doc__, audit.FLAG_GROUPS, arguments)


def test_writes_the_figures_of_each_file_and_prints_them_side_by_side(tmp_path, capsys):
    good, bad = _file(tmp_path, "good.json", 4), _file(tmp_path, "bad.json", 5)
    output = tmp_path / "out" / "audit.json"
    assert _run(f"--input_file={good}", f"--input_file={bad}", f"--output_file={output}") == 0
    figures = json.loads(output.read_text())["files"]
    assert [figure["file"] for figure in figures] == [good, bad]
    assert [figure["misaligned_answers"] for figure in figures] == [0, 1]
    assert figures[0].keys() >= _KEYS
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.startswith("misaligned answers"))
    assert row.split() == ["misaligned", "answers", "0", "1"]
    assert f"{bad}: first of each kind of problem" in printed
    assert "misaligned answers (1): q1" in printed


@pytest.mark.parametrize(
    ("flag", "offset", "expected"),
    [
        (
            "--fail_under_aligned=0.5",
            5,
            "0 of 1 questions have an answer offset that fits (0.0000), expected at least 0.5",
        ),
        ("--fail_under_ceiling_f1=99", 4, None),
        ("--fail_under_aligned=1", 4, None),
    ],
)
def test_a_file_that_falls_short_exits_1_with_one_line(tmp_path, capsys, flag, offset, expected):
    status = _run(f"--input_file={_file(tmp_path, 'data.json', offset)}", flag)
    error = capsys.readouterr().err
    assert status == (1 if expected else 0)
    assert (expected or "") in error
    assert len(error.splitlines()) == (1 if expected else 0)


def test_a_ceiling_that_is_too_low_exits_1(tmp_path, capsys):
    path = tmp_path / "lost.json"
    path.write_text((tmp_path / _file(tmp_path, "data.json", 4)).read_text().replace('"text": "cat"', '"text": "dog"'))
    assert _run(f"--input_file={path}", "--fail_under_ceiling_f1=80") == 1
    assert "no span can score more than F1 0.00, expected at least 80.0" in capsys.readouterr().err


def test_no_file_is_one_clear_line(capsys):
    assert _run() == 1
    assert capsys.readouterr().err == "error: nothing to audit: give at least one --input_file\n"


def test_help_lists_the_flags(capsys):
    assert _run("--help") == 0
    assert "--fail_under_ceiling_f1" in capsys.readouterr().out


def test_wer44_is_refused_for_what_it_holds(capsys):
    path = testing.shared_data("spoken_squad", "spoken_test-v1.1_WER44.json")
    assert _run(f"--input_file={path}", "--fail_under_aligned=0.9") == 1
    assert "224 of 5351 questions have an answer offset that fits" in capsys.readouterr().err
