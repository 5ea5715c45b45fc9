import pathlib
import shutil

import pytest
import tensorflow as tf

from bert_qa_tf.training import checkpoint_files, checkpoints


@pytest.fixture
def run(tmp_path):
    """A run directory with two sound checkpoints."""
    checkpoint = tf.train.Checkpoint(value=tf.Variable(1.0))
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "checkpoints"), max_to_keep=2)
    for step in (2, 10):
        manager.save(checkpoint_number=step)
    return tmp_path


def _newest(run: pathlib.Path) -> str:
    return pathlib.Path(checkpoint_files.newest(str(run / "checkpoints"))).name


def test_the_newest_checkpoint_is_the_one_that_is_listed(run):
    assert _newest(run) == "ckpt-10"
    tf.compat.v1.train.update_checkpoint_state(str(run / "checkpoints"), "ckpt-2")
    assert _newest(run) == "ckpt-2"


def test_a_copy_of_a_run_does_not_use_or_delete_the_checkpoints_of_the_original(run, tmp_path):
    original, copy = run / "checkpoints", tmp_path / "copy" / "checkpoints"
    paths = [str(original / "ckpt-2"), str(original / "ckpt-10")]
    tf.compat.v1.train.update_checkpoint_state(str(original), paths[-1], paths)
    shutil.copytree(original, copy)
    assert checkpoint_files.newest(str(copy)) == str(copy / "ckpt-10")
    checkpoints.put_unreadable_aside(str(copy.parent), print)
    assert not checkpoint_files.leads_elsewhere(str(copy))
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(value=tf.Variable(1.0)), str(copy), max_to_keep=1)
    manager.save(checkpoint_number=12)
    assert sorted(path.name for path in original.glob("*.index")) == ["ckpt-10.index", "ckpt-2.index"]


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff\xfe", b"model_checkpoint_path: ", None])
def test_a_list_that_is_lost_in_a_power_cut_loses_no_checkpoint(run, content, caplog):
    path = run / "checkpoints" / "checkpoint"
    path.unlink() if content is None else path.write_bytes(content)
    assert _newest(run) == "ckpt-10"
    assert "so the newest readable checkpoint is used, ckpt-10" in caplog.text
    lines = []
    checkpoints.put_unreadable_aside(str(run), lines.append)
    assert checkpoint_files.listed(str(run / "checkpoints")) == str(run / "checkpoints" / "ckpt-10")
    assert lines == (
        [] if content is None else [f"warning: {path} is empty or damaged; going on from ckpt-10, the newest"]
    )


def test_a_newer_checkpoint_that_cannot_be_read_is_passed_over(run):
    (run / "checkpoints" / "checkpoint").unlink()
    (run / "checkpoints" / "ckpt-10.data-00000-of-00001").write_bytes(b"")
    assert _newest(run) == "ckpt-2"


def test_without_a_checkpoint_there_is_none(tmp_path):
    assert checkpoint_files.newest(str(tmp_path / "checkpoints")) is None


def test_an_unfinished_list_is_removed(run):
    (run / "checkpoints" / "checkpoint.tmp0123456789abcdef").touch()
    checkpoints.put_unreadable_aside(str(run), lambda line: None)
    assert not list((run / "checkpoints").glob("checkpoint.tmp*"))


def test_a_checkpoint_that_cannot_be_written_completely_leaves_nothing(run, monkeypatch):
    step = tf.Variable(12, dtype=tf.int64)
    keeper = checkpoints.RunCheckpoints(str(run), tf.train.Checkpoint(step=step), step, interval=1, keep=2)

    def full(checkpoint, path, *arguments, **options):
        (pathlib.Path(f"{path}_temp")).mkdir()
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}_temp/part; No space left on device")

    monkeypatch.setattr(tf.train.Checkpoint, "_write", full)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        keeper.save(12)
    assert _newest(run) == "ckpt-10"
    assert not list((run / "checkpoints").glob("*_temp"))


@pytest.mark.parametrize("is_first", [False, True])
def test_a_checkpoint_whose_process_was_killed_while_it_was_written_is_removed(run, is_first):
    folder = run / "checkpoints"
    if is_first:
        for path in folder.iterdir():
            path.unlink()
    (folder / "ckpt-12.index").write_bytes(b"half of")
    (folder / "ckpt-12.data-00000-of-00001").write_bytes(b"numbers")
    lines = []
    checkpoints.put_unreadable_aside(str(run), lines.append)
    assert lines == []
    assert not [path for path in folder.iterdir() if "ckpt-12" in path.name]
    assert checkpoint_files.steps(str(folder)) == ([] if is_first else [2, 10])


def test_checkpoints_that_are_listed_again_are_deleted_in_their_turn(run):
    (run / "checkpoints" / "checkpoint").unlink()
    checkpoints.put_unreadable_aside(str(run), lambda line: None)
    step = tf.Variable(12, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(step=step)
    checkpoints.RunCheckpoints(str(run), checkpoint, step, interval=1, keep=2).save(12)
    assert checkpoint_files.steps(str(run / "checkpoints")) == [10, 12]
