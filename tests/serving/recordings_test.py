"""`POST /transcribe` over real sockets: with a stub where load, stopping and errors matter, and a real recording."""

import concurrent.futures
import contextlib
import socket
import tempfile
import urllib.parse

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.backends import HttpReply
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.recordings import Recordings, RecordingsConfig
from tests.serving import stub_recognition
from tests.serving.running import FakeBackend, running, wait_until
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import shared_data

OK = HttpReply(200, b"{}")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where uploads lie while they are recognised; nothing may stay there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@contextlib.contextmanager
def serving(config=None, limits=None, **settings):
    limits = limits or Limits()
    recordings = Recordings(config or RecordingsConfig(), limits, stub_recognition.recognise)
    with running(FakeBackend(lambda request: OK), recordings, limits=limits, **settings) as url:
        yield url


def send(url, content, name="talk.wav"):
    return requests.post(f"{url}/transcribe", data=content, params={"name": name}, timeout=120)


def test_a_recording_becomes_what_a_transcript_with_times_becomes():
    with serving() as url:
        reply = send(url, b"hi x nora \xf0\x9f\x98\x80")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json() == {
        "format": "pocketsphinx",
        "note": "3 words heard in 12.0 s of sound by pocketsphinx",
        "text": "hi nora 😀",
        "words": {
            "start_chars": [0, 3, 8],
            "end_chars": [2, 7, 9],
            "start_secs": [0.0, 1.0, 2.0],
            "end_secs": [0.5, 1.5, 2.5],
            "times_estimated": [False] * 3,
            "speakers": [None] * 3,
        },
    }


def test_silence_is_an_empty_text():
    with serving() as url:
        reply = send(url, b"silence")
    assert (reply.status_code, reply.json()["text"], reply.json()["words"]["start_secs"]) == (200, "", [])
    assert reply.json()["note"] == "0 words heard in 3.0 s of sound by pocketsphinx"


@pytest.mark.parametrize(
    ("content", "name", "status", "message"),
    [
        (b"bad", "../up/talk.wav", 400, "talk.wav: broken audio at 7200 s"),
        (b"bad", "", 400, "recording: broken audio at 7200 s"),
        (b"die", "talk.wav", 500, "talk.wav: recognising it failed; the server's log has more"),
        (b"bug", "talk.wav", 500, "talk.wav: recognising it failed; the server's log has more"),
        (b"hi x " + b"nora " * 15, "talk.wav", 400, "talk.wav: 77 characters, more than the 50 that this server takes"),
        (b"hi" * 200, "talk.wav", 413, "The request's body is larger than the 300 bytes that this server takes"),
    ],
)
def test_each_error_has_its_status_and_one_line(content, name, status, message):
    with serving(RecordingsConfig(max_audio_bytes=300), Limits(max_body_bytes=10, max_context_chars=50)) as url:
        reply = send(url, content, name)
        assert (reply.status_code, reply.json()) == (status, {"error": message})
        assert send(url, b"hi").json()["text"] == "hi"  # and it goes on


def test_one_recording_at_a_time_and_questions_meanwhile(tmp_path):
    with serving() as url, concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, url, f"slow {tmp_path}".encode())
        try:
            wait_until((tmp_path / "pid").exists, 60)
            refused = send(url, b"hi")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
            assert refused.json() == {"error": "Another recording is being recognised; try again later"}
            assert requests.post(f"{url}/v1/models/qa:predict", data=b"{}", timeout=60).status_code == 200
        finally:
            (tmp_path / "go").touch()
        assert first.result().json()["text"] == "slow"
        assert send(url, b"hi").status_code == 200


def test_a_client_that_goes_away_costs_no_more_work(tmp_path):
    body = f"slow {tmp_path}".encode()
    with serving() as url:
        address = urllib.parse.urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST /transcribe?name=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            wait_until((tmp_path / "pid").exists, 60)
            assert stub_recognition.is_alive(tmp_path)
        wait_until(lambda: not stub_recognition.is_alive(tmp_path))
        wait_until(lambda: send(url, b"hi").status_code == 200)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(head.encode() + b"hal")  # and never the rest
        wait_until(lambda: send(url, b"hi").status_code == 200)


def test_a_server_that_stops_recognises_to_the_end_while_it_may(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with serving() as url:
            reply = pool.submit(send, url, f"slow {tmp_path} x late".encode())
            wait_until((tmp_path / "pid").exists, 60)
            (tmp_path / "go").touch()
        assert reply.result().json()["text"] == "slow x late"


def test_a_server_that_may_wait_no_longer_stops_recognising_and_says_so(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with serving(grace_secs=1) as url:
            reply = pool.submit(send, url, f"slow {tmp_path}".encode())
            wait_until((tmp_path / "pid").exists, 60)
        assert not stub_recognition.is_alive(tmp_path)
        assert reply.result().status_code == 503
        assert reply.result().json() == {"error": "The server is stopping, and stopped recognising"}


def test_without_a_recogniser_it_is_said_so():
    with running(FakeBackend(lambda request: OK)) as url:
        reply = send(url, b"hi" * 100_000)
        assert reply.status_code == 501
        assert reply.json() == {"error": "This server recognises no speech: it was started without a recogniser"}
        assert requests.get(f"{url}/page/config.json", timeout=60).json()["recognizer"] is None


def test_the_page_is_told_what_recognises_and_how_much():
    with serving(RecordingsConfig(RecognizerConfig("faster_whisper"), max_audio_bytes=5)) as url:
        known = requests.get(f"{url}/page/config.json", timeout=60).json()
        assert requests.get(f"{url}/transcribe", timeout=60).status_code == 405
    assert (known["recognizer"], known["max_audio_bytes"]) == ("faster_whisper", 5)


@pytest.mark.parametrize("name", ["max_audio_bytes", "max_audio_secs", "max_recordings"])
def test_settings_check_themselves(name):
    with pytest.raises(InputError, match=f"--{name} must be at least 1, got 0"):
        RecordingsConfig(**{name: 0})


@pytest.mark.slow
@needs_pocketsphinx
def test_a_real_recording_is_recognised_and_what_is_none_is_named(tmp_path):
    recording = shared_data("audio", "librivox", "sense_and_sensibility_01_austen_64kb-0880.wav")
    config = RecordingsConfig(RecognizerConfig(search="fast"), max_audio_secs=5)
    with running(FakeBackend(lambda request: OK), Recordings(config, Limits())) as url:
        read = send(url, recording.read_bytes(), "austen.wav").json()
        bad = send(url, b"no sound", "austen.wav")
        long = send(url, b"RIFF" + recording.read_bytes()[4:] * 2, "austen.wav")
    assert read["text"].endswith("young man.")
    assert read["words"]["end_secs"] == sorted(read["words"]["end_secs"])
    assert read["words"]["end_secs"][-1] < 3
    assert bad.status_code == 400
    assert bad.json()["error"].startswith("austen.wav: cannot read this as audio (")
    assert long.status_code in (200, 400)
