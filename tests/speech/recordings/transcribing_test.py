"""Recordings to transcripts."""

import contextlib
import dataclasses
import itertools
import types

import numpy as np
import pytest

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings import audio, cutting
from bert_qa_tf.speech.recordings.transcribing import transcribe
from bert_qa_tf.speech.recordings.transcription_job import run
from bert_qa_tf.speech.spoken_dataset.synthesizer import Flite
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word
from tests.speech.speaking import needs_flite, needs_pocketsphinx

soundfile = pytest.importorskip("soundfile", reason="needs requirements/speech.txt")

FAST = RecognizerConfig(search="fast")


class Counting:
    """Hears "piece" at the first and last second of each piece."""

    settings = "counting"
    punctuates = True

    def __init__(self):
        self.num_pieces = 0

    def recognize(self, samples):
        if not len(samples):
            return []
        self.num_pieces += 1
        end = len(samples) / 16000
        return [Word("begin", 0.0, 1.0, 0.5), Word("end", end - 1.0, end, 0.5)]


def noise(secs, rate_hz=8000):
    return (0.1 * np.random.default_rng(0).uniform(-1, 1, int(secs * rate_hz))).astype(np.float32)


def test_words_have_times_from_the_beginning_of_the_recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(100), 8000)
    transcript = transcribe(tmp_path / "a.wav", recognizer=Counting())
    assert transcript.duration_secs == 100.0
    assert transcript.words[0].start_secs == 0.0
    assert transcript.words[-1].end_secs == pytest.approx(100.0, abs=0.01)
    # Pieces follow one another without a gap.
    for end, begin in itertools.pairwise(transcript.words[1:-1]):
        if end.text == "end":
            assert end.end_secs == pytest.approx(begin.start_secs, abs=0.01)


def test_what_was_heard_is_kept_and_not_heard_again(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(100), 8000)
    first, second = Counting(), Counting()
    once = transcribe(tmp_path / "a.wav", recognizer=first, parts_folder=str(tmp_path / "parts"))
    kept = sorted((tmp_path / "parts").iterdir())
    assert len(kept) == first.num_pieces >= 4
    kept[0].unlink()
    kept[1].write_text("{cut off", encoding="utf-8")
    again = transcribe(tmp_path / "a.wav", recognizer=second, parts_folder=str(tmp_path / "parts"))
    assert second.num_pieces == 2
    assert again == once


def test_silence_is_a_transcript_without_words(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((8000 * 30, 2), np.float32), 8000)
    recognizer = Counting()
    assert transcribe(tmp_path / "a.wav", recognizer=recognizer) == Transcript((), 30.0)
    assert recognizer.num_pieces == 0


def test_a_recording_without_samples_is_one_clear_line(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), 8000)
    with pytest.raises(InputError, match=r"a\.wav: holds no sound"):
        transcribe(tmp_path / "a.wav", recognizer=Counting())


@needs_pocketsphinx
def test_a_recording_of_less_than_half_a_millisecond_is_one_too(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.ones(4, np.float32), 16000)
    options = dict.fromkeys(("output_dir", "output_format"))
    target = str(tmp_path / "a.txt")
    run([str(tmp_path / "a.wav")], FAST, output_file=target, reference_files=[], num_processes=1, **options)
    assert "a.wav: 0 words in 0.0 s of sound; wrote" in capsys.readouterr().out


def test_a_recording_that_is_too_long_is_refused_whatever_its_file_says(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", noise(30), 8000)
    message = r"a\.wav: longer than the 29\.5 s that are recognised here"
    with pytest.raises(InputError, match=message):
        transcribe(tmp_path / "a.wav", recognizer=Counting(), max_secs=29.5)
    assert transcribe(tmp_path / "a.wav", recognizer=Counting(), max_secs=30).duration_secs == 30

    @contextlib.contextmanager
    def of_unknown_length(path):
        with audio.open_audio(path) as stream:
            yield dataclasses.replace(stream, duration_secs=None)

    stand_in = types.SimpleNamespace(open_audio=of_unknown_length, name_of=audio.name_of)
    monkeypatch.setattr("bert_qa_tf.speech.recordings.transcribing.audio", stand_in)
    with pytest.raises(InputError, match=message):
        transcribe(tmp_path / "a.wav", recognizer=Counting(), max_secs=29.5)


def test_full_stops_are_put_in_for_a_recognizer_that_writes_none(tmp_path):
    class Plain(Counting):
        punctuates = False

    soundfile.write(tmp_path / "a.wav", noise(15), 8000)
    assert transcribe(tmp_path / "a.wav", recognizer=Counting()).text == "begin end"
    assert transcribe(tmp_path / "a.wav", recognizer=Plain()).text == "begin. end."
    none = RecognizerConfig(stop_pause_secs=0.0)
    assert transcribe(tmp_path / "a.wav", none, recognizer=Plain()).text == "begin end"


@needs_flite
def test_a_telephone_recording_in_stereo_is_understood(tmp_path):
    speech = Flite().speak("the president of the company lives in chicago.")
    soundfile.write(tmp_path / "a.wav", np.stack([speech[::2]] * 2, axis=1), 8000)
    words = transcribe(tmp_path / "a.wav", FAST).text.strip(".").split()
    assert len({"president", "company", "lives", "chicago"} & set(words)) >= 2


@pytest.mark.slow
@needs_flite
def test_several_processes_hear_what_one_hears(tmp_path):
    flite = Flite()
    pause = np.zeros(8000, np.int16)
    speech = [flite.speak(text) for text in ("the meeting was moved to friday.", "call me back at ten.")]
    recording = np.concatenate([part for _ in range(6) for sentence in speech for part in (sentence, pause)])
    soundfile.write(tmp_path / "a.wav", recording, 16000)
    assert len(recording) > 16000 * cutting.LONGEST_SECS  # more than one piece
    one = transcribe(tmp_path / "a.wav", FAST)
    assert transcribe(tmp_path / "a.wav", FAST, num_processes=2) == one
    assert one.text.count("friday") >= 4


@needs_pocketsphinx
def test_a_second_recording_that_is_missing_is_told_before_the_first_is_recognised(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(1), 8000)
    recordings = [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]
    options = {"output_file": None, "output_format": None, "reference_files": [], "num_processes": 1}
    with pytest.raises(InputError, match=r"b\.wav: "):
        run(recordings, FAST, output_dir=str(tmp_path / "out"), **options)
    assert not (tmp_path / "out").exists()
