from bert_qa_tf.tasks.question_answering import export_parity
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import DecodingConfig, QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from tests import tiny_model

MODEL = tiny_model.tiny_span_model()
PREDICTOR = QuestionAnswerer(MODEL, tiny_model.tiny_tokenizer(), tiny_model.SETTINGS)
EXAMPLE = SquadExample("q", "who", "the cat sat on the mat")
[ANSWER] = PREDICTOR.answer([EXAMPLE])


def compare(found, tolerance=1e-3, example=EXAMPLE):
    return export_parity.compare_answers(PREDICTOR, [example], [found], tolerance)


def answer_of(text, start_char, end_char):
    return DecodedAnswer(text, start_char, end_char, 1.0, ())


def place(candidate):
    return candidate.text, candidate.start_char, candidate.end_char


def test_the_same_text_at_the_same_place_is_the_same():
    comparison = compare(ANSWER)
    assert (comparison.same, comparison.ties, comparison.wrong, comparison.total) == (1, [], [], 1)


def test_equal_scores_but_for_rounding_are_ties():
    best, second = ANSWER.nbest[:2]
    gap = (best.start_logit + best.end_logit) - (second.start_logit + second.end_logit)
    expected = f"q ({second.text!r}, expected {best.text!r})"

    assert compare(answer_of(*place(second)), tolerance=gap * 1.01).ties == [expected]
    assert compare(answer_of(*place(second)), tolerance=gap * 0.99).wrong == [expected]


def test_a_place_that_does_not_hold_the_text_is_wrong_whatever_the_tolerance():
    text, start, end = place(ANSWER)
    assert compare(answer_of(text, start + 1, end + 1), tolerance=1e9).wrong
    assert compare(answer_of(text, start, end + 1), tolerance=1e9).wrong


def test_the_same_text_elsewhere_is_a_tie_only_where_the_model_scores_it_alike():
    example = SquadExample("q", "who", "cat . cat")
    single_words = QuestionAnswerer(
        MODEL,
        PREDICTOR.tokenizer,
        QuestionAnsweringConfig(PREDICTOR.windowing, DecodingConfig(max_answer_length=1)),
    )
    [answer] = single_words.answer([example])
    assert answer.text == "cat"
    elsewhere = answer_of(*(("cat", 6, 9) if answer.start_char == 0 else ("cat", 0, 3)))

    assert export_parity.compare_answers(single_words, [example], [elsewhere], 1e-6).wrong
    assert export_parity.compare_answers(single_words, [example], [elsewhere], 1e9).ties


def test_nothing_in_place_of_an_answer_is_wrong_for_a_model_that_always_answers():
    assert compare(answer_of("", 0, 0), tolerance=1e9).wrong
