"""`serve` as a process: what it prints, what stops it, what it refuses to start with."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")

from bert_qa_tf import cli, serve
from bert_qa_tf.serving import server
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import REPOSITORY


@pytest.fixture(scope="module")
def tiny_export(tmp_path_factory):
    from tests.tiny_export import write_tiny_export

    return write_tiny_export(tmp_path_factory.mktemp("exports"))


def start(
    *arguments: str, env: dict[str, str] | None = None
) -> tuple[subprocess.Popen[str], urllib.parse.SplitResult, str]:
    """Starts `serve` and waits until it listens: the process, its address, and what it printed."""
    command = [sys.executable, "-m", "bert_qa_tf.serve", "--port=0", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, env=env
    )
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[2].strip().startswith("predict "), (lines, process.stderr.read())
    address = urllib.parse.urlsplit(lines[2].split()[1])
    deadline = time.monotonic() + 20
    while True:  # it prints before it listens
        try:
            socket.create_connection((address.hostname, address.port)).close()
            return process, address, "".join(lines)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def children(pid: int) -> list[str]:
    """The ids of the processes that a process has started."""
    return [name for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for name in path.read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_in_flight_end_and_takes_no_new_ones(tiny_export, number):
    saved_model = tiny_export.qa_dir
    process, address, printed = start(f"--saved_model={saved_model}")
    assert printed.startswith(f"serving {saved_model} as model qa, version 1\n  page     http://127.0.0.1:")
    context = "the cat sat on the mat . " * 2000
    body = json.dumps({"instances": [{"question": "who", "context": context}]}).encode()
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    try:
        connection.putrequest("POST", address.path)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:100])  # in flight from here on, and by construction not answered yet
        time.sleep(0.5)
        process.send_signal(number)
        time.sleep(1)
        assert process.poll() is None
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.hostname, address.port))

        connection.send(body[100:])
        reply = connection.getresponse()

        [answer] = json.loads(reply.read())["predictions"]
        assert reply.status == 200
        assert context[answer["answer_start"] : answer["answer_end"]] == answer["answer"]
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "stopped\n")
        assert "Traceback" not in err
    finally:
        connection.close()
        process.kill()
        process.communicate()


def test_a_client_that_never_finishes_does_not_keep_the_server_from_stopping():
    process, address, _ = start("--tf_serving=127.0.0.1:1", "--grace_secs=1")
    try:
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(b"POST /v1/models/qa:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            time.sleep(0.5)
            process.terminate()
            assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_model_of_token_ids_is_served_with_a_warning_about_the_page(tiny_export):
    process, _, printed = start(f"--saved_model={tiny_export.ids_dir}")
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert printed.startswith(f"serving {tiny_export.ids_dir} as model qa, version 1")
    assert f"warning: {tiny_export.ids_dir}: the page cannot ask this model, requests below /v1 can\n" in err
    assert process.returncode == 0


@pytest.mark.slow
def test_in_front_of_a_tf_serving_no_tensorflow_is_loaded():
    code = (
        "import sys, threading, os, signal\n"
        "from bert_qa_tf import cli, serve\n"
        "threading.Timer(2, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "status = cli.call(serve.main, '', serve.FLAG_GROUPS, ['--tf_serving=localhost:1', '--port=0'])\n"
        "print(status, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.splitlines()[0] == "serving TF Serving at http://localhost:1"
    assert done.stdout.splitlines()[-2:] == ["stopped", "0 False"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one model: either --saved_model (an export) or --tf_serving (host:port)"),
        (["--saved_model=a", "--tf_serving=b:1"], "give one model: either --saved_model"),
        (["--saved_model=/no/such"], "/no/such: no saved_model.pb here"),
        (["--tf_serving=nonsense"], "--tf_serving: expected host:port"),
        (["--saved_model=a", "--max_batch_size=0"], "--max_batch_size must be at least 1, got 0"),
        (["--saved_model=a", "--host=no.such.invalid"], "cannot listen on no.such.invalid:0"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments, message, capsys):
    assert cli.call(serve.main, serve.__doc__, serve.FLAG_GROUPS, ["--port=0", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_a_port_in_use_is_said_before_a_model_is_loaded(capsys):
    with server.bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.call(serve.main, "", serve.FLAG_GROUPS, ["--saved_model=/no/such", f"--port={port}"]) == 1
    assert capsys.readouterr().err == f"error: cannot listen on 127.0.0.1:{port} (Address already in use)\n"


@pytest.mark.slow
@needs_pocketsphinx
def test_a_signal_ends_recognising_when_the_grace_is_over(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 60 * 16000)
    soundfile.write(tmp_path / "long.wav", noise, 16000)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = ("--tf_serving=127.0.0.1:1", "--grace_secs=1", "--recognizer=pocketsphinx")
    process, address, printed = start(*arguments, env={**os.environ, "TMPDIR": str(temporary)})
    assert "/  (recordings: recognised by pocketsphinx)\n" in printed
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    try:
        connection.request("POST", "/transcribe?name=long.wav", (tmp_path / "long.wav").read_bytes())
        deadline = time.monotonic() + 60
        while not children(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        assert list(temporary.iterdir()) == []
        process.terminate()
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "stopped\n")
        assert "Traceback" not in err
        reply = connection.getresponse()
        assert reply.status == 503
        assert json.loads(reply.read()) == {"error": "The server is stopping, and stopped recognising"}
        assert list(temporary.iterdir()) == []
    finally:
        connection.close()
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--recognizer=none"], "played, not recognised"),
        (["--host=0.0.0.0"], "played, not recognised: others can reach this server, so --recognizer has to name what"),
        ([], "played, not recognised: pocketsphinx is not installed: pip install -r requirements/speech.txt"),
    ],
)
def test_what_becomes_of_recordings_is_said_at_the_start(arguments, told, monkeypatch, capsys):
    pytest.importorskip("soundfile", reason="needs requirements/speech.txt")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pocketsphinx" else find(name))
    given = []
    monkeypatch.setattr(server, "run", lambda *arguments, **_: given.append(arguments))
    assert cli.call(serve.main, "", serve.FLAG_GROUPS, ["--tf_serving=localhost:1", "--port=0", *arguments]) == 0
    assert f"/  (recordings: {told}" in capsys.readouterr().out
    assert given[0][3] is None


def test_a_recogniser_that_was_asked_for_and_is_missing_is_one_line(monkeypatch, capsys):
    pytest.importorskip("soundfile", reason="needs requirements/speech.txt")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "faster_whisper" else find(name))
    arguments = ["--tf_serving=localhost:1", "--port=0", "--recognizer=faster_whisper"]
    assert cli.call(serve.main, "", serve.FLAG_GROUPS, arguments) == 1
    assert capsys.readouterr().err == "error: faster-whisper is not installed: pip install faster-whisper\n"


@pytest.mark.parametrize("name", ["starlette", "uvicorn"])
def test_without_the_extra_one_line_names_it(name):
    code = (
        f"import sys; sys.modules[{name!r}] = None\n"
        "from bert_qa_tf import cli, serve\n"
        "cli.run(serve.main, '', serve.FLAG_GROUPS, ['--saved_model=a'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: serve needs {name}, of the extra `serving`: pip install 'bert_qa_tf[serving]'\n"
