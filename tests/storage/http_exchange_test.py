"""Replies of servers that are broken or hostile: each is one error of ours, in time, and never too large."""

import gzip
import socket
import threading
import time

import pytest

from bert_qa_tf.storage.http_exchange import ExchangeError, exchange, new_session
from tests.raw_server import RawServer


def ask(url, timeout_secs=10.0, max_bytes=1000):
    with new_session() as session:
        return exchange(session, "GET", url, timeout_secs=timeout_secs, max_bytes=max_bytes)


def test_a_reply_comes_whole():
    with RawServer(b"HTTP/1.1 201 Fine\r\nX-One: a\r\nContent-Length: 5\r\n\r\nhello") as server:
        assert ask(server.url)[:2] == (201, "Fine")
        reply = ask(server.url)
    assert (reply.body, reply.headers["x-one"]) == (b"hello", "a")


_HEAD = b"HTTP/1.1 200 OK\r\n"
_MANY_HEADERS = b"".join(b"X-%d: a\r\n" % number for number in range(500))
_GZIP = b"Content-Encoding: gzip\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02",
        _HEAD + _MANY_HEADERS + b"\r\n",
        _HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        _HEAD + b"Content-Length: 10\r\n\r\nhalf",
        _HEAD + b"Content-Length: -1\r\n\r\n",
        _HEAD + b"Content-Length: \xc2\xb2\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 100_000 + b"\r\n",
        _HEAD + _GZIP + b"Content-Length: 5\r\n\r\nhello",
        _HEAD + b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 302 Go\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_broken_reply_is_an_error_of_ours_or_a_reply(reply):
    with RawServer(reply) as server:
        try:
            found = ask(server.url).body
        except ExchangeError as error:
            found = str(error).encode() if error.kind in ("UNAVAILABLE", "INVALID") else b"\n"
    assert len(found) <= 1000
    assert b"\n" not in found


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 99999999\r\n"])
def test_a_huge_reply_is_not_read(head):
    endless = RawServer(_HEAD + head + b"\r\n", endless=b"400\r\n" + b"x" * 1024 + b"\r\n")
    with endless, pytest.raises(ExchangeError, match="the reply is larger than 1000 bytes") as caught:
        ask(endless.url)
    assert caught.value.kind == "INVALID"


def test_a_small_reply_that_unpacks_to_a_huge_one_is_not_unpacked():
    packed = gzip.compress(b"0" * 50_000_000)
    server = RawServer(_HEAD + _GZIP + b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
    with server, pytest.raises(ExchangeError, match="the reply is larger than 1000 bytes"):
        ask(server.url)


@pytest.mark.parametrize("reply", [_HEAD + b"Content-Length: 900\r\n\r\n" + b"x" * 900, _HEAD + _MANY_HEADERS])
def test_a_reply_that_drips_ends_with_the_time(reply):
    with RawServer(reply, piece=1, pause_secs=0.05) as server:
        started = time.monotonic()
        with pytest.raises(ExchangeError, match=r"no complete reply within 0\.3 s") as caught:
            ask(server.url, timeout_secs=0.3)
    assert caught.value.kind == "TIMEOUT"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url", ["http://", "http://a..b/", f"http://{'a' * 70}.invalid/", "http://[::1", "http://a:99999/", "ftp://a/"]
)
def test_an_address_that_is_none_is_an_error_of_ours(url):
    with pytest.raises(ExchangeError) as caught:
        ask(url)
    assert caught.value.kind in ("INVALID", "UNAVAILABLE")


def test_a_server_that_speaks_no_tls_is_told_from_one_that_is_down():
    with RawServer(b"HTTP/1.1 400 Bad\r\n\r\n") as server, pytest.raises(ExchangeError) as caught:
        ask(server.url.replace("http:", "https:"))
    assert caught.value.kind == "TLS"


@pytest.mark.parametrize(
    "server",
    [
        RawServer(b"", endless=b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        RawServer(_HEAD + b"X" * 1000, piece=1, pause_secs=0.05),
    ],
)
def test_nothing_goes_on_when_headers_do_not_end(server):
    with server:
        with pytest.raises(ExchangeError) as caught:
            ask(server.url, timeout_secs=0.3)
        assert caught.value.kind == "TIMEOUT"
        deadline = time.monotonic() + 20
        while any(thread.name == "http exchange" for thread in threading.enumerate()):
            assert time.monotonic() < deadline, "the attempt goes on"
            time.sleep(0.01)


def test_no_object_of_a_library_stands_in_the_message():
    with socket.socket() as silent:  # nobody listens
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(ExchangeError) as caught:
            ask(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert str(caught.value).startswith("Failed to establish a new connection")
