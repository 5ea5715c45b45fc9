"""Kills a training repeatedly and compares its result with that of the same training without interruption.

python experiments/resume/kill_resume.py                            20 kills, 3 of them while a checkpoint is written
python experiments/resume/kill_resume.py --kills=2 --during_save=1  a short one

Both trainings run on the ten messages of tests/testdata with --deterministic. The script compares the SHA-256 of
everything in the last checkpoint (weights, optimizer, step) and every line of metrics.jsonl, and exits with status 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from bert_qa_tf import cli, create_tfrecords

_MESSAGES = pathlib.Path(__file__).resolve().parents[2] / "tests" / "testdata" / "messages.json"


def main() -> None:
    """Trains both ways, compares, reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="how often to kill it")
    parser.add_argument("--during_save", type=int, default=3, help="how many of those while a checkpoint is written")
    parser.add_argument("--steps", type=int, default=300, help="steps of the training")
    parser.add_argument("--save_every", type=int, default=10, help="steps between checkpoints")
    parser.add_argument("--encoder_handle", default="minilm", help="encoder to train")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    values = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _convert(values.encoder_handle, folder / "records")
        command = [
            *(sys.executable, "-m", "bert_qa_tf.train", "--deterministic", f"--encoder_handle={values.encoder_handle}"),
            *(f"--train_dir={folder / 'records'}", "--global_batch_size=4", "--length_buckets=2", "--log_steps=5"),
            *(f"--max_train_steps={values.steps}", "--num_train_epochs=1000", "--learning_rate=1e-4"),
            f"--save_checkpoints_steps={values.save_every}",
        ]
        begin = time.monotonic()
        subprocess.run([*command, f"--model_dir={folder / 'whole'}"], check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - begin
        print(f"left alone: {values.steps} steps in {seconds:.0f} s", flush=True)
        _kill_until(values, [*command, f"--model_dir={folder / 'killed'}"], folder / "killed", seconds)
        sys.exit(_compare(folder / "whole", folder / "killed"))


def _kill_until(values: argparse.Namespace, command: list[str], run: pathlib.Path, seconds: float) -> None:
    """Starts the training and kills it, until it was killed often enough; then lets it end."""
    moments = random.Random(values.seed)
    during_save = set(moments.sample(range(values.kills), values.during_save))
    for number in range(values.kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        # The kills are spread over the training, each within its own range of steps.
        goal = int(values.steps * (number + moments.random()) / (values.kills + 1))
        if number not in during_save and moments.random() < 0.25:
            # Whatever it is doing by then: importing, reading the checkpoint, tracing.
            moment = "so many seconds after its start"
            _wait(process, time.monotonic() + moments.uniform(0, seconds / 10))
        else:
            while _steps(run) < goal and process.poll() is None:
                time.sleep(0.01)
            if number in during_save:
                moment = _wait_for_a_save(process, run)
            else:
                moment = f"after step {goal}"
                _wait(process, time.monotonic() + moments.uniform(0, 1))
        if process.poll() is not None:
            raise SystemExit(
                f"error: the training ended (status {process.returncode}) after {number} kills: more --steps"
            )
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"kill {number + 1}: {moment}, {_steps(run)} steps on record", flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _wait(process: subprocess.Popen, until: float) -> None:
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)


def _wait_for_a_save(process: subprocess.Popen, run: pathlib.Path) -> str:
    """Returns while the process writes a checkpoint: its files are there and its index is not."""
    checkpoints = run / "checkpoints"
    known = set(_names(checkpoints))
    while process.poll() is None:
        new = [name for name in _names(checkpoints) if name not in known and name.startswith("ckpt-")]
        if new and not any(name.endswith(".index") for name in new):
            return f"while it wrote {sorted(new)[0]}"
        known |= {name for name in new if name.endswith(".index") or name.split(".")[0] + ".index" in new}
        time.sleep(0.0005)
    return "never"


def _names(folder: pathlib.Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []


def _steps(run: pathlib.Path) -> int:
    """The last step that the training has reported."""
    try:
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return max((json.loads(line)["step"] for line in lines), default=0)
    except (OSError, ValueError):
        return 0


def _compare(whole: pathlib.Path, killed: pathlib.Path) -> int:
    hashes, lines = {}, {}
    for run in (whole, killed):
        hashes[run.name] = _sha256(run)
        lines[run.name] = [_figures(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        print(f"{run.name}: {hashes[run.name]}, {len(lines[run.name])} lines of metrics")
    same_lines = lines["whole"] == lines["killed"]
    print(f"same weights: {hashes['whole'] == hashes['killed']}; same metrics, each step once: {same_lines}")
    return int(hashes["whole"] != hashes["killed"] or not same_lines)


def _figures(line: str) -> dict:
    """The values of a line that do not depend on the clock or the process."""
    timed = ("time", "windows_per_second", "host_memory_gb", "gpu_memory_gb")
    return {name: value for name, value in json.loads(line).items() if name not in timed}


def _sha256(run: pathlib.Path) -> str:
    """The SHA-256 of all numbers of the last checkpoint, ordered by name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    digest = hashlib.sha256()
    for name in sorted(reader.get_variable_to_shape_map()):
        value = reader.get_tensor(name)
        if hasattr(value, "tobytes") and value.dtype != object:  # not the object graph and the hours spent
            digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()


def _convert(encoder_handle: str, records: pathlib.Path) -> None:
    """In this process, which needs TensorFlow to compare, too."""
    flags = (f"--input_file={_MESSAGES}", f"--encoder_handle={encoder_handle}", f"--output_dir={records}")
    if cli.call(create_tfrecords.main, "", create_tfrecords.FLAG_GROUPS, [*flags, "--dev_fraction=0.2"]):
        raise SystemExit("error: the conversion failed")


if __name__ == "__main__":
    main()
