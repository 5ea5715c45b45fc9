import pytest

from bert_qa_tf.tasks.question_answering import evaluation, report, seconds
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.evaluation import FileReference
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample, TimedWord, TimedWords

_CONTEXT = "nora called at six"
_WORDS = TimedWords([TimedWord(0, 4, 0.0, 1.0), TimedWord(5, 11, 1.0, 2.0), TimedWord(15, 18, 3.0, 5.0)])


def _example(qas_id="a", gold_secs=((1.0, 2.0),), word_times=_WORDS):
    answers = (Answer("called", 5),)
    return SquadExample(qas_id, "what", _CONTEXT, answers, gold_secs=gold_secs, word_times=word_times)


def _answer(text):
    start = _CONTEXT.index(text)
    return DecodedAnswer(text, start, start + len(text), 1.0, [])


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ((1.0, 2.0), (1.0, 2.0), (1.0, 1.0)),
        ((0.0, 2.0), (1.0, 2.0), (0.5, 2 / 3)),  # P 1/2, R 1
        ((0.0, 2.0), (1.0, 3.0), (1 / 3, 0.5)),
        ((0.0, 1.0), (1.0, 2.0), (0.0, 0.0)),
        ((1.0, 1.0), (1.0, 1.0), (0.0, 0.0)),  # no length, no frame
    ],
)
def test_overlap(predicted, gold, expected):
    assert seconds.overlap(predicted, gold) == pytest.approx(expected)


def test_a_span_has_the_times_of_the_words_it_touches():
    assert _WORDS.secs_of(0, 11) == (0.0, 2.0)
    assert _WORDS.secs_of(9, 18) == (1.0, 5.0)
    assert _WORDS.secs_of(12, 14) is None


def test_the_best_gold_stretch_counts_and_no_answer_is_0():
    examples = [_example("a", ((9.0, 9.5), (0.0, 2.0))), _example("b"), _example("c", ()), _example("d")]
    answers = {"a": _answer("called"), "b": _answer("called"), "c": _answer("nora"), "d": _answer("")}
    found = seconds.score(examples, answers)["seconds"]
    assert found == {"total": 3, "aos": pytest.approx(50.0), "frame_f1": pytest.approx(100 * (2 / 3 + 1) / 3)}


def test_why_there_is_no_score():
    assert seconds.score([_example(gold_secs=())], {}) == {}
    assert "not when the words" in seconds.score([_example(word_times=TimedWords())], {})["seconds_reason"]
    assert "only the texts" in seconds.score([_example()], None)["seconds_reason"]


class _Answerer:
    def answer(self, examples):
        return (_answer("called") for _ in examples)


def test_evaluation_reports_seconds_and_writes_them_beside_the_predictions():
    reference = FileReference.of("calls.parquet", [_example()])
    found = evaluation.evaluate_answerer(reference, _Answerer(), "model", lambda answers, total: answers)
    assert found.metrics["seconds"] == {"total": 1, "aos": 100.0, "frame_f1": 100.0}
    assert found.files["answer_seconds.json"] == {"a": {"predicted": (1.0, 2.0), "gold": [[1.0, 2.0]]}}
    table = report.format_table("calls.parquet", {"model": found.metrics})
    assert "seconds, AOS / frame F1 (1)" in table
    assert "100.00 / 100.00" in table.splitlines()[-1]
