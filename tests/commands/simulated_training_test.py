"""`create_tfrecords --simulate_wer` and `train` on what it makes, as a user runs them."""

import json
import pathlib
import re
import shutil

import pytest

from bert_qa_tf import create_tfrecords
from tests.testing import tiny_hub_module
from tests.tiny_training import MESSAGES, call, metrics, run_train

pytest.importorskip("pocketsphinx", reason="pip install -r requirements/speech.txt")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    """A folder with an encoder and records in two simulated copies."""
    folder = tmp_path_factory.mktemp("workshop")
    tiny_hub_module(folder)
    assert convert(folder, folder / "records", "--simulate_wer=0.2,0.5", "--simulate_answers=exact") == 0
    return folder


def convert(workshop: pathlib.Path, output_dir: pathlib.Path, *more: str) -> int:
    return call(
        create_tfrecords,
        f"--input_file={MESSAGES}",
        f"--output_dir={output_dir}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        "--num_shards=2",
        "--dev_fraction=0.2",
        *more,
    )


def test_a_conversion_says_what_the_simulation_did(workshop, tmp_path, capsys):
    assert convert(workshop, tmp_path / "records", "--simulate_wer=0.3", "--simulate_copies=1") == 0
    assert re.search(
        r"1 simulated copies, \d\d\.\d% of the words misheard: \d+ questions kept, \d+ whose", capsys.readouterr().out
    )


def test_clean_copies_are_counted(workshop, tmp_path, capsys):
    folder = tmp_path / "records"
    assert convert(workshop, folder, "--simulate_wer=0.3", "--simulate_copies=1", "--simulate_clean_copies=2") == 0
    assert "  2 clean and 1 simulated copies, " in capsys.readouterr().out
    first, second, simulated = json.loads((folder / "manifest.json").read_text())["records_by_copy"]
    assert first == second >= simulated > 0


@pytest.mark.parametrize(
    ("wer", "message"), [("much", "--simulate_wer=much: expected a share"), ("1.5", "at most 0.7")]
)
def test_a_rate_that_is_none_is_one_line(workshop, tmp_path, capsys, wer, message):
    assert convert(workshop, tmp_path / "records", f"--simulate_wer={wer}") == 1
    assert message in capsys.readouterr().err


def test_the_old_name_of_a_flag_is_answered_with_the_new_one(workshop, tmp_path, capsys):
    assert convert(workshop, tmp_path / "records", "--asr_noise_wer=0.3") == 1
    assert capsys.readouterr().err == "error: --asr_noise_wer has a new name: --simulate_wer\n"
    assert convert(workshop, tmp_path / "records", "--nonoise_sentence_stops") == 1
    assert capsys.readouterr().err == "error: --nonoise_sentence_stops has a new name: --nosimulate_sentence_stops\n"


@pytest.mark.slow
def test_each_epoch_takes_a_copy_and_a_training_that_was_stopped_goes_on_in_it(workshop, tmp_path, capsys):
    manifest = json.loads((workshop / "records" / "manifest.json").read_text())
    steps = [-(-records // 8) for records in manifest["records_by_copy"]]
    assert steps[0] != steps[1], "the test needs copies that differ in steps: choose another rate"
    ends = [steps[0], sum(steps), sum(steps) + steps[0]]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = ("--num_train_epochs=3", "--save_checkpoints_steps=2", "--keep_checkpoint_max=99")
    assert run_train(workshop, whole, *flags) == 0
    assert (
        f"windows in 2 copies, one an epoch, {steps[0]}, {steps[1]} steps an epoch, {ends[-1]}"
        in capsys.readouterr().out
    )
    assert [(line["step"], line["epoch"]) for line in metrics(whole) if line["kind"] == "eval"] == [
        (end, epoch) for epoch, end in enumerate(ends, 1)
    ]
    # What a kill within the second epoch leaves.
    shutil.copytree(whole, parts)
    kept = ends[0] + 2 - ends[0] % 2
    assert ends[0] < kept < ends[1]
    for path in (parts / "checkpoints").glob("ckpt-*"):
        if not path.name.startswith(f"ckpt-{kept}."):
            path.unlink()
    (parts / "checkpoints" / "checkpoint").write_text(f'model_checkpoint_path: "ckpt-{kept}"\n')
    assert run_train(workshop, parts, *flags) == 0
    assert f"going on from step {kept} of {ends[-1]}" in capsys.readouterr().out
    of_whole, of_parts = ([(line["kind"], line["step"]) for line in metrics(path)] for path in (whole, parts))
    assert of_parts == of_whole


@pytest.mark.slow
def test_the_first_so_many_windows_are_those_of_each_copy(workshop, tmp_path, capsys):
    flags = ("--num_train_epochs=2", "--max_train_examples=9")
    assert run_train(workshop, tmp_path / "run", *flags) == 0
    assert "18 windows in 2 copies, one an epoch, 2, 2 steps an epoch, 4 in all" in capsys.readouterr().out
