"""A paragraph as it was heard."""

from bert_qa_tf.config import SpokenDatasetConfig
from bert_qa_tf.speech.spoken_dataset.paragraphs import SpokenParagraph
from bert_qa_tf.speech.spoken_dataset.speak_and_recognize import Heard
from bert_qa_tf.speech.transcripts.transcript import Word
from tests.speech.speaking import needs_pocketsphinx

pytestmark = needs_pocketsphinx

CONTEXT = "In 1998, Carolina beat Denver. U.S. fans left."
HEARD = ("in nineteen ninety eight carolina beat dinner", "u.s. fans laughed")


def heard(*sentences):
    """Words a second apart, half a second long, the second sentence from 10 s on."""
    return Heard(
        tuple(
            tuple(Word(word, 10.0 * n + i, 10.0 * n + i + 0.5, 0.9) for i, word in enumerate(sentence.split()))
            for n, sentence in enumerate(sentences)
        ),
        20.0,
        1.0,
    )


def question(text, qas_id="q"):
    return {"id": qas_id, "question": "?", "answers": [{"text": text, "answer_start": CONTEXT.index(text)}]}


def spoken(qas, sentences=HEARD, **settings):
    paragraph = SpokenParagraph({"context": CONTEXT, "qas": qas}, heard(*sentences), SpokenDatasetConfig(**settings))
    return paragraph.to_json(0.01), paragraph.counts


def test_the_transcript_ends_sentences_as_spoken_squad_does_and_times_each_of_its_words():
    made, _ = spoken([])
    assert made["context"] == "in nineteen ninety eight carolina beat dinner. u s fans laughed."
    assert len(made["word_times"]) == len(made["context"].split())
    assert made["word_times"][0] == [0.0, 0.5]
    # One word of the recogniser, two of the transcript.
    assert made["word_times"][7:10] == [[10.0, 10.25], [10.25, 10.5], [11.0, 11.5]]
    assert made["duration_secs"] == 20.0
    assert made["noise_volume"] == 0.01


def test_sentence_stops_can_be_left_out():
    made, _ = spoken([], sentence_stops=False)
    assert made["context"] == "in nineteen ninety eight carolina beat dinner u s fans laughed"


def test_it_holds_what_was_said_beside_what_was_heard():
    made, _ = spoken([])
    assert made["sentences"] == [
        {
            "reference": "in nineteen ninety eight carolina beat denver",
            "heard": "in nineteen ninety eight carolina beat dinner",
        },
        {"reference": "u s fans left", "heard": "u s fans laughed"},
    ]
    assert made["word_error_rate"] == round(2 / 11, 4)


def test_an_exact_answer_stands_at_its_offset_with_its_seconds():
    made, counts = spoken([question("1998")])
    assert made["qas"][0]["answers"] == [
        {
            "text": "nineteen ninety eight",
            "answer_start": 3,
            "reference_text": "1998",
            "alignment": "exact",
            "confidence": 1.0,
            "start_secs": 1.0,
            "end_secs": 3.5,
        }
    ]
    assert counts["answers_exact"] == counts["questions_kept"] == 1


def test_to_train_on_a_misheard_answer_is_what_stands_in_the_transcript():
    made, counts = spoken([question("Denver")])
    answer = made["qas"][0]["answers"][0]
    assert answer["text"] == "dinner"
    assert made["context"][answer["answer_start"] :].startswith("dinner.")
    assert answer["alignment"] == "aligned"
    assert counts["answers_aligned"] == 1


def test_to_score_a_misheard_answer_is_what_was_said():
    made, _ = spoken([question("Denver")], unplaced="keep")
    answer = made["qas"][0]["answers"][0]
    assert answer["text"] == "denver"
    assert answer["heard_text"] == "dinner"
    assert (answer["start_secs"], answer["end_secs"]) == (6.0, 6.5)


LOST = ("in nineteen ninety eight beat dinner", "fans laughed")


def test_to_train_on_questions_whose_answer_is_lost_are_dropped_and_counted():
    made, counts = spoken([question("Carolina", "lost"), question("1998", "kept")], LOST)
    assert [qa["id"] for qa in made["qas"]] == ["kept"]
    assert counts["questions"] == 2
    assert counts["questions_dropped"] == counts["answers_lost"] == counts["answers_lost_unheard"] == 1


def test_a_paragraph_that_loses_all_its_questions_is_dropped_and_one_that_had_none_is_not():
    made, counts = spoken([question("Carolina")], LOST)
    assert made is None
    assert counts["paragraphs_dropped"] == 1
    assert spoken([], LOST)[0]["qas"] == []


def test_to_score_questions_whose_answer_is_lost_are_kept_with_what_was_said():
    made, counts = spoken([question("Carolina"), question("1998", "b")], LOST, unplaced="keep")
    assert made["qas"][0]["answers"] == [
        {
            "text": "carolina",
            "answer_start": -1,
            "reference_text": "Carolina",
            "alignment": "lost",
            "confidence": 0.0,
        }
    ]
    assert counts["questions_kept"] == 2


def test_an_answer_heard_as_something_unlike_it_is_lost():
    sentences = ("in nineteen ninety eight carolina beat x", "fans laughed")
    _, counts = spoken([question("Denver")], sentences)
    assert counts["answers_lost_unlike"] == 1
    made, _ = spoken([question("Denver")], sentences, min_confidence=0.0)
    assert made["qas"][0]["answers"][0]["text"] == "x"


def test_an_answer_whose_offset_does_not_fit_is_searched_for():
    qa = {"id": "q", "question": "?", "answers": [{"text": "fans", "answer_start": 2}]}
    made, counts = spoken([qa])
    assert made["qas"][0]["answers"][0]["text"] == "fans"
    assert counts["answers_whose_offset_does_not_fit"] == 1


def test_a_question_without_an_answer_stays_and_its_plausible_answers_are_placed():
    qa = {
        "id": "q",
        "question": "?",
        "is_impossible": True,
        "answers": [],
        "plausible_answers": [{"text": "fans", "answer_start": CONTEXT.index("fans")}],
    }
    made, _ = spoken([qa])
    assert made["qas"][0]["is_impossible"] is True
    assert made["qas"][0]["plausible_answers"][0]["text"] == "fans"


def test_nothing_heard_at_all_is_counted():
    made, counts = spoken([question("1998")], ("", ""), unplaced="keep")
    assert made["context"] == ""
    assert made["word_error_rate"] == 1.0
    assert counts["paragraphs_in_which_nothing_was_heard"] == 1
