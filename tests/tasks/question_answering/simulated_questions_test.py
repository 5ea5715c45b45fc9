"""Answers carried from clean text to what was heard; a tiny recogniser stands in for the real one."""

from collections import Counter

from bert_qa_tf.tasks.question_answering.ceiling import span_ceiling
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.simulated_questions import (
    SIMULATION_COUNTERS,
    copy_id,
    simulated_copies,
    simulated_examples,
)
from bert_qa_tf.tasks.question_answering.validation import answer_survived, has_valid_offset
from bert_qa_tf.text.verbalization import verbalize
from tests.asr_simulation.tiny_recognizer import text_simulator

CONTEXT = "The cat sat on 3 mats, before Saturn; the bat fell."


def _example(qas_id: str, *texts: str, context: str = CONTEXT) -> SquadExample:
    answers = tuple(Answer(text, context.index(text)) for text in texts)
    return SquadExample(qas_id, "who?", context, answers, is_impossible=not texts)


def test_every_copy_has_the_questions_whose_answer_came_through():
    simulator, counts = text_simulator(copies=6, min_confidence=0.0), Counter()
    questions = [(e, e.answers[0]) for e in (_example("1", "sat on"), _example("2", "Saturn"), _example("3", "cat"))]
    simulated = list(simulated_copies(questions, simulator, counts))
    assert [question.copy for question in simulated] == sorted(question.copy for question in simulated)
    assert {question.copy for question in simulated} == set(range(6))
    for example, answer, copy in simulated:
        assert example.context == simulator.hear(CONTEXT, copy).text
        assert answer.fits(example.context)
    assert counts["simulated_questions"] == len(simulated)
    assert counts["simulated_questions_dropped"] == counts["simulated_answers_lost"] == 18 - len(simulated) > 0
    assert counts["simulated_answers_exact"] + counts["simulated_answers_aligned"] == len(simulated)
    assert counts["simulated_words"] == 6 * len(verbalize(CONTEXT))
    assert counts["simulated_word_errors"] > 0
    assert set(counts) <= set(SIMULATION_COUNTERS)


def test_a_question_whose_answer_is_hardly_heard_is_dropped():
    questions = [(_example("1", "sat on"), Answer("sat on", CONTEXT.index("sat on")))]
    every = list(simulated_copies(questions, text_simulator(copies=20, min_confidence=0.0), Counter()))
    counts = Counter()
    alike = list(simulated_copies(questions, text_simulator(copies=20, min_confidence=0.6), counts))
    simulator = text_simulator()
    answer = questions[0][1]
    spans = {q.copy: simulator.hear(CONTEXT, q.copy).place(answer.start_char, answer.end_char) for q in every}
    assert alike == [question for question in every if spans[question.copy].confidence >= 0.6]
    assert 0 < len(alike) < len(every)
    assert counts["simulated_questions"] + counts["simulated_questions_dropped"] == 20


def test_only_exact_answers_may_be_kept():
    counts = Counter()
    questions = [(_example("1", "sat on"), Answer("sat on", CONTEXT.index("sat on")))]
    simulated = list(simulated_copies(questions, text_simulator(copies=20, answers="exact"), counts))
    assert {question.answer.text for question in simulated} == {"sat on"}
    not_exact = counts["simulated_answers_lost"] + counts["simulated_answers_aligned"]
    assert counts["simulated_questions_dropped"] == not_exact


def test_clean_copies_come_before_the_simulated_ones():
    questions = [(_example("1", "Saturn"), Answer("Saturn", CONTEXT.index("Saturn")))]
    counts, counts_without = Counter(), Counter()
    simulated = list(simulated_copies(questions, text_simulator(copies=3, clean_copies=2), counts))
    without = list(simulated_copies(questions, text_simulator(copies=3), counts_without))
    assert [question.copy for question in simulated[:2]] == [0, 1]
    for example, answer, _ in simulated[:2]:
        assert example.context == CONTEXT
        assert answer == questions[0][1]
    assert simulated[2:] == [question._replace(copy=question.copy + 2) for question in without]
    assert counts == counts_without


def test_a_question_without_an_answer_stays_one():
    [simulated, _] = simulated_copies([(_example("1"), None)], text_simulator(copies=2), Counter())
    assert simulated.answer is None
    assert simulated.example.is_impossible


def test_a_simulated_file_is_scored_by_what_was_said():
    examples = [_example("1", "sat on", "on"), _example("2", "Saturn"), _example("3", "3")]
    for copy in range(20):
        simulated = list(simulated_examples(examples, text_simulator(), copy))
        for clean, example in zip(examples, simulated, strict=True):
            for answer, before in zip(example.answers, clean.answers, strict=True):
                said = {"Saturn": "saturn", "3": "three"}.get(before.text, before.text)
                # What came through is in the transcript; what did not is what was said, and counts as lost.
                assert answer.text == said
                if not answer.fits(example.context):
                    assert answer.start_char == -1 or example.context[answer.start_char :]
        if not answer_survived(simulated).all():
            break
    assert not all(map(has_valid_offset, simulated))
    assert span_ceiling(simulated).mean_f1 < 100


def test_an_offset_that_did_not_fit_the_clean_text_fits_no_better():
    example = SquadExample("1", "who?", CONTEXT, (Answer("cat", 0),))
    [simulated] = simulated_examples([example], text_simulator())
    assert simulated.answers == (Answer("cat", -1),)


def test_windows_of_copies_have_names_of_their_own():
    assert len({copy_id(unique_id, copy) for unique_id in (-5, 0, 7) for copy in range(3)} | {-5, 0, 7}) == 12
