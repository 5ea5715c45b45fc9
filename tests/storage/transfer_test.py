import base64
import contextlib
import fcntl
import hashlib
import http.server
import io
import threading
import urllib.request

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import addresses, transfer
from tests.storage.file_server import file_server, serving

_CONTENT = b"0123456789" * 1000
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()


@pytest.fixture
def server():
    with file_server({"a.bin": _CONTENT}) as server:
        server.address = f"{server.url}/a.bin"
        yield server


def _message(urls, path, **options):
    with pytest.raises(InputError) as caught:
        transfer.fetch(urls, path, wait_secs=0.01, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_into_a_folder_that_is_made(server, tmp_path):
    fetched = transfer.fetch([server.address], str(tmp_path / "new" / "a.bin"), sha256=_SHA256)

    assert fetched == (server.address, _SHA256)
    assert (tmp_path / "new" / "a.bin").read_bytes() == _CONTENT
    assert _names(tmp_path / "new") == ["a.bin"]


def test_a_file_of_unknown_digest_is_fetched_and_its_digest_told(server, tmp_path):
    assert transfer.fetch([server.address], tmp_path / "a.bin").sha256 == _SHA256


def test_what_lies_there_is_replaced(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    transfer.fetch([server.address], tmp_path / "a.bin", sha256=_SHA256)
    assert (tmp_path / "a.bin").read_bytes() == _CONTENT


def test_what_is_not_right_does_not_replace_what_lies_there(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")

    message = _message([server.address], tmp_path / "a.bin", sha256="0" * 64)

    assert message == f"{server.address}: has SHA-256 {_SHA256}, expected {'0' * 64}; nothing was kept"
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert _names(tmp_path) == ["a.bin"]


def test_a_part_is_completed(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(_CONTENT[:4000])
    transfer.fetch([server.address], tmp_path / "a.bin", sha256=_SHA256)
    assert (tmp_path / "a.bin").read_bytes() == _CONTENT
    assert server.requests == [("/a.bin", "bytes=4000-")]


def test_a_part_of_another_version_is_fetched_once_more_from_the_start(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(b"x" * 4000)
    transfer.fetch([server.address], tmp_path / "a.bin", sha256=_SHA256)
    assert (tmp_path / "a.bin").read_bytes() == _CONTENT
    assert server.requests == [("/a.bin", "bytes=4000-"), ("/a.bin", None)]


def test_a_file_that_is_wrong_again_is_not_fetched_a_third_time(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(b"x" * 4000)
    assert "nothing was kept" in _message([server.address], tmp_path / "a.bin", sha256="0" * 64)
    assert len(server.requests) == 2
    assert _names(tmp_path) == []


def test_a_connection_that_breaks_again_and_again_is_taken_up_each_time(server, tmp_path):
    server.failures = ["cut", 503, "cut"]
    transfer.fetch([server.address], tmp_path / "a.bin", sha256=_SHA256, wait_secs=0.01)
    assert (tmp_path / "a.bin").read_bytes() == _CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=5000-", "bytes=5000-", "bytes=7500-"]


def test_what_was_received_is_kept_when_no_attempt_is_left(server, tmp_path):
    server.failures = ["cut", 500]
    message = _message([server.address], tmp_path / "a.bin", attempts=2)
    assert message.startswith(f"{server.address}: gave up after 2 attempts (500 Internal Server Error); 5,000 bytes")
    assert (tmp_path / "a.bin.part").read_bytes() == _CONTENT[:5000]


def test_an_address_that_does_not_work_leaves_nothing_behind(server, tmp_path):
    message = _message([f"{server.url}/b.bin", f"{server.url}/c.bin"], tmp_path / "a.bin")
    assert message == "; ".join(f"{server.url}/{name}.bin: the server answered 404 Not Found" for name in "bc")
    assert _names(tmp_path) == []


def test_the_first_address_that_works_is_told(server, tmp_path):
    fetched = transfer.fetch([f"{server.url}/b.bin", server.address], tmp_path / "a.bin", sha256=_SHA256)
    assert fetched.url == server.address


def test_a_file_is_looked_at_before_it_takes_its_name(server, tmp_path):
    def check(path):
        assert path.read_bytes() == _CONTENT
        assert not (tmp_path / "a.bin").exists()
        raise InputError("this is a login page")

    message = _message([server.address], tmp_path / "a.bin", check=check)

    assert message == f"{server.address}: this is a login page; nothing was kept"
    assert _names(tmp_path) == []


def test_an_address_of_tensorflow_s_file_layer_is_read_through_it(tmp_path):
    with tf.io.gfile.GFile("ram://transfer_a.bin", "wb") as file:
        file.write(_CONTENT)
    (tmp_path / "a.bin.part").write_bytes(b"x" * 20_000)

    assert transfer.fetch(["ram://transfer_a.bin"], tmp_path / "a.bin", sha256=_SHA256).sha256 == _SHA256

    assert (tmp_path / "a.bin").read_bytes() == _CONTENT
    assert "cannot read this file" in _message(["ram://transfer_none"], tmp_path / "b.bin")
    assert "cannot read this file" in _message(["no/address"], tmp_path / "b.bin")
    assert _names(tmp_path) == ["a.bin"]


def test_a_place_that_cannot_be_written_to_is_one_line(server, tmp_path):
    (tmp_path / "file").touch()
    message = _message([server.address], tmp_path / "file" / "a.bin")
    assert message == f"{tmp_path}/file: cannot make this folder (File exists)"


def test_two_that_fetch_one_file_take_turns(server, tmp_path):
    done = []

    def fetch():
        done.append(transfer.fetch([server.address], tmp_path / "a.bin", sha256=_SHA256))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    with (tmp_path / "a.bin.part").open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        for thread in threads:
            thread.start()
        part.write(b"x" * 4000)
        (tmp_path / "a.bin.part").rename(tmp_path / "done")  # as one that is done with it does
        assert server.requests == []
    for thread in threads:
        thread.join()

    assert [fetched.sha256 for fetched in done] == [_SHA256] * 2
    assert [asked for _, asked in server.requests] == [None, None]  # neither went on with what another had begun
    assert (tmp_path / "a.bin").read_bytes() == _CONTENT
    assert _names(tmp_path) == ["a.bin", "done"]


# === Servers that are not to be trusted ===


@contextlib.contextmanager
def answering(answer):
    """A server that answers each GET with `answer(handler)`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            with contextlib.suppress(OSError):  # the client may hang up
                answer(self)

        def log_message(self, *_):
            pass

    asked = []
    with serving(Handler) as server:
        server.asked = asked
        yield server


def send_for_ever(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(1 << 16))


def redirect_to(address):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.end_headers()

    return answer


@pytest.mark.parametrize(
    ("sizes", "expected"), [({"size_bytes": 1552}, "1,552"), ({"max_bytes": 100_000}, "at most 100,000")]
)
def test_what_a_server_sends_beyond_the_size_is_not_received(tmp_path, sizes, expected):
    with answering(send_for_ever) as server:
        message = _message([f"{server.url}/a"], tmp_path / "a", **sizes)
    assert message == f"{server.url}/a: the server sends more bytes than expected, {expected}"
    assert len(server.asked) == 1
    assert _names(tmp_path) == []


def test_a_size_that_is_stated_and_too_large_is_refused_before_anything_is_received(server, tmp_path):
    message = _message([server.address], tmp_path / "a.bin", max_bytes=9_999)
    assert message == f"{server.address}: the server states 10,000 bytes, expected at most 9,999"
    assert _names(tmp_path) == []


def test_the_file_layer_s_files_have_the_same_limit(tmp_path):
    with tf.io.gfile.GFile("ram://transfer_long.bin", "wb") as file:
        file.write(_CONTENT)
    assert "sends more bytes than expected, 12" in _message(["ram://transfer_long.bin"], tmp_path / "a", size_bytes=12)
    assert _names(tmp_path) == []


def test_a_range_that_ends_before_the_file_does_is_not_taken_for_all_of_it(tmp_path):
    def answer(handler):
        handler.send_response(206)
        handler.send_header("Content-Range", "bytes 0-2/6")
        handler.send_header("Content-Length", "3")
        handler.end_headers()
        handler.wfile.write(b"abc")

    with answering(answer) as server:
        message = _message([server.url], tmp_path / "a", attempts=1)
    assert "the connection ended after 3 of 6 bytes" in message
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("length", ["-5", "abc", "9" * 5000, "1e5", "²"])
def test_a_length_that_is_no_number_is_as_good_as_none(tmp_path, length):
    def answer(handler):
        handler.wfile.write(f"HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\nabc".encode("latin-1"))

    with answering(answer) as server:
        transfer.fetch([server.url], tmp_path / "a", attempts=1)
    assert (tmp_path / "a").read_bytes() == b"abc"


@pytest.mark.parametrize("scheme", ["ftp", "file", "data", "gopher"])
def test_a_redirect_to_another_scheme_is_not_followed(tmp_path, scheme):
    with answering(redirect_to(f"{scheme}://127.0.0.1/etc/passwd")) as server:
        message = _message([server.url], tmp_path / "a")
    assert message.startswith(f"{server.url}: ")
    assert "redirects to" in message or "is not allowed" in message
    assert len(server.asked) == 1


def test_a_redirect_never_leads_from_https_to_http():
    request = urllib.request.Request("https://host/a?token=1")
    follow = addresses._Redirects().redirect_request
    with pytest.raises(InputError) as caught:
        follow(request, io.BytesIO(), 302, "Found", {}, "http://other/a?token=2")
    assert str(caught.value) == "https://host/a?…: redirects to http://other/a?…, expected an https:// address"
    assert follow(request, io.BytesIO(), 302, "Found", {}, "https://other/a").full_url == "https://other/a"
    plain = urllib.request.Request("http://host/a")
    assert follow(plain, io.BytesIO(), 302, "Found", {}, "http://other/a").full_url == "http://other/a"


def test_redirects_have_an_end_and_their_bodies_are_not_read(tmp_path):
    def answer(handler):
        redirect_to("/again")(handler)
        while True:
            handler.wfile.write(bytes(1 << 16))

    with answering(answer) as server:
        assert "the server answered 302" in _message([server.url], tmp_path / "a")
    assert 1 < len(server.asked) < 10


def test_credentials_go_to_their_host_alone_and_into_no_message(tmp_path):
    with (
        answering(lambda handler: handler.send_error(403)) as there,
        answering(redirect_to(f"{there.url}/b")) as server,
    ):
        address = server.url.replace("http://", "http://me:s%40cret@") + "/a?signature=abc"
        message = _message([address], tmp_path / "a")
    assert message == f"{server.url}/a?…: the server answered 403 Forbidden"
    assert server.asked[0][0] == "/a?signature=abc"
    assert server.asked[0][1]["Authorization"] == "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert "Authorization" not in there.asked[0][1]


@pytest.mark.parametrize(
    "address", ["http://", "http://[", "http://host:port/", "http://a b/", "https://host/é", "http://é" + "x" * 70]
)
def test_what_is_no_address_is_one_line(tmp_path, address):
    assert _message([address], tmp_path / "a", attempts=1).startswith(addresses.shown(address))
