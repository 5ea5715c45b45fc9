"""Every shipped flagfile is parsed and built, from any folder."""

import pytest

from bert_qa_tf import cli, tasks, train
from bert_qa_tf.config.options import options_of
from bert_qa_tf.encoders.sources import handles
from tests.testing import REPOSITORY

CONFIGS = REPOSITORY / "configs"
FLAGFILES = sorted(CONFIGS.rglob("*.flags"))
# Where a flagfile is for other records than those of the first command in the README.
TRAIN_DIRS = {"tasks/sentiment": "tfrecords/sentiment"}


def _config(path, *more):
    seen = []
    status = cli.call(
        lambda values: seen.append(train.train_config(values)), "", train.FLAG_GROUPS, [f"--flagfile={path}", *more]
    )
    assert status == 0
    return seen[0]


def _name(path):
    return path.relative_to(CONFIGS).with_suffix("").as_posix()


def test_the_flagfiles_are_the_ones_that_are_documented():
    assert [_name(path) for path in FLAGFILES] == ["base", "cpu", "gpu", "multi_worker", "tasks/sentiment", "tpu"]


@pytest.mark.parametrize("path", FLAGFILES, ids=_name)
def test_a_flagfile_builds_a_training_from_any_folder(path, tmp_path, monkeypatch):
    here = _config(path, "--model_dir=run")
    monkeypatch.chdir(tmp_path)
    assert _config(path, "--model_dir=run") == here
    assert here.train_dir == TRAIN_DIRS.get(_name(path), "tfrecords/spoken_squad")
    assert here.optimizer.warmup_proportion == 0.1


@pytest.mark.parametrize(
    ("text", "value"), [("8", 8), ("128,256,384", (128, 256, 384)), ("384,", (384,))], ids=["number", "list", "one"]
)
def test_length_buckets_are_a_number_or_the_lengths_themselves(text, value):
    config = _config(CONFIGS / "cpu.flags", f"--length_buckets={text}")
    assert config.length_buckets == value


def test_length_buckets_that_are_no_numbers_are_one_line(capsys):
    arguments = ["--length_buckets=128;256", "--model_dir=run"]
    assert cli.call(train.train_config, "", train.FLAG_GROUPS, arguments) == 1
    assert "--length_buckets=128;256: expected a number, or lengths separated by commas" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "strategy", "encoder"),
    [
        ("cpu", "one_device", "minilm"),
        ("gpu", "mirrored", "bert-base-uncased"),
        ("multi_worker", "multi_worker_mirrored", "bert-base-uncased"),
        ("tasks/sentiment", "one_device", "minilm"),
        ("tpu", "tpu", "bert-base-uncased"),
    ],
)
def test_each_flagfile_names_its_hardware_and_an_encoder_that_is_known(name, strategy, encoder):
    config = _config(CONFIGS / f"{name}.flags")
    assert config.runtime.distribution_strategy == strategy
    assert config.encoder_handle == encoder
    assert config.encoder_handle in (handles.MINILM, *handles.NAMED_MODULES)
    assert config.model_dir


def test_the_flagfile_of_a_task_sets_the_options_of_that_task():
    config = _config(CONFIGS / "tasks" / "sentiment.flags")
    known = {option.name for option in options_of(tasks.find("classification").training_config)}
    assert config.task_options == {"pooling": "mean"}
    assert set(config.task_options) <= known


@pytest.mark.parametrize("path", FLAGFILES, ids=_name)
def test_a_flagfile_says_what_it_is_for_and_how_to_run_it(path):
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert len(header) >= 3
    if path.stem != "base":
        assert any(f"--flagfile=configs/{_name(path)}.flags" in line for line in header)
