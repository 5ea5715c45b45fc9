"""Text to speech by programs."""

import sys

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.speech.spoken_dataset.synthesizer import CommandSynthesizer, Flite, load_synthesizer
from tests.speech.speaking import needs_flite, needs_pocketsphinx

# A program that writes as many samples, at 8 kHz, as the text has letters times a thousand.
PROGRAM = """
import sys, wave
text, path = sys.argv[1:]
if text == "bad":
    sys.exit("cannot pronounce it")
if text != "mute":
    with wave.open(path, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes(bytes(2 * 1000 * len(text)))
"""


@pytest.fixture
def command(tmp_path):
    path = tmp_path / "say.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return f"{sys.executable} {path} {{text}} {{audio}}"


@needs_pocketsphinx
def test_any_program_that_writes_audio_speaks(command):
    samples = CommandSynthesizer(command).speak("it's; $HOME")
    assert samples.dtype == np.int16
    assert len(samples) == 2 * 1000 * len("it's; $HOME")  # at 16 kHz


@needs_pocketsphinx
@pytest.mark.parametrize(("text", "reason"), [("bad", r"cannot pronounce it"), ("mute", r"status 0, no audio")])
def test_a_program_that_fails_is_one_clear_line(command, text, reason):
    with pytest.raises(InputError, match=rf"cannot say '{text}' \({reason}\)"):
        CommandSynthesizer(command).speak(text)


def test_a_command_without_its_places_or_program_is_refused():
    with pytest.raises(InputError, match=r"has no \{audio\}"):
        CommandSynthesizer("say {text}")
    with pytest.raises(InputError, match="no program 'no-such-program' on the path"):
        CommandSynthesizer("no-such-program {text} {audio}")


def test_without_flite_the_line_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="flite is not installed: apt install flite"):
        load_synthesizer(None, "slt")


@needs_flite
def test_a_voice_that_flite_does_not_have_is_refused(tmp_path):
    # flite itself takes another voice then, and says so nowhere.
    with pytest.raises(InputError, match=r"flite has no voice 'nosuch', expected one of: .*\bslt\b"):
        Flite("nosuch")
    with pytest.raises(InputError, match="flite has no voice 'http"):
        Flite("http://127.0.0.1:9/a.flitevox")
    (tmp_path / "a.flitevox").write_bytes(b"no voice")
    with pytest.raises(InputError, match=r"a\.flitevox: flite cannot load this voice \(Error load voice"):
        Flite(str(tmp_path / "a.flitevox"))


@needs_flite
def test_flite_says_the_same_twice():
    flite = Flite()
    once, again = flite.speak("call nora."), flite.speak("call nora.")
    np.testing.assert_array_equal(once, again)
    assert 0.5 < len(once) / audio.SAMPLE_RATE_HZ < 3.0
