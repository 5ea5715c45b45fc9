"""Two workers on this machine, as processes of their own, started as a user would start them on two machines."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tests import testing
from tests.encoders import fixtures
from tests.testing import REPOSITORY
from tests.tiny_training import make_workshop, metrics, run_train, train_flags

pytestmark = pytest.mark.slow
_PATIENCE = 240  # seconds, for what takes ten on an idle machine


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    """With a second form of the encoder, which states no dropout: replicas draw masks of their own."""
    folder = make_workshop(tmp_path_factory.mktemp("workshop"))
    encoder = folder / "uncased_without_dropout"
    fixtures.tensorflow_1_checkpoint(testing.tiny_pretrained(), encoder)
    config = json.loads((encoder / "bert_config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (encoder / "bert_config.json").write_text(json.dumps(config))
    return folder


def flags(workshop: pathlib.Path) -> tuple[str, ...]:
    return (
        f"--encoder_handle={workshop / 'uncased_without_dropout'}",
        "--num_train_epochs=100000",
        "--save_checkpoints_steps=2",
        "--gradient_accumulation_steps=2",
    )


def start_workers(workshop: pathlib.Path, model_dir: pathlib.Path, *more: str) -> list[subprocess.Popen]:
    ports = []
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
        ports.append(one.getsockname()[1])
    for one in sockets:
        one.close()
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    command = [sys.executable, "-m", "bert_qa_tf.train", *train_flags(workshop, model_dir, *flags(workshop), *more)]
    command.append("--distribution_strategy=multi_worker_mirrored")
    workers = []
    for index in range(2):
        tf_config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        workers.append(
            subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, "TF_CONFIG": tf_config, "PYTHONPATH": str(REPOSITORY)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return workers


def wait_for_step(model_dir: pathlib.Path, step: int, workers: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not (model_dir / "metrics.jsonl").exists() or not any(line["step"] >= step for line in metrics(model_dir)):
        for worker in workers:
            assert worker.poll() is None, worker.stderr.read()[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_workers_take_the_same_steps_as_one_process(workshop, tmp_path):
    steps = "--max_train_steps=8"
    workers = start_workers(workshop, tmp_path / "two", steps)
    outputs = [worker.communicate(timeout=_PATIENCE) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs[0][1][-1500:] + outputs[1][1][-1500:]
    assert run_train(workshop, tmp_path / "one", *flags(workshop), steps) == 0
    one, two = (
        np.array([line["loss"] for line in metrics(tmp_path / name) if line["kind"] == "train"])
        for name in ("one", "two")
    )
    assert len(one) == 4
    assert np.abs(one - two).max() < 1e-5
    readers = [tf.train.load_checkpoint(str(tmp_path / name / "checkpoints")) for name in ("one", "two")]
    for name in readers[0].get_variable_to_shape_map():
        if name.startswith("model/"):
            values = [reader.get_tensor(name) for reader in readers]
            assert values[1] == pytest.approx(values[0], abs=1e-4), name
    # Only the chief writes and prints; what the other one wrote to take part in a save is gone.
    assert "strategy multi_worker_mirrored, 2 replica(s)" in outputs[0][0]
    assert "step 8/8" in outputs[0][0]
    assert "step" not in outputs[1][0].replace(f"{tmp_path / 'two'}: 8 steps", "")
    assert not list((tmp_path / "two").glob("checkpoints-worker*"))


def test_a_lost_worker_stops_the_others_with_one_line_and_all_go_on_when_started_again(workshop, tmp_path):
    run, steps = tmp_path / "run", "--max_train_steps=100000"
    workers = start_workers(workshop, run, steps)
    wait_for_step(run, 6, workers)
    workers[1].kill()
    _, err = workers[0].communicate(timeout=_PATIENCE)
    workers[1].communicate()
    assert workers[0].returncode == 1
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "another worker stopped answering" in errors[0]
    assert "start all workers again" in errors[0]
    saved = max(int(path.stem.rsplit("-", 1)[1]) for path in (run / "checkpoints").glob("ckpt-*.index"))

    # Again, and asked to stop: both learn of it, though only one of them was told.
    workers = start_workers(workshop, run, steps)
    wait_for_step(run, saved + 4, workers)
    workers[1].send_signal(signal.SIGTERM)
    outputs = [worker.communicate(timeout=_PATIENCE)[0] for worker in workers]
    assert f"going on from step {saved} of 100000" in outputs[0]
    last = metrics(run)[-1]["step"]
    assert f"stopped by another worker after step {last} of 100000, which is saved" in outputs[0]
    assert (run / "checkpoints" / f"ckpt-{last}.index").exists()
    assert workers[1].returncode == 128 + signal.SIGTERM
    steps = [line["step"] for line in metrics(run) if line["kind"] == "train"]
    assert steps == sorted(set(steps))
