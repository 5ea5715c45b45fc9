import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import exporter, parity
from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering
from tests import tiny_model

MODEL = tiny_model.tiny_span_model()
TOKENIZER = tiny_model.tiny_tokenizer()
TASK = QuestionAnswering(tiny_model.SETTINGS)


def _export(export_dir, questions=(), **options):
    return exporter.export_model(TASK, MODEL, TOKENIZER, str(export_dir), questions, **options)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return _export(tmp_path_factory.mktemp("exports"))


def test_both_models_are_written_and_nothing_else(exported, tmp_path):
    assert exported.version == 1
    export_dir = tf.io.gfile.join(exported.text_dir, "..", "..")
    assert sorted(tf.io.gfile.listdir(export_dir)) == ["qa", "qa_ids"]
    assert exported.text_dir.endswith("qa/1")
    assert exported.ids_dir.endswith("qa_ids/1")


def test_signatures_are_those_that_servers_and_clients_agreed_on(exported):
    both = tf.saved_model.load(exported.text_dir).signatures
    assert set(both) == {"serving_default", "serve_ids"}
    default = both["serving_default"]
    assert {
        name: (spec.shape.as_list(), spec.dtype) for name, spec in default.structured_input_signature[1].items()
    } == {
        "question": ([None], tf.string),
        "context": ([None], tf.string),
    }
    assert {name: spec.dtype for name, spec in default.structured_outputs.items()} == {
        "answer": tf.string,
        "answer_start": tf.int32,
        "answer_end": tf.int32,
        "score": tf.float32,
        "nbest_answer": tf.string,
        "nbest_start": tf.int32,
        "nbest_score": tf.float32,
        "question_tokens_cut": tf.int32,
    }
    ids = tf.saved_model.load(exported.ids_dir).signatures
    assert set(ids) == {"serve_ids"}
    assert {
        name: (spec.shape.as_list(), spec.dtype)
        for name, spec in ids["serve_ids"].structured_input_signature[1].items()
    } == {name: ([None, None], tf.int32) for name in ("input_word_ids", "input_mask", "input_type_ids")}
    assert {name: spec.dtype for name, spec in ids["serve_ids"].structured_outputs.items()} == {
        "start_logits": tf.float32,
        "end_logits": tf.float32,
    }


def test_the_reloaded_model_answers_as_the_predictor_does(exported):
    examples = [SquadExample(str(i), "who is it", text) for i, text in enumerate(tiny_model.random_texts(7, 50))]
    expected = list(TASK.answerer(MODEL, TOKENIZER).answer(examples))
    found = list(ExportedModel(exported.text_dir, batch_size=16).answer(examples))
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.start_char, one.end_char) == (other.text, other.start_char, other.end_char)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert len(one.nbest) == len(other.nbest)


@pytest.mark.slow
def test_the_ids_model_loads_where_tensorflow_text_is_never_loaded(exported):
    script = f"""
        import sys
        sys.modules["tensorflow_text"] = None  # importing it now fails
        import tensorflow as tf
        serve = tf.saved_model.load({exported.ids_dir!r}).signatures["serve_ids"]
        ids = tf.constant([[2, 30, 3, 31, 3]])
        outputs = serve(input_word_ids=ids, input_mask=tf.ones_like(ids), input_type_ids=tf.zeros_like(ids))
        print(outputs["start_logits"].shape)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "(1, 5)"


@pytest.mark.slow
def test_the_next_export_gets_the_next_version(exported):
    export_dir = exported.text_dir.removesuffix("/qa/1")
    assert _export(export_dir).version == 2
    assert _export(export_dir, version=7).version == 7
    with pytest.raises(InputError, match="version 7 is there already; leave --version out for 8"):
        _export(export_dir, version=7)


@pytest.mark.slow
def test_a_model_that_answers_differently_after_writing_is_not_kept(tmp_path, monkeypatch):
    ask = exporter.fresh_process.ask

    def ask_nothing(*arguments):
        reply = ask(*arguments)
        for name, empty in (("answer", ""), ("answer_start", 0), ("answer_end", 0)):
            reply["columns"][name] = [empty] * len(reply["columns"][name])
        return reply

    monkeypatch.setattr(exporter.fresh_process, "ask", ask_nothing)
    with pytest.raises(InputError, match=r"answers \d of 8 examples differently, so nothing was kept: built-in-0 "):
        _export(tmp_path, [SquadExample("mine", "who", "the cat")])
    assert tf.io.gfile.listdir(str(tmp_path)) == []


@pytest.mark.slow
def test_a_model_whose_answers_are_not_where_it_says_is_not_kept(tmp_path, monkeypatch):
    ask = exporter.fresh_process.ask

    def ask_shifted(*arguments):
        reply = ask(*arguments)
        reply["columns"]["answer_start"] = [start + 1 for start in reply["columns"]["answer_start"]]
        return reply

    monkeypatch.setattr(exporter.fresh_process, "ask", ask_shifted)
    with pytest.raises(InputError, match=r"gives other outputs \(.* is not what stands at characters .* nothing was k"):
        _export(tmp_path)
    assert tf.io.gfile.listdir(str(tmp_path)) == []


@pytest.mark.slow
def test_a_model_that_another_process_cannot_load_is_not_kept(tmp_path, monkeypatch):
    save = exporter._save

    def save_half(module, path):
        save(module, path)
        if path.endswith("qa"):
            tf.io.gfile.remove(f"{path}/variables/variables.index")

    monkeypatch.setattr(exporter, "_save", save_half)
    with pytest.raises(InputError, match="the written models cannot be used in a process of their own"):
        _export(tmp_path)
    assert tf.io.gfile.listdir(str(tmp_path)) == []


@pytest.mark.slow
def test_other_logits_of_the_written_model_are_found(tmp_path, monkeypatch):
    save = exporter._save

    def save_wrong(exported, path):
        variables = exported.module.variables
        [kernel] = [variable for variable in variables if "span_head" in variable.name and "kernel" in variable.name]
        old = kernel.numpy()
        if path.endswith("qa_ids"):
            kernel.assign(old * 1.1)
        save(exported, path)
        kernel.assign(old)

    monkeypatch.setattr(exporter, "_save", save_wrong)
    with pytest.raises(InputError, match="`serve_ids` of the written model gives other end_logits"):
        _export(tmp_path)
    assert tf.io.gfile.listdir(str(tmp_path)) == []


@pytest.mark.slow
def test_a_bfloat16_model_is_exported_in_bfloat16(tmp_path):
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = tiny_model.tiny_span_model()
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    assert parity.compute_dtype(model) == "bfloat16"
    result = exporter.export_model(TASK, model, TOKENIZER, str(tmp_path))
    serve = tf.saved_model.load(result.ids_dir).signatures["serve_ids"]
    functions = serve.graph.as_graph_def().library.function
    products = [node for function in functions for node in function.node_def if node.op in ("MatMul", "Einsum")]
    dtypes = {tf.as_dtype(node.attr["T"].type).name for node in products}
    assert "bfloat16" in dtypes
    ids = tf.constant([[2, 30, 3, 31, 3]])
    outputs = serve(input_word_ids=ids, input_mask=tf.ones_like(ids), input_type_ids=tf.zeros_like(ids))
    assert outputs["start_logits"].dtype == tf.float32
    assert np.isfinite(outputs["start_logits"]).all()


def test_ops_and_warm_up_requests_lie_beside_the_model(exported):
    pytest.importorskip("tensorflow_serving.apis", reason="the extra `serving` is not installed")
    from tensorflow_serving.apis import prediction_log_pb2

    folder = f"{exported.text_dir}/assets.extra"
    ops = json.loads(tf.io.gfile.GFile(f"{folder}/ops.json").read())
    assert {name for name, op in ops.items() if op["from"] == "tensorflow-text"} == {"FastWordpieceTokenizeWithOffsets"}
    assert ops["MatMul"]["count"] > 0
    assert {op["linked_by_tf_serving"] for op in ops.values()} == {"2.16 to 2.20"}
    assert exported.warmup_requests == 2
    records = list(tf.data.TFRecordDataset(f"{folder}/tf_serving_warmup_requests").as_numpy_iterator())
    requests = [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]
    assert [len(request.inputs["question"].string_val) for request in requests] == [1, 4]
    assert {request.model_spec.signature_name for request in requests} == {"serving_default"}
