from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.labels import choose_label

CONTEXT = "the ship left port and the port was empty"


def _example(*answers: tuple[str, int], is_impossible: bool = False) -> SquadExample:
    return SquadExample("q", "where", CONTEXT, tuple(Answer(*answer) for answer in answers), is_impossible)


def test_the_first_answer_whose_offset_fits_is_the_label():
    label = choose_label(_example(("ship", 3), ("left", 9), ("port", 14)))
    assert label.answer == Answer("left", 9)
    assert (label.misaligned, label.mended, label.dropped) == (1, 1, 0)


def test_a_text_that_occurs_once_is_mended():
    label = choose_label(_example(("ship", 3)))
    assert label.answer == Answer("ship", 4)
    assert (label.misaligned, label.mended, label.dropped) == (1, 1, 0)


def test_a_text_that_occurs_twice_or_never_is_dropped():
    for text in ("port", "harbour", " "):
        label = choose_label(_example((text, 1)))
        assert label.answer is None
        assert (label.misaligned, label.mended, label.dropped) == (1, 0, 1)


def test_overlapping_occurrences_are_two():
    example = SquadExample("q", "what", "banana", (Answer("ana", 0),))
    assert choose_label(example).answer is None


def test_an_impossible_question_has_no_label_and_nothing_dropped():
    assert choose_label(_example(is_impossible=True)) == (None, 0, 0)
