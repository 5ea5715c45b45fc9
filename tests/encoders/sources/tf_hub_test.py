from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from bert_qa_tf.encoders import tokenizers, wrapped_encoder
from bert_qa_tf.encoders.sources import hub_export, hub_graph, loader, tf_hub
from bert_qa_tf.errors import InputError
from tests import testing
from tests.encoders import fixtures


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, str]:
    """Modules of the tanh GELU, as tf-models-official writes them and in the first modules' form."""
    folder = tmp_path_factory.mktemp("published")
    pretrained = testing.tiny_pretrained(hidden_act="gelu_tanh")
    return {
        "plain": fixtures.official_module(pretrained, folder / "plain", with_mlm=False),
        "with_mlm": fixtures.official_module(pretrained, folder / "with_mlm", with_mlm=True),
        "list_style": fixtures.list_style_module(pretrained, folder / "list_style"),
    }


def _assert_same(read, expected) -> None:
    assert read.config == expected.config
    assert read.tokenizer.vocab == expected.tokenizer.vocab
    assert read.tokenizer.do_lower_case == expected.tokenizer.do_lower_case
    assert read.weights.keys() == expected.weights.keys()
    assert all(np.array_equal(read.weights[name], expected.weights[name]) for name in expected.weights)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "with_mlm", "list_style"])
def test_a_published_module_is_read_exactly_and_passes_its_check(published, kind):
    read = loader.load_encoder(published[kind])

    _assert_same(read, testing.tiny_pretrained(hidden_act="gelu_tanh"))
    assert tf_hub.check_outputs(read, published[kind]) < 1e-5


def test_the_masked_lm_variables_are_listed_and_skipped(published):
    read = tf_hub.read_hub_module(published["with_mlm"], check=False)

    assert {name.removeprefix("bert/") for name in read.skipped if "predictions" in name} == {
        "cls/predictions/output_bias/bias",
        "cls/predictions/transform/LayerNorm/beta",
        "cls/predictions/transform/LayerNorm/gamma",
        "cls/predictions/transform/dense/bias",
        "cls/predictions/transform/dense/kernel",
    }


def test_both_interfaces_are_told_apart(published):
    assert tf_hub.takes_list(hub.KerasLayer(published["list_style"]))
    assert not tf_hub.takes_list(hub.KerasLayer(published["plain"]))


@pytest.mark.parametrize(("activation", "epsilon"), [("gelu", 1e-12), ("gelu", 1e-5), ("relu", 1e-12)])
def test_activation_and_epsilon_are_read_from_the_graph(tmp_path, activation, epsilon):
    module = testing.tiny_hub_module(tmp_path, hidden_act=activation, layer_norm_epsilon=epsilon)

    config = tf_hub.read_hub_module(module).config

    assert (config.hidden_act, config.layer_norm_epsilon) == (activation, epsilon)


def test_what_was_exported_is_read_back_bit_identical(tmp_path):
    _assert_same(tf_hub.read_hub_module(testing.tiny_hub_module(tmp_path)), testing.tiny_pretrained())


@pytest.mark.slow
def test_a_module_holds_no_random_state_after_a_training_in_the_same_process(tmp_path):
    before = tf_keras.backend.experimental.is_tf_random_generator_enabled()
    tf_keras.backend.experimental.enable_tf_random_generator()
    try:
        hub_export.export_hub_module(testing.tiny_pretrained(), str(tmp_path / "module"))
        assert tf_keras.backend.experimental.is_tf_random_generator_enabled()
    finally:
        if not before:
            tf_keras.backend.experimental.disable_tf_random_generator()

    assert tf_hub.read_hub_module(str(tmp_path / "module")).skipped == ("do_lower_case",)


@pytest.mark.slow
def test_anyone_can_train_an_exported_module_with_keras_layer(tmp_path):
    layer = hub.KerasLayer(testing.tiny_hub_module(tmp_path), trainable=True)
    ids = tf.constant([[2, 7, 9, 3]], tf.int32)
    with tf.GradientTape() as tape:
        outputs = layer(
            {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": tf.zeros_like(ids)},
            training=True,
        )
        loss = tf.reduce_sum(outputs["pooled_output"])

    assert set(outputs) == {"default", "encoder_outputs", "pooled_output", "sequence_output"}
    assert len(layer.trainable_variables) == len(testing.tiny_pretrained().weights)
    assert all(gradient is not None for gradient in tape.gradient(loss, layer.trainable_variables))
    assert layer.resolved_object.do_lower_case.numpy()
    vocab_file = layer.resolved_object.vocab_file.asset_path.numpy().decode()
    assert pathlib.Path(vocab_file).read_text(encoding="utf-8").split() == list(testing.TINY_VOCAB)


@pytest.mark.slow
def test_a_module_is_float32_whatever_the_policy_and_the_policy_survives(tmp_path):
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        hub_export.export_hub_module(testing.tiny_pretrained(), str(tmp_path / "module"))
        tf_hub.read_hub_module(str(tmp_path / "module"))
        assert tf_keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(InputError, match="exists already"):
        hub_export.export_hub_module(testing.tiny_pretrained(), str(tmp_path))


def test_a_module_whose_query_and_key_are_swapped_is_refused_with_the_difference(tmp_path, monkeypatch):
    module = testing.tiny_hub_module(tmp_path)
    read_graph = hub_graph.read_graph

    # The weights say one thing and the module's own outputs another, as when a converter mixes up two names.
    def swapped(path: str) -> hub_graph.HubGraph:
        graph = read_graph(path)
        variables = dict(graph.variables)
        for part in ("kernel", "bias"):
            query, key = (
                next(n for n in variables if n.endswith(f"layer_1/self_attention/{which}/{part}"))
                for which in ("query", "key")
            )
            variables[query], variables[key] = variables[key], variables[query]
        return dataclasses.replace(graph, variables=variables)

    monkeypatch.setattr(hub_graph, "read_graph", swapped)

    with pytest.raises(InputError, match=r"is not the module: \w+ differs by up to [\d.e-]+ at length \d+") as error:
        tf_hub.read_hub_module(module)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"hidden_act": "gelu_tanh"}, {"layer_norm_epsilon": 1e-3}])
def test_the_check_refuses_a_wrong_activation_or_epsilon(tmp_path, change):
    right = testing.tiny_pretrained()
    wrong = dataclasses.replace(right, config=dataclasses.replace(right.config, **change))

    with pytest.raises(InputError, match="is not the module"):
        tf_hub.check_outputs(wrong, testing.tiny_hub_module(tmp_path))


@pytest.mark.slow
def test_a_module_that_passed_is_not_checked_again_until_it_changes(tmp_path, monkeypatch):
    module = testing.tiny_hub_module(tmp_path)
    checked = []
    check_outputs = tf_hub.check_outputs
    monkeypatch.setattr(tf_hub, "check_outputs", lambda *a: checked.append(check_outputs(*a)))

    tf_hub.read_hub_module(module)
    tf_hub.read_hub_module(module)
    assert len(checked) == 1

    another = str(tmp_path / "another")
    hub_export.export_hub_module(testing.tiny_pretrained(seed=1), another)
    tf_hub.read_hub_module(another)
    assert len(checked) == 2
    assert max(checked) < tf_hub.CHECK_TOLERANCE


def test_the_check_refuses_to_run_inside_a_strategys_scope(tmp_path):
    module = testing.tiny_hub_module(tmp_path)

    with tf.distribute.OneDeviceStrategy("/cpu:0").scope(), pytest.raises(RuntimeError, match="before entering"):
        tf_hub.read_hub_module(module)


def test_a_module_is_read_through_tensorflows_own_file_systems(tmp_path):
    module = testing.tiny_hub_module(tmp_path)
    remote = "ram://modules/tiny"
    for folder, _, names in os.walk(module):
        for name in names:
            path = pathlib.Path(folder, name)
            target = f"{remote}/{path.relative_to(module)}"
            tf.io.gfile.makedirs(target.rpartition("/")[0])
            tf.io.gfile.copy(str(path), target, overwrite=True)

    _assert_same(loader.load_encoder(remote), testing.tiny_pretrained())


def test_a_folder_without_assets_is_refused(tmp_path):
    module = testing.tiny_hub_module(tmp_path)
    shutil.rmtree(f"{module}/assets")

    with pytest.raises(InputError, match=r"vocabulary is missing: there is no .*assets/vocab\.txt"):
        loader.load_encoder(module)


def test_a_vocabulary_of_the_wrong_length_is_refused_by_the_name_of_its_file(tmp_path):
    module = testing.tiny_hub_module(tmp_path)
    pathlib.Path(module, "assets", "vocab.txt").write_text("[PAD]\n[UNK]\n")

    for load in (loader.load_encoder, wrapped_encoder.load_wrapped_encoder):
        with pytest.raises(InputError, match=r"assets/vocab\.txt: the vocabulary has 2 pieces, .* has 123 rows$"):
            load(module)


def test_a_sentencepiece_module_is_refused_without_advice_that_would_not_help(tmp_path):
    module = tf.Module()
    (tmp_path / "30k-clean.model").write_bytes(b"pieces")
    module.sp_model_file = tf.saved_model.Asset(str(tmp_path / "30k-clean.model"))
    module.table = tf.Variable(tf.zeros((3, 2)), name="table")
    tf.saved_model.save(module, str(tmp_path / "module"))

    with pytest.raises(InputError, match=r"SentencePiece model; a WordPiece vocab_file is expected$"):
        loader.load_encoder(str(tmp_path / "module"))


def test_a_module_that_is_no_bert_is_refused_with_its_variables(tmp_path):
    module = tf.Module()
    module.table = tf.Variable([[1.0]], name="word_vectors")
    tf.saved_model.save(module, str(tmp_path / "module"))

    with pytest.raises(InputError, match="this module is no BERT encoder; its variables are word_vectors"):
        loader.load_encoder(str(tmp_path / "module"))


def test_a_module_with_a_damaged_graph_is_refused(tmp_path):
    module = testing.tiny_hub_module(tmp_path)
    pathlib.Path(module, "saved_model.pb").write_bytes(b"\xff" * 100)

    with pytest.raises(InputError, match=r"saved_model\.pb: this is no SavedModel, or it is damaged"):
        loader.load_encoder(module)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda graph: setattr(graph.asset_file_def[0], "filename", "../../secret"),
            "asset '../../secret' lies outside",
        ),
        (lambda graph: graph.ClearField("asset_file_def"), "this is no SavedModel, or it is damaged"),
        (lambda graph: setattr(graph.object_graph_def.nodes[0].children[0], "node_id", 9999), "damaged"),
    ],
)
def test_a_module_whose_vocabulary_lies_elsewhere_is_refused_before_it_is_read(tmp_path, change, expected):
    module = testing.tiny_hub_module(tmp_path)
    path = pathlib.Path(module, "saved_model.pb")
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(saved_model.meta_graphs[0])
    path.write_bytes(saved_model.SerializeToString())

    with pytest.raises(InputError, match=expected):
        tokenizers.load_tokenizer(module)


def test_a_module_of_tensorflow_1_is_refused(tmp_path):
    saved_model = saved_model_pb2.SavedModel(meta_graphs=[meta_graph_pb2.MetaGraphDef()])
    (tmp_path / "saved_model.pb").write_bytes(saved_model.SerializeToString())

    with pytest.raises(InputError, match="this SavedModel is refused, because it is in TensorFlow 1's format"):
        loader.load_encoder(str(tmp_path))
    with pytest.raises(InputError, match="this module is in TensorFlow 1's format"):
        tokenizers.load_tokenizer(str(tmp_path))


def test_a_module_without_its_variables_is_refused(tmp_path):
    module = testing.tiny_hub_module(tmp_path)
    shutil.rmtree(f"{module}/variables")

    with pytest.raises(InputError, match="variables/variables: cannot read this SavedModel's variables"):
        loader.load_encoder(module)


def test_a_module_with_variables_that_were_cut_short_is_refused(tmp_path):
    module = testing.tiny_hub_module(tmp_path)
    [data] = pathlib.Path(module, "variables").glob("variables.data-*")
    data.write_bytes(data.read_bytes()[:500])

    with pytest.raises(InputError, match="variables/variables: cannot read this SavedModel's variables") as error:
        loader.load_encoder(module)

    assert "\n" not in str(error.value)


def test_a_module_that_does_not_state_its_casing_is_refused(tmp_path, monkeypatch):
    module = testing.tiny_hub_module(tmp_path)
    read_graph = hub_graph.read_graph
    monkeypatch.setattr(hub_graph, "read_graph", lambda path: dataclasses.replace(read_graph(path), root_values={}))

    with pytest.raises(InputError, match="does not say whether its vocabulary is lower-cased"):
        loader.load_encoder(module)
