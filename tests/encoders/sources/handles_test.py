from __future__ import annotations

import io
import math
import pathlib
import re
import tarfile

import numpy as np
import pytest

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources import handles, loader, weights
from bert_qa_tf.errors import InputError
from tests import testing
from tests.encoders import fixtures


def _archive(folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


# === Addresses ===


def test_an_http_address_is_downloaded_once_into_the_users_cache(tmp_path, server):
    server.files["/bert/1?tf-hub-format=compressed"] = _archive(testing.tiny_hub_module(tmp_path))

    first = loader.load_encoder(f"{server.url}/bert/1")
    second = loader.load_encoder(f"{server.url}/bert/1")

    assert server.requests == ["/bert/1?tf-hub-format=compressed"]
    assert pathlib.Path(first.source).is_relative_to(tmp_path / "cache" / "bert_qa_tf" / "tfhub")
    expected = testing.tiny_pretrained()
    assert all(np.array_equal(second.weights[name], expected.weights[name]) for name in expected.weights)


def test_an_address_that_is_not_there_is_one_line(server):
    with pytest.raises(InputError, match=re.escape(f"{server.url}/bert/2: cannot get this module (")):
        loader.load_encoder(f"{server.url}/bert/2")


def test_an_archive_that_is_damaged_is_one_line_and_not_kept(tmp_path, server):
    whole = _archive(testing.tiny_hub_module(tmp_path))
    server.files["/bert/1?tf-hub-format=compressed"] = whole[: len(whole) // 2]

    with pytest.raises(InputError, match="cannot get this module") as error:
        loader.load_encoder(f"{server.url}/bert/1")

    assert "\n" not in str(error.value)
    server.files["/bert/1?tf-hub-format=compressed"] = whole
    assert loader.load_encoder(f"{server.url}/bert/1", check=False).config.num_layers == 2


def test_a_named_module_comes_from_kaggle_where_tensorflow_hub_turns_away(tmp_path, server, monkeypatch):
    module = testing.tiny_hub_module(tmp_path)
    asked = []
    monkeypatch.setattr("kagglehub.model_download", lambda handle: asked.append(handle) or module)
    named = handles.NamedModule(f"{server.url}/gone", "tensorflow/bert/tensorFlow2/en-uncased-l-12-h-768-a-12")
    monkeypatch.setitem(handles.NAMED_MODULES, "bert-base-uncased", named)

    read = loader.load_encoder("bert-base-uncased")

    assert asked == ["tensorflow/bert/tensorFlow2/en-uncased-l-12-h-768-a-12"]
    assert read.tokenizer.vocab == testing.TINY_VOCAB


def test_when_both_fail_one_line_gives_both_reasons(server, monkeypatch):
    def fail(handle: str) -> str:
        raise RuntimeError("403 Client Error\nForbidden")

    monkeypatch.setattr("kagglehub.model_download", fail)
    monkeypatch.setitem(handles.NAMED_MODULES, "bert-base-uncased", handles.NamedModule(f"{server.url}/gone", "a/b"))

    with pytest.raises(
        InputError, match=r"the server answered 404 Not Found.*Kaggle \(403 Client Error Forbidden\)"
    ) as error:
        loader.load_encoder("bert-base-uncased")

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(handles.NAMED_MODULES))
def test_named_modules_have_a_hub_and_a_kaggle_handle_of_the_same_size(name):
    module = handles.NAMED_MODULES[name]

    size = re.search(r"L-\d+_H-\d+_A-\d+", module.hub_handle).group().lower().replace("_", "-")
    assert module.kaggle_handle.endswith(size)
    assert ("wwm" in module.hub_handle) == ("wwm" in module.kaggle_handle) == ("wwm" in name)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bert-tiny", 4_385_920),
        ("bert-mini", 11_170_560),
        ("bert-small", 28_763_648),
        ("bert-medium", 41_373_184),
        ("bert-base-uncased", 109_482_240),
        ("bert-large-uncased", 335_141_888),
    ],
)
def test_a_name_stands_for_a_size(name, parameters):
    layers, hidden, heads = map(
        int, re.search(r"L-(\d+)_H-(\d+)_A-(\d+)/", handles.NAMED_MODULES[name].hub_handle).groups()
    )
    config = EncoderConfig(30522, hidden, layers, heads, 4 * hidden)

    assert sum(math.prod(shape) for shape in weights.canonical_shapes(config).values()) == parameters


def test_a_kaggle_handle_is_read_by_what_its_folder_holds(tmp_path, monkeypatch):
    module = testing.tiny_hub_module(tmp_path)
    asked = []
    monkeypatch.setattr("kagglehub.model_download", lambda handle: asked.append(handle) or module)

    read = loader.load_encoder("kaggle://tensorflow/bert/tensorFlow2/tiny")

    assert asked == ["tensorflow/bert/tensorFlow2/tiny"]
    assert read.tokenizer.vocab == testing.TINY_VOCAB


# === Folders ===


def test_a_handle_that_leads_nowhere_names_the_known_ones():
    with pytest.raises(
        InputError, match="'nowhere': there is no such folder, and the known names are minilm, bert-tiny"
    ):
        loader.load_encoder("nowhere")


def test_a_folder_that_holds_no_encoder_says_what_was_expected(tmp_path):
    with pytest.raises(
        InputError,
        match=r"holds no encoder; expected saved_model\.pb or bert_config\.json or model\.weights\.h5 or "
        r"model\.safetensors in it",
    ):
        loader.load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pytorch_model.bin", "is a pickle, which can run any code when it is opened; expected model.safetensors"),
        ("model.safetensors.index.json", "says that the weights lie in several files; expected model.safetensors"),
    ],
)
def test_weights_that_are_not_read_are_named_with_what_would_be(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"\x80\x04.")

    with pytest.raises(InputError, match=f"{re.escape(f'{tmp_path}: {name} {message}')}$"):
        loader.load_encoder(str(tmp_path))


def test_a_folder_that_holds_two_encoders_is_refused(tmp_path):
    fixtures.safetensors_folder(tmp_path / "bert")
    (tmp_path / "bert" / "bert_config.json").write_text("{}")

    with pytest.raises(InputError, match=r"more than one encoder \(bert_config\.json and model\.safetensors\)"):
        loader.load_encoder(str(tmp_path / "bert"))


def test_a_module_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path, server):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("saved_model.pb")
        member.size = 100 * 2**20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    server.files["/bert/1?tf-hub-format=compressed"] = buffer.getvalue()
    with pytest.raises(InputError, match=r"cannot get this module \(cannot be unpacked: holds more than"):
        handles.find_source(f"{server.url}/bert/1")
    assert list((tmp_path / "cache" / "bert_qa_tf" / "tfhub").iterdir()) == []
