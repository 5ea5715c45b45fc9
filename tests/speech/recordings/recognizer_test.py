"""Speech to words, by pocketsphinx and by something in the shape of faster-whisper."""

import sys
import types
from typing import NamedTuple

import numpy as np
import pytest

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings.recognizer import FasterWhisper, Pocketsphinx, load_recognizer
from bert_qa_tf.speech.spoken_dataset.synthesizer import Flite
from bert_qa_tf.speech.transcripts.transcript import Word
from tests.speech.speaking import needs_flite, needs_pocketsphinx


@needs_flite
def test_pocketsphinx_hears_what_flite_says_with_times_and_confidences():
    samples = Flite().speak("the university opened its library to the public.")
    words = Pocketsphinx("fast").recognize(samples)
    assert [word.text for word in words][-2:] == ["the", "public"]
    assert "library" in [word.text for word in words]
    starts = [word.start_secs for word in words]
    assert starts == sorted(starts)
    assert words[-1].end_secs <= len(samples) / 16000
    assert all(word.start_secs < word.end_secs and 0 <= word.confidence <= 1 for word in words)


@needs_flite
def test_what_is_heard_does_not_depend_on_what_was_heard_before():
    flite, recognizer = Flite(), Pocketsphinx("fast")
    first, second = flite.speak("call me back at ten."), flite.speak("the meeting was moved to friday.")
    alone = recognizer.recognize(first)
    recognizer.recognize(second)
    assert recognizer.recognize(first) == alone
    assert Pocketsphinx("fast").recognize(first) == alone


@needs_pocketsphinx
def test_no_samples_are_no_words():
    assert Pocketsphinx("fast").recognize(np.zeros(0, np.int16)) == []
    assert Pocketsphinx("fast").recognize(np.zeros(100, np.int16)) == []


# In the shape of faster-whisper 1.2: `WhisperModel(size_or_path)`, `transcribe` gives an iterator and an info.
class WhisperWord(NamedTuple):
    start: float
    end: float
    word: str
    probability: float


class WhisperSegment(NamedTuple):
    text: str
    words: list | None


@pytest.fixture
def faster_whisper(monkeypatch):
    calls = types.SimpleNamespace(model=None, audio=None, options=None)

    class WhisperModel:
        def __init__(self, model_size_or_path, compute_type="default"):
            if model_size_or_path == "gigantic":
                raise ValueError("Invalid model size 'gigantic', expected one of:\ntiny, base")
            calls.model = model_size_or_path
            self.supported_languages = ["en"]

        def transcribe(self, audio, **options):
            calls.audio, calls.options = audio, options
            segments = [
                WhisperSegment(
                    " Call Nora,", [WhisperWord(0.0, 0.4, " Call", 0.9), WhisperWord(0.4, 1.25, " Nora,", 1.01)]
                ),
                WhisperSegment("", None),
                WhisperSegment(" ", [WhisperWord(1.25, 1.25, " ", 0.1)]),
                WhisperSegment(
                    " ill-disposed",
                    [WhisperWord(-0.2, -0.1, " ill", 0.5), WhisperWord(0.5, 0.9, "-disposed", 0.25)],
                ),
            ]
            return iter(segments), object()

    module = types.ModuleType("faster_whisper")
    module.WhisperModel, module.__version__ = WhisperModel, "1.2.1"
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return calls


def test_faster_whisper_gets_floats_and_gives_words(faster_whisper):
    recognizer = load_recognizer(RecognizerConfig("faster_whisper", whisper_model="tiny.en"))
    words = recognizer.recognize(np.full(16000, -16384, np.int16))

    assert words == [Word("Call", 0.0, 0.4, 0.9), Word("Nora,", 0.4, 1.0, 1.0), Word("ill-disposed", 0.0, 0.9, 0.25)]
    assert faster_whisper.model == "tiny.en"
    assert faster_whisper.audio.dtype == np.float32
    assert faster_whisper.audio.min() == -0.5
    assert faster_whisper.options == {
        "language": "en",
        "word_timestamps": True,
        "vad_filter": True,
        "condition_on_previous_text": False,
    }
    assert recognizer.settings == "faster-whisper 1.2.1 tiny.en en"


def test_a_whisper_model_that_cannot_be_had_is_one_clear_line(faster_whisper):
    with pytest.raises(InputError, match=r"cannot load the Whisper model 'gigantic'.*Invalid model size") as error:
        FasterWhisper("gigantic")
    assert "\n" not in str(error.value)


def test_a_language_that_the_whisper_model_does_not_know_is_one_clear_line(faster_whisper):
    with pytest.raises(InputError, match=r"'tiny.en' does not know --language=de, expected one of: en$"):
        FasterWhisper("tiny.en", "de")


@pytest.mark.parametrize(
    ("name", "library", "install"),
    [
        ("faster_whisper", "faster_whisper", "pip install faster-whisper"),
        ("pocketsphinx", "pocketsphinx", "pip install -r requirements/speech.txt"),
    ],
)
def test_a_missing_library_is_named_with_what_installs_it(monkeypatch, name, library, install):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=install):
        load_recognizer(RecognizerConfig(name))
