import pytest

from bert_qa_tf.config import DecodingConfig
from bert_qa_tf.tasks.question_answering import export_parity
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.predictor import Predictor
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from tests import tiny_model

MODEL = tiny_model.tiny_span_model()
PREDICTOR = Predictor(MODEL, tiny_model.tiny_tokenizer(), tiny_model.WINDOWING, DecodingConfig())
EXAMPLE = SquadExample("q", "who", "the cat sat on the mat")
[ANSWER] = PREDICTOR.answer([EXAMPLE])


def compare(found, tolerance=1e-3, example=EXAMPLE):
    return export_parity.compare_answers(PREDICTOR, [example], [found], tolerance)


def place(candidate):
    return candidate.text, candidate.start_char, candidate.end_char


def test_the_same_text_at_the_same_place_is_the_same():
    comparison = compare(place(ANSWER))
    assert (comparison.same, comparison.ties, comparison.wrong, comparison.total) == (1, [], [], 1)


def test_equal_scores_but_for_rounding_are_ties():
    best, second = ANSWER.nbest[:2]
    gap = (best.start_logit + best.end_logit) - (second.start_logit + second.end_logit)
    expected = f"q ({second.text!r}, expected {best.text!r})"

    assert compare(place(second), tolerance=gap * 1.01).ties == [expected]
    assert compare(place(second), tolerance=gap * 0.99).wrong == [expected]


def test_a_place_that_does_not_hold_the_text_is_wrong_whatever_the_tolerance():
    text, start, end = place(ANSWER)
    assert compare((text, start + 1, end + 1), tolerance=1e9).wrong
    assert compare((text, start, end + 1), tolerance=1e9).wrong


def test_the_same_text_elsewhere_is_a_tie_only_where_the_model_scores_it_alike():
    example = SquadExample("q", "who", "cat . cat")
    single_words = Predictor(
        MODEL,
        PREDICTOR.tokenizer,
        PREDICTOR.windowing,
        DecodingConfig(max_answer_length=1),
    )
    [answer] = single_words.answer([example])
    assert answer.text == "cat"
    elsewhere = ("cat", 6, 9) if answer.start_char == 0 else ("cat", 0, 3)

    assert export_parity.compare_answers(single_words, [example], [elsewhere], 1e-6).wrong
    assert export_parity.compare_answers(single_words, [example], [elsewhere], 1e9).ties


def test_nothing_in_place_of_an_answer_is_wrong_for_a_model_that_always_answers():
    assert compare(("", 0, 0), tolerance=1e9).wrong


def test_the_largest_difference_of_logits_is_found_and_named():
    [windows] = featurize_examples([EXAMPLE], PREDICTOR.tokenizer, PREDICTOR.windowing, lambda _: None)
    [result] = PREDICTOR.raw_results(windows)
    starts, ends = result.start_logits.tolist(), result.end_logits.tolist()

    assert export_parity.largest_difference(PREDICTOR, windows, [[starts, ends]])[0] == pytest.approx(0, abs=1e-5)
    ends[2] += 0.25
    difference, name = export_parity.largest_difference(PREDICTOR, windows, [[starts, ends]])
    assert (difference, name) == (pytest.approx(0.25, abs=1e-5), "end_logits")
    ends[2] = float("nan")
    assert str(export_parity.largest_difference(PREDICTOR, windows, [[starts, ends]])[0]) == "nan"
