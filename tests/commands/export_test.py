"""`export --what=encoder`, in process, on tiny encoders."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub

from bert_qa_tf import cli, export
from bert_qa_tf.encoders.sources import loader, tf_hub
from bert_qa_tf.encoders.sources.weights import read_weights
from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import encoder_exporter
from tests import testing, tiny_model
from tests.encoders import fixtures


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _call(*arguments):
    return cli.call(export.main, export.__doc__, export.FLAG_GROUPS, ["--what=encoder", *arguments])


@pytest.mark.slow
def test_a_trained_encoder_becomes_a_module_that_reads_back_bit_for_bit(tmp_path, capsys):
    model = tiny_model.write_tiny_run(tmp_path / "run")

    assert _call(f"--model_dir={tmp_path}/run", f"--export_dir={tmp_path}/exports") == 0

    folder = f"{tmp_path}/exports/encoder/1"
    out = capsys.readouterr().out
    assert f"checked: the module reads back as {tmp_path}/run, bit for bit" in out
    assert f"wrote {folder} " in out
    read = loader.load_encoder(folder)
    expected = read_weights(model.get_layer("encoder"))
    assert (read.tokenizer.vocab, read.tokenizer.do_lower_case) == (tiny_model.VOCAB, True)
    assert read.weights.keys() == expected.keys()
    assert all(np.array_equal(read.weights[name], expected[name]) for name in expected)
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["encoder"]


@pytest.mark.slow
def test_keras_layer_computes_what_the_trained_encoder_computes(tmp_path):
    model = tiny_model.write_tiny_run(tmp_path / "run")
    assert _call(f"--model_dir={tmp_path}/run", f"--export_dir={tmp_path}/exports") == 0
    ids = tf.constant([[2, 30, 3, 31, 3], [2, 7, 3, 0, 0]])
    inputs = {"input_word_ids": ids, "input_mask": tf.cast(ids > 0, tf.int32), "input_type_ids": tf.zeros_like(ids)}

    layer = hub.KerasLayer(f"{tmp_path}/exports/encoder/1")

    outputs = layer(inputs)
    expected = model.get_layer("encoder")(inputs)
    assert set(outputs) == {"default", "encoder_outputs", "pooled_output", "sequence_output"}
    for name in ("sequence_output", "pooled_output"):
        assert np.abs(outputs[name] - expected[name]).max() < 1e-5
    vocab_file = layer.resolved_object.vocab_file.asset_path.numpy().decode()
    assert pathlib.Path(vocab_file).read_text(encoding="utf-8").split("\n")[:-1] == list(tiny_model.VOCAB)


@pytest.mark.slow
def test_an_encoder_from_elsewhere_becomes_a_module(tmp_path, capsys):
    checkpoint = tmp_path / "multi_cased_L-2"
    pretrained = testing.tiny_pretrained(hidden_act="gelu_tanh")
    fixtures.tensorflow_1_checkpoint(pretrained, checkpoint)
    handle, export_dir = f"--encoder_handle={checkpoint}", f"--export_dir={tmp_path}/exports"

    assert _call(handle, export_dir) == 1
    assert "is its text lower-cased?" in capsys.readouterr().err

    assert _call(handle, export_dir, "--nodo_lower_case") == 0
    assert _call(handle, export_dir, "--nodo_lower_case") == 0
    read = loader.load_encoder(f"{tmp_path}/exports/encoder/2")
    assert (read.config, read.tokenizer.do_lower_case) == (pretrained.config, False)
    assert all(np.array_equal(read.weights[name], pretrained.weights[name]) for name in pretrained.weights)


def test_a_module_that_reads_back_differently_is_not_kept(tmp_path, monkeypatch):
    read_hub_module = tf_hub.read_hub_module

    def read_wrong(path):
        read = read_hub_module(path)
        read.weights["pooler/dense/bias"] += 1
        return read

    monkeypatch.setattr(tf_hub, "read_hub_module", read_wrong)
    with pytest.raises(InputError, match="the written module has other weights, so nothing was kept"):
        encoder_exporter.export_encoder(testing.tiny_pretrained(), str(tmp_path / "exports"))
    assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model_dir=a", "--encoder_handle=b"], "which of the two should be exported?"),
        (["--model_dir=a", "--inference_dtype=bfloat16"], "a module is float32, got --inference_dtype=bfloat16"),
        (["--encoder_handle=nowhere"], "'nowhere': there is no such folder"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments, message, tmp_path, capsys):
    assert _call(*arguments, f"--export_dir={tmp_path}/exports") == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
