"""`experiments/sentence_ends/sentence_ends.py`: files with other full stops keep their answers."""

import importlib.resources
import json
import subprocess
import sys

from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from tests.testing import REPOSITORY


def test_answers_stay_at_their_words_whatever_the_full_stops(tmp_path):
    messages = importlib.resources.files("bert_qa_tf.demo_data") / "dev.json"
    script = REPOSITORY / "experiments" / "sentence_ends" / "sentence_ends.py"
    argv = [sys.executable, script, f"--output_dir={tmp_path}", str(messages)]
    table = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "| `dev` | 0.15 s | 100.0 % | 92.1 % |" in table
    spoken = read_squad(str(messages))
    for name in ("none", "pauses"):
        changed = read_squad(str(tmp_path / f"dev.{name}.json"))
        for before, after in zip(spoken, changed, strict=True):
            assert after.context.replace(".", "") == before.context.replace(".", "")
            [answer] = after.answers
            said = after.context[answer.start_char : answer.start_char + len(answer.text) + 1]
            assert said.replace(".", "").strip() == answer.text.replace(".", "")
    assert "." not in json.loads((tmp_path / "dev.none.json").read_text())["data"][0]["paragraphs"][0]["context"]
