"""Files of a run that were damaged, or that another tool wrote: one line names each."""

import json

import pytest
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.training import run_directory
from bert_qa_tf.training.state import Progress, ProgressInCheckpoint
from tests import tiny_model

WINDOWING = {"max_seq_length": 128, "doc_stride": 32, "max_query_length": 24}
SETTINGS = {"windowing": WINDOWING, "decoding": {}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"task": 3, "settings": SETTINGS, "train": {}}, "`task`: expected a string, got 3"),
        ({"task": "question_answering", "settings": [], "train": {}}, "`settings`: expected an object"),
        ({"task": "question_answering", "settings": {}, "train": {}}, "settings: `windowing` is missing"),
        ({"task": "question_answering", "settings": SETTINGS, "train": 3}, "`train`: expected an object, got 3"),
        (
            {"task": "question_answering", "settings": {"windowing": {**WINDOWING, "doc_stride": "8"}}, "train": {}},
            'settings: `windowing`: `doc_stride`: expected a whole number, got "8"',
        ),
        (
            {"task": "question_answering", "settings": {"windowing": {**WINDOWING, "doc_stride": 0}}, "train": {}},
            "settings: `windowing`: doc_stride must be at least 1, got 0",
        ),
        ({"task": "classification", "settings": {"labels": [1]}, "train": {}}, "settings: `labels`[0]: expected"),
    ],
)
def test_a_config_with_other_types_is_named(tmp_path, config, message):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError) as caught:
        run_directory.task_of(str(tmp_path))
    assert f"{tmp_path}/config.json: {message}" in str(caught.value) or message in str(caught.value)


@pytest.mark.parametrize(
    ("best", "message"),
    [
        ("{}", "`checkpoint` is missing"),
        ('{"checkpoint": "model-8", "scores": {}}', "`step` is missing"),
        ('{"checkpoint": "model-8", "step": "8", "scores": {}}', "`step`: expected a whole number"),
        ('{"checkpoint": "model-8", "step": 8, "scores": {"f1": null}}', "`f1`: expected a number, got null"),
        ('{"checkpoint": "../model-8", "step": 8, "scores": {}}', "expected `checkpoint` as a name in this folder"),
        ('{"checkpoint": "a\\u0000", "step": 8, "scores": {}}', "expected `checkpoint` as a name in this folder"),
        ('{"step": ' + "[" * 5000, "nested too deeply"),
        ('{"step": 1e400}', "with the number 1e400, which is too large"),
    ],
)
def test_a_damaged_best_json_is_named(tmp_path, best, message):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "best.json").write_text(best)
    with pytest.raises(InputError) as caught:
        run_directory.checkpoint_path(str(tmp_path), "best")
    assert f"{tmp_path}/best/best.json: " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"model_checkpoint_path: ", b"\xff", b'model_checkpoint_path: "ckpt-x"'])
def test_a_damaged_list_of_checkpoints_is_one_line(tmp_path, content):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint").write_bytes(content)
    with pytest.raises(InputError, match=r"no checkpoint here yet|this list of checkpoints is damaged"):
        run_directory.checkpoint_path(str(tmp_path), "last")


def test_a_checkpoint_without_a_step_in_its_name_is_named():
    assert run_directory.step_of("run/checkpoints/ckpt-12") == 12
    for name in ("ckpt", "ckpt-", "ckpt-x", "ckpt-٣", f"ckpt-{'9' * 5000}"):
        with pytest.raises(InputError, match="expected a checkpoint whose name ends in its step"):
            run_directory.step_of(f"run/checkpoints/{name}")


@pytest.mark.parametrize("content", [b"\xff", b"[]", b'{"seconds": "1"}', b'{"other": 1}', b"[" * 5000])
def test_a_damaged_progress_is_bad_input(content):
    with pytest.raises(InputError, match="progress"):
        ProgressInCheckpoint(Progress()).deserialize(content)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": "8"}, "`hidden_size`: expected a whole number"),
        ({"layers": 2}, "unknown `layers`"),
        ({"hidden_dropout": None}, "`hidden_dropout`: expected a number, got null"),
        ({"hidden_act": "swish"}, "`hidden_act`: expected one of gelu, gelu_tanh, relu"),
        ({"tokenizer": []}, "`tokenizer`: expected an object"),
        ({"tokenizer": {"kind": []}}, "its tokenizer: `kind`: expected another type"),
        (
            {"tokenizer": {"do_lower_case": True, "vocab_sha256": 3}},
            "its tokenizer: `vocab_sha256`: expected another type",
        ),
    ],
)
def test_a_damaged_encoder_config_is_named(tmp_path, values, message):
    run_directory.write_encoder(str(tmp_path), tiny_model.ENCODER, tiny_model.tiny_tokenizer())
    path = tmp_path / "encoder" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    def read():
        found, _ = run_directory.read_encoder_config(str(tmp_path))
        run_directory._encoder_config(str(tmp_path), found)

    with pytest.raises(InputError) as caught:
        read()
    assert str(caught.value).startswith(f"{tmp_path}/encoder")
    assert message in str(caught.value)


@pytest.mark.slow
def test_a_cut_checkpoint_is_named(tmp_path):
    tiny_model.write_tiny_run(tmp_path)
    for name in ("ckpt-1.data-00000-of-00001", "ckpt-1.index"):
        path = tmp_path / "checkpoints" / name
        whole = path.read_bytes()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            with pytest.raises(InputError, match="ckpt-1: not a checkpoint of this model"):
                run_directory.load_run(str(tmp_path))
            tf_keras.backend.clear_session()
        path.write_bytes(whole)


def test_an_encoder_that_the_checkpoint_cannot_hold_is_named_before_it_is_built(tmp_path):
    tiny_model.write_tiny_run(tmp_path)
    path = tmp_path / "encoder" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "intermediate_size": 10**6}))
    with pytest.raises(
        InputError, match=r"not a checkpoint of this model \([0-9,]+ bytes, but .*config\.json states [0-9,]{9,} param"
    ):
        run_directory.load_run(str(tmp_path))
