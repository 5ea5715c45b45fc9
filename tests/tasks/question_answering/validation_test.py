import json

import numpy as np
import pytest

from bert_qa_tf.tasks.question_answering import validation
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from tests import testing


def _audit(tmp_path, *paragraphs, **options):
    path = tmp_path / "data.json"
    paragraphs = [{"context": context, "qas": list(qas)} for context, *qas in paragraphs]
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "A", "paragraphs": paragraphs}]}))
    return validation.audit_file(squad_reader.load_squad(path, strict=False), **options)


def _qa(qas_id, *answers, question="what sat", **more):
    return {"id": qas_id, "question": question, "answers": [{"text": t, "answer_start": s} for t, s in answers]} | more


def test_an_offset_is_misaligned_where_the_text_does_not_stand(tmp_path):
    report = _audit(tmp_path, ("the cat sat", _qa("q1", ("cat", 4), ("cat", 5)), _qa("q2", ("cat", -7), ("sat", 99))))
    assert report.counts["answers"] == 4
    assert report.counts["misaligned_answers"] == 3
    assert report.counts["questions_with_a_valid_offset"] == 1
    assert report.first_of_each["misaligned_answers"] == ["q1", "q2"]


def test_empty_answers_are_not_misaligned_but_counted(tmp_path):
    counts = _audit(tmp_path, ("the cat sat", _qa("q1", ("", 0), (" ", 3)))).counts
    assert (counts["empty_answers"], counts["misaligned_answers"]) == (2, 0)


def test_an_answer_in_the_text_is_told_verbatim_and_normalized(tmp_path):
    counts = _audit(
        tmp_path,
        (
            "the cat sat",
            _qa("q1", ("cat", 4)),
            _qa("q2", ("The CAT!", 0)),
            _qa("q3", ("at sat", 5)),
            _qa("q4", ("dog", 0)),
        ),
    ).counts
    assert counts["questions_with_answer_in_context"] == 2  # q1, and q3 that starts inside a word
    assert counts["questions_with_answer_in_context_normalized"] == 2  # q1 and q2
    assert counts["questions_with_answer_lost"] == 2
    assert counts["answers_cut_inside_a_word"] == 1


@pytest.mark.parametrize(
    ("paragraphs", "kind", "ids"),
    [
        ([("the cat", _qa("q1"), _qa("q1"))], "duplicate_ids", ["q1"]),
        ([("the cat", _qa("q1", question=" "))], "empty_questions", ["q1"]),
        ([(" ", _qa("q1"))], "empty_contexts", ["data[0].paragraphs[0].context"]),
        ([("the cat", _qa("q1")), ("sat",)], "paragraphs_without_questions", ["data[0].paragraphs[1]"]),
        ([("the cat", _qa("q1"))], "questions_without_answers", ["q1"]),
        ([("the cat", _qa("q1", ("cat", 4), is_impossible=True))], "impossible_questions_with_answers", ["q1"]),
        ([("the cat", _qa("q1")), ("the cat", _qa("q2"))], "repeated_contexts", ["q2"]),
        ([("the cat", _qa("q1"), _qa("q2"))], "repeated_questions", ["q2"]),
        ([("the \u200bcat", _qa("q1"))], "contexts_with_control_characters", ["q1"]),
        ([("the cat", _qa("q1", question="who\x00"))], "questions_with_control_characters", ["q1"]),
        ([("the \ud83d cat", _qa("q1"))], "invalid_unicode", ["data[0].paragraphs[0].context"]),
        ([("the cat sat", _qa("q1", ("cat ", 4)))], "answers_with_outer_white_space", ["q1"]),
    ],
)
def test_each_problem_is_counted_and_shown(tmp_path, paragraphs, kind, ids):
    report = _audit(tmp_path, *paragraphs)
    assert report.counts[kind] == 1
    assert report.first_of_each[kind] == ids


def test_only_the_first_few_ids_are_kept(tmp_path):
    report = _audit(tmp_path, ("the cat", *(_qa(f"q{i}") for i in range(9))), show=2)
    assert report.counts["questions_without_answers"] == 9
    assert report.first_of_each["questions_without_answers"] == ["q0", "q1"]


def test_show_0_keeps_no_ids(tmp_path):
    assert _audit(tmp_path, ("the cat", _qa("q1")), show=0).first_of_each == {}


def test_a_clean_file_shows_no_problem(tmp_path):
    assert _audit(tmp_path, ("the cat sat", _qa("q1", ("cat", 4)))).first_of_each == {}


def test_answers_longer_than_the_limit_are_counted(tmp_path):
    report = _audit(tmp_path, ("one two three", _qa("q1", ("one two three", 0))), max_answer_words=2)
    assert report.counts["answers_longer_than_max_words"] == 1
    assert report.counts["ceiling_exact_match"] == 0.0
    assert report.counts["ceiling_f1"] == pytest.approx(80.0)


def test_lengths_are_ones_that_occur(tmp_path):
    report = _audit(tmp_path, ("one two", _qa("q1", ("one", 0))), ("one two three four", _qa("q2", ("two", 4))))
    assert report.lengths["context_words"] == {"p50": 4, "p90": 4, "p95": 4, "p99": 4, "max": 4}


def test_questions_without_an_answer_need_no_offset():
    examples = [
        SquadExample("q1", "what", "the cat", (Answer("cat", 4),)),
        SquadExample("q2", "what", "the cat", (), is_impossible=True),
        SquadExample("q3", "what", "the cat", (Answer("cat", 0),)),
        SquadExample("q4", "what", "the cat"),
    ]
    count = validation.aligned_question_count(examples)
    assert (count.aligned, count.answerable, count.fraction) == (1, 2, 0.5)


def test_answers_survive_when_their_normalized_words_stand_side_by_side():
    examples = [
        SquadExample("q1", "what", "the cat sat", (Answer("dog", 0), Answer("A Cat.", 0))),
        SquadExample("q2", "what", "the cat sat", (Answer("at", 5),)),
        SquadExample("q3", "what", "the cat sat", ()),
        SquadExample("q4", "what", "the cat sat", (Answer("the", 0),)),
    ]
    np.testing.assert_array_equal(validation.answer_survived(examples), [True, False, False, False])


@pytest.mark.parametrize(
    ("name", "expected", "ceiling"),
    [
        (
            "spoken_test-v1.1.json",
            {
                "questions": 5351,
                "answers": 15875,
                "misaligned_answers": 0,
                "empty_answers": 3,
                "questions_with_a_valid_offset": 5351,
                "questions_with_first_answer_repeated_in_context": 864,
                "paragraphs": 2067,
                "paragraphs_without_questions": 171,
                "contexts_with_digits": 0,
                "questions_with_digits": 581,
                "duplicate_ids": 0,
            },
            (98.11, 98.69),
        ),
        (
            "spoken_test-v1.1_WER44.json",
            {
                "questions": 5351,
                "answers": 17841,
                "misaligned_answers": 17262,
                "questions_with_a_valid_offset": 224,
                "contexts_with_digits": 0,
            },
            (68.47, 84.17),
        ),
    ],
)
def test_the_spoken_test_sets_give_the_known_figures(name, expected, ceiling):
    squad_file = squad_reader.load_squad(testing.shared_data("spoken_squad", name), strict=False)
    counts = validation.audit_file(squad_file).counts
    assert {key: counts[key] for key in expected} == expected
    assert (counts["ceiling_exact_match"], counts["ceiling_f1"]) == pytest.approx(ceiling, abs=0.01)
