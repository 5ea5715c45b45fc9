import json

import pytest
import tensorflow as tf

from bert_qa_tf.training.cluster import Role
from bert_qa_tf.training.reporting import Reporter, drop_later_events


def _steps(folder):
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_lines_of_steps_that_will_be_run_again_are_taken_out(tmp_path, capsys):
    reporter = Reporter(str(tmp_path), total_steps=9, start_step=0)
    for step in (2, 4, 6):
        reporter.train(step, {"loss": 1.0, "learning_rate": 0.1, "windows_per_second": 3.0}, seconds_per_step=60.0)
    assert "step 4/9  loss 1.0000  learning rate 1.00e-01  3.0 windows/s  5 min 00 s left" in capsys.readouterr().out
    Reporter(str(tmp_path), total_steps=9, start_step=4)
    assert _steps(tmp_path) == [2, 4]


def test_an_evaluation_is_remembered_by_its_step(tmp_path):
    reporter = Reporter(str(tmp_path), total_steps=9, start_step=0)
    reporter.evaluation(4, 1.0, {"f1": 50.0 / 3})
    again = Reporter(str(tmp_path), total_steps=9, start_step=4)
    assert again.evaluation_at(4) == {"f1": 50.0 / 3}
    assert again.evaluation_at(2) is None


@pytest.mark.parametrize(
    "broken", ['{"kind": "train", "st', "3", '{"kind": "train"}', "[" * 999, '{"kind": "train", "step": "2"}']
)
def test_what_follows_a_broken_line_is_dropped(tmp_path, broken):
    good = '{"kind": "train", "step": 2}\n'
    (tmp_path / "metrics.jsonl").write_text(good + broken + "\n" + good)
    Reporter(str(tmp_path), total_steps=9, start_step=4)
    assert _steps(tmp_path) == [2]


def test_another_worker_reads_and_writes_nothing(tmp_path, capsys):
    Reporter(str(tmp_path), total_steps=9, start_step=0).evaluation(4, 1.0, {"f1": 50.0})
    before = (tmp_path / "metrics.jsonl").read_text()
    other = Reporter(str(tmp_path), total_steps=9, start_step=4, role=Role(is_chief=False, index=1))
    other.train(6, {"loss": 1.0, "learning_rate": 0.1, "windows_per_second": 3.0}, seconds_per_step=60.0)
    other.note("a line")
    assert other.evaluation_at(4) == {"f1": 50.0}
    assert (tmp_path / "metrics.jsonl").read_text() == before
    assert capsys.readouterr().out == ""


def _events(folder) -> list[int]:
    (path,) = folder.glob("events.out.tfevents.*")
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [tf.compat.v1.Event.FromString(record).step for record in records]


@pytest.mark.parametrize("torn", [False, True])
def test_tensorboard_events_of_steps_that_will_be_run_again_are_taken_out(tmp_path, torn):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for step in (2, 4, 6):
            tf.summary.scalar("loss", 1.0, step=step)
    (path,) = tmp_path.glob("events.out.tfevents.*")
    if torn:  # in the middle of the last event
        path.write_bytes(path.read_bytes()[:-5])
    drop_later_events(str(tmp_path), 4)
    assert _events(tmp_path) == [0, 2, 4]  # the first one states the format's version
    before = path.read_bytes()
    drop_later_events(str(tmp_path), 4)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_not_there_holds_no_events(tmp_path):
    drop_later_events(str(tmp_path / "train"), 4)
