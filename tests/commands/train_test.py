"""`train` as a user runs it, on ten messages with a tiny encoder."""

import json
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf import create_tfrecords, evaluate, train
from bert_qa_tf.encoders.sources.loader import load_encoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.config import DecodingConfig
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.training.run_directory import load_run, load_trained_encoder
from tests.testing import REPOSITORY
from tests.tiny_training import MESSAGES, call, make_workshop, metrics, run_train


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> pathlib.Path:
    """A folder with an encoder and a conversion for it."""
    return make_workshop(tmp_path_factory.mktemp("workshop"))


LONG = ("--num_train_epochs=3", "--save_checkpoints_steps=4", "--keep_checkpoint_max=9", "--length_buckets=2")
SHORT = ("--max_train_steps=5", "--log_steps=50", "--save_checkpoints_steps=2", "--keep_checkpoint_max=9")


@pytest.fixture(scope="module")
def run(workshop) -> pathlib.Path:
    """A finished training of three epochs."""
    model_dir = workshop / "run"
    assert run_train(workshop, model_dir, *LONG) == 0
    return model_dir


@pytest.fixture(scope="module")
def short_run(workshop) -> pathlib.Path:
    """A finished training of five steps, whose folder was named with a slash at its end."""
    assert run_train(workshop, workshop / "short_run", *SHORT, f"--model_dir={workshop}/short_run/") == 0
    return workshop / "short_run"


@pytest.mark.slow
def test_a_training_leaves_what_the_run_directory_should_hold(workshop, run):
    config = json.loads((run / "config.json").read_text())
    assert config["mixed_precision"] in ("float32", "mixed_bfloat16")
    assert config["task"] == "question_answering"
    assert config["settings"]["windowing"] == {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
    assert (run / "development" / "dev.json").read_bytes() == (workshop / "records" / "dev.json").read_bytes()
    assert config["versions"]["tensorflow"] == tf.__version__
    best = json.loads((run / "best" / "best.json").read_text())
    evaluations = [line for line in metrics(run) if line["kind"] == "eval"]
    assert [line["epoch"] for line in evaluations] == [1, 2, 3]
    assert best["scores"]["f1"] == max(line["f1"] for line in evaluations)
    assert len(list((run / "best").glob("*.index"))) == 1
    assert list(run.glob("train/events.out.tfevents.*"))
    assert list(run.glob("eval_dev/events.out.tfevents.*"))


@pytest.mark.slow
def test_training_lowers_the_loss_and_reports_each_step_once(run):
    steps = [line for line in metrics(run) if line["kind"] == "train"]
    assert [line["step"] for line in steps] == sorted({line["step"] for line in steps})
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert steps[-1]["learning_rate"] < max(line["learning_rate"] for line in steps)
    assert all(line["gradient_norm"] > 0 for line in steps)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["best", "last"])
def test_a_run_is_read_back_from_its_directory_alone(run, which):
    loaded = load_run(str(run), which)
    expected = json.loads((run / "best" / "best.json").read_text())
    if which == "best":
        assert loaded.step == expected["step"]
    path = tf.train.latest_checkpoint(str(run / "checkpoints"))
    reader = tf.train.load_checkpoint(path if which == "last" else str(run / "best" / expected["checkpoint"]))
    kernel = next(v for v in loaded.model.trainable_variables if "span_head" in v.name and "kernel" in v.name)
    [key] = [
        k
        for k in reader.get_variable_to_shape_map()
        if k.startswith("model/") and k.endswith("logits/kernel/.ATTRIBUTES/VARIABLE_VALUE")
    ]
    assert (kernel.numpy() == reader.get_tensor(key)).all()
    assert loaded.task.settings.decoding == DecodingConfig()


@pytest.mark.slow
def test_half_precision_inference_answers_like_float32_nearly_always(run):
    examples = read_squad(MESSAGES)[:8]
    logits = []
    for dtype in ("float32", "bfloat16"):
        loaded = load_run(str(run), inference_dtype=dtype)
        answers = list(loaded.answerer().answer(examples))
        assert all(a.text == e.context[a.start_char : a.end_char] for a, e in zip(answers, examples, strict=True))
        logits.append(np.array([answer.nbest[0].start_logit for answer in answers]))
    assert logits[1] == pytest.approx(logits[0], abs=0.3)
    assert (logits[0] != logits[1]).any()


@pytest.mark.slow
def test_the_same_command_goes_on_from_the_last_checkpoint(workshop, run, tmp_path, capsys):
    # What a kill leaves: a checkpoint, metrics of later steps, and half a line of the next.
    parts = tmp_path / "parts"
    shutil.copytree(run, parts)
    steps = sorted(int(path.stem.rsplit("-", 1)[1]) for path in (parts / "checkpoints").glob("*.index"))
    kept = steps[1]
    assert steps[0] < kept < steps[-1]
    for path in (parts / "checkpoints").glob("ckpt-*"):
        if not path.name.startswith(f"ckpt-{kept}."):
            path.unlink()
    (parts / "checkpoints" / "checkpoint").write_text(
        f'model_checkpoint_path: "ckpt-{kept}"\nall_model_checkpoint_paths: "ckpt-{kept}"\n'
    )
    with (parts / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')
    capsys.readouterr()
    assert run_train(workshop, parts, *LONG) == 0
    assert f"going on from step {kept} of" in capsys.readouterr().out
    of_whole, of_parts = ([(line["kind"], line["step"]) for line in metrics(path)] for path in (run, parts))
    assert of_parts == of_whole


@pytest.mark.slow
def test_a_finished_training_is_not_trained_further(workshop, run, capsys):
    before = metrics(run)
    assert run_train(workshop, run, *LONG) == 0
    assert metrics(run) == before


@pytest.mark.slow
def test_a_run_directory_of_another_training_is_refused_with_what_differs(workshop, run, capsys):
    assert run_train(workshop, run, *LONG, "--learning_rate=2e-2") == 1
    message = capsys.readouterr().err
    assert "belongs to another training (optimizer.learning_rate 0.01 there, 0.02 here)" in message
    assert "--overwrite" in message


@pytest.mark.slow
def test_partial_training_goes_on_and_leaves_the_lowest_layers_as_they_were(workshop, tmp_path, capsys):
    flags = ("--freeze_layers=1", "--layerwise_lr_decay=0.5", "--save_checkpoints_steps=2", "--keep_checkpoint_max=9")
    assert run_train(workshop, tmp_path / "run", "--max_train_steps=4", *flags) == 0
    trained, total = re.search(r"training ([\d,]+) of ([\d,]+) parameters", capsys.readouterr().out).groups()
    assert 0 < int(trained.replace(",", "")) < int(total.replace(",", ""))
    for path in (tmp_path / "run" / "checkpoints").glob("ckpt-4.*"):
        path.unlink()
    (tmp_path / "run" / "checkpoints" / "checkpoint").write_text('model_checkpoint_path: "ckpt-2"\n')
    assert run_train(workshop, tmp_path / "run", "--max_train_steps=4", *flags) == 0
    assert "going on from step 2 of 4" in capsys.readouterr().out
    before = load_encoder(str(workshop / "tiny_hub_module")).weights
    after = load_trained_encoder(str(tmp_path / "run"), "last").weights
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert changed == {name for name in before if name.startswith("encoder/layer_1/")}


@pytest.mark.slow
def test_more_frozen_blocks_than_there_are_is_one_line(workshop, tmp_path, capsys):
    assert run_train(workshop, tmp_path / "run", "--freeze_layers=3") == 1
    assert "freeze_layers=3: the encoder has 2 transformer blocks" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_overwrite_starts_anew(workshop, short_run, tmp_path):
    first = tmp_path / "run"
    shutil.copytree(short_run, first)
    assert metrics(first)[-1]["step"] == 5
    assert run_train(workshop, first, "--max_train_steps=1", "--overwrite") == 0
    assert [line["step"] for line in metrics(first)] == [1, 1]


@pytest.mark.slow
def test_checkpoints_are_saved_between_two_progress_lines(short_run):
    saved = sorted(path.stem for path in (short_run / "checkpoints").glob("*.index"))
    assert saved == ["ckpt-2", "ckpt-4", "ckpt-5"]


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named(workshop, short_run, tmp_path, capsys):
    shutil.copytree(short_run, tmp_path / "run", ignore=shutil.ignore_patterns("ckpt-2.*", "ckpt-4.*"))
    data = tmp_path / "run" / "checkpoints" / "ckpt-5.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:2000])
    capsys.readouterr()
    assert run_train(workshop, tmp_path / "run", *SHORT) == 1
    message = capsys.readouterr().err
    assert "checkpoints/ckpt-5: this checkpoint cannot be read" in message
    assert message.count("\n") == 1
    with pytest.raises(InputError, match="ckpt-5: not a checkpoint of this model"):
        load_run(str(tmp_path / "run"), "last")


@pytest.mark.slow
def test_a_slash_at_the_end_of_a_folders_name_changes_nothing(short_run):
    config = json.loads((short_run / "config.json").read_text())
    assert config["train"]["model_dir"] == str(short_run)


@pytest.mark.slow
def test_a_training_starts_from_another_runs_weights(workshop, run, tmp_path):
    flags = ("--max_train_steps=1", "--learning_rate=1e-12", f"--init_checkpoint={run}")
    assert run_train(workshop, tmp_path / "next", *flags) == 0
    before, after = (
        load_run(str(path), which).model.get_weights() for path, which in ((run, "best"), (tmp_path / "next", "last"))
    )
    for one, other in zip(before, after, strict=True):  # the head's among them
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_folder_with_something_else_in_it_is_left_alone(workshop, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("precious")
    assert run_train(workshop, tmp_path) == 1
    assert "not empty and not a run directory" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_records_of_another_vocabulary_are_refused(workshop, tmp_path, capsys):
    vocab = (workshop / "records" / "vocab.txt").read_text().splitlines()
    other = tmp_path / "vocab.txt"
    other.write_text("\n".join([*vocab[:-1], "elsewhere"]) + "\n")
    status = call(
        create_tfrecords, f"--input_file={MESSAGES}", f"--output_dir={tmp_path / 'records'}", f"--vocab_file={other}"
    )
    assert status == 0
    capsys.readouterr()
    status = call(
        train,
        f"--train_dir={tmp_path / 'records'}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        f"--model_dir={tmp_path / 'run'}",
    )
    assert status == 1
    assert "the records were made with another vocabulary" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_missing_conversion_says_how_to_make_one(tmp_path, capsys):
    assert call(train, f"--train_dir={tmp_path}/none", f"--model_dir={tmp_path}/run") == 1
    message = capsys.readouterr().err
    assert "no manifest.json here" in message
    assert "bert_qa_tf.create_tfrecords" in message


def test_a_truncated_shard_stops_the_training_before_it_starts(workshop, tmp_path, capsys):
    records = tmp_path / "records"
    shutil.copytree(workshop / "records", records)
    shard = records / "train-00001-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-5])
    status = call(
        train,
        f"--train_dir={records}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        f"--model_dir={tmp_path / 'run'}",
    )
    assert status == 1
    assert "train-00001-of-00002.tfrecord: truncated or corrupt after" in capsys.readouterr().err


def test_the_gpu_flagfile_without_a_gpu_names_the_one_for_cpus(tmp_path, capsys):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    flagfile = REPOSITORY / "configs" / "gpu.flags"
    assert call(train, f"--flagfile={flagfile}", f"--model_dir={tmp_path / 'run'}") == 1
    assert "--flagfile=configs/cpu.flags" in capsys.readouterr().err


@pytest.mark.slow
def test_evaluate_scores_a_run_on_files_side_by_side(workshop, run, tmp_path, capsys):
    dev = workshop / "records" / "dev.json"
    status = call(
        evaluate, f"--model_dir={run}", f"--eval_file={dev}", f"--eval_file={MESSAGES}", f"--output_dir={tmp_path}"
    )
    assert status == 0
    metrics = json.loads((tmp_path / "dev" / "metrics.json").read_text())
    best = json.loads((run / "best" / "best.json").read_text())
    # Training's own score of these weights on this split, from records; this one is from text.
    assert metrics["f1"] == pytest.approx(best["scores"]["f1"], abs=2.0)
    assert metrics["total"] == len(read_squad(str(dev)))
    predictions = json.loads((tmp_path / "messages" / "predictions.json").read_text())
    assert set(predictions) == {example.qas_id for example in read_squad(MESSAGES)}
    assert (tmp_path / "messages" / "nbest_predictions.json").exists()
    shown = capsys.readouterr().out
    assert "dev.json (8 questions)" in shown
    assert "messages.json (39 questions)" in shown


def test_a_training_says_before_its_first_step_what_precision_its_products_run_in(workshop, tmp_path, capsys):
    model_dir = tmp_path / "run"
    assert run_train(workshop, model_dir, "--max_train_steps=1", "--mixed_precision=mixed_bfloat16") == 0
    output = capsys.readouterr().out
    assert output.index("100.0% of the encoder's FLOPs") < output.index("step 1/1")
    written = json.loads((model_dir / "precision.json").read_text())
    assert written["mixed_precision"] == "mixed_bfloat16"
    assert written["encoder_half_share"] == 1.0
    assert written["encoder"]["backward"]["bfloat16"]["products"] == 33
    assert written["counted_at"]["global_batch_size"] == 8
