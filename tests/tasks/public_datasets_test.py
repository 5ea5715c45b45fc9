import hashlib
import json
import pathlib

import pytest
from absl import flags as absl_flags

from bert_qa_tf import cli, flags
from bert_qa_tf import download as command
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks import public_datasets
from bert_qa_tf.tasks.public_datasets import Dataset, RemoteFile
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from tests import testing
from tests.storage.file_server import file_server
from tests.tasks.question_answering.reading.datasets import tables

_QA = {"id": "q1", "question": "who", "answers": [{"text": "cat", "answer_start": 4}]}
_CONTENT = json.dumps({"data": [{"title": "A", "paragraphs": [{"context": "the cat", "qas": [_QA]}]}]}).encode()
_CONTENT += b" " * 100_000
_SIZE_BYTES = len(_CONTENT)
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()


@pytest.fixture
def server():
    with file_server({"data.json": _CONTENT}) as server:
        yield server


def _fetch(server, folder, sha256=_SHA256, size_bytes=_SIZE_BYTES, base_urls=None, **options):
    table = {"tiny": Dataset(base_urls or (server.url,), (RemoteFile("data.json", sha256, size_bytes),))}
    return public_datasets.download_dataset("tiny", folder, datasets=table, wait_secs=0.01, **options)


def _error(*arguments, **options):
    with pytest.raises(InputError) as caught:
        _fetch(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_fetched_checked_and_moved_into_place(server, tmp_path, capsys):
    (path,) = _fetch(server, tmp_path)
    assert path == tmp_path / "tiny" / "data.json"
    assert path.read_bytes() == _CONTENT
    assert not path.with_name("data.json.part").exists()
    assert "its SHA-256 matches" in capsys.readouterr().out


def test_a_file_that_is_there_and_right_is_not_fetched_again(server, tmp_path, capsys):
    _fetch(server, tmp_path)
    _fetch(server, tmp_path)
    assert len(server.requests) == 1
    assert "already there" in capsys.readouterr().out


def test_a_download_that_was_cut_off_goes_on_from_there(server, tmp_path):
    half = len(_CONTENT) // 2
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "data.json.part").write_bytes(_CONTENT[:half])
    (path,) = _fetch(server, tmp_path)
    assert path.read_bytes() == _CONTENT
    assert server.requests == [("/data.json", f"bytes={half}-")]


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, tmp_path):
    server.failures = ["cut"]
    (path,) = _fetch(server, tmp_path)
    assert path.read_bytes() == _CONTENT
    assert server.requests == [("/data.json", None), ("/data.json", f"bytes={len(_CONTENT) // 2}-")]


def test_a_server_without_ranges_sends_it_all_again(server, tmp_path):
    server.has_ranges = False
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "data.json.part").write_bytes(_CONTENT[:1000])
    (path,) = _fetch(server, tmp_path)
    assert path.read_bytes() == _CONTENT


@pytest.mark.parametrize("size_bytes", [len(_CONTENT), None])
@pytest.mark.parametrize("part", [b"x" * 1000, b"x" * len(_CONTENT), _CONTENT + b"more", _CONTENT])
def test_a_part_of_something_else_is_replaced(server, tmp_path, part, size_bytes):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "data.json.part").write_bytes(part)
    (path,) = _fetch(server, tmp_path, size_bytes=size_bytes)
    assert path.read_bytes() == _CONTENT


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.failures = [503, 429]
    assert _fetch(server, tmp_path)[0].read_bytes() == _CONTENT


def test_a_wrong_checksum_keeps_nothing(server, tmp_path):
    message = _error(server, tmp_path, sha256="0" * 64)
    assert f"{server.url}/data.json: has SHA-256 {_SHA256}, expected {'0' * 64}; nothing was kept" in message
    assert list((tmp_path / "tiny").iterdir()) == []


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    server.content = {}
    assert f"{server.url}/data.json: the server answered 404" in _error(server, tmp_path)
    assert len(server.requests) == 1


def test_the_next_address_is_tried(server, tmp_path):
    urls = (f"{server.url}/gone", server.url)
    assert _fetch(server, tmp_path, base_urls=urls)[0].read_bytes() == _CONTENT


def test_a_server_that_is_not_there_is_one_clear_line(server, tmp_path):
    message = _error(server, tmp_path, base_url="http://127.0.0.1:9", attempts=2)
    assert "http://127.0.0.1:9/data.json: gave up after 2 attempts" in message


def test_what_was_received_is_kept_for_the_next_run(server, tmp_path):
    server.failures = ["cut", 500]
    assert f"{len(_CONTENT) // 2:,} bytes are kept" in _error(server, tmp_path, attempts=2)
    assert _fetch(server, tmp_path)[0].read_bytes() == _CONTENT


def test_a_file_that_was_changed_is_refused_not_replaced(server, tmp_path):
    (path,) = _fetch(server, tmp_path)
    path.write_bytes(b"mine")
    assert "remove it to download it again" in _error(server, tmp_path)
    assert path.read_bytes() == b"mine"


def test_a_file_without_published_checksum_is_pinned_on_first_use(server, tmp_path, capsys):
    (path,) = _fetch(server, tmp_path, sha256=None, size_bytes=None)
    assert "no checksum is published for it" in capsys.readouterr().out
    pins = json.loads((tmp_path / "tiny" / "checksums.json").read_text())
    assert pins == {"data.json": {"sha256": _SHA256, "bytes": len(_CONTENT), "checked_against": "first use"}}
    path.unlink()
    server.content["data.json"] = _CONTENT + b" "
    assert f"expected {_SHA256}; nothing was kept" in _error(server, tmp_path, sha256=None, size_bytes=None)


def test_a_page_sent_in_place_of_the_file_is_not_pinned(server, tmp_path):
    server.content["data.json"] = b"<html>please log in</html>"
    assert "what came is no file of questions" in _error(server, tmp_path, sha256=None, size_bytes=None)
    assert list((tmp_path / "tiny").iterdir()) == []


def test_broken_pins_are_one_clear_line(server, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "checksums.json").write_text("[1]")
    assert "checksums.json: expected an object of file name" in _error(server, tmp_path)


def test_an_address_of_another_kind_is_refused(server, tmp_path):
    assert "expected an http:// or https:// address" in _error(server, tmp_path, base_url="ftp://x")


def test_a_remote_folder_is_refused(server):
    assert "expected a local folder" in _error(server, "gs://bucket/data")


def test_the_table_holds_what_is_published():
    datasets = public_datasets.DATASETS
    files = {name: [(f.name, bool(f.sha256)) for f in dataset.files] for name, dataset in datasets.items()}
    assert files == {
        "spoken_squad": [
            ("spoken_train-v1.1.json", False),
            ("spoken_test-v1.1.json", True),
            ("spoken_test-v1.1_WER44.json", True),
            ("spoken_test-v1.1_WER54.json", False),
        ],
        "spoken_squad_rows": [
            (name, False) for name in ("train.json", "test.json", "test_WER44.json", "test_WER54.json")
        ],
        "nmsqa": [("train.parquet", False), ("dev.parquet", True), ("test.parquet", True)],
        "heysquad": [
            ("train-common-human-transcribed-48849.json", False),
            ("train-common-original-48849.json", False),
        ],
        "heysquad_test": [
            ("dev-common-human-transcribed-1002.json", True),
            ("dev-common-original-1002.json", True),
        ],
        "slue_sqa5_test": [(f"test-{number:05}-of-00014.parquet", False) for number in range(14)],
        "squad_v1.1": [("train-v1.1.json", True), ("dev-v1.1.json", True)],
        "squad_v2.0": [("train-v2.0.json", True), ("dev-v2.0.json", True)],
    }


def test_the_flag_has_all_names():
    values = absl_flags.FlagValues()
    flags.define_download(values)
    assert values["dataset"].parser.enum_values == list(public_datasets.DATASETS)


def test_parquet_is_fetched_looked_at_and_pinned_after_its_home_and_licence_are_shown(tmp_path, capsys):
    path = tables.write(tmp_path / "dev.parquet", [tables.nmsqa_row()], tables.NMSQA)
    content = pathlib.Path(path).read_bytes()
    with file_server({"dev.parquet": content}) as server:
        table = {"nmsqa": Dataset((server.url,), (RemoteFile("dev.parquet"),), "CC BY-SA 4.0")}
        (fetched,) = public_datasets.download_dataset("nmsqa", tmp_path, datasets=table, wait_secs=0.01)
        assert fetched.read_bytes() == content
        said = capsys.readouterr().out.splitlines()
        assert said[0] == f"nmsqa: from {server.url}; licence: CC BY-SA 4.0"
        assert "no checksum is published for it" in said[1]
        server.content["dev.parquet"] = content[:-20]
        fetched.unlink()
        (tmp_path / "nmsqa" / "checksums.json").unlink()
        with pytest.raises(InputError, match="what came is no file of questions"):
            public_datasets.download_dataset("nmsqa", tmp_path, datasets=table, attempts=1, wait_secs=0.01)


@pytest.mark.parametrize("name", ["spoken_test-v1.1.json", "spoken_test-v1.1_WER44.json"])
def test_the_table_s_checksums_are_those_of_the_real_files(name):
    content = testing.shared_data("spoken_squad", name).read_bytes()
    (remote,) = [file for file in public_datasets.DATASETS["spoken_squad"].files if file.name == name]
    assert (remote.sha256, remote.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


def test_the_command_fetches_from_a_mirror(server, tmp_path, monkeypatch, capsys):
    dataset = Dataset(("https://x",), (RemoteFile("data.json", _SHA256),))
    monkeypatch.setitem(public_datasets.DATASETS, "squad_v1.1", dataset)
    arguments = ["--dataset=squad_v1.1", f"--data_dir={tmp_path}", f"--base_url={server.url}"]
    assert cli.call(command.main, command.__doc__, command.FLAG_GROUPS, arguments) == 0
    assert len(squad_reader.read_squad(tmp_path / "squad_v1.1" / "data.json")) == 1
    assert str(tmp_path / "squad_v1.1" / "data.json") in capsys.readouterr().out


def test_the_command_needs_a_data_set(capsys):
    assert cli.call(command.main, command.__doc__, command.FLAG_GROUPS, []) == 1
    assert capsys.readouterr().err == (
        "error: --dataset is missing, expected one of spoken_squad, spoken_squad_rows, nmsqa, heysquad, "
        "heysquad_test, slue_sqa5_test, squad_v1.1, squad_v2.0\n"
    )
