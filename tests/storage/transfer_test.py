import fcntl
import hashlib
import threading

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import transfer
from tests.storage.file_server import file_server

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
