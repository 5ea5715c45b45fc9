from __future__ import annotations

import json
import pathlib
import re

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import hub_export, loader
from bert_qa_tf.encoders.sources.weights import read_weights
from bert_qa_tf.errors import InputError
from tests.encoders import fixtures


def test_a_safetensors_folder_computes_what_numpy_computes_from_its_tensors(tmp_path):
    tensors = fixtures.safetensors_folder(tmp_path / "bert")
    word_ids = np.array([[1, 2, 0, 2, 1], [2, 2, 1, 0, 0]], np.int32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
    type_ids = np.array([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]], np.int32)

    read = loader.load_encoder(str(tmp_path / "bert"))

    assert not read.tokenizer.do_lower_case
    assert read.skipped == ("embeddings.position_ids",)
    assert fixtures.difference_from_numpy(read, tensors, word_ids, mask, type_ids) < 1e-5


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
    fixtures.safetensors_folder(tmp_path / "bert")
    file = tmp_path / "bert" / "config.json"
    config = {name: value for name, value in (json.loads(file.read_text()) | change).items() if value is not None}
    file.write_text(json.dumps(config))

    with pytest.raises(InputError, match=message) as error:
        loader.load_encoder(str(tmp_path / "bert"))

    assert "\n" not in str(error.value)


def test_a_safetensors_file_with_a_corrupted_header_is_one_line(tmp_path):
    fixtures.safetensors_folder(tmp_path / "bert")
    file = tmp_path / "bert" / "model.safetensors"
    file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])

    with pytest.raises(InputError, match=r"model\.safetensors: this safetensors file is damaged"):
        loader.load_encoder(str(tmp_path / "bert"))


@pytest.mark.parametrize(("name", "expected"), [("config.json", ""), ("vocab.txt", ", expected a vocabulary")])
def test_a_safetensors_folder_without_one_of_its_files_names_it(tmp_path, name, expected):
    fixtures.safetensors_folder(tmp_path / "bert")
    (tmp_path / "bert" / name).unlink()

    message = f"bert/{name}: cannot read this file (No such file or directory){expected}"
    with pytest.raises(InputError, match=f"{re.escape(message)}$"):
        loader.load_encoder(str(tmp_path / "bert"))


def test_a_vocabulary_of_the_wrong_length_is_refused_by_the_name_of_its_file(tmp_path):
    fixtures.safetensors_folder(tmp_path / "bert")
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\nthe\n")

    with pytest.raises(InputError, match=r"vocab\.txt: the vocabulary has 2 pieces, the encoder's table has 5 rows$"):
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
    fixtures.safetensors_folder(tmp_path / "bert")
    _rewrite(tmp_path / "bert", change)

    with pytest.raises(InputError, match=message) as error:
        loader.load_encoder(str(tmp_path / "bert"))

    assert str(error.value).startswith(f"{tmp_path}/bert/model.safetensors: ")
    assert "\n" not in str(error.value)


def test_the_names_of_a_model_with_a_head_are_read_as_those_of_the_bare_one(tmp_path):
    fixtures.safetensors_folder(tmp_path / "bert")
    bare = loader.load_encoder(str(tmp_path / "bert"))
    head = {"cls.predictions.bias": np.zeros(3, np.float32)}
    _rewrite(tmp_path / "bert", lambda tensors: {f"bert.{name}": array for name, array in tensors.items()} | head)

    read = loader.load_encoder(str(tmp_path / "bert"))

    assert sorted(read.skipped) == ["bert.embeddings.position_ids", "cls.predictions.bias"]
    assert read.weights.keys() == bare.weights.keys()
    assert all(np.array_equal(read.weights[name], bare.weights[name]) for name in bare.weights)


def test_a_source_without_a_pooler_makes_an_encoder_without_one_that_is_no_module(tmp_path):
    fixtures.safetensors_folder(tmp_path / "bert")
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
    tensors = fixtures.safetensors_folder(tmp_path / "bert")
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


@pytest.mark.parametrize("shape", [[0, 2**62], [1] * 70])
def test_a_shape_that_no_array_has_is_one_line(tmp_path, shape):
    folder = tmp_path / "model"
    fixtures.safetensors_folder(folder)
    size = 4 * int(all(shape))
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
    header = json.dumps({"embeddings.word_embeddings.weight": tensor}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))

    with pytest.raises(InputError, match=r"embeddings\.word_embeddings\.weight has the shape .*, which no array has"):
        loader.load_encoder(str(folder))
