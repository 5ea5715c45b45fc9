import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_qa_tf.tasks.question_answering.ceiling import ContextIndex, span_ceiling
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.metrics import score_answer


def _example(context, *golds):
    return SquadExample("q", "what", context, tuple(Answer(gold, 0) for gold in golds))


def _ceiling(context, *golds, max_answer_words=30):
    ceiling = span_ceiling([_example(context, *golds)], max_answer_words)
    return float(ceiling.exact_match[0]), float(ceiling.f1[0])


def test_an_answer_in_the_text_can_be_reached():
    assert _ceiling("they played The Denver Broncos, in may", "denver broncos") == (1.0, 1.0)


def test_a_garbled_answer_can_be_reached_in_part():
    # "cold play" for "coldplay the band": one of two tokens, at best.
    assert _ceiling("then cold play a band came", "Coldplay band") == (0.0, pytest.approx(2 / 3))


def test_right_words_in_another_order_are_no_exact_match():
    assert _ceiling("broncos denver won", "Denver Broncos") == (0.0, 1.0)


def test_articles_inside_the_answer_do_not_hinder():
    assert _ceiling("king of the north", "King of North") == (1.0, 1.0)


def test_only_whole_words_make_a_span():
    assert _ceiling("x—the—y z", "x—") == (0.0, pytest.approx(2 / 3))


def test_words_that_give_no_token_still_count_as_words_of_the_span():
    assert _ceiling("red the the the hat", "red hat", max_answer_words=5) == (1.0, 1.0)
    assert _ceiling("red the the the hat", "red hat", max_answer_words=4) == (0.0, pytest.approx(2 / 3))


def test_the_best_gold_answer_counts():
    assert _ceiling("a b c", "q", "b c") == (1.0, 1.0)


def test_a_question_without_answer_is_reached_by_the_empty_one():
    assert _ceiling("some text") == (1.0, 1.0)


def test_an_answer_that_normalizes_to_nothing_can_only_match_exactly():
    assert _ceiling("the hat", "The") == (1.0, 0.0)
    assert _ceiling("red hat", "The") == (0.0, 0.0)


def test_tokens_are_found_side_by_side_only():
    index = ContextIndex("the red, big hat")
    assert index.contains(["red", "big"])
    assert not index.contains(["red", "hat"])
    assert not index.contains([])


_WORDS = st.lists(st.sampled_from(["a", "the", "red", "Red,", "hat", "cat", "x—the—y", "--", "y"]), max_size=9)


@settings(max_examples=300, deadline=None)
@given(_WORDS, st.lists(_WORDS, min_size=1, max_size=3), st.integers(1, 5))
def test_equals_a_search_of_every_span(words, golds, max_answer_words):
    golds = [" ".join(gold) for gold in golds]
    exact_match = f1 = 0.0
    for start, end in itertools.combinations(range(len(words) + 1), 2):
        if end - start <= max_answer_words:
            scores = [score_answer(" ".join(words[start:end]), gold) for gold in golds]
            exact_match = max(exact_match, *(s.exact_match for s in scores))
            f1 = max(f1, *(s.f1 for s in scores))
    found = _ceiling(" ".join(words), *golds, max_answer_words=max_answer_words)
    assert found == (exact_match, pytest.approx(f1))
