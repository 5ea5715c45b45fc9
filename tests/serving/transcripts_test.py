"""`POST /transcript` of long files: in a process of their own, within limits, and ended with their client."""

import gzip
import json
import multiprocessing
import socket
import urllib.parse

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests

from bert_qa_tf.serving import transcripts
from bert_qa_tf.serving.backends import HttpReply
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.transcript_request import transcript_reply
from tests.serving.running import FakeBackend, running, wait_until

pytestmark = pytest.mark.slow  # each starts processes
LONG = b"WEBVTT\n\n" + b"00:01.000 --> 00:02.000\nhi this is nora\n\n" * 8000
# A text of one-letter words is the most work for its size.
HARD = json.dumps({"segments": [{"start": 0, "end": 1, "text": "a " * 2_000_000}]}).encode()


def fake():
    return FakeBackend(lambda request: HttpReply(200, b"{}"))


def send(url, content, **query):
    return requests.post(f"{url}/transcript", data=content, params={"name": "../a.vtt"} | query, timeout=60)


def test_a_long_transcript_gives_what_a_short_one_gives():
    with running(fake()) as url:
        reply = send(url, LONG)
        refused = send(url, b"WEBVTT\n\n\xff\n" + LONG)
    assert (reply.status_code, reply.content) == transcript_reply(LONG, "a.vtt", None, Limits())
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("a.vtt:3: ")


@pytest.mark.parametrize("content", ["WEBVTT\n\n00:01.000 --> 00:02.000\ncafé".encode("latin-1"), LONG + b"\xe9"])
def test_another_encoding_is_asked_for_and_can_be_given(content):
    with running(fake()) as url:
        refused, read = send(url, content), send(url, content, encoding="windows-1252")
    assert refused.status_code == 400
    assert "expected UTF-8 text, or its encoding in `encoding` in the query" in refused.json()["error"]
    assert read.json()["text"].endswith("é")


def test_what_is_long_when_it_is_unpacked_is_long():
    taken = transcripts.Transcripts(Limits())
    for content in (LONG, gzip.compress(LONG), gzip.compress(LONG)[:-1]):
        assert not taken.is_short(content)
    for content in (b"WEBVTT", gzip.compress(b"WEBVTT"), gzip.compress(b"WEBVTT")[:-1], b"\x1f\x8bno"):
        assert taken.is_short(content)
    taken.close()


def test_the_note_says_what_was_odd():
    content = b"1\n00:00:05,000 --> 00:00:02,000\nhi\n\n2\n00:00:06,000 --> 00:00:07,000\nnora"
    status, body = transcript_reply(content, "a.srt", None, Limits())
    assert status == 200
    assert json.loads(body)["note"] == (
        "srt, 2 words; 1 without times; captions with no time that can be, read without a time (1)"
    )


def test_a_transcript_that_is_too_much_work_is_refused(monkeypatch):
    monkeypatch.setattr(transcripts, "_CPU_SECS", 1)
    with running(fake()) as url:
        reply = send(url, HARD)
    assert reply.status_code == 400
    assert reply.json() == {"error": "a.vtt: reading it failed, or took more than 1 s or 1024 MiB"}


def test_a_client_that_goes_away_leaves_no_work_behind():
    with running(fake()) as url:
        address = urllib.parse.urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST /transcript HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(HARD)}\r\n\r\n"
            connection.sendall(head.encode() + HARD)
            wait_until(multiprocessing.active_children, 60)
        wait_until(lambda: not multiprocessing.active_children(), 10)
