"""The baseline that only counts shared words."""

import pytest

from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.word_overlap import VARIANTS, Variant, best_word_overlap, word_overlap

CONTEXT = "hello this is margaret. the broken lamp is ready on monday. the new chair comes on friday."


def example(question: str, answer: str = "monday", context: str = CONTEXT, qas_id: str = "1") -> SquadExample:
    return SquadExample(qas_id, question, context, (Answer(answer, context.find(answer)),))


def answer(question: str, variant: Variant, context: str = CONTEXT) -> str:
    return word_overlap([example(question, context=context)], variant)["1"]


def test_the_sentence_with_most_of_the_questions_words_has_the_answer():
    assert answer("when is the broken lamp ready", Variant(1, None, False)) == "monday"
    assert answer("when does the new chair come", Variant(1, None, False)) == "comes"


def test_words_of_the_question_are_no_part_of_an_answer():
    assert answer("is the new chair coming on friday", Variant(1, None, False)) == "comes"


def test_a_word_that_is_rarer_in_the_transcript_counts_more():
    context = "red carts. red doors. red chairs. blue buses."
    assert answer("red or blue", Variant(1, None, False), context) == "buses"


def test_a_window_reaches_into_other_sentences_and_a_sentence_does_not():
    context = "margaret talked about the rent. tuesday is fine."
    assert answer("rent", Variant(1, 1, False), context) == "tuesday"
    assert answer("rent", Variant(1, None, False), context) == "margaret"


def test_what_is_nearer_counts_more_where_asked_for():
    context = "lamp costs much and is sold by peter"
    assert answer("lamp sold", Variant(1, None, False), context) == "costs"
    assert answer("sold", Variant(1, None, True), context) == "peter"


def test_an_answer_stays_in_its_sentence_and_loses_its_full_stop():
    assert answer("when did margaret buy the lamp", Variant(4, None, False), "a lamp. tuesday at nine") == ""
    assert answer("what is ready on monday", Variant(2, None, False)) == "broken lamp"
    assert answer("what was said of the new chair", Variant(3, None, False)) == "comes on friday"


def test_the_best_variant_is_the_one_with_the_best_f1_on_the_questions():
    examples = [
        example("what is ready on monday", "broken lamp"),
        example("what comes on friday", "new chair", qas_id="2"),
    ]
    best = best_word_overlap(examples)

    assert best.f1 == 100.0
    assert best.variant.length == 2
    assert best.predictions == {"1": "broken lamp", "2": "new chair"}
    assert best.predictions == word_overlap(examples, best.variant)


@pytest.mark.parametrize("context", ["", "the", "who called", "..."])
def test_a_transcript_with_nothing_to_choose_is_answered_with_nothing(context):
    assert all(answer("who called", variant, context) == "" for variant in VARIANTS)


def test_files_with_questions_that_have_no_answer_are_scored():
    impossible = SquadExample("2", "who pays", CONTEXT, is_impossible=True)
    assert best_word_overlap([example("when is the broken lamp ready"), impossible]).f1 == 50.0
