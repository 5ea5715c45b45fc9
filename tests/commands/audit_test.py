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
    "odd_items",
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
    row = next(line for line in printed.splitlines() if line.startswith("  misaligned answers"))
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


def test_the_verdict_comes_first_and_rows_of_zeros_are_left_out(tmp_path, capsys):
    good, bad = _file(tmp_path, "good.json", 4), _file(tmp_path, "bad.json", 5)
    assert _run(f"--input_file={good}", f"--input_file={bad}") == 0
    printed = capsys.readouterr().out
    first, _, third, *_ = printed.splitlines()
    assert first == f"{good}: fit for training: of 1 questions with an answer, 1 (100.0%) have it where the file says"
    assert third.startswith(f"{bad}: not fit for training as it is: of 1 questions with an answer, 0 (0.0%) have it")
    assert "duplicate ids" not in printed
    assert _run(f"--input_file={good}", f"--input_file={bad}", "--show_all") == 0
    assert "  duplicate ids" in capsys.readouterr().out


def test_questions_without_answers_say_nothing_about_offsets(tmp_path, capsys):
    rows = [
        {"id": "a", "context": "the cat sat", "question": "who", "answers": {"text": ["cat"], "answer_start": [4]}},
        {"id": "b", "context": "the cat sat", "question": "when"},
    ]
    some, none = tmp_path / "some.json", tmp_path / "none.json"
    some.write_text(json.dumps(rows))
    none.write_text(json.dumps(rows[1:]))
    assert _run(f"--input_file={some}", "--fail_under_aligned=1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0] == f"{some}: fit for training: of 1 questions with an answer, 1 (100.0%) have it where the file says"
    )
    assert lines[1] == ("  1 question has no answer and no is_impossible, and cannot be used for training or scoring")
    assert _run(f"--input_file={none}") == 0
    assert capsys.readouterr().out.startswith(f"{none}: not fit for training: no question in it has an answer\n")


def test_every_problem_is_shown_at_once_and_strict_refuses_them_after_the_report(tmp_path, capsys):
    answer = {"text": "cat", "answer_start": 4}
    qas = [
        {"id": 1, "question": "who", "answers": [answer]},
        {"question": "what", "answers": [answer]},
        {"id": "c", "question": " ", "answers": [answer]},
        {"id": "d", "question": "where", "answers": [answer | {"answer_start": 4.5}]},
        {"id": "e", "question": "why", "answers": [{"text": "", "answer_start": 0}]},
    ]
    path, output = tmp_path / "odd.json", tmp_path / "audit.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "the cat sat", "qas": qas}]}]}))
    assert _run(f"--input_file={path}", f"--output_file={output}") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "  1 of 4 questions have no answer: convert with --version_2_with_negative" in printed.out
    assert "  2 items are left out or changed when it is read" in printed.out
    assert "answers[0].answer_start is 4.5, expected an integer" in printed.out
    assert printed.out.splitlines()[-1] == (
        "odd items: 2 left out or estimated, 3 read as meant; --strict refuses them"
    )
    assert printed.out.index("left out or changed\n") < printed.out.index("odd, but read as meant\n")
    (figures,) = json.loads(output.read_text())["files"]
    assert {kind["kind"]: kind["count"] for kind in figures["odd_items"]} == {
        "unreadable_questions": 1,
        "empty_questions": 1,
        "numeric_ids": 1,
        "made_ids": 1,
        "no_answers": 1,
    }
    assert figures["repeated_contexts"] == 0
    assert _run(f"--input_file={path}", "--strict") == 1
    printed = capsys.readouterr()
    assert "odd, but read as meant" in printed.out
    assert (
        "odd.json: holds odd items, which --strict refuses: empty questions (1), unreadable questions (1), "
        in printed.err
    )
    assert printed.err.endswith("; the first is data[0].paragraphs[0].qas[2].question\n")
    assert len(printed.err.splitlines()) == 1
    assert "odd items:" not in printed.out


def test_a_file_of_which_nothing_can_be_read_is_audited_and_exits_1(tmp_path, capsys):
    good, bad = _file(tmp_path, "good.json", 4), tmp_path / "bad.json"
    bad.write_text(json.dumps({"data": [{"story": "a cat"}, 3]}))
    assert _run(f"--input_file={bad}", f"--input_file={good}") == 1
    printed = capsys.readouterr()
    assert "unreadable records" in printed.out
    assert f"{good}: fit for training" in printed.out
    assert "no question in it can be read: data[0] is in CoQA's own form, which is not read" in printed.err


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
