"""A Google checkpoint from records to a trained model and on to a TF-Hub module, as a user goes."""

import json

import pytest

from bert_qa_tf import cli, create_tfrecords, export, train
from bert_qa_tf.encoders.sources import loader
from tests import testing
from tests.encoders import fixtures


def _call(command, *argv: str) -> int:
    return cli.call(command.main, command.__doc__, command.FLAG_GROUPS, argv)


@pytest.mark.slow
def test_the_casing_is_said_once_and_goes_from_the_records_to_the_module(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cased_L-2"  # its vocabulary says otherwise, so only the user can tell
    fixtures.tensorflow_1_checkpoint(testing.tiny_pretrained(hidden_act="gelu_tanh"), folder)
    records, run = tmp_path / "records", tmp_path / "run"
    convert = (f"--input_file={testing.MESSAGES}", f"--output_dir={records}", f"--encoder_handle={folder}")

    assert _call(create_tfrecords, *convert) == 1
    assert _call(create_tfrecords, *convert, "--dev_fraction=0", "--num_shards=1", "--do_lower_case") == 0
    training = (f"--train_dir={records}", f"--encoder_handle={folder}", f"--model_dir={run}")
    assert _call(train, *training, "--max_train_steps=1", "--length_buckets=1", "--global_batch_size=4") == 0
    assert _call(export, "--what=encoder", f"--model_dir={run}", f"--export_dir={tmp_path / 'exports'}") == 0

    module = loader.load_encoder(str(tmp_path / "exports" / "encoder" / "1"))
    assert module.tokenizer.do_lower_case
    assert module.config.hidden_act == "gelu_tanh"
    assert json.loads((run / "encoder" / "config.json").read_text())["tokenizer"]["do_lower_case"] is True
