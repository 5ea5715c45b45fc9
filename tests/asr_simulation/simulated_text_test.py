"""What is heard of a text, and of spans of it; a tiny recogniser stands in for the real one."""

import numpy as np
import pytest

from bert_qa_tf.asr_simulation.simulated_text import HeardSpan, SimulatedText, TextSimulator
from bert_qa_tf.asr_simulation.simulator import HeardWord
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.text.verbalization import VerbalizedWord, verbalize
from tests.asr_simulation.tiny_recognizer import text_simulator

TEXT = "The cat sat on 3 mats, before Saturn; the bat fell."


def heard(*words: tuple[str, str]) -> SimulatedText:
    """Each word with the part of `TEXT` that it stands for."""
    found = [HeardWord(text, TEXT.index(part), TEXT.index(part) + len(part)) for text, part in words]
    return SimulatedText(verbalize(TEXT), found)


HEARD = heard(
    ("the", "The"), ("mat", "cat"), ("sat", "sat"), ("on", "on"), ("three", "3"), ("sat", "Saturn"), ("turn", "Saturn")
)


def place(text: str, simulated: SimulatedText = HEARD, source: str = TEXT) -> HeardSpan:
    start_char = source.index(text)
    span = simulated.place(start_char, start_char + len(text))
    if span.outcome != "lost":
        assert simulated.text[span.start_char : span.start_char + len(span.text)] == span.text != ""
    return span


@pytest.mark.parametrize(
    ("clean", "outcome", "text"),
    [
        ("sat on", "exact", "sat on"),
        ("3", "exact", "three"),  # said in words
        ("cat", "aligned", "mat"),
        ("The cat", "aligned", "the mat"),
        ("Saturn", "aligned", "sat turn"),
        ("before", "lost", ""),
        ("bat fell", "lost", ""),
        (";", "lost", ""),  # never said
    ],
)
def test_what_becomes_of_a_span(clean, outcome, text):
    assert place(clean)[:2] == (outcome, text)


def test_a_lost_article_leaves_a_span_as_scoring_compares_it():
    assert place("The cat", heard(("cat", "cat"), ("sat", "sat"))) == ("exact", "cat", 0, "the cat")


def test_a_span_inside_a_word_takes_the_word():
    assert place("turn").text == "sat turn"


def test_confidence_is_the_share_of_letters_that_are_heard():
    assert place("cat").confidence == pytest.approx(2 / 3)
    assert place("sat on").confidence == 1.0
    assert place("before").confidence == 0.0


def test_errors_are_counted_as_wer_counts_them():
    # cat → mat; of "mats before saturn the bat fell" two words are replaced by "sat turn" and four are gone.
    assert HEARD.word_errors == 7
    assert heard(*((word.text, TEXT[word.start_char : word.end_char]) for word in HEARD.said)).word_errors == 0


def edit_distance(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for number, word in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for column, against in enumerate(other, 1):
            best = min(diagonal + (word != against), row[column] + 1, row[column - 1] + 1)
            diagonal, row[column] = row[column], best
    return row[-1]


def test_errors_are_the_edit_distance_of_the_words():
    random = np.random.default_rng(0)
    for _ in range(200):
        said, heard = (random.choice(["a", "the", "cat", "cats"], random.integers(0, 12)).tolist() for _ in range(2))
        simulated = SimulatedText([VerbalizedWord(w, 0, 1) for w in said], [HeardWord(w, 0, 1) for w in heard])
        assert simulated.word_errors == edit_distance(said, heard)


def test_what_is_heard_follows_from_text_seed_and_copy_alone():
    one, other = text_simulator(), text_simulator()
    other.hear("another text, heard before", 0)
    assert one.hear(TEXT, 1) == other.hear(TEXT, 1)
    texts = {text_simulator(seed).hear(TEXT, copy).text for seed in range(3) for copy in range(3)}
    assert len(texts) > 5


def test_a_text_and_a_seed_are_heard_as_they_always_were():
    pytest.importorskip("pocketsphinx", reason="pip install -r requirements/speech.txt")
    text = "In May 2008, the devastating earthquake in Sichuan destroyed 7,000 schools. Who paid?"
    assert TextSimulator(AsrSimulationConfig((0.4,)), seed=1).hear(text, 0).text == (
        "in may to us and if i devastating earthquake in sichuan destroyed often thousand schools. hi pad."
    )


def test_a_full_stop_ends_what_is_heard_of_a_sentence_and_no_span():
    text = "The cat sat. The bat fell on Saturn."
    simulator, plain = text_simulator(copies=1), text_simulator(copies=1, sentence_stops=False)
    for copy in range(20):
        simulated = simulator.hear(text, copy)
        assert simulated.text.replace(".", "") == plain.hear(text, copy).text
        assert simulated.text.count(".") == len(simulated.stops) <= 2
        assert simulated.word_errors == plain.hear(text, copy).word_errors
        for part in ("cat sat", "sat. The bat", "Saturn", "."):
            assert not place(part, simulated, text).text.endswith(".")
    assert not HEARD.stops
