import json

import pytest

from bert_qa_tf.training.reporting import Reporter


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
    reporter.evaluation(4, 1, {"f1": 50.0}, is_best=True)
    again = Reporter(str(tmp_path), total_steps=9, start_step=4)
    assert again.evaluated_at(4)
    assert not again.evaluated_at(2)


@pytest.mark.parametrize("broken", ['{"kind": "train", "st', "3", '{"kind": "train"}'])
def test_what_follows_a_broken_line_is_dropped(tmp_path, broken):
    good = '{"kind": "train", "step": 2}\n'
    (tmp_path / "metrics.jsonl").write_text(good + broken + "\n" + good)
    Reporter(str(tmp_path), total_steps=9, start_step=4)
    assert _steps(tmp_path) == [2]
