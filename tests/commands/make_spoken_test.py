"""make_spoken from written file to spoken one, and stopped on its way."""

import json
import signal
import subprocess
import sys
import time

import pytest

from bert_qa_tf import cli, make_spoken
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from tests.speech.speaking import needs_flite, needs_pocketsphinx
from tests.testing import REPOSITORY

SENTENCES = (
    "The university opened its library to the public in 1998.",
    "The meeting was moved to Friday at 10:30.",
    "Three hundred people came to the concert.",
    "The president of the company lives in Chicago.",
)
ANSWERS = ("1998", "Friday", "Three hundred", "Chicago")


@pytest.fixture
def written(tmp_path):
    articles = [
        {
            "title": f"article {number}",
            "paragraphs": [
                {
                    "context": text,
                    "qas": [
                        {
                            "id": str(number),
                            "question": "What?",
                            "answers": [{"text": answer, "answer_start": text.index(answer)}],
                        }
                    ],
                }
            ],
        }
        for number, (text, answer) in enumerate(zip(SENTENCES, ANSWERS, strict=True))
    ]
    path = tmp_path / "written.json"
    path.write_text(json.dumps({"version": "1.1", "data": articles}), encoding="utf-8")
    return path


def run(*arguments):
    return cli.call(make_spoken.main, make_spoken.__doc__, make_spoken.FLAG_GROUPS, arguments)


@pytest.mark.slow
@needs_flite
def test_a_spoken_file_trains_as_it_is(written, tmp_path, capsys):
    output = tmp_path / "spoken.json"
    assert run(f"--input_file={written}", f"--output_file={output}", "--num_processes=1") == 0

    examples = squad_reader.read_squad(output, require_answers=True)
    assert len(examples) >= 3
    for example in examples:
        assert all(answer.fits(example.context) for answer in example.answers)
        assert not any(character.isdigit() for character in example.context)
    report = json.loads((tmp_path / "spoken.json.report.json").read_text(encoding="utf-8"))
    assert report["counts"]["questions"] == 4
    assert report["counts"]["paragraphs"] == 4
    assert report["words"] == 36
    assert report["word_error_rate"] < 0.3
    assert report["recognition_real_time_factor"] > 0
    assert not (tmp_path / "spoken.json.parts").exists()
    assert "word error rate" in capsys.readouterr().out


@pytest.mark.slow
@needs_flite
def test_noise_volumes_are_taken_in_turn(written, tmp_path):
    output = tmp_path / "spoken.json"
    run(
        f"--input_file={written}", f"--output_file={output}", "--noise_volume=0", "--noise_volume=0.3",
        "--unplaced=keep", "--num_processes=1",
    )  # fmt: skip
    articles = json.loads(output.read_text(encoding="utf-8"))["data"]
    rates = [(p["noise_volume"], p["word_error_rate"]) for article in articles for p in article["paragraphs"]]
    assert [volume for volume, _ in rates] == [0.0, 0.3, 0.0, 0.3]
    assert min(rates[1][1], rates[3][1]) > max(rates[0][1], rates[2][1])


@needs_flite
@pytest.mark.slow
def test_a_kill_and_the_same_command_give_the_bytes_of_an_undisturbed_run(written, tmp_path):
    undisturbed, killed = tmp_path / "a" / "spoken.json", tmp_path / "b" / "spoken.json"
    # The last paragraph is not spoken while `hold` is there: so the kill comes in the middle, however busy the machine.
    hold, speak = tmp_path / "hold", tmp_path / "speak"
    wait = f'case "$2" in *chicago*) while [ -e {hold} ]; do sleep 0.05; done;; esac'
    speak.write_text(f'#!/bin/sh\n{wait}\nexec flite -voice slt -t "$2" -o "$1"\n', encoding="utf-8")
    speak.chmod(0o755)

    def command(output):
        flags = [f"--input_file={written}", f"--output_file={output}", "--noise_volume=0.01", "--num_processes=2"]
        speech = f"--speech_command={speak} {{audio}} {{text}}"
        return [sys.executable, "-m", "bert_qa_tf.make_spoken", *flags, speech]

    subprocess.run(command(undisturbed), cwd=REPOSITORY, check=True)
    hold.touch()
    first = subprocess.Popen(command(killed), cwd=REPOSITORY)
    parts = killed.parent / "spoken.json.parts"
    deadline = time.monotonic() + 300
    while len(list(parts.glob("*.json"))) < len(SENTENCES) - 1:
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    hold.unlink()
    assert not killed.exists()
    next(parts.glob("*.json")).write_text("{cut off", encoding="utf-8")

    subprocess.run(command(killed), cwd=REPOSITORY, check=True)
    assert killed.read_bytes() == undisturbed.read_bytes()


@pytest.mark.slow
@needs_flite
def test_parts_that_are_kept_are_not_heard_again(written, tmp_path, monkeypatch):
    output = tmp_path / "spoken.json"
    run(f"--input_file={written}", f"--output_file={output}", "--num_processes=1", "--keep_parts")
    monkeypatch.setattr("bert_qa_tf.speech.spoken_dataset.speak_and_recognize.Listener.hear", None)
    arguments = (f"--input_file={written}", f"--output_file={output}", "--num_processes=1", "--unplaced=keep")
    assert run(*arguments, "--nosentence_stops") == 0
    assert "." not in squad_reader.read_squad(output)[0].context


def test_bad_input_is_one_clear_line(tmp_path, capsys):
    assert run("--output_file=out.json") == 1
    assert capsys.readouterr().err == "error: --input_file is missing\n"
    bad = tmp_path / "bad.json"
    bad.write_text('{"data": [{"paragraphs": [{"context": 3}]}]}', encoding="utf-8")
    assert run(f"--input_file={bad}", f"--output_file={tmp_path / 'out.json'}") == 1
    assert "data[0].paragraphs[0].context is an integer, expected a string" in capsys.readouterr().err


def test_without_flite_the_line_says_how_to_install_it(written, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    pytest.importorskip("jiwer", reason="needs requirements/speech.txt")
    assert run(f"--input_file={written}", f"--output_file={tmp_path / 'out.json'}") == 1
    assert capsys.readouterr().err.startswith("error: flite is not installed: apt install flite")


@needs_pocketsphinx
def test_errors_are_simulated_without_speech(written, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no flite
    monkeypatch.setattr("bert_qa_tf.speech.recordings.recognizer.Pocketsphinx", None)
    output = tmp_path / "simulated.json"
    assert run(f"--input_file={written}", f"--output_file={output}", "--simulate_wer=0.5", "--unplaced=keep") == 0
    examples = squad_reader.read_squad(output)
    assert [example.qas_id for example in examples] == ["0", "1", "2", "3"]
    assert "nineteen" in examples[0].answers[0].text
    assert not any(character.isdigit() for example in examples for character in example.context)
    report = json.loads((tmp_path / "simulated.json.report.json").read_text(encoding="utf-8"))
    assert report["simulated_word_error_rate"] == 0.5
    assert 0.1 < report["word_error_rate"] < 0.9  # of 36 words
    assert report["counts"]["paragraphs"] == report["counts"]["questions"] == report["counts"]["answers"] == 4
    kinds = [report["counts"].get(f"answers_{kind}", 0) for kind in ("exact", "aligned", "lost")]
    assert sum(kinds) == 4
    assert kinds[0] == sum(answer.fits(example.context) for example in examples for answer in example.answers)
    shown = capsys.readouterr().out
    assert shown.startswith(f"word error rate {100 * report['word_error_rate']:.2f} % of {report['words']} words, sim")
    assert shown.endswith(f"wrote {output} and {output}.report.json\n")

    again = tmp_path / "again.json"
    run(f"--input_file={written}", f"--output_file={again}", "--simulate_wer=0.5")
    assert again.read_bytes() == output.read_bytes()
    run(f"--input_file={written}", f"--output_file={again}", "--simulate_wer=0.5", "--seed=1")
    assert again.read_bytes() != output.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--simulate_wer=0"], "--simulate_wer must be above 0 and at most 0.7, got 0"),
        (["--simulate_wer=nan"], "--simulate_wer=nan: expected a finite number"),
        (
            ["--simulate_wer=0.3", "--voice=slt", "--noise_volume=0", "--unplaced=drop"],
            "with --simulate_wer nothing is spoken or recognised: leave out --noise_volume, --voice, --unplaced=drop",
        ),
    ],
)
def test_a_simulation_takes_no_flags_of_speech(arguments, message, capsys):
    assert run("--input_file=a.json", "--output_file=b.json", *arguments) == 1
    assert capsys.readouterr().err == f"error: {message}\n"
