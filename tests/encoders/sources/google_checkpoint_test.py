from __future__ import annotations

import json
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import loader
from bert_qa_tf.errors import InputError
from tests import testing
from tests.encoders import fixtures


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, pathlib.Path]:
    """One encoder in three forms: TensorFlow 1's, the converter's, and a pre-training's."""
    parent = tmp_path_factory.mktemp("checkpoints")
    folders = {name: parent / name for name in ("tensorflow_1", "converted", "pretrainer")}
    pretrained = testing.tiny_pretrained(hidden_act="gelu_tanh")
    fixtures.tensorflow_1_checkpoint(pretrained, folders["tensorflow_1"])
    fixtures.converted_checkpoint(folders["tensorflow_1"], folders["converted"], fixtures.official_config(pretrained))
    fixtures.pretrainer_checkpoint(pretrained, folders["pretrainer"])
    return folders


@pytest.fixture
def folder(published, tmp_path) -> pathlib.Path:
    """A copy of the TensorFlow 1 folder, to be spoilt."""
    return pathlib.Path(shutil.copytree(published["tensorflow_1"], tmp_path / "copy"))


def _inputs() -> dict[str, tf.Tensor]:
    word_ids = np.random.default_rng(0).integers(len(testing.TINY_VOCAB), size=(2, 24))
    mask = np.arange(24) < np.array([[24], [15]])
    type_ids = np.arange(24) >= np.array([[9], [5]])
    arrays = (word_ids * mask, mask, type_ids * mask)
    return {name: tf.constant(array, tf.int32) for name, array in zip(encoder_lib.INPUT_NAMES, arrays, strict=True)}


@pytest.mark.parametrize("form", ["tensorflow_1", "converted", "pretrainer"])
def test_a_checkpoint_is_read_exactly(published, form):
    read = loader.load_encoder(str(published[form]))

    expected = testing.tiny_pretrained(hidden_act="gelu_tanh")
    assert read.config == expected.config
    assert read.tokenizer.vocab == expected.tokenizer.vocab
    assert read.tokenizer.do_lower_case
    assert read.weights.keys() == expected.weights.keys()
    assert all(np.array_equal(read.weights[name], expected.weights[name]) for name in expected.weights)


def test_it_computes_what_tf_models_official_computes_from_the_same_checkpoint(published):
    pretrained = testing.tiny_pretrained(hidden_act="gelu_tanh")
    theirs = fixtures.load_official_encoder(published["tensorflow_1"], fixtures.official_config(pretrained))
    inputs = _inputs()
    shown = inputs["input_mask"].numpy().astype(bool)
    expected = theirs(inputs)

    for form in ("tensorflow_1", "converted"):
        outputs = loader.build_pretrained_encoder(loader.load_encoder(str(published[form])))(inputs)
        for name, rows in (("sequence_output", shown), ("pooled_output", slice(None))):
            assert np.abs(outputs[name].numpy()[rows] - expected[name].numpy()[rows]).max() < 1e-5


def test_heads_and_counters_are_listed_and_the_optimizer_is_left_alone(published):
    read = loader.load_encoder(str(published["tensorflow_1"]))
    assert set(read.skipped) == {
        "bert/pooler/dense/bias/adam_m",
        "bert/pooler/dense/bias/adam_v",
        "cls/predictions/output_bias",
        "cls/predictions/transform/LayerNorm/beta",
        "cls/predictions/transform/LayerNorm/gamma",
        "cls/predictions/transform/dense/bias",
        "cls/predictions/transform/dense/kernel",
        "cls/seq_relationship/output_bias",
        "cls/seq_relationship/output_weights",
        "global_step",
    }

    skipped = loader.load_encoder(str(published["pretrainer"])).skipped
    parts = {name.removeprefix("bert/").split("/")[0] for name in skipped}
    assert parts == {"cls", "next_sentence", "save_counter"}


def _variables(folder: pathlib.Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


QUERY = "bert/encoder/layer_1/attention/self/query/kernel"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda arrays: arrays.pop(QUERY),
            "these weights are not those of the BERT encoder; missing: encoder/layer_1/attention/self/query/kernel",
        ),
        (lambda arrays: arrays.pop("bert/pooler/dense/kernel"), "missing: pooler/dense/kernel"),
        (
            lambda arrays: arrays.update({QUERY: arrays[QUERY][:, :8]}),
            "wrong shape: encoder/layer_1/attention/self/query/kernel is [16, 8], expected [16, 16]",
        ),
        (
            lambda arrays: arrays.update({"bert/encoder/layer_2/output/dense/bias": np.zeros(16, np.float32)}),
            "left over: encoder/layer_2/output/dense/bias",
        ),
        (
            lambda arrays: arrays.update({"tower/kernel": np.zeros(16, np.float32)}),
            "bert_model.ckpt: these weights are not those of the BERT encoder; left over: tower/kernel",
        ),
    ],
    ids=["missing", "half a pooler", "wrong shape", "one layer more", "left over"],
)
def test_a_checkpoint_with_other_tensors_is_one_line_that_names_them(folder, change, message):
    arrays = _variables(folder)
    change(arrays)
    fixtures.write_variables(folder, arrays)

    with pytest.raises(InputError, match=re.escape(message) + "$") as error:
        loader.load_encoder(str(folder))

    assert str(error.value).startswith(f"{folder}/bert_model.ckpt: ")
    assert "\n" not in str(error.value)


def test_a_checkpoint_without_a_pooler_makes_an_encoder_without_one(folder):
    fixtures.write_variables(folder, {n: a for n, a in _variables(folder).items() if "pooler" not in n})

    read = loader.load_encoder(str(folder))

    assert not read.config.has_pooler
    assert "pooled_output" not in loader.build_pretrained_encoder(read)(_inputs())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "swish"}, "expected hidden_act to be one of gelu, relu, got 'swish'"),
        ({"type_vocab_size": None}, "bert_config.json: type_vocab_size is missing"),
        ({"hidden_size": "16"}, "bert_config.json: expected whole numbers, got hidden_size='16'"),
        ({"num_attention_heads": 3}, "hidden_size=16 is no multiple of num_attention_heads=3"),
        ({"num_hidden_layers": 1}, "left over: encoder/layer_1/attention/output/LayerNorm/beta"),
    ],
)
def test_a_config_that_is_not_the_checkpoints_is_one_line(folder, change, message):
    file = folder / "bert_config.json"
    values = json.loads(file.read_text()) | change
    file.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))

    with pytest.raises(InputError, match=re.escape(message)) as error:
        loader.load_encoder(str(folder))

    assert "\n" not in str(error.value)


def test_a_number_of_heads_that_the_arrays_contradict_is_refused(published, tmp_path):
    folder = pathlib.Path(shutil.copytree(published["converted"], tmp_path / "copy"))
    file = folder / "bert_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"num_attention_heads": 4}))

    with pytest.raises(InputError, match=r"key/kernel is for 2 heads, bert_config\.json states num_attention_heads=4"):
        loader.load_encoder(str(folder))


def test_a_vocabulary_of_the_wrong_length_is_refused(folder):
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in testing.TINY_VOCAB[:-1]))

    pieces = len(testing.TINY_VOCAB)
    with pytest.raises(
        InputError, match=rf"vocab\.txt: .* has {pieces - 1} pieces, the encoder's table has {pieces} rows"
    ):
        loader.load_encoder(str(folder))


def test_a_missing_vocabulary_is_refused(folder):
    (folder / "vocab.txt").unlink()

    with pytest.raises(
        InputError, match=r"vocab\.txt: cannot read this file \(No such file or directory\), expected a vocabulary$"
    ):
        loader.load_encoder(str(folder))


def test_missing_and_damaged_files_are_one_line(folder):
    data = folder / "bert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"bert_model\.ckpt: cannot read this checkpoint") as error:
        loader.load_encoder(str(folder))
    assert "\n" not in str(error.value)

    (folder / "bert_model.ckpt.index").write_bytes(b"not an index")
    with pytest.raises(InputError, match=r"bert_model\.ckpt: cannot read this checkpoint"):
        loader.load_encoder(str(folder))

    (folder / "bert_model.ckpt.index").unlink()
    with pytest.raises(InputError, match=r"expected bert_model\.ckpt\.index or one other checkpoint, found none"):
        loader.load_encoder(str(folder))


def test_a_folder_that_does_not_show_its_casing_asks_for_it(published, tmp_path):
    cased = pathlib.Path(shutil.copytree(published["tensorflow_1"], tmp_path / "cased_L-2_H-16_A-2"))

    # The name says cased, the vocabulary is lower-cased.
    with pytest.raises(InputError, match="say which with --do_lower_case=true or =false"):
        loader.load_encoder(str(cased))

    assert not loader.load_encoder(str(cased), do_lower_case=False).tokenizer.do_lower_case
    assert loader.load_encoder(str(cased), do_lower_case=True).tokenizer.do_lower_case


def test_a_checkpoint_is_read_through_tensorflows_own_file_systems(published):
    remote = "ram://checkpoints/uncased"
    tf.io.gfile.makedirs(remote)
    for path in published["tensorflow_1"].iterdir():
        tf.io.gfile.copy(str(path), f"{remote}/{path.name}", overwrite=True)

    read = loader.load_encoder(remote)

    assert np.array_equal(read.weights["pooler/dense/bias"], testing.tiny_pretrained().weights["pooler/dense/bias"])
