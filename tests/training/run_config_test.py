"""Whose run directory it is, and what may be removed from it."""

import dataclasses
import json
import os

import pytest

from bert_qa_tf.config import OptimizerConfig, TrainConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.training import run_config, run_directory
from tests.testing import tiny_pretrained


def _open(model_dir, overwrite=False, shards=("a",), **changes):
    config = TrainConfig("records", str(model_dir), "tiny", overwrite=overwrite, **changes)
    resolved = {
        "train": dataclasses.asdict(config),
        "task": "question_answering",
        "settings": {"windowing": {}, "decoding": {}},
        "mixed_precision": "float32",
        "data": {"shards": list(shards)},
    }
    run_config.open_run(config, resolved, tiny_pretrained())


def test_a_new_run_has_its_config_and_encoder_and_opens_again(tmp_path):
    _open(tmp_path / "run")
    _open(tmp_path / "run", log_steps=7)  # how often it reports is free
    assert sorted(os.listdir(tmp_path / "run")) == ["config.json", "encoder"]
    assert run_directory.read_config(str(tmp_path / "run"))["train"]["log_steps"] == 50


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 3}, "seed 0 there, 3 here"),
        ({"optimizer": OptimizerConfig(clip_norm=2.0)}, "optimizer.clip_norm 1.0 there, 2.0 here"),
        ({"optimizer": OptimizerConfig(layerwise_lr_decay=0.5)}, "optimizer.layerwise_lr_decay 1.0 there, 0.5 here"),
        ({"freeze_layers": 2}, "freeze_layers 0 there, 2 here"),
        ({"shards": ("b",)}, "records"),
    ],
)
def test_another_training_is_refused_with_what_differs(tmp_path, changes, difference):
    _open(tmp_path)
    with pytest.raises(InputError, match=rf"belongs to another training \({difference}\)"):
        _open(tmp_path, **changes)


def test_a_run_older_than_partial_training_goes_on_as_it_was(tmp_path):
    _open(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["train"]["freeze_layers"], config["train"]["optimizer"]["layerwise_lr_decay"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    _open(tmp_path)
    with pytest.raises(InputError, match="freeze_layers 0 there, 1 here"):
        _open(tmp_path, freeze_layers=1)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("text", ['{"architectures": ["BertForQuestionAnswering"]}', "[]", "{", "\x1f"])
def test_another_tools_config_does_not_make_its_folder_a_run_directory(tmp_path, overwrite, text):
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "model.bin").write_text("precious")
    with pytest.raises(InputError, match=r"config\.json: "):
        _open(tmp_path, overwrite)
    assert sorted(os.listdir(tmp_path)) == ["config.json", "model.bin"]


def test_overwriting_removes_what_training_wrote_and_nothing_else(tmp_path):
    _open(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint").write_text("old")
    (tmp_path / "metrics.jsonl").write_text("old")
    (tmp_path / "metrics.jsonl.0123456789abcdef.tmp").write_text("old")
    (tmp_path / "notes.txt").write_text("precious")
    (tmp_path / "records").mkdir()
    _open(tmp_path, overwrite=True, seed=1)
    assert sorted(os.listdir(tmp_path)) == ["config.json", "encoder", "notes.txt", "records"]
    assert json.loads((tmp_path / "config.json").read_text())["train"]["seed"] == 1


@pytest.mark.parametrize("temporary", ["config.json.0123456789abcdef.tmp", "config.json.tmp"])
def test_a_start_that_was_killed_before_the_config_was_written_is_started_again(tmp_path, temporary):
    _open(tmp_path)
    (tmp_path / "config.json").rename(tmp_path / temporary)
    (tmp_path / "encoder" / "vocab.txt").unlink()
    _open(tmp_path, seed=2)
    assert sorted(os.listdir(tmp_path)) == ["config.json", "encoder"]
    assert (tmp_path / "encoder" / "vocab.txt").exists()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("precious")
    with pytest.raises(InputError, match="run: is a file, expected a folder"):
        _open(tmp_path / "run", overwrite=True)


def test_something_else_in_the_folder_is_left_alone(tmp_path):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty and not a run directory"):
        _open(tmp_path, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["encoder", "thesis.txt"]


def test_overwriting_removes_a_link_and_not_what_it_leads_to(tmp_path):
    _open(tmp_path / "run")
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "ckpt-1.index").write_text("precious")
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "disk", target_is_directory=True)
    _open(tmp_path / "run", overwrite=True, seed=1)
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert (tmp_path / "disk" / "ckpt-1.index").read_text() == "precious"
