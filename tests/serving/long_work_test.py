"""Requests that take long: in parts, beside short ones, stopped when nobody waits, ended when the grace is over."""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests

from bert_qa_tf.serving import backends, costs
from bert_qa_tf.serving.backends import HttpReply, LocalModel
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.serving.servable import Servable
from tests import tiny_model
from tests.serving.running import FakeBackend, running, wait_until
from tests.testing import REPOSITORY

PREDICT = "/v1/models/qa:predict"


@pytest.fixture(scope="module")
def servable(tiny_export):
    return Servable(tiny_export.qa_dir)


def post(url, document):
    return requests.post(url + PREDICT, json=document, timeout=60)


def instances(*contexts):
    return {"instances": [{"question": "who is it", "context": context} for context in contexts]}


class Parts:
    """Long work of a fake: `count` parts, each of which waits for a permit."""

    def __init__(self, name, count, done):
        self.name, self.left, self.done = name, count, done
        self.permits = threading.Semaphore(0)
        self.is_cancelled = threading.Event()

    def step(self):
        while not self.permits.acquire(timeout=0.01):
            if self.is_cancelled.is_set():
                return HttpReply(499, b"{}")
        self.done.append(self.name)
        self.left -= 1
        return None if self.left else HttpReply(200, b"{}")

    def cancel(self):
        self.is_cancelled.set()


def fake(done, **parts):
    """A backend that answers at once, or in so many parts where the body names them."""
    work = {name: Parts(name, count, done) for name, count in parts.items()}
    return FakeBackend(lambda request: work.get(json.loads(request.body).get("work"), HttpReply(200, b"{}"))), work


def test_long_work_goes_part_by_part_in_turns_and_short_work_beside_it():
    done = []
    backend, work = fake(done, one=3, two=3)
    with running(backend) as url:
        replies = []
        asking = [
            threading.Thread(target=lambda name=name: replies.append(post(url, {"work": name}).status_code))
            for name in work
        ]
        for thread in asking:
            thread.start()
        wait_until(lambda: len(backend.requests) == 2)
        assert post(url, {}).status_code == 200  # a long one is in its first part, the other waits
        for parts in work.values():
            parts.permits.release(3)
        for thread in asking:
            thread.join()
    assert replies == [200, 200]
    assert done in (["one", "two"] * 3, ["two", "one"] * 3)


def test_long_work_of_a_client_that_goes_away_is_stopped():
    backend, work = fake([], one=2)
    body = b'{"work": "one"}'
    with running(backend, max_concurrent_calls=1) as url:
        address = urllib.parse.urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            wait_until(lambda: backend.requests)
        assert work["one"].is_cancelled.wait(10)
        assert post(url, {}).status_code == 200


@pytest.mark.slow
def test_half_of_the_places_are_kept_for_short_work():
    names = [f"work{place}" for place in range(4)]
    backend, work = fake([], **dict.fromkeys(names, 1))
    with running(backend, max_waiting=4) as url, concurrent.futures.ThreadPoolExecutor(4) as pool:  # six places
        replies = [pool.submit(post, url, {"work": name}) for name in names]
        try:
            wait_until(lambda: any(reply.done() for reply in replies))
            assert post(url, {}).status_code == 200
        finally:
            for parts in work.values():
                parts.permits.release()
        found = [reply.result() for reply in replies]
    assert sorted(reply.status_code for reply in found) == [200, 200, 200, 503]
    refused = next(reply for reply in found if reply.status_code == 503)
    assert refused.json() == {"error": "3 long requests are waiting already; try again later"}


def test_parts_of_a_batch_give_what_the_whole_gives(servable, monkeypatch):
    contexts = [*tiny_model.random_texts(5, 12), "", "the cat sat on the mat . " * 40]
    with running(LocalModel(servable, "qa", Limits())) as url:
        whole = post(url, instances(*contexts)).json()
        monkeypatch.setattr(backends, "_SMALL_WORD_PIECES", 10)
        monkeypatch.setattr(backends, "_PART_WORD_PIECES", 30)
        parts = post(url, instances(*contexts)).json()
        columns = {"question": ["who is it"] * len(contexts), "context": contexts}
        by_column = post(url, {"inputs": columns}).json()["outputs"]
        wrong = post(url, {"inputs": {**columns, "question": ["who"]}})
    for one, other in zip(whole["predictions"], parts["predictions"], strict=True):
        assert (one["answer"], one["answer_start"], one["nbest_answer"]) == (
            other["answer"],
            other["answer_start"],
            other["nbest_answer"],
        )
        np.testing.assert_allclose(one["score"], other["score"], rtol=1e-4)
    assert by_column["answer"] == [row["answer"] for row in whole["predictions"]]
    assert (wrong.status_code, "same number of rows" in wrong.text) == (400, True)


def test_a_call_of_the_model_can_be_stopped(servable):
    stop = servable.new_cancellation()
    threading.Timer(0.3, stop.cancel).start()
    inputs = {"question": np.array([b"who"], object), "context": np.array([b"the cat sat " * 200_000], object)}
    started = time.monotonic()
    with pytest.raises(RestError) as caught:
        servable.predict("serving_default", inputs, stop)
    assert caught.value.status == 499
    assert time.monotonic() - started < 30
    assert servable.predict("serving_default", {**inputs, "context": np.array([b"the cat"], object)})


def test_calls_of_other_threads_are_not_stopped(servable):
    stop = servable.new_cancellation()
    text = {"question": np.array([b"who"], object), "context": np.array([b"the cat sat on the mat " * 20_000], object)}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(servable.predict, "serving_default", text, stop)
        short = {**text, "context": np.array([b"the cat"], object)}
        for number in range(20):
            if number == 10:
                stop.cancel()
            assert servable.predict("serving_default", short)
        with pytest.raises(RestError):
            stopped.result()


def test_a_request_of_too_many_word_pieces_is_refused(servable):
    limits = Limits(max_word_pieces=100)
    with running(LocalModel(servable, "qa", limits), limits=limits) as url:
        assert post(url, instances("the cat " * 30)).status_code == 200
        refused = post(url, instances("the cat " * 20, "the cat " * 40))
        ids = {name: [[2] * 60] * 2 for name in ("input_word_ids", "input_mask", "input_type_ids")}
        refused_ids = post(url, {"signature_name": "serve_ids", "inputs": ids})
    assert refused.status_code == refused_ids.status_code == 400
    assert refused.json() == {
        "error": "The request has about 171 word pieces, more than the 100 that this server takes"
    }
    assert "about 120 word pieces" in refused_ids.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("the cat", 2), ("  a\n", 1), ("a,b!", 4), ("北京", 2), ("word" * 4, 3), ("!" * 50, 50), ("x\x00y", 2)],
)
def test_word_pieces_are_estimated(text, expected):
    assert costs.word_pieces(text.encode()) == expected


def test_the_estimate_is_seldom_below_what_the_tokenizer_makes():
    tokenizer = tiny_model.tiny_tokenizer()
    texts = tiny_model.random_texts(7, 200)
    made = [len(found.ids) for found in tokenizer.tokenize_texts(texts)]
    estimates = [costs.word_pieces(text.encode("utf-8", "replace")) for text in texts]
    assert sum(estimates) > 0.8 * sum(made)


_WORKS_ON = """
import sys, threading, time
from bert_qa_tf.serving import server
from bert_qa_tf.serving.backends import HttpReply
from tests.serving.running import FakeBackend
backend = FakeBackend(lambda request: print("begun", flush=True) or time.sleep(60) or HttpReply(200, b"{}"))
config = server.ServerConfig(port=0, grace_secs=1)
with server.bind(config.host, config.port) as listener, server.stop_signals() as stop:
    print(server.base_url(listener), flush=True)
    server.run(backend, config, listener, None, stop)
print("never reached")
"""


@pytest.mark.slow
def test_a_server_whose_threads_work_on_ends_after_the_grace_all_the_same():
    command = [sys.executable, "-c", _WORKS_ON]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, env=os.environ
    ) as process:
        url = process.stdout.readline().strip()
        replies = []
        asking = threading.Thread(target=lambda: replies.append(post(url, {})))
        asking.start()
        assert process.stdout.readline() == "begun\n"
        started = time.monotonic()
        process.terminate()
        out, err = process.communicate(timeout=40)
        assert time.monotonic() - started < 20
        asking.join()
    assert (process.returncode, out) == (0, "")
    assert "stopped: some work was not done after --grace_secs=1\n" in err
    assert "Traceback" not in err
    assert (replies[0].status_code, replies[0].json()) == (503, {"error": "The server is stopping"})
