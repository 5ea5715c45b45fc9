import gzip
import hashlib
import http.server
import io
import os
import pathlib
import tarfile
import threading

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import archive


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bert_qa_tf"


@pytest.fixture
def export(tmp_path):
    """What looks like an export: these tests load no model."""
    for name in ("qa", "qa_ids"):
        (tmp_path / "exports" / name / "3" / "variables").mkdir(parents=True)
        (tmp_path / "exports" / name / "3" / "saved_model.pb").write_bytes(name.encode())
        (tmp_path / "exports" / name / "3" / "variables" / "variables.index").write_bytes(b"\x00\xff" * 1000)
    extra = tmp_path / "exports" / "qa" / "3" / "assets.extra"
    extra.mkdir()
    (extra / "model_card.md").write_text("# Model card\n")
    return {f"{name}/3": str(tmp_path / "exports" / name / "3") for name in ("qa", "qa_ids")}


@pytest.fixture
def packed(export, tmp_path):
    path = tmp_path / "dist" / "model.tar.gz"
    archive.pack(export, path)
    return path


def message(address):
    with pytest.raises(InputError) as caught:
        archive.locate(str(address))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(path, change):
    """Packs an archive again after `change` has had its files."""
    with tarfile.open(path) as old:
        contents = {member.name: old.extractfile(member).read() for member in old.getmembers()}
    change(contents)
    with gzip.open(path, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as new:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    pathlib.Path(f"{path}.sha256").unlink()


def test_an_archive_holds_both_models_the_card_and_a_checksum_of_each_file(packed):
    with tarfile.open(packed) as opened:
        contents = {member.name: opened.extractfile(member).read() for member in opened.getmembers()}
    sums = contents.pop("SHA256SUMS").decode()

    assert sorted(contents) == [
        "MODEL_CARD.md",
        "qa/3/assets.extra/model_card.md",
        "qa/3/saved_model.pb",
        "qa/3/variables/variables.index",
        "qa_ids/3/saved_model.pb",
        "qa_ids/3/variables/variables.index",
    ]
    assert sums.splitlines() == [f"{hashlib.sha256(contents[name]).hexdigest()}  {name}" for name in sorted(contents)]
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    assert pathlib.Path(f"{packed}.sha256").read_text() == f"{digest}  model.tar.gz\n"


def test_the_same_files_pack_to_the_same_bytes(export, packed, tmp_path):
    for folder in export.values():
        os.utime(f"{folder}/saved_model.pb", (1, 1))
    again = tmp_path / "again.tar.gz"
    archive.pack(export, again)

    assert again.read_bytes() == packed.read_bytes()


def test_a_local_archive_is_unpacked_once(packed, cache):
    folder = archive.locate(str(packed))

    assert pathlib.Path(folder).relative_to(cache / "exports").parts[1:] == ("qa", "3")
    assert pathlib.Path(folder, "saved_model.pb").read_bytes() == b"qa"
    marker = pathlib.Path(folder, "marker")
    marker.touch()
    assert archive.locate(str(packed)) == folder
    assert marker.exists()


def test_a_folder_is_itself(tmp_path):
    assert archive.locate(str(tmp_path)) == str(tmp_path)
    assert archive.locate("gs://bucket/qa/1") == "gs://bucket/qa/1"


def test_an_archive_with_another_checksum_is_refused(packed, cache):
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    with packed.open("ab") as file:
        file.write(b"more")

    assert "has SHA-256 " in message(packed)
    assert f", expected {digest}; nothing was kept" in message(packed)
    assert f"expected {'0' * 64}; nothing was kept" in message(f"{packed}#sha256={'0' * 64}")
    assert not (cache / "exports").exists()


def test_a_file_that_is_not_what_the_archive_says_of_it_is_refused(packed):
    rewrite(packed, lambda contents: contents.update({"qa/3/saved_model.pb": b"other"}))
    assert message(packed) == f"{packed}: qa/3/saved_model.pb is not what SHA256SUMS says (1 such files)"


def test_a_file_that_the_archive_does_not_speak_of_is_refused(packed):
    rewrite(packed, lambda contents: contents.update({"qa/3/more": b""}))
    assert message(packed) == f"{packed}: qa/3/more is not what SHA256SUMS says (1 such files)"


def test_names_that_lead_out_of_the_folder_are_refused(packed, cache):
    rewrite(packed, lambda contents: contents.update({"../../escaped": b""}))
    assert "cannot be unpacked" in message(packed)
    assert list((cache / "exports").iterdir()) == []
    assert not (cache.parent / "escaped").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"no archive", "cannot be unpacked (not a gzip file, or a damaged one); expected an archive of `export`"),
        (gzip.compress(b"", mtime=0), "cannot be unpacked (empty file); expected an archive of `export`"),
    ],
    ids=["not gzip", "empty"],
)
def test_what_is_no_archive_is_refused_in_one_line(tmp_path, content, expected):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    assert message(path) == f"{path}: {expected}"


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz"):
        pass
    assert message(path) == f"{path}: holds no SHA256SUMS; expected an archive of `export`"


def test_an_archive_that_is_not_there_is_one_line(tmp_path):
    assert message(tmp_path / "model.tar.gz") == f"{tmp_path}/model.tar.gz: no such archive"
    assert message(tmp_path / "model.tar.gz#sha256=12").endswith(
        "#sha256=12: expected #sha256= and 64 hexadecimal digits behind the address"
    )


@pytest.mark.parametrize("path", ["model.zip", "gs://bucket/model.tar.gz"])
def test_an_archive_is_packed_to_a_local_file_of_that_kind(export, path):
    with pytest.raises(InputError, match=r"expected a local path that ends in \.tar\.gz"):
        archive.pack(export, path)


# === Over HTTP ===


@pytest.fixture
def server(packed):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(packed.parent))

        def log_message(self, *_):
            pass

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.asked, server.url = asked, f"http://127.0.0.1:{server.server_port}/model.tar.gz"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_archive_is_fetched_once_and_held_to_the_checksum_beside_it(server, cache):
    folder = archive.locate(server.url)

    assert pathlib.Path(folder, "saved_model.pb").read_bytes() == b"qa"
    assert server.asked == ["/model.tar.gz.sha256", "/model.tar.gz"]
    assert archive.locate(server.url) == folder
    assert server.asked[2:] == ["/model.tar.gz.sha256"]
    assert list((cache / "downloads").iterdir()) == []


def test_a_checksum_in_the_address_needs_none_beside_it(server, packed):
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    folder = archive.locate(f"{server.url}#sha256={digest}")

    assert server.asked == ["/model.tar.gz"]
    assert archive.locate(f"{server.url}#sha256={digest}") == folder
    assert server.asked == ["/model.tar.gz"]


def test_an_archive_without_any_checksum_is_not_fetched(server, packed):
    pathlib.Path(f"{packed}.sha256").unlink()

    assert message(server.url) == (
        f"{server.url}.sha256: the server answered 404 File not found; without that checksum, add #sha256=… to the "
        "archive's address"
    )
    assert server.asked == ["/model.tar.gz.sha256"]


def test_a_page_in_place_of_a_checksum_is_refused(server, packed):
    pathlib.Path(f"{packed}.sha256").write_text("<html>log in</html>")
    assert "expected a line as `sha256sum` writes it, got '<html>log in</html>'" in message(server.url)


def test_what_was_cut_off_is_gone_on_with(server, packed, cache):
    content = packed.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (cache / "downloads").mkdir(parents=True)
    (cache / "downloads" / f"{digest}.part").write_bytes(content[:100])

    # This server knows no ranges and sends all of it again.
    assert archive.locate(f"{server.url}#sha256={digest}").endswith("/qa/3")


@pytest.mark.parametrize("is_entry", [False, True])
def test_a_file_in_the_place_of_a_folder_of_the_cache_is_one_line(packed, cache, is_entry):
    place = cache / "exports" / hashlib.sha256(packed.read_bytes()).hexdigest() if is_entry else cache / "exports"
    place.parent.mkdir(parents=True)
    place.touch()
    assert message(packed).startswith(f"{place}: cannot ")
