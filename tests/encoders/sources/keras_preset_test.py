from __future__ import annotations

import json
import pathlib
import shutil
import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders import tokenizers
from bert_qa_tf.encoders.sources import keras_preset, loader
from bert_qa_tf.encoders.sources.weights import canonical_shapes
from bert_qa_tf.errors import InputError
from tests import testing

keras_nlp = pytest.importorskip("keras_nlp", reason="keras-nlp needs Python 3.11")


@pytest.fixture(scope="module")
def backbone():
    """A tiny `BertBackbone` whose random weights are large enough for every part to show."""
    model = keras_nlp.models.BertBackbone(
        vocabulary_size=len(testing.TINY_VOCAB),
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        max_sequence_length=40,
        num_segments=3,
        dropout=0.2,
    )
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign((weight.path.endswith("gamma") + 0.3 * random.standard_normal(weight.shape)).astype(np.float32))
    return model


@pytest.fixture(scope="module")
def saved(backbone, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    backbone.save_to_preset(str(folder))
    keras_nlp.models.BertTokenizer(vocabulary=list(testing.TINY_VOCAB), lowercase=True).save_to_preset(str(folder))
    return folder


@pytest.fixture
def preset(saved, tmp_path) -> pathlib.Path:
    """A copy of the preset, to be spoilt."""
    return pathlib.Path(shutil.copytree(saved, tmp_path / "preset"))


def test_a_preset_computes_what_keras_nlp_computes(backbone, saved):
    read = loader.load_encoder(str(saved))
    word_ids = np.random.default_rng(0).integers(len(testing.TINY_VOCAB), size=(2, 24)).astype(np.int32)
    mask = (np.arange(24) < np.array([[24], [15]])).astype(np.int32)
    type_ids = (np.arange(24) // np.array([[9], [5]])).clip(max=2).astype(np.int32) * mask

    theirs = backbone({"token_ids": word_ids, "padding_mask": mask, "segment_ids": type_ids})
    inputs = dict(zip(encoder_lib.INPUT_NAMES, map(tf.constant, (word_ids, mask, type_ids)), strict=True))
    ours = loader.build_pretrained_encoder(read)(inputs)

    shown = mask.astype(bool)
    for name, rows in (("sequence_output", shown), ("pooled_output", slice(None))):
        assert np.abs(ours[name].numpy()[rows] - np.asarray(theirs[name])[rows]).max() < 1e-5


def test_a_preset_says_everything_about_itself(saved):
    read = loader.load_encoder(str(saved))

    assert (read.config.hidden_act, read.config.layer_norm_epsilon) == ("gelu_tanh", 1e-12)
    assert (read.config.max_position_embeddings, read.config.type_vocab_size) == (40, 3)
    assert (read.config.hidden_dropout, read.config.attention_dropout) == (0.2, 0.2)
    assert read.tokenizer.vocab == testing.TINY_VOCAB
    assert read.tokenizer.do_lower_case
    assert {name: array.shape for name, array in read.weights.items()} == canonical_shapes(read.config)


def test_a_presets_name_goes_through_keras_nlps_own_loader(saved, monkeypatch):
    from keras_hub.src.utils import preset_utils

    name = "bert_test_en_uncased"
    # Where the library looks a name up; its handle may be a folder.
    entry = {"metadata": {}, "kaggle_handle": str(saved)}
    monkeypatch.setitem(preset_utils.BUILTIN_PRESETS, name, entry)
    monkeypatch.setitem(preset_utils.BUILTIN_PRESETS_FOR_BACKBONE[keras_nlp.models.BertBackbone], name, entry)

    read = loader.load_encoder(name)

    folder = loader.load_encoder(str(saved))
    assert (read.source, read.tokenizer.vocab, read.config) == (name, folder.tokenizer.vocab, folder.config)
    assert all(np.array_equal(read.weights[name], folder.weights[name]) for name in folder.weights)


@pytest.mark.parametrize(
    ("handle", "expected"),
    [("bert_tiny_en_uncased", True), ("roberta_base_en", False), ("nowhere", False), ("runs/bert_tiny_en", False)],
)
def test_names_of_presets_are_known(handle, expected):
    assert keras_preset.is_preset_name(handle) is expected


def test_a_preset_that_contradicts_the_casing_asked_for_is_refused(saved):
    with pytest.raises(InputError, match="its tokenizer states lowercase=True, but --do_lower_case=False"):
        loader.load_encoder(str(saved), do_lower_case=False)


def test_a_preset_of_another_model_is_refused_before_it_is_built(preset):
    config = json.loads((preset / "config.json").read_text())
    config["registered_name"] = "keras_hub>RobertaBackbone"
    (preset / "config.json").write_text(json.dumps(config))

    with pytest.raises(InputError, match="expected a preset of keras-nlp's BertBackbone, got 'keras_hub>Roberta"):
        loader.load_encoder(str(preset))


NORM = "layers/transformer_encoder/_self_attention_layer_norm/vars"


def _delete(file: h5py.File) -> None:
    del file[f"{NORM}/1"]


def _reshape(file: h5py.File) -> None:
    del file[f"{NORM}/1"]
    file[f"{NORM}/1"] = np.zeros(8, np.float32)


def _add(file: h5py.File) -> None:
    file["layers/dense_9/vars/0"] = np.zeros(8, np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_delete, rf"model\.weights\.h5: these weights are not those .*missing: {NORM}/1$"),
        (_reshape, r"keras-nlp cannot load this preset .*value.shape=\(8,\)\.\)$"),
        (_add, r"model\.weights\.h5: these weights are not those .*left over: layers/dense_9/vars/0$"),
    ],
    ids=["missing", "wrong shape", "left over"],
)
def test_a_preset_with_other_weights_is_one_line(preset, change, message):
    with h5py.File(preset / "model.weights.h5", "a") as file:
        change(file)

    with pytest.raises(InputError, match=message) as error:
        loader.load_encoder(str(preset))

    assert "\n" not in str(error.value)


def test_a_damaged_weights_file_is_one_line(preset):
    (preset / "model.weights.h5").write_bytes(b"no HDF5")

    with pytest.raises(InputError, match=r"model\.weights\.h5: this HDF5 file is damaged, or is none") as error:
        loader.load_encoder(str(preset))

    assert "\n" not in str(error.value)


def test_a_preset_without_its_config_is_refused(preset):
    (preset / "config.json").unlink()

    with pytest.raises(InputError, match=r"preset/config\.json: cannot read this file \(No such file or directory\)$"):
        loader.load_encoder(str(preset))


def test_a_preset_without_a_tokenizer_is_refused(preset):
    (preset / "tokenizer.json").unlink()

    with pytest.raises(InputError, match=r"keras-nlp cannot load this preset .*tokenizer\.json"):
        loader.load_encoder(str(preset))


def test_a_vocabulary_of_the_wrong_length_is_refused(preset):
    file = preset / "assets" / "tokenizer" / "vocabulary.txt"
    file.write_text(file.read_text() + "more\n")

    with pytest.raises(InputError, match=rf"vocabulary\.txt: .* has {len(testing.TINY_VOCAB) + 1} pieces"):
        loader.load_encoder(str(preset))


def test_without_keras_nlp_a_preset_says_what_to_install(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_nlp", None)

    with pytest.raises(InputError, match="reading a preset needs keras-nlp"):
        loader.load_encoder(str(saved))


def test_an_activation_is_known_by_what_it_computes():
    assert keras_preset._activation(lambda x: x * (x > 0)) == "relu"
    assert keras_preset._activation(tf.nn.gelu) == "gelu"
    assert keras_preset._activation(tf.nn.silu) is None


# === The tokenizer alone ===


def test_the_tokenizer_is_the_encoders_and_needs_no_weights(preset):
    expected = loader.load_encoder(str(preset)).tokenizer
    (preset / "model.weights.h5").write_bytes(b"no HDF5")

    assert tokenizers.load_tokenizer(str(preset)).settings() == expected.settings()


def test_a_presets_tokenizer_is_refused_as_its_encoder_is(preset):
    with pytest.raises(InputError, match="its tokenizer states lowercase=True, but --do_lower_case=False"):
        tokenizers.load_tokenizer(str(preset), do_lower_case=False)

    file = preset / "assets" / "tokenizer" / "vocabulary.txt"
    file.write_text(file.read_text() + "more\n")
    with pytest.raises(InputError, match=rf"vocabulary\.txt: .* has {len(testing.TINY_VOCAB) + 1} pieces"):
        tokenizers.load_tokenizer(str(preset))

    (preset / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"keras-nlp cannot load this preset .*tokenizer\.json"):
        tokenizers.load_tokenizer(str(preset))
