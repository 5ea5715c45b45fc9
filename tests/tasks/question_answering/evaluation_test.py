"""What `metrics.json` says of predictions whose scores are known by hand."""

import json
import math

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation import results
from bert_qa_tf.tasks.question_answering import evaluation, report
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer, Predictions
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from tests import tiny_model

CONTEXT = "the cat sat on the mat"
TOKENIZER = tiny_model.tiny_tokenizer()


def _example(qas_id, text, start):
    return SquadExample(qas_id, "who", CONTEXT, answers=(Answer(text, start),))


def _impossible(qas_id):
    return SquadExample(qas_id, "who", CONTEXT, is_impossible=True)


def _predictions(**places):
    """`id=(start, end)`: the answer at that place; an empty place is no answer."""
    predictions = Predictions()
    for qas_id, (start, end) in places.items():
        predictions.add(qas_id, DecodedAnswer(CONTEXT[start:end], start, end, 0.5, ()))
    return predictions


def _evaluate(examples, predictions, tokenizer=TOKENIZER):
    reference = evaluation.FileReference.of("dir/file.json", examples)
    return evaluation.evaluate(
        reference, predictions.predictions, answers=predictions.answers, tokenizer=tokenizer, source="test"
    )


def test_scores_ceilings_and_places_are_those_of_a_calculation_by_hand():
    examples = [_example("a", "cat", 4), _example("b", "sat", 8), _example("c", "dog", 0)]
    examples += [_example(f"d{i}", "mat", 19) for i in range(17)]
    predictions = _predictions(a=(4, 7), b=(4, 11), c=(4, 7), **{f"d{i}": (19, 22) for i in range(17)})
    metrics = _evaluate(examples, predictions)
    assert metrics["file"] == "file.json"
    assert metrics["exact_match"] == pytest.approx(100 * 18 / 20)
    assert metrics["f1"] == pytest.approx(100 * (18 + 2 / 3) / 20)
    # No span is "dog"; the 19 others can be answered exactly.
    assert metrics["ceiling_exact_match"] == pytest.approx(95)
    assert metrics["share_of_ceiling_exact_match"] == pytest.approx(18 / 19)
    assert metrics["answer_survived_recognition"]["total"] == 19
    assert metrics["answer_lost_in_recognition"] == {"total": 1, "exact_match": 0.0, "f1": 0.0}
    # "cat sat" ends where "sat" does; the question whose offset does not fit is left out.
    assert metrics["span_accuracy_total"] == 19
    assert metrics["start_accuracy"] == pytest.approx(100 * 18 / 19)
    assert metrics["end_accuracy"] == 100
    assert metrics["span_accuracy"] == pytest.approx(100 * 18 / 19)
    low, high = (metrics["confidence_intervals_95"]["f1"][name] for name in ("low", "high"))
    assert low <= metrics["f1"] <= high


def test_an_answer_within_a_word_piece_is_right_when_the_whole_piece_is_found():
    metrics = _evaluate([_example("a", "ca", 4)], _predictions(a=(4, 7)))
    assert (metrics["exact_match"], metrics["span_accuracy"]) == (0, 100)


@pytest.mark.parametrize(
    ("examples", "tokenizer", "reason"),
    [
        ([_example("a", "cat", 5)], TOKENIZER, "0 of 1 questions have one that does"),
        ([_example("a", "cat", 4)], None, "does not tell how it cuts words"),
    ],
)
def test_places_are_null_with_a_reason_where_they_mean_nothing(examples, tokenizer, reason):
    metrics = _evaluate(examples, _predictions(a=(4, 7)), tokenizer)
    assert metrics["start_accuracy"] is metrics["end_accuracy"] is metrics["span_accuracy"] is None
    assert reason in metrics["span_accuracy_reason"]


def test_a_file_of_questions_without_answers_has_no_offsets_that_could_be_wrong():
    metrics = _evaluate([_impossible("a"), _impossible("b")], _predictions(a=(0, 0), b=(4, 7)))
    assert metrics["f1"] == 50
    assert (metrics["span_accuracy"], metrics["span_accuracy_total"]) == (50, 2)
    assert "span_accuracy_reason" not in metrics


@pytest.mark.parametrize(("cut", "expected"), [((0, 0), 0), ((0, 7), 1), ((None, 7), None)])
def test_questions_that_were_cut_are_counted(cut, expected):
    predictions = Predictions()
    for qas_id, num_cut in zip("ab", cut, strict=True):
        predictions.add(qas_id, DecodedAnswer("cat", 4, 7, 0.5, (), question_tokens_cut=num_cut))
    metrics = _evaluate([_example("a", "cat", 4), _example("b", "sat", 8)], predictions)
    assert metrics["questions_cut"] == expected
    line = "questions cut, too long to read"
    assert (line in report.format_table("a.json", {"m": metrics})) == bool(expected)


def test_every_question_must_be_answered():
    with pytest.raises(InputError, match="1 of 2 questions have no entry"):
        _evaluate([_example("a", "cat", 4), _example("b", "mat", 19)], _predictions(a=(4, 7)))


def test_results_are_json_beside_each_other(tmp_path):
    predictions = _predictions(a=(4, 7))
    reference = evaluation.FileReference.of("a.json", [_example("a", "cat", 4)])

    class Answerer:
        def answer(self, examples):
            return (predictions.answers[example.qas_id] for example in examples)

    metrics, others = evaluation.evaluate_answerer(reference, Answerer(), "a", lambda answers, total: answers)
    results.write_results(str(tmp_path / "new"), metrics, others)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["metrics.json", "nbest_predictions.json", "predictions.json"]
    read = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert read == metrics
    assert not any(isinstance(value, float) and math.isnan(value) for value in read.values())
    assert json.loads((tmp_path / "new" / "predictions.json").read_text()) == {"a": "cat"}
