"""`client` from the shell, against servers that run a real export."""

import json
import subprocess
import sys

import pytest

from bert_qa_tf import cli, predict
from bert_qa_tf import client as command
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import TESTDATA, shared_data

CALL = "\U0001f600 nora called from 北京. the cat sat on the mat"


def call(*arguments):
    return cli.call(command.main, command.__doc__, command.FLAG_GROUPS, list(arguments))


def test_one_question_from_the_shell(scheme, seen, tmp_path, capsys):
    (tmp_path / "call.txt").write_text(CALL, encoding="utf-8")
    arguments = ("--question=who called", f"--context_file={tmp_path / 'call.txt'}", "--header=X-Tag: a: b")
    assert call(f"--server={scheme}://127.0.0.1:{seen.port}", *arguments) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first in CALL
    assert second.startswith(f"  characters {CALL.index(first)} to ")
    assert {name.lower(): value for name, value in seen.headers[0].items()}["x-tag"] == "a: b"


def test_a_file_of_questions_is_answered_as_predict_answers_it(scheme, seen, tmp_path, export_path, capsys):
    source = tmp_path / "in.jsonl"
    texts = [CALL, "the cat sat", "", "on the mat"]
    source.write_text("".join(json.dumps({"question": "who", "context": text}) + "\n" for text in texts))
    arguments = (f"--input_file={source}", f"--output_file={tmp_path / 'served.jsonl'}", "--batch_size=3")
    assert call(f"--server={scheme}://127.0.0.1:{seen.port}", *arguments) == 0
    assert "wrote 4 answers to" in capsys.readouterr().out
    assert seen.batches == [3, 1]
    arguments = (f"--saved_model={export_path}", f"--input_file={source}", f"--output_file={tmp_path / 'local.jsonl'}")
    assert cli.call(predict.main, predict.__doc__, predict.FLAG_GROUPS, list(arguments)) == 0
    served, local = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("served.jsonl", "local.jsonl")
    )
    for one, other in zip(served, local, strict=True):
        assert one.pop("score") == pytest.approx(other.pop("score"), abs=1e-4)
        assert one == other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--question=who"], "expected one of --context, --context_file, --transcript_file and --audio, got none"),
        (["--server=nowhere", "--question=who", "--context=a"], "--server=nowhere: no port"),
        (["--header=hush", "--question=who", "--context=a"], "--header: expected 'Name: value'"),
        (["--timeout_secs=0", "--question=who", "--context=a"], "timeout_secs must be above 0"),
        (["--server=127.0.0.1:1", "--max_attempts=1", "--question=who", "--context=a"], "127.0.0.1:1: UNAVAILABLE: "),
        (["--server=http://127.0.0.1:8500", "--max_attempts=1", "--question=a", "--context=a"], "gRPC port: grpc://"),
    ],
)
def test_what_goes_wrong_in_the_shell_is_one_line(arguments, message, capsys):
    assert call(*arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


@needs_pocketsphinx
def test_a_recording_is_recognised_here_and_its_words_are_sent(running, capsys):
    recording = shared_data("audio", "librivox", "sense_and_sensibility_01_austen_64kb-0930.wav")
    server = f"--server=127.0.0.1:{running['http'].port}"
    assert call(server, "--question=who", f"--audio={recording}", "--search=fast", "--num_processes=1") == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1].startswith("  said from 00:0")
    assert f"{recording}: heard " in shown.err


def test_asking_over_rest_imports_no_tensorflow(running, tmp_path):
    script = f"""
import sys
for name in ("tensorflow", "tensorflow_serving", "grpc"): sys.modules[name] = None  # importing one now fails
from bert_qa_tf import cli, client
arguments = ["--server=127.0.0.1:{running["http"].port}", "--question=who", *sys.argv[1:]]
sys.exit(cli.call(client.main, client.__doc__, client.FLAG_GROUPS, arguments))
"""
    call = TESTDATA / "transcripts" / "call.whisper.json"
    for argument, shown in (("--context=the cat", "score"), (f"--transcript_file={call}", "said from ")):
        done = subprocess.run([sys.executable, "-c", script, argument], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout


@pytest.mark.slow
def test_without_the_extra_grpc_says_what_to_install(capsys):
    script = """
import sys
sys.modules["tensorflow_serving"] = None
from bert_qa_tf import cli, client
arguments = ["--server=grpc://127.0.0.1:1", "--question=who", "--context=the cat"]
sys.exit(cli.call(client.main, client.__doc__, client.FLAG_GROUPS, arguments))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "error: gRPC needs the extra `serving` (no module tensorflow_serving"
    )
