"""Recordings as texts to ask about; a fake recogniser where what is heard does not matter."""

import numpy as np
import pytest

from bert_qa_tf.config import CleaningConfig, RecognizerConfig, TimedTextConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import text_sources
from bert_qa_tf.speech.text_sources import RecordingReader
from bert_qa_tf.speech.transcripts.transcript import Word
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import shared_data

soundfile = pytest.importorskip("soundfile", reason="needs requirements/speech.txt")


class Fake:
    """Hears three words in each recording that is not silent, and counts them."""

    settings = "fake 1"
    punctuates = True

    def __init__(self):
        self.heard = 0

    def recognize(self, samples):
        if not len(samples):
            return []
        self.heard += 1
        return [Word("um,", 0.1, 0.2, 0.5), Word("hi", 0.25, 0.5, 0.5), Word(f"nora{self.heard}", 0.5, 0.9, 0.5)]


@pytest.fixture
def fake(monkeypatch):
    made = Fake()
    monkeypatch.setattr(text_sources, "load_recognizer", lambda config: made)
    return made


def noise(path, volume=0.1):
    soundfile.write(path, volume * np.random.default_rng(0).uniform(-1, 1, 16000), 16000)
    return str(path)


def test_a_recording_is_heard_cleaned_and_told_of(tmp_path, fake):
    told = []
    path = noise(tmp_path / "a.wav")
    timed = RecordingReader(report=told.append)(path)
    assert timed.text == "hi nora1"
    assert timed.said(3, 8) == ("nora1", 7, 12, 0.5, 0.9, False, None)
    assert told[0] == f"{path}: recognising with fake 1 …"
    assert told[1].startswith(f"{path}: heard 3 words in 1.0 s of sound, which took ")
    assert told[1].endswith(" s; cleaned of fillers (1)")
    assert len(told) == 2


def test_each_recording_is_heard_once_however_many_there_are(tmp_path, fake, monkeypatch):
    read = RecordingReader()
    paths = [noise(tmp_path / f"{number}.wav") for number in range(20)]
    texts = [read(path).text for path in paths]
    assert [read(path).text for path in paths] == texts
    assert fake.heard == 20


def test_silence_is_an_empty_text(tmp_path, fake):
    told = []
    assert RecordingReader(report=told.append)(noise(tmp_path / "a.wav", 0)).text == ""
    assert "heard 0 words in 1.0 s" in told[1]


def test_what_is_no_recording_is_told_before_a_recogniser_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(text_sources, "load_recognizer", None)
    with pytest.raises(InputError, match=r"no\.wav: no such file"):
        RecordingReader()(str(tmp_path / "no.wav"))
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"bad\.wav: cannot read this as audio .* need ffmpeg: apt install ffmpeg"):
        RecordingReader()(str(tmp_path / "bad.wav"))


def test_a_recording_that_is_cut_off_is_named_with_the_second(tmp_path, fake):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 160_000), 16000)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"a\.flac: broken audio at \d"):
        RecordingReader()(str(path))


def test_flags_are_named_with_what_reads_their_files(tmp_path, fake):
    config = TimedTextConfig(cleaning=CleaningConfig.of(("none",)))
    readers = text_sources.readers("call.vtt", None, config)
    assert {name: path for name, (path, _) in readers.items()} == {"transcript_file": "call.vtt", "audio": None}
    (tmp_path / "a.txt").write_text("um, yes", encoding="utf-8")
    assert readers["transcript_file"][1](str(tmp_path / "a.txt")).text == "um, yes"
    assert readers["audio"][1](noise(tmp_path / "a.wav")).text == "um, hi nora1"


@needs_pocketsphinx
def test_a_real_recording_has_its_seconds():
    path = shared_data("audio", "librivox", "sense_and_sensibility_01_austen_64kb-0880.wav")
    timed = RecordingReader(RecognizerConfig(search="fast"), num_processes=1)(str(path))
    start = timed.text.index("young man")
    said = timed.said(start, start + len("young man"))
    # "he was not an ill disposed young man": its last words, in a clip of three seconds
    assert 1.5 < said.start_secs < said.end_secs < 3.0
