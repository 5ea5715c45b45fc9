"""What a listener hears, and the sound that it hears it in."""

import json

import numpy as np
import pytest

pytest.importorskip("soundfile", reason="needs requirements/speech.txt")

from bert_qa_tf.config import SpeakingConfig
from bert_qa_tf.speech.spoken_dataset.speak_and_recognize import Heard, Listener
from bert_qa_tf.speech.transcripts.transcript import Word


class Synthesizer:
    settings = "a thousand samples a word"
    punctuates = True

    def speak(self, text):
        return np.full(1000 * len(text.split()), 100, np.int16)


class Recognizer:
    settings = "hears how long it was"
    punctuates = True

    def recognize(self, samples):
        return [Word(str(len(samples)), 0.0, len(samples) / 16_000)]


def test_what_is_heard_is_what_is_handed_out_sentence_by_sentence():
    listener = Listener(SpeakingConfig(), Synthesizer(), Recognizer())
    text = "Nora called. Please call back today."

    said = list(listener.say(text, 0.001))
    heard = listener.hear(text, 0.001)

    assert [len(samples) for samples in said] == [2000, 4000]
    assert [[word.text for word in sentence] for sentence in heard.sentences] == [["2000"], ["4000"]]
    assert heard.sentences[1][0].start_secs == 0.125
    assert heard.duration_secs == 0.375
    assert Heard.from_json(json.loads(json.dumps(heard.to_json())), "a part") == heard


def test_noise_is_the_same_each_time_and_another_in_each_sentence():
    listener = Listener(SpeakingConfig(), Synthesizer(), Recognizer())

    first, second = listener.say("One two. One two.", 0.01)
    again, _ = listener.say("One two. One two.", 0.01)
    (clean,) = listener.say("One two.", 0.0)

    assert (first == again).all()
    assert (first != second).any()
    assert set(clean) == {100}
