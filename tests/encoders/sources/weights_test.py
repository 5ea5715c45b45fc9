from __future__ import annotations

import numpy as np
import pytest

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import safetensors, weights
from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenization import BertTokenizer

CONFIG = EncoderConfig(vocab_size=7, hidden_size=4, num_layers=1, num_attention_heads=2, intermediate_size=6)


@pytest.fixture(scope="module")
def encoder():
    return encoder_lib.build_encoder(CONFIG)


def _arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {n: random.standard_normal(s).astype(np.float32) for n, s in weights.canonical_shapes(CONFIG).items()}


def test_read_weights_gives_back_what_assign_weights_was_given(encoder):
    arrays = _arrays()

    weights.assign_weights(encoder, arrays)

    read = weights.read_weights(encoder)
    assert read.keys() == arrays.keys()
    assert all(np.array_equal(read[name], arrays[name]) for name in arrays)


def test_every_missing_and_left_over_name_is_listed_in_one_line(encoder):
    arrays = _arrays()
    arrays["pooler/dense/kernl"] = arrays.pop("pooler/dense/kernel")
    del arrays["embeddings/LayerNorm/beta"]

    with pytest.raises(InputError) as error:
        weights.assign_weights(encoder, arrays, "a file")

    assert str(error.value) == (
        "a file: these weights are not those of the BERT encoder; "
        "missing: embeddings/LayerNorm/beta, pooler/dense/kernel; left over: pooler/dense/kernl"
    )


def test_a_wrong_shape_is_refused_and_nothing_is_assigned(encoder):
    weights.assign_weights(encoder, _arrays())
    arrays = {name: array + 1 for name, array in _arrays().items()}
    arrays["encoder/layer_0/output/dense/kernel"] = np.zeros((4, 6), np.float32)

    with pytest.raises(InputError, match=r"output/dense/kernel is \[4, 6\], expected \[6, 4\]"):
        weights.assign_weights(encoder, arrays)

    assert np.array_equal(weights.read_weights(encoder)["pooler/dense/bias"], _arrays()["pooler/dense/bias"])


def test_a_vocabulary_of_another_length_than_the_table_is_refused():
    tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]"], do_lower_case=True)

    with pytest.raises(InputError, match="a file: the vocabulary has 4 pieces, the encoder's table has 7 rows"):
        weights.PretrainedEncoder(CONFIG, _arrays(), tokenizer, "a file")


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("word_embeddings/embeddings:0", "embeddings/word_embeddings"),
        ("bert_model/embedding_postprocessor/type_embeddings:0", "embeddings/token_type_embeddings"),
        ("encoder/position_embedding/embeddings", "embeddings/position_embeddings"),
        ("embeddings/layer_norm/beta:0", "embeddings/LayerNorm/beta"),
        (
            "transformer/layer_11/self_attention/attention_output/kernel:0",
            "encoder/layer_11/attention/output/dense/kernel",
        ),
        ("bert_model/encoder/layer_3/self_attention_output/bias", "encoder/layer_3/attention/output/dense/bias"),
        ("transformer/layer_0/output_layer_norm/gamma", "encoder/layer_0/output/LayerNorm/gamma"),
        ("pooler_transform/bias:0", "pooler/dense/bias"),
        ("cls/predictions/transform/dense/kernel:0", None),
    ],
)
def test_names_of_model_garden_become_canonical(name, canonical):
    assert weights.canonical_name(name) == canonical


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("bert.embeddings.word_embeddings.weight", "embeddings/word_embeddings"),
        ("embeddings.LayerNorm.weight", "embeddings/LayerNorm/gamma"),
        ("encoder.layer.10.attention.output.LayerNorm.bias", "encoder/layer_10/attention/output/LayerNorm/beta"),
        ("encoder.layer.1.intermediate.dense.weight", "encoder/layer_1/intermediate/dense/kernel"),
        ("pooler.dense.bias", "pooler/dense/bias"),
    ],
)
def test_names_of_hugging_face_become_canonical(name, canonical):
    assert safetensors.canonical_name(name) == canonical
