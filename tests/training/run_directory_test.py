"""What a training leaves on disk, and how it is read back."""

import json
import pathlib

import pytest
import tensorflow as tf

from bert_qa_tf import cli, create_tfrecords, train
from bert_qa_tf.errors import InputError
from bert_qa_tf.training import run_directory
from tests import tiny_model
from tests.testing import MESSAGES, tiny_hub_module


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    """A folder with an encoder and a conversion for it."""
    folder = tmp_path_factory.mktemp("workshop")
    _call(
        create_tfrecords,
        f"--input_file={MESSAGES}",
        f"--output_dir={folder / 'records'}",
        f"--encoder_handle={tiny_hub_module(folder)}",
        "--num_shards=1",
        "--dev_fraction=0.2",
    )
    return folder


def _call(command, *argv: str) -> None:
    assert cli.call(command.main, command.__doc__, command.FLAG_GROUPS, argv) == 0


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_checkpoints_are_float32_whatever_the_policy(workshop, tmp_path, policy):
    _call(
        train,
        f"--train_dir={workshop / 'records'}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        f"--model_dir={tmp_path}",
        f"--mixed_precision={policy}",
        "--num_train_epochs=1",
        "--max_train_examples=8",
        "--global_batch_size=4",
        "--length_buckets=1",
    )
    last = tf.train.latest_checkpoint(str(tmp_path / "checkpoints"))
    [best] = [str(path.with_suffix("")) for path in (tmp_path / "best").glob("*.index")]
    floats = [_floats(path) for path in (last, best)]
    assert {dtype for found in floats for dtype in found.values()} == {tf.float32}
    weights = {name for name in floats[0] if name.startswith("model/")}
    assert len(weights) == 39 + 2  # the encoder's, and the head's
    assert set(floats[1]) == weights
    assert len([name for name in floats[0] if name.startswith("optimizer/")]) > 2 * len(weights)  # Adam keeps two each


def _floats(path: str) -> dict[str, tf.DType]:
    """Name → type of every number with a fraction in a checkpoint."""
    dtypes = tf.train.load_checkpoint(path).get_variable_to_dtype_map()
    return {name: dtype for name, dtype in dtypes.items() if dtype.is_floating}


def test_the_tokenizer_is_read_back_from_the_run_alone(tmp_path):
    run_directory.write_encoder(str(tmp_path), tiny_model.ENCODER, tiny_model.tiny_tokenizer())

    values, tokenizer = run_directory.read_encoder_config(str(tmp_path))

    assert values == tiny_model.ENCODER.to_dict()
    assert tokenizer.settings() == tiny_model.tiny_tokenizer().settings()


def test_the_first_runs_stated_the_casing_among_the_encoders_settings(tmp_path):
    run_directory.write_encoder(str(tmp_path), tiny_model.ENCODER, tiny_model.tiny_tokenizer())
    file = tmp_path / "encoder" / "config.json"
    file.write_text(json.dumps({**tiny_model.ENCODER.to_dict(), "do_lower_case": True}))

    values, tokenizer = run_directory.read_encoder_config(str(tmp_path))

    assert values == tiny_model.ENCODER.to_dict()
    assert tokenizer.settings() == tiny_model.tiny_tokenizer().settings()


def test_a_vocabulary_that_was_changed_since_is_refused(tmp_path):
    run_directory.write_encoder(str(tmp_path), tiny_model.ENCODER, tiny_model.tiny_tokenizer())
    vocab = tmp_path / "encoder" / "vocab.txt"
    vocab.write_text(vocab.read_text().replace("the\n", "thy\n"))

    with pytest.raises(InputError, match=r"encoder: the tokenizer here is not the one that was saved"):
        run_directory.read_encoder_config(str(tmp_path))
