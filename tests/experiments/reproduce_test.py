"""`experiments/reproduce/reproduce.sh` in its smallest form: ten messages, a tiny encoder, one step."""

import json
import os
import pathlib
import runpy
import shutil
import subprocess
import sys

import pytest

from tests.testing import MESSAGES, REPOSITORY, tiny_hub_module

SUMMARY = runpy.run_path(str(REPOSITORY / "experiments" / "reproduce" / "summarize_reproduce.py"))
TEST_FILES = SUMMARY["TEST_FILES"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """Files under the names of Spoken-SQuAD's, and what tells the script to use them."""
    folder = tmp_path_factory.mktemp("reproduce")
    data = folder / "data"
    data.mkdir()
    for name in ("spoken_train-v1.1", *TEST_FILES):
        shutil.copy(MESSAGES, data / f"{name}.json")
    return {
        "PYTHON": sys.executable,
        "ENCODER": tiny_hub_module(folder),
        "FLAGFILE": "configs/cpu.flags",
        "MAX_TRAIN_STEPS": "1",
        "TRAIN_FLAGS": "--length_buckets=1 --mixed_precision=float32",
        "DATA_DIR": str(data),
        "WORK": str(folder / "work"),
    }


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(REPOSITORY / "experiments" / "reproduce" / "reproduce.sh")]
    return subprocess.run(
        command, capture_output=True, text=True, cwd="/", env={**os.environ, **environment}, check=False
    )


@pytest.fixture(scope="module")
def first(environment) -> subprocess.CompletedProcess[str]:
    return _run(environment)


@pytest.mark.slow
def test_the_script_goes_from_files_to_a_table(environment, first):
    assert first.returncode == 0, first.stderr
    results = pathlib.Path(environment["WORK"], "results")
    written = (results / "table.md").read_text(encoding="utf-8")
    assert written in first.stdout
    metrics = json.loads((results / f"{TEST_FILES[2]}.metrics.json").read_text(encoding="utf-8"))
    assert metrics["total"] == 39
    assert f"{metrics['exact_match']:.2f} / {metrics['f1']:.2f} |\n" in written
    assert f"the encoder is {environment['ENCODER']}; spoken_train-v1.1.json holds 39 questions, " in written
    assert "; max_train_steps=1; " in written


@pytest.mark.slow
def test_the_same_command_again_scores_only_what_has_no_score(environment, first):
    assert first.returncode == 0, first.stderr
    shutil.rmtree(pathlib.Path(environment["WORK"], "run", "eval", TEST_FILES[1]))
    again = _run(environment)
    assert again.returncode == 0, again.stderr
    assert [line for line in again.stdout.splitlines() if line.endswith("/metrics.json")] == [
        f"wrote {environment['WORK']}/run/eval/{TEST_FILES[1]}/metrics.json"
    ]
    assert "shards and manifest.json" in first.stdout
    assert "shards and manifest.json" not in again.stdout


def test_records_of_another_file_are_not_trained_on(environment, tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "manifest.json").write_text('{"sources": [{"sha256": "0"}]}')
    done = _run({**environment, "WORK": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/records: made from another file than ")
    assert not (tmp_path / "run").exists()


def test_a_missing_test_file_is_known_before_any_work(environment, tmp_path):
    done = _run({**environment, "WORK": str(tmp_path / "work"), "TEST_FILES": f"{MESSAGES} {tmp_path}/none.json"})
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path}/none.json: no such file\n"
    assert not (tmp_path / "work").exists()


def _write_results(folder: pathlib.Path, **train) -> pathlib.Path:
    config = {
        "train": {"encoder_handle": "bert-base-uncased", "seed": 0, "max_train_steps": None, **train},
        "data": {"sources": [{"file": "spoken_train-v1.1.json"}], "counts": {"questions": 37111, "dev_questions": 0}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.jsonl").write_text('{"kind": "train", "step": 50}\n{"kind": "train", "step": 2348}\n')
    for i, name in enumerate(TEST_FILES):
        scores = {
            "exact_match": 60.0 + i,
            "f1": 70.0 + i,
            "ceiling_exact_match": 98.0,
            "ceiling_f1": 99.0,
            "total": 5351,
        }
        (folder / f"{name}.metrics.json").write_text(json.dumps(scores))
    return folder


def test_the_table_of_the_real_run_stands_beside_the_published_figures(tmp_path):
    lines = SUMMARY["table"](_write_results(tmp_path)).splitlines()
    assert lines[2] == (
        "| **this run: bert-base-uncased, 2348 steps, seed 0** | 60.00 / 70.00 | 61.00 / 71.00 | 62.00 / 72.00 |"
    )
    assert lines[5] == "| Su & Fung 2020 | – / 77.67 | – | – |"
    assert lines[6] == "| best that any span can score | 98.00 / 99.00 | 98.00 / 99.00 | 98.00 / 99.00 |"
    assert lines[-1].startswith("Trained on all of Spoken-SQuAD's training questions")


def test_the_table_says_what_makes_a_run_something_else(tmp_path):
    folder = _write_results(tmp_path, encoder_handle="minilm", max_train_steps=10)
    (folder / f"{TEST_FILES[2]}.metrics.json").unlink()
    lines = SUMMARY["table"](folder).splitlines()
    assert lines[2].endswith("| 60.00 / 70.00 | 61.00 / 71.00 | – |")
    assert lines[-1] == (
        "This is **not** the reproduction: the encoder is minilm; max_train_steps=10; "
        "not scored on spoken_test-v1.1_WER54."
    )
