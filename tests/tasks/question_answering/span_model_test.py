import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.nlp.modeling import networks

from bert_qa_tf.tasks.question_answering.span_head import PADDING_LOGIT
from bert_qa_tf.tasks.question_answering.span_model import build_span_model


def _encoder():
    return networks.BertEncoderV2(
        vocab_size=20,
        hidden_size=8,
        num_layers=1,
        num_attention_heads=2,
        inner_dim=16,
        max_sequence_length=16,
        type_vocab_size=2,
    )


def _inputs(batch=2, length=6, used=4):
    mask = np.zeros((batch, length), np.int32)
    mask[:, :used] = 1
    ids = np.arange(batch * length, dtype=np.int32).reshape(batch, length) % 20
    return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": np.zeros_like(ids)}


@pytest.fixture
def mixed_bfloat16():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    tf_keras.mixed_precision.set_global_policy("float32")


def test_one_logit_per_token_for_start_and_end():
    model = build_span_model(_encoder())
    for length in (5, 9):
        outputs = model(_inputs(3, length))
        assert set(outputs) == {"start_logits", "end_logits"}
        assert {tuple(value.shape) for value in outputs.values()} == {(3, length)}


def test_padded_positions_are_very_low_and_tokens_are_not():
    outputs = build_span_model(_encoder())(_inputs(used=4))
    start = outputs["start_logits"].numpy()
    assert (start[:, 4:] == PADDING_LOGIT).all()
    assert (np.abs(start[:, :4]) < 100).all()


def test_padding_does_not_change_the_logits_of_tokens():
    model = build_span_model(_encoder())
    padded = _inputs(length=6, used=4)
    short = {name: value[:, :4] for name, value in padded.items()}
    np.testing.assert_allclose(model(padded)["end_logits"][:, :4], model(short)["end_logits"], atol=1e-5)


def test_logits_are_float32_under_mixed_precision(mixed_bfloat16):
    model = build_span_model(_encoder())
    assert model.get_layer("span_head").logits.compute_dtype == "float32"
    assert model(_inputs())["start_logits"].dtype == tf.float32


def test_the_whole_model_trains_by_fit():
    model = build_span_model(_encoder())
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss={"start_logits": loss, "end_logits": loss})
    history = model.fit(_inputs(), {"start_logits": np.array([1, 2]), "end_logits": np.array([2, 3])}, verbose=0)
    assert np.isfinite(history.history["loss"][0])
