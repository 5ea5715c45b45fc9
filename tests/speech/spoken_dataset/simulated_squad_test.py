"""Files about simulated recognised speech; a tiny recogniser stands in for the real one."""

import json

from bert_qa_tf.speech.spoken_dataset.simulated_squad import write_simulated_squad
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.validation import has_valid_offset
from tests.asr_simulation.tiny_recognizer import text_simulator

CONTEXT = "The cat sat on 3 mats, before Saturn; the bat fell."


def test_a_simulated_file_is_written_with_what_became_of_its_answers(tmp_path):
    document = {"title": "a", "paragraphs": [{"context": CONTEXT, "qas": [
        {"id": str(i), "question": "who?", "answers": [{"text": text, "answer_start": CONTEXT.index(text)}]}
        for i, text in enumerate(("cat", "sat on", "Saturn"))]}]}  # fmt: skip
    (tmp_path / "clean.json").write_text(json.dumps({"version": "1.1", "data": [document]}))
    counts = write_simulated_squad(tmp_path / "clean.json", tmp_path / "simulated.json", text_simulator())
    examples = read_squad(tmp_path / "simulated.json")
    assert [example.qas_id for example in examples] == ["0", "1", "2"]
    assert {example.context for example in examples} == {text_simulator().hear(CONTEXT, 0).text}
    assert (
        counts["simulated_questions"]
        == sum(counts[f"simulated_answers_{kind}"] for kind in ("exact", "aligned", "lost"))
        == 3
    )
    assert counts["simulated_answers_exact"] == sum(map(has_valid_offset, examples))
