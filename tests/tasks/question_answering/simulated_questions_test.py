"""Answers carried from clean text to what was heard; a tiny recogniser stands in for the real one."""

import json
from collections import Counter

import pytest

from bert_qa_tf.asr_simulation.simulator import AsrSimulator, HeardWord
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.speech.spoken_dataset.simulated_squad import write_noisy_squad
from bert_qa_tf.tasks.question_answering.ceiling import span_ceiling
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.simulated_questions import (
    NOISE_COUNTERS,
    NoiseMaker,
    NoisyContext,
    copy_id,
    noisy_copies,
    noisy_examples,
)
from bert_qa_tf.tasks.question_answering.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.validation import answer_survived, has_valid_offset
from bert_qa_tf.text.verbalization import spoken_words
from tests.asr_simulation.tiny_recognizer import level, table, tiny_vocabulary

CONTEXT = "The cat sat on 3 mats, before Saturn; the bat fell."


def heard(*words: tuple[str, str]) -> NoisyContext:
    """Each word with the part of `CONTEXT` that it stands for."""
    found = [HeardWord(text, CONTEXT.index(part), CONTEXT.index(part) + len(part)) for text, part in words]
    return NoisyContext(spoken_words(CONTEXT), found)


NOISY = heard(
    ("the", "The"), ("mat", "cat"), ("sat", "sat"), ("on", "on"), ("three", "3"), ("sat", "Saturn"), ("turn", "Saturn")
)


def carry(text: str) -> tuple[str, str | None]:
    outcome, answer, _ = NOISY.carry(Answer(text, CONTEXT.index(text)))
    assert answer is None or answer.fits(NOISY.text)
    return outcome, answer and answer.text


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        ("sat on", "exact", "sat on"),
        ("3", "exact", "three"),  # said in words
        ("cat", "aligned", "mat"),
        ("The cat", "aligned", "the mat"),
        ("Saturn", "aligned", "sat turn"),
        ("before", "lost", None),
        ("bat fell", "lost", None),
        (";", "lost", None),  # never said
    ],
)
def test_what_becomes_of_an_answer(answer, outcome, text):
    assert carry(answer) == (outcome, text)


def test_a_lost_article_leaves_an_answer_as_scoring_compares_it():
    noisy = heard(("cat", "cat"), ("sat", "sat"))
    assert noisy.carry(Answer("The cat", 0)) == ("exact", Answer("cat", 0), "the cat")


def test_an_answer_inside_a_word_takes_the_word():
    assert NOISY.carry(Answer("turn", CONTEXT.index("turn"))).answer.text == "sat turn"


def test_errors_are_counted_as_wer_counts_them():
    # cat → mat; of "mats before saturn the bat fell" two words are replaced by "sat turn" and four are gone.
    assert NOISY.word_errors == 7
    assert heard(*((word.text, CONTEXT[word.start_char : word.end_char]) for word in NOISY.spoken)).word_errors == 0


def _maker(seed: int = 0, **settings) -> NoiseMaker:
    noise = AsrSimulator(tiny_vocabulary(), table(level(dropped=0.2, ends_kept=0.5, splits_unknown=0.1)))
    return NoiseMaker(AsrSimulationConfig(**settings), seed, noise)


def _example(qas_id: str, *texts: str, context: str = CONTEXT) -> SquadExample:
    answers = tuple(Answer(text, context.index(text)) for text in texts)
    return SquadExample(qas_id, "who?", context, answers, is_impossible=not texts)


def test_noise_follows_from_text_seed_and_copy_alone():
    one, other = _maker(), _maker()
    other.hear("another text, heard before", 0)
    assert one.hear(CONTEXT, 1) == other.hear(CONTEXT, 1)
    texts = {_maker(seed).hear(CONTEXT, copy).text for seed in range(3) for copy in range(3)}
    assert len(texts) > 5


def test_a_text_and_a_seed_are_heard_as_they_always_were():
    pytest.importorskip("pocketsphinx", reason="pip install -r requirements/speech.txt")
    context = "In May 2008, the devastating earthquake in Sichuan destroyed 7,000 schools. Who paid?"
    assert NoiseMaker(AsrSimulationConfig((0.4,)), seed=1).hear(context, 0).text == (
        "in may to us and if i devastating earthquake in sichuan destroyed often thousand schools. hi pad."
    )


def test_every_copy_has_the_questions_whose_answer_came_through():
    maker, counts = _maker(copies=6, min_confidence=0.0), Counter()
    questions = [(e, e.answers[0]) for e in (_example("1", "sat on"), _example("2", "Saturn"), _example("3", "cat"))]
    noisy = list(noisy_copies(questions, maker, counts))
    assert [question.copy for question in noisy] == sorted(question.copy for question in noisy)
    assert {question.copy for question in noisy} == set(range(6))
    for example, answer, copy in noisy:
        assert example.context == maker.hear(CONTEXT, copy).text
        assert answer.fits(example.context)
    assert counts["noisy_questions"] == len(noisy)
    assert counts["noisy_questions_dropped"] == counts["noisy_answers_lost"] == 18 - len(noisy) > 0
    assert counts["noisy_answers_exact"] + counts["noisy_answers_aligned"] == len(noisy)
    assert counts["noisy_words"] == 6 * len(spoken_words(CONTEXT))
    assert counts["noisy_word_errors"] > 0
    assert set(counts) <= set(NOISE_COUNTERS)


def test_a_question_whose_answer_is_hardly_heard_is_dropped():
    questions = [(_example("1", "sat on"), Answer("sat on", CONTEXT.index("sat on")))]
    every = list(noisy_copies(questions, _maker(copies=20, min_confidence=0.0), Counter()))
    counts = Counter()
    alike = list(noisy_copies(questions, _maker(copies=20, min_confidence=0.6), counts))
    maker = _maker()
    confidence = {q.copy: maker.hear(CONTEXT, q.copy).carry(questions[0][1]).confidence for q in every}
    assert alike == [question for question in every if confidence[question.copy] >= 0.6]
    assert 0 < len(alike) < len(every)
    assert counts["noisy_questions"] + counts["noisy_questions_dropped"] == 20
    assert NOISY.carry(Answer("cat", CONTEXT.index("cat"))).confidence == pytest.approx(2 / 3)


def test_only_exact_answers_may_be_kept():
    counts = Counter()
    questions = [(_example("1", "sat on"), Answer("sat on", CONTEXT.index("sat on")))]
    noisy = list(noisy_copies(questions, _maker(copies=20, answers="exact"), counts))
    assert {question.answer.text for question in noisy} == {"sat on"}
    assert counts["noisy_questions_dropped"] == counts["noisy_answers_lost"] + counts["noisy_answers_aligned"]


def test_a_full_stop_ends_what_is_heard_of_a_sentence_and_no_answer():
    context = "The cat sat. The bat fell on Saturn."
    maker, plain = _maker(copies=1), _maker(copies=1, sentence_stops=False)
    for copy in range(20):
        noisy = maker.hear(context, copy)
        assert noisy.text.replace(".", "") == plain.hear(context, copy).text
        assert noisy.text.count(".") == len(noisy.stops) <= 2
        assert noisy.word_errors == plain.hear(context, copy).word_errors
        for text in ("cat sat", "sat. The bat", "Saturn", "."):
            carried = noisy.carry(Answer(text, context.index(text)))
            if carried.answer is not None:
                assert carried.answer.fits(noisy.text)
                assert not carried.answer.text.endswith(".")
    assert not NOISY.stops


def test_clean_copies_come_before_the_heard_ones():
    questions = [(_example("1", "Saturn"), Answer("Saturn", CONTEXT.index("Saturn")))]
    counts, counts_without = Counter(), Counter()
    noisy = list(noisy_copies(questions, _maker(copies=3, clean_copies=2), counts))
    without = list(noisy_copies(questions, _maker(copies=3), counts_without))
    assert [question.copy for question in noisy[:2]] == [0, 1]
    for example, answer, _ in noisy[:2]:
        assert example.context == CONTEXT
        assert answer == questions[0][1]
    assert noisy[2:] == [question._replace(copy=question.copy + 2) for question in without]
    assert counts == counts_without


def test_a_question_without_an_answer_stays_one():
    [noisy, _] = noisy_copies([(_example("1"), None)], _maker(copies=2), Counter())
    assert noisy.answer is None
    assert noisy.example.is_impossible


def test_a_noisy_file_is_scored_by_what_was_said():
    examples = [_example("1", "sat on", "on"), _example("2", "Saturn"), _example("3", "3")]
    for copy in range(20):
        noisy = list(noisy_examples(examples, _maker(), copy))
        for clean, example in zip(examples, noisy, strict=True):
            for answer, before in zip(example.answers, clean.answers, strict=True):
                said = {"Saturn": "saturn", "3": "three"}.get(before.text, before.text)
                # What came through is in the transcript; what did not is what was said, and counts as lost.
                assert answer.text == said
                if not answer.fits(example.context):
                    assert answer.start_char == -1 or example.context[answer.start_char :]
        if not answer_survived(noisy).all():
            break
    assert not all(map(has_valid_offset, noisy))
    assert span_ceiling(noisy).mean_f1 < 100


def test_a_noisy_file_is_written_with_what_became_of_its_answers(tmp_path):
    document = {"title": "a", "paragraphs": [{"context": CONTEXT, "qas": [
        {"id": str(i), "question": "who?", "answers": [{"text": text, "answer_start": CONTEXT.index(text)}]}
        for i, text in enumerate(("cat", "sat on", "Saturn"))]}]}  # fmt: skip
    (tmp_path / "clean.json").write_text(json.dumps({"version": "1.1", "data": [document]}))
    counts = write_noisy_squad(tmp_path / "clean.json", tmp_path / "noisy.json", _maker())
    examples = read_squad(tmp_path / "noisy.json")
    assert [example.qas_id for example in examples] == ["0", "1", "2"]
    assert {example.context for example in examples} == {_maker().hear(CONTEXT, 0).text}
    assert (
        counts["noisy_questions"] == sum(counts[f"noisy_answers_{kind}"] for kind in ("exact", "aligned", "lost")) == 3
    )
    assert counts["noisy_answers_exact"] == sum(map(has_valid_offset, examples))


def test_an_offset_that_did_not_fit_the_clean_text_fits_no_better():
    example = SquadExample("1", "who?", CONTEXT, (Answer("cat", 0),))
    [noisy] = noisy_examples([example], _maker())
    assert noisy.answers == (Answer("cat", -1),)


def test_windows_of_copies_have_names_of_their_own():
    assert len({copy_id(unique_id, copy) for unique_id in (-5, 0, 7) for copy in range(3)} | {-5, 0, 7}) == 12
