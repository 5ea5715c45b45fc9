"""When a training ends, what it leaves then, and that it goes on as if it had not been stopped."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.storage import lock
from bert_qa_tf.training import trainer as trainers
from tests.testing import REPOSITORY
from tests.tiny_training import make_workshop, metrics, run_train, train_flags

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    return make_workshop(tmp_path_factory.mktemp("workshop"))


def weights(model_dir: pathlib.Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(model_dir / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(("model/", "optimizer/"))]
    return {name: reader.get_tensor(name) for name in names}


def figures(model_dir: pathlib.Path) -> list[dict]:
    timed = ("time", "windows_per_second", "host_memory_gb")
    return [{name: value for name, value in line.items() if name not in timed} for line in metrics(model_dir)]


def test_going_on_from_any_checkpoint_gives_the_same_bits(workshop, tmp_path):
    flags = ("--max_train_steps=8", "--num_train_epochs=9", "--save_checkpoints_steps=3", "--keep_checkpoint_max=9")
    flags = (*flags, "--gradient_accumulation_steps=2", "--length_buckets=2")
    assert run_train(workshop, tmp_path / "whole", *flags) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    parts = tmp_path / "parts" / "checkpoints"
    for path in (*parts.glob("ckpt-8.*"), *parts.glob("ckpt-6.*")):
        path.unlink()
    assert run_train(workshop, tmp_path / "parts", *flags) == 0
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert len(whole) > 50
    assert all((whole[name] == parts[name]).all() for name in whole)
    assert figures(tmp_path / "whole") == figures(tmp_path / "parts")


def test_an_unreadable_last_checkpoint_is_stepped_over(workshop, tmp_path, capsys):
    flags = ("--max_train_steps=4", "--save_checkpoints_steps=2")
    assert run_train(workshop, tmp_path / "run", *flags) == 0
    before = weights(tmp_path / "run")
    data = tmp_path / "run" / "checkpoints" / "ckpt-4.data-00000-of-00001"
    damaged = bytearray(data.read_bytes())
    damaged[len(damaged) // 2] ^= 1  # one bit: the checksum tells
    data.write_bytes(damaged)
    (tmp_path / "run" / "checkpoints" / "ckpt-9.data-00000-of-00001").write_bytes(b"half a checkpoint")
    capsys.readouterr()
    assert run_train(workshop, tmp_path / "run", *flags) == 0
    printed = capsys.readouterr().out
    assert "ckpt-4 cannot be read" in printed
    assert "going on from ckpt-2" in printed
    assert "going on from step 2 of 4" in printed
    after = weights(tmp_path / "run")
    assert all((before[name] == after[name]).all() for name in before)
    names = {path.name.split(".")[0] for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert names == {"checkpoint", "ckpt-2", "ckpt-4", "unreadable-ckpt-4"}


def test_a_second_training_in_the_same_folder_is_refused(workshop, tmp_path, capsys):
    run = tmp_path / "run"
    with lock.held(run / lock.LOCK_FILE, str(run)):
        assert run_train(workshop, run, "--max_train_steps=2") == 1
    message = capsys.readouterr().err
    assert re.fullmatch(
        rf"error: {run}: `.*` \(process {os.getpid()} on \S+ since [-0-9]+ [:0-9]+\) is writing here; "
        "wait until it ends, or name another output\n",
        message,
    )
    assert not run.exists()


def test_a_training_does_not_overwrite_what_it_starts_from(workshop, tmp_path, capsys):
    run = tmp_path / "run"
    assert run_train(workshop, run, "--max_train_steps=2") == 0
    before = weights(run)
    (run / "notes.txt").write_text("precious")
    assert run_train(workshop, run, "--max_train_steps=2", "--overwrite", f"--init_checkpoint={run}") == 1
    assert "is also an input" in capsys.readouterr().err
    assert all((before[name] == value).all() for name, value in weights(run).items())
    assert run_train(workshop, run, "--max_train_steps=1", "--overwrite") == 0
    assert (run / "notes.txt").read_text() == "precious"
    assert not list(run.glob("*.tmp"))


def start(workshop: pathlib.Path, model_dir: pathlib.Path, *flags: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "bert_qa_tf.train", *train_flags(workshop, model_dir, *flags)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_training_after_its_step_and_saves(workshop, tmp_path, number, capsys):
    flags = ("--max_train_steps=100000", "--num_train_epochs=100000", "--save_checkpoints_steps=100000")
    process = start(workshop, tmp_path / "run", *flags)
    deadline = time.monotonic() + 200
    while not (tmp_path / "run" / "metrics.jsonl").exists() or not metrics(tmp_path / "run"):
        assert process.poll() is None, process.stderr.read()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 128 + number, err[-2000:]
    last = metrics(tmp_path / "run")[-1]["step"]
    assert f"stopped by {number.name} after step {last} of 100000, which is saved; the same command goes on" in out
    assert (tmp_path / "run" / "checkpoints" / f"ckpt-{last}.index").exists()


def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_last_good_checkpoint(
    workshop, tmp_path, capsys, monkeypatch
):
    pad = trainers.pad_batch

    def poisoned(columns, length, batch_size, table):
        batch = pad(columns, length, batch_size, table)
        poisoned.calls += 1
        if poisoned.calls == 6:  # the first is only traced
            batch["example_weights"] = batch["example_weights"] * np.float32(np.inf)
        return batch

    poisoned.calls = 0
    monkeypatch.setattr(trainers, "pad_batch", poisoned)
    assert run_train(workshop, tmp_path / "run", "--max_train_steps=8", "--save_checkpoints_steps=2") == 1
    message = capsys.readouterr().err
    assert "the loss of step 5 is not finite" in message
    assert message.count("\n") == 1
    assert sorted(path.stem for path in (tmp_path / "run" / "checkpoints").glob("*.index")) == ["ckpt-2", "ckpt-4"]
    assert all(np.isfinite(value).all() for value in weights(tmp_path / "run").values() if value.dtype == np.float32)
    assert [line["step"] for line in metrics(tmp_path / "run") if line["kind"] == "train"] == [2, 4]


def test_a_loss_that_runs_away_stops_training(workshop, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trainers, "RUNAWAY", 0.5)  # no loss falls by half within two steps of warm-up
    assert run_train(workshop, tmp_path / "run", "--max_train_steps=8") == 1
    message = capsys.readouterr().err
    assert "the mean loss of steps 3 to 4 is" in message
    assert "highest at step" in message


def test_patience_ends_a_training_and_starting_it_again_does_not_go_on(workshop, tmp_path, capsys):
    # A learning rate of next to nothing: no epoch beats the first.
    flags = ("--num_train_epochs=9", "--learning_rate=1e-9", "--early_stopping_patience=2")
    assert run_train(workshop, tmp_path / "run", *flags) == 0
    assert "stopped early: 2 evaluation(s) without a f1 above" in capsys.readouterr().out
    evaluations = [line for line in metrics(tmp_path / "run") if line["kind"] == "eval"]
    assert [line["epoch"] for line in evaluations] == [1, 2, 3]
    best = json.loads((tmp_path / "run" / "best" / "best.json").read_text())
    assert best["step"] == evaluations[0]["step"]
    before = metrics(tmp_path / "run")
    assert run_train(workshop, tmp_path / "run", *flags) == 0
    assert "stopped early" in capsys.readouterr().out
    assert metrics(tmp_path / "run") == before


def test_a_time_limit_saves_and_evaluates_and_a_larger_one_goes_on(workshop, tmp_path, capsys):
    flags = ("--max_train_steps=6", "--num_train_epochs=9")
    assert run_train(workshop, tmp_path / "run", *flags, "--max_hours=1e-6") == 0
    assert "stopped after 0.00 hours (--max_hours=1e-06) and step 2 of 6" in capsys.readouterr().out
    assert [(line["kind"], line["step"]) for line in metrics(tmp_path / "run")] == [("train", 2), ("eval", 2)]
    assert run_train(workshop, tmp_path / "run", *flags, "--max_hours=1") == 0
    assert "going on from step 2 of 6" in capsys.readouterr().out
    assert metrics(tmp_path / "run")[-1]["step"] == 6


@pytest.fixture(scope="module")
def shown(workshop, tmp_path_factory) -> pathlib.Path:
    """What a training leaves for TensorBoard."""
    run = tmp_path_factory.mktemp("shown") / "run"
    flags = ("--max_train_steps=6", "--profile_steps=2,4", "--mixed_precision=mixed_float16")
    assert run_train(workshop, run, *flags) == 0
    return run


def test_a_profile_of_some_steps_is_left_for_tensorboard(shown):
    assert list((shown / "train" / "plugins" / "profile").glob("*/*.xplane.pb"))


def test_tensorboard_shows_every_figure(shown):
    tags = {}
    for kind in ("train", "eval_dev"):
        (path,) = (shown / kind).glob("events.out.tfevents.*")
        events = [tf.compat.v1.Event.FromString(r) for r in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
        tags[kind] = {value.tag for event in events for value in event.summary.value}
    wanted = {"loss", "learning_rate", "gradient_norm", "loss_scale", "windows_per_second", "padding_efficiency"}
    assert wanted | {"host_memory_gb"} <= tags["train"]
    assert {"exact_match", "f1", "loss"} <= tags["eval_dev"]


def test_several_steps_in_one_call_are_the_same_training_with_runs_of_one_length(workshop, tmp_path):
    flags = ("--max_train_steps=8", "--num_train_epochs=9", "--steps_per_loop=2", "--length_buckets=2")
    assert run_train(workshop, tmp_path / "run", *flags) == 0
    lines = [line for line in metrics(tmp_path / "run") if line["kind"] == "train"]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_a_bucket_longer_than_the_encoders_positions_is_one_line(workshop, tmp_path, capsys):
    assert run_train(workshop, tmp_path / "run", "--length_buckets=640,") == 1
    assert "length_buckets: 640 is longer than the 512 positions of the encoder" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
