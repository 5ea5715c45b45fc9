"""Clients that are silent, slow, too many or do not read: the server goes on, and others are answered."""

import contextlib
import errno
import io
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.parse

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
import requests

from bert_qa_tf.serving import bodies, connections
from bert_qa_tf.serving.backends import HttpReply
from bert_qa_tf.serving.predict_request import Limits
from tests.serving.running import FakeBackend, running, wait_until

PREDICT = "/v1/models/qa:predict"
HEAD = b"POST /v1/models/qa:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def connect(url):
    address = urllib.parse.urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1000) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def ok(request):
    del request
    return HttpReply(200, b"{}")


def ask(url):
    return requests.post(url + PREDICT, json={}, timeout=20).status_code


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(connections, "_IDLE_SECS", 0.5)
    monkeypatch.setattr(connections, "_STALL_SECS", 0.5)
    monkeypatch.setattr(connections, "_LOOK_EVERY_SECS", 0.1)
    monkeypatch.setattr(bodies, "LEAST_BYTES_PER_SEC", 10**9)


def test_connections_without_a_whole_request_are_closed(impatient):
    log = io.StringIO()
    with running(FakeBackend(ok), stream=log) as url:
        sent = (b"", b"P", b"POST /v1/models/qa:predict HTTP/1.1\r\nHost: localhost\r\n")
        silent = [connect(url) for _ in sent]
        for connection, content in zip(silent, sent, strict=True):
            connection.sendall(content)
        for _ in range(20):  # a byte now and then is no more of a request
            time.sleep(0.05)
            try:
                silent[2].sendall(b"x")
            except OSError:
                break
        wait_until(lambda: all(map(is_closed, silent)), 5)
        assert ask(url) == 200
    assert log.getvalue().count("closing connections on which no request came for 0.5 s") == 1


def test_a_second_request_may_not_be_slow_either(impatient):
    with running(FakeBackend(ok)) as url:
        connection = connect(url)
        connection.sendall(HEAD % 2 + b"{}")
        assert b"200 OK" in connection.recv(1000)
        connection.sendall(b"P")
        wait_until(lambda: is_closed(connection), 5)


@pytest.mark.parametrize("pieces", [0, 40])
def test_a_body_has_a_total_time(impatient, pieces):
    backend = FakeBackend(ok)
    with running(backend, receive_secs=0.5) as url:
        connection = connect(url)
        connection.sendall(HEAD % 1000)
        for _ in range(pieces):
            time.sleep(0.02)
            try:
                connection.sendall(b"x")
            except OSError:
                break
        reply = b"".join(iter(lambda: connection.recv(1000), b""))
    assert b" 408 " in reply
    assert b"The request's body was not complete in 0.5 s (" in reply
    assert not backend.requests


def test_who_sends_most_of_a_body_at_once_may_not_pause_for_long():
    with running(FakeBackend(ok), receive_secs=0.5) as url:
        connection = connect(url)
        connection.sendall(HEAD % 4_000_001 + b"x" * 4_000_000)  # a minute at the least rate
        assert b" 408 " in connection.recv(1000)


def test_a_client_that_does_not_read_its_reply_is_let_go(impatient):
    big = b'"' + b"x" * 30_000_000 + b'"'
    log = io.StringIO()
    with running(FakeBackend(lambda request: HttpReply(200, big)), stream=log) as url:
        connection = connect(url)
        connection.sendall(HEAD % 0)
        wait_until(lambda: "took no reply" in log.getvalue(), 10)
        connection.close()


def test_a_slow_reader_gets_all(monkeypatch):
    big = b"x" * 3_000_000
    with running(FakeBackend(lambda request: HttpReply(200, big))) as url:
        reply = requests.post(url + PREDICT, json={}, timeout=20, stream=True)
        pieces = []
        for piece in reply.iter_content(300_000):
            pieces.append(piece)
            time.sleep(0.05)
    assert b"".join(pieces) == big


def test_a_new_connection_takes_the_place_of_the_most_silent_one():
    log = io.StringIO()
    with running(FakeBackend(ok), stream=log, max_connections=20) as url:
        silent = [connect(url) for _ in range(60)]
        assert [ask(url) for _ in range(5)] == [200] * 5
        wait_until(lambda: sum(map(is_closed, silent)) >= 40, 5)
        for connection in silent:
            connection.close()
    assert log.getvalue().count("more than 20 connections: closing those that wait longest") == 1


def test_when_all_connections_are_worked_for_a_further_one_is_refused():
    with running(FakeBackend(lambda request: time.sleep(1) or HttpReply(200, b"{}"), 4), max_connections=2) as url:
        working = [connect(url) for _ in range(2)]
        for connection in working:
            connection.sendall(HEAD % 2 + b"{}")
        time.sleep(0.3)
        assert b" 503 " in connect(url).recv(1000)
        for connection in working:
            assert b" 200 " in connection.recv(1000)


def test_large_bodies_together_have_a_limit_and_small_ones_are_taken_meanwhile(monkeypatch):
    monkeypatch.setattr(bodies, "_HELD_BODIES", 2)
    with running(FakeBackend(ok), limits=Limits(max_body_bytes=1_000_000)) as url:
        held = [connect(url) for _ in range(3)]
        for connection in held:
            connection.sendall(HEAD % 1_000_000 + b"x" * 900_000)
        wait_until(lambda: sum(is_refused(connection) for connection in held) == 1, 10)
        assert ask(url) == 200
        assert requests.post(url + PREDICT, data=b"x" * 60_000, timeout=20).status_code == 200
        for connection in held:
            connection.close()
        wait_until(lambda: requests.post(url + PREDICT, data=b"x" * 900_000, timeout=20).status_code == 200, 10)


def is_refused(connection):
    connection.setblocking(False)
    try:
        return b" 503 " in connection.recv(1000, socket.MSG_PEEK)
    except BlockingIOError:
        return False


def test_what_is_no_http_is_refused_in_json_with_a_line():
    log = io.StringIO()
    with running(FakeBackend(ok), stream=log) as url:
        connection = connect(url)
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        reply = b"".join(iter(lambda: connection.recv(1000), b""))
        wait_until(lambda: " - - 400 " in log.getvalue())
    assert reply.endswith(b'{"error": "Invalid HTTP request received."}')


def test_a_body_of_tiny_chunks_is_refused_and_one_of_many_lines_is_not():
    head = HEAD.replace(b"Content-Length: %d", b"Transfer-Encoding: chunked")
    with running(FakeBackend(ok)) as url:
        for chunk, count, status in ((b"x", 30_000, b"400"), (b"x" * 80, 30_000, b"200"), (b"x", 9_000, b"200")):
            with connect(url) as connection:
                with contextlib.suppress(OSError):  # the server closes the connection
                    connection.sendall(head + b"%x\r\n%s\r\n" % (len(chunk), chunk) * count + b"0\r\n\r\n")
                assert connection.recv(1000).startswith(b"HTTP/1.1 " + status)


def test_a_line_is_short_whatever_a_client_sends():
    log = io.StringIO()
    with running(FakeBackend(ok), stream=log) as url, connect(url) as connection:
        connection.sendall(b"M" * 10_000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 405 " in connection.recv(1000)
        wait_until(log.getvalue)
    assert f" {'M' * 20}… / 405 " in log.getvalue()
    assert len(log.getvalue()) < 200


def test_every_request_has_a_line_without_content():
    log = io.StringIO()
    with running(FakeBackend(ok), stream=log) as url:
        assert ask(url) == 200
        assert requests.get(f"{url}/elsewhere?secret=1", timeout=20).status_code == 404
        with connect(url) as connection:
            connection.sendall(HEAD % 100 + b"half")
        wait_until(lambda: log.getvalue().count("\n") == 3)
    lines = [re.sub(r"^\S+Z 127\.0\.0\.1:\d+ (.*) \d+ ms$", r"\1", line) for line in log.getvalue().splitlines()]
    assert lines == [f"POST {PREDICT} 200 2 bytes", "GET /elsewhere 404 38 bytes", f"POST {PREDICT} 499 0 bytes"]


_OUT_OF_DESCRIPTORS = """
import io, resource, socket, sys, time
from bert_qa_tf.serving import connections
from tests.serving.connections_test import HEAD, ask, connect, ok
from tests.serving.running import FakeBackend, running
log = io.StringIO()
with running(FakeBackend(ok), stream=log) as url:
    assert ask(url) == 200
    used = max(int(name) for name in __import__("os").listdir("/proc/self/fd"))
    clients = [socket.socket() for _ in range(30)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, 1000))
    address = url.removeprefix("http://").split(":")
    for client in clients:
        client.connect((address[0], int(address[1])))
    time.sleep(2.5)
    for client in clients[:20]:
        client.close()
    deadline = time.monotonic() + 20
    while ask(url) != 200:
        assert time.monotonic() < deadline
print(log.getvalue().count("cannot accept connections (Too many open files)"), len(log.getvalue()) < 1000)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts descriptors in /proc")
def test_out_of_descriptors_is_a_line_and_the_server_recovers():
    done = subprocess.run([sys.executable, "-c", _OUT_OF_DESCRIPTORS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 True\n", "")


def test_a_listener_rests_when_there_are_no_descriptors(monkeypatch):
    tries = []

    def accept(self):
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket.socket, "accept", accept)
    with connections.Listener() as listener:
        with pytest.raises(OSError, match="Too many open files"):
            listener.accept()
        for _ in range(1000):
            with pytest.raises(BlockingIOError):
                listener.accept()
    assert len(tries) == 1


def test_connections_fit_the_descriptors_that_the_process_may_have(monkeypatch):
    limits = [100_000, 100_000]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, new: limits.__setitem__(slice(None), new))
    assert connections.fit_to_descriptors(512) == 512
    limits[:] = 256, 4096
    assert connections.fit_to_descriptors(512) == 512
    assert limits == [612, 4096]
    limits[:] = 128, 256
    assert connections.fit_to_descriptors(512) == 156
