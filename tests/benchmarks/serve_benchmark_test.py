"""What `benchmarks/serve.py` makes of its measurements, and that its peer gets the very weights of the run."""

import dataclasses
import runpy

import numpy as np
import pytest
import safetensors.numpy

from bert_qa_tf.encoders.sources.safetensors import read_safetensors
from bert_qa_tf.encoders.sources.weights import canonical_shapes, read_weights
from tests import tiny_model
from tests.testing import REPOSITORY

SERVE = runpy.run_path(str(REPOSITORY / "benchmarks" / "serve.py"))
FOLDER = runpy.run_path(str(REPOSITORY / "benchmarks" / "hf_folder.py"))


def test_a_percentile_is_one_of_the_values():
    values = [float(value) for value in range(200, 0, -1)]

    assert SERVE["percentile"](values, 99) == 198.0
    assert SERVE["percentile"](values, 50) == 100.0
    assert SERVE["percentile"]([3.0, 5.0], 99) == 5.0
    assert SERVE["percentile"]([3.0], 1) == 3.0


def test_a_contestant_is_compared_with_the_peer_round_by_round():
    summary = SERVE["summarize"]([1.0, 2.0, 9.0, 4.0], [2.0, 1.0, 10.0, 8.0], batch_size=8)

    assert summary == (3.0, 9.0, 8 * 4 / 16, pytest.approx((0.5 + 0.9) / 2), 0.75)


def test_as_many_rounds_are_needed_of_the_peer():
    with pytest.raises(ValueError, match="shorter"):
        SERVE["summarize"]([1.0, 2.0], [1.0], batch_size=1)


def test_who_goes_first_moves_on_and_warm_up_is_not_counted(monkeypatch):
    calls = []

    def contestant(name, secs):
        def ask(batch):
            calls.append(name)
            return secs * len(calls), [(name, len(question)) for question, _ in batch]

        return ask

    batches = [[("a", "x")], [("bb", "x")], [("ccc", "x"), ("dddd", "x")]]
    secs, answers = SERVE["run_rounds"]({"one": contestant("one", 1), "two": contestant("two", 10)}, batches, warmup=1)

    assert calls == ["one", "two", "two", "one", "one", "two"]
    assert secs == {"one": [4, 5], "two": [30, 60]}
    assert answers["two"] == [("two", 2), ("two", 3), ("two", 4)]


def test_answers_are_the_same_with_text_and_place():
    assert (
        SERVE["same_answers"]([("a", 1), ("b", 2), ("c", 3), ("", 0)], [("a", 1), ("b", 3), ("d", 3), ("", 0)]) == 0.5
    )


def test_the_pipeline_gets_the_overlap_that_leaves_our_step():
    config = {
        "settings": {
            "windowing": {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64},
            "decoding": {"n_best_size": 20, "max_answer_length": 30},
        }
    }

    options = SERVE["peer_options"](config, question_pieces=13)

    assert options["doc_stride"] == 384 - 13 - 3 - 128
    assert (options["max_seq_len"], options["top_k"], options["max_answer_len"]) == (384, 20, 30)


def test_the_folder_for_the_peer_reads_back_as_the_model(tmp_path):
    model = tiny_model.tiny_span_model()
    weights = read_weights(model.get_layer("encoder"))
    kernel, bias = (variable.numpy() for variable in model.get_layer("span_head").weights)

    FOLDER["write_folder"](tmp_path, tiny_model.ENCODER, weights, (kernel, bias + 0.5), tiny_model.tiny_tokenizer())

    encoder = read_safetensors(str(tmp_path), do_lower_case=True)
    assert encoder.config == dataclasses.replace(tiny_model.ENCODER, has_pooler=False)
    assert encoder.tokenizer.vocab == tiny_model.VOCAB
    assert set(encoder.weights) == set(canonical_shapes(encoder.config))
    for name, array in encoder.weights.items():
        np.testing.assert_array_equal(array, weights[name], err_msg=name)
    head = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(head["qa_outputs.weight"].T, kernel)
    np.testing.assert_array_equal(head["qa_outputs.bias"], bias + 0.5)


def test_every_tensor_has_a_name_of_its_own_there():
    names = [FOLDER["tensor_name"](name) for name in canonical_shapes(tiny_model.ENCODER)]

    assert len(set(names)) == len(names)
    assert names[0] == "bert.embeddings.word_embeddings.weight"
    assert "bert.encoder.layer.1.attention.output.LayerNorm.bias" in names
    assert "bert.encoder.layer.0.intermediate.dense.weight" in names
