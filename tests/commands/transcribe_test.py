"""transcribe from recordings to files."""

import json
import re

import numpy as np
import pytest

from bert_qa_tf import cli, transcribe
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import shared_data

pytestmark = needs_pocketsphinx


def run(*arguments):
    return cli.call(transcribe.main, transcribe.__doc__, transcribe.FLAG_GROUPS, arguments)


@pytest.fixture
def silence(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(16000, np.int16), 16000)
    return path


def librivox(number):
    stem = f"sense_and_sensibility_01_austen_64kb-{number}"
    return shared_data("audio", "librivox", f"{stem}.wav"), shared_data("audio", "librivox", f"{stem}.txt")


@pytest.mark.slow
def test_a_real_recording_becomes_captions_and_an_error_rate(tmp_path, capsys):
    recording, reference = librivox("0930")
    output = tmp_path / "talk.vtt"
    arguments = [f"--audio={recording}", f"--output_file={output}", f"--reference_file={reference}"]
    assert run(*arguments, "--num_processes=1") == 0
    assert output.read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:0")
    assert "word error rate 12.50 % (1 errors in 8 words)" in capsys.readouterr().out
    assert not (tmp_path / "talk.vtt.parts").exists()


@pytest.mark.slow
def test_several_recordings_go_into_a_folder(tmp_path, capsys):
    recordings = [librivox("0930"), librivox("0880")]
    arguments = [flag for audio, text in recordings for flag in (f"--audio={audio}", f"--reference_file={text}")]
    assert run(*arguments, f"--output_dir={tmp_path / 'out'}", "--output_format=json", "--search=fast") == 0
    written = sorted((tmp_path / "out").iterdir())
    assert [path.name[-9:] for path in written] == ["0880.json", "0930.json"]
    transcript = json.loads(written[0].read_text(encoding="utf-8"))
    assert transcript["duration_secs"] == pytest.approx(2.99, abs=0.01)
    assert {"text", "start_secs", "end_secs", "confidence"} == set(transcript["words"][0])
    assert re.search(r"all: word error rate [\d.]+ % \(\d+ errors in 16 words\)", capsys.readouterr().out)


def test_without_an_output_the_text_is_printed(silence, capsys):
    assert run(f"--audio={silence}") == 0
    assert capsys.readouterr().out == "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--audio is missing"),
        (["--audio=no.wav"], "no.wav: no such file"),
        (["--audio=a.wav", "--audio=b.wav", "--output_file=c.txt"], "--output_file is for one recording, got 2"),
        (["--audio=a.wav", "--output_file=c.txt", "--output_dir=d"], "exclude each other"),
        (["--audio=a.wav", "--output_file=c.doc"], "c.doc: no format has this ending"),
        (
            ["--audio=x/a.wav", "--audio=y/a.mp3", "--output_dir=d"],
            "x/a.wav and y/a.mp3 would both be written to d/a.txt",
        ),
        (["--audio=a.wav", "--reference_file=a.txt", "--reference_file=b.txt"], "2 --reference_file for 1 --audio"),
        (["--audio=a.wav", "--reference_file=no.txt"], "no.txt: cannot read this file"),
    ],
)
def test_arguments_that_do_not_fit_are_one_clear_line(arguments, message, capsys):
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_reference_that_holds_no_word_is_refused(silence, tmp_path, capsys):
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    assert run(f"--audio={silence}", f"--reference_file={tmp_path / 'empty.txt'}") == 1
    assert "empty.txt: holds no word" in capsys.readouterr().err


def test_the_times_and_the_markup_of_a_reference_are_no_words(silence, tmp_path, capsys):
    captions = tmp_path / "said.srt"
    captions.write_text("1\n00:00:03,000 --> 00:00:02,000\n<i>Hello</i> Nora\n", encoding="utf-16")
    assert run(f"--audio={silence}", f"--reference_file={captions}") == 0
    printed = capsys.readouterr()
    assert "(2 errors in 2 words)" in printed.out
    assert printed.err.endswith("odd items: 1 left out or estimated; --strict refuses them\n")


@pytest.mark.parametrize(("second", "message"), [("gone.wav", "no such file"), ("text.wav", "text.wav")])
def test_all_recordings_are_looked_at_before_the_first_is_recognised(silence, tmp_path, capsys, second, message):
    (tmp_path / "text.wav").write_text("no sound")
    assert run(f"--audio={silence}", f"--audio={tmp_path / second}", f"--output_dir={tmp_path / 'out'}") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
