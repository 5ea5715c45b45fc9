"""A TF-Hub module trained as it is: from records to a run that is read back without its source."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from bert_qa_tf import cli, create_tfrecords, evaluate, export, train
from bert_qa_tf.encoders import wrapped_encoder
from bert_qa_tf.encoders.sources.loader import build_pretrained_encoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.training.run_directory import load_run, load_trained_encoder
from tests import testing


def _call(command, *argv: str) -> int:
    return cli.call(command.main, command.__doc__, command.FLAG_GROUPS, argv)


def _train(folder: pathlib.Path, model_dir: pathlib.Path, *more: str) -> int:
    return _call(
        train,
        f"--train_dir={folder / 'records'}",
        f"--encoder_handle={folder / 'tiny_hub_module'}",
        "--encoder_mode=wrap",
        f"--model_dir={model_dir}",
        "--global_batch_size=8",
        "--length_buckets=1",
        "--max_train_steps=2",
        *more,
    )


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    """A folder with a module and a conversion for it."""
    folder = tmp_path_factory.mktemp("wrapped")
    testing.tiny_hub_module(folder)
    status = _call(
        create_tfrecords,
        f"--input_file={testing.MESSAGES}",
        f"--output_dir={folder / 'records'}",
        f"--encoder_handle={folder / 'tiny_hub_module'}",
        "--encoder_mode=wrap",
        "--max_seq_length=192",
        "--doc_stride=64",
        "--num_shards=2",
        "--dev_fraction=0.2",
    )
    assert status == 0
    return folder


@pytest.mark.slow
def test_tensorflow_rewrites_a_wrapped_modules_products_to_bfloat16_when_asked(workshop, tmp_path):
    cpu_info = pathlib.Path("/proc/cpuinfo")
    if not cpu_info.exists() or not re.search(r"avx512_bf16|amx_bf16", cpu_info.read_text()):
        pytest.skip("TensorFlow rewrites only for CPUs that multiply in bfloat16")
    # In a process of its own: the setting is the process's, and what runs is in oneDNN's own log.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bert_qa_tf.train", "--encoder_mode=wrap", "--mixed_precision=mixed_bfloat16"),
            *("--graph_rewrite", f"--train_dir={workshop / 'records'}", f"--model_dir={tmp_path / 'run'}"),
            *(f"--encoder_handle={workshop / 'tiny_hub_module'}", "--global_batch_size=8", "--max_train_steps=1"),
        ],
        env={**os.environ, "ONEDNN_VERBOSE": "1", "PYTHONPATH": str(testing.REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "0.0% of the encoder's FLOPs" in done.stdout
    assert "as traced; TensorFlow rewrites that graph to bfloat16" in done.stdout
    precision = json.loads((tmp_path / "run" / "precision.json").read_text())
    assert precision["rewritten_to_bfloat16"]
    products = [line for line in done.stdout.splitlines() if ",exec,cpu,matmul," in line]
    assert sum("src:bf16" in line for line in products) > 0.8 * len(products) > 10


@pytest.mark.parametrize(
    ("flags", "got"),
    [
        (("--mixed_precision=mixed_float16",), "encoder_mode=wrap, mixed_precision=mixed_float16"),
        (("--encoder_mode=rebuild", "--mixed_precision=mixed_bfloat16"), "encoder_mode=rebuild"),
    ],
)
def test_rewriting_is_refused_where_it_is_not_shown_to_help(workshop, tmp_path, capsys, flags, got):
    assert _train(workshop, tmp_path / "run", "--graph_rewrite", *flags) == 1
    message = capsys.readouterr().err
    assert "--graph_rewrite is for --encoder_mode=wrap with --mixed_precision=mixed_bfloat16 on a CPU" in message
    assert got in message
    assert message.count("\n") == 1


@pytest.fixture(scope="module")
def run(workshop) -> pathlib.Path:
    assert _train(workshop, workshop / "run", "--learning_rate=1e-2") == 0
    return workshop / "run"


def test_a_wrapped_module_gives_what_the_rebuilt_encoder_gives(workshop):
    wrapped = wrapped_encoder.build_wrapped_encoder(str(workshop / "tiny_hub_module"))
    rebuilt = build_pretrained_encoder(testing.tiny_pretrained())
    ids = tf.reshape(tf.range(24), (2, 12))
    inputs = {"input_word_ids": ids, "input_mask": tf.ones_like(ids), "input_type_ids": ids % 2}
    ours, theirs = wrapped(inputs, training=False), rebuilt(inputs, training=False)
    assert np.abs(ours["sequence_output"] - theirs["sequence_output"]).max() < 1e-5
    assert len(wrapped.trainable_variables) == len(rebuilt.trainable_variables)


@pytest.mark.slow
def test_a_run_is_read_back_without_the_module_it_was_trained_from(run, workshop, tmp_path):
    away = tmp_path / "elsewhere"
    shutil.copytree(run, away)
    loaded = load_run(str(away), "last")
    before = wrapped_encoder.build_wrapped_encoder(str(workshop / "tiny_hub_module")).get_weights()
    after = loaded.model.get_layer("encoder").get_weights()
    assert any((a != b).any() for a, b in zip(before, after, strict=True))  # the module was trained
    assert _call(evaluate, f"--model_dir={away}", f"--eval_file={workshop / 'records' / 'dev.json'}") == 0
    written = json.loads((run / "precision.json").read_text())
    assert written["mixed_precision"] == "float32"  # what auto means for a module


@pytest.mark.slow
def test_the_same_command_finds_a_finished_run_finished(run, workshop, capsys):
    assert _train(workshop, run, "--learning_rate=1e-2") == 0
    assert "going on from step 2 of 2" in capsys.readouterr().out


@pytest.mark.slow
def test_a_wrapped_run_exports_as_a_question_answering_model(run, tmp_path):
    assert _call(export, f"--model_dir={run}", f"--export_dir={tmp_path}") == 0
    assert (tmp_path / "qa" / "1" / "saved_model.pb").exists()


@pytest.mark.slow
def test_half_precision_is_refused_unless_a_float32_encoder_is_allowed(workshop, tmp_path, capsys):
    half = "--mixed_precision=mixed_bfloat16"
    assert _train(workshop, tmp_path / "run", half) != 0
    error = capsys.readouterr().err
    assert "--encoder_mode=rebuild" in error
    assert "--allow_float32_encoder" in error
    assert not (tmp_path / "run").exists()
    assert _train(workshop, tmp_path / "run", half, "--allow_float32_encoder") == 0
    written = json.loads((tmp_path / "run" / "precision.json").read_text())
    assert written["encoder_half_share"] == 0.0
    assert written["mixed_precision"] == "mixed_bfloat16"


@pytest.mark.slow
def test_what_a_wrapped_run_cannot_do_is_one_line(run):
    with pytest.raises(InputError, match="does not reach inside"):
        load_run(str(run), inference_dtype="bfloat16")
    with pytest.raises(InputError, match="cannot be taken out of its module"):
        load_trained_encoder(str(run))


def _other_module(folder: pathlib.Path) -> str:
    """A module with the standard interface that is no BERT: a table and one dense layer."""
    inputs = {
        name: tf_keras.Input((None,), dtype=tf.int32, name=name)
        for name in ("input_word_ids", "input_mask", "input_type_ids")
    }
    rows = tf_keras.layers.Embedding(len(testing.TINY_VOCAB), 8)(inputs["input_word_ids"])
    sequence = tf_keras.layers.Dense(8)(rows) * tf.cast(inputs["input_mask"], tf.float32)[..., None]
    model = tf_keras.Model(inputs, {"sequence_output": sequence, "pooled_output": sequence[:, 0]})
    vocab_file = folder / "vocab.txt"
    vocab_file.write_text("".join(f"{piece}\n" for piece in testing.TINY_VOCAB))
    model.vocab_file = tf.saved_model.Asset(str(vocab_file))
    model.do_lower_case = tf.Variable(True, trainable=False, name="do_lower_case")
    model.save(str(folder / "other"), include_optimizer=False, save_format="tf")
    return str(folder / "other")


def test_a_module_that_is_no_bert_is_trained_wrapped_and_refused_rebuilt(workshop, tmp_path, capsys):
    handle = f"--encoder_handle={_other_module(tmp_path)}"
    assert _train(workshop, tmp_path / "run", handle, "--encoder_mode=rebuild") != 0
    assert "--encoder_mode=wrap" in capsys.readouterr().err
    assert _train(workshop, tmp_path / "run", handle) == 0
    products = json.loads((tmp_path / "run" / "precision.json").read_text())["encoder"]["all"]["float32"]["products"]
    assert products == 3  # the dense layer and its two gradients


def test_a_sentencepiece_module_is_refused_in_one_line(tmp_path):
    module = tf.Module()
    model_file = tmp_path / "30k-clean.model"
    model_file.write_bytes(b"pieces")
    module.sp_model_file = tf.saved_model.Asset(str(model_file))
    module.table = tf.Variable(tf.zeros((3, 2)), name="table")
    tf.saved_model.save(module, str(tmp_path / "module"))
    with pytest.raises(InputError, match=r"SentencePiece model; a WordPiece vocab_file is expected$"):
        wrapped_encoder.load_wrapped_encoder(str(tmp_path / "module"))


def test_a_handle_that_is_no_module_and_another_casing_are_refused(tmp_path):
    with pytest.raises(InputError, match="no TF-Hub module here"):
        wrapped_encoder.load_wrapped_encoder("minilm")
    with pytest.raises(InputError, match="do_lower_case=True, but False"):
        wrapped_encoder.load_wrapped_encoder(testing.tiny_hub_module(tmp_path), do_lower_case=False)


def test_windows_longer_than_a_module_takes_are_one_line(workshop):
    path = str(workshop / "tiny_hub_module")
    encoder = wrapped_encoder.build_wrapped_encoder(path)
    wrapped = wrapped_encoder.load_wrapped_encoder(path)
    wrapped_encoder.check_length(encoder, wrapped, 512)
    with pytest.raises(InputError, match="does not take 513 word pieces"):
        wrapped_encoder.check_length(encoder, wrapped, 513)
