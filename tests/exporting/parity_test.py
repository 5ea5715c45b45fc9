import pytest

from bert_qa_tf.exporting import parity
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from tests import tiny_model

MODEL = tiny_model.tiny_span_model()
TASK = QuestionAnswering(tiny_model.SETTINGS)
EXAMPLES = [SquadExample("q", "who", "the cat sat on the mat"), SquadExample("r", "where is it", "on a mat")]


def test_the_largest_difference_of_logits_is_found_and_named():
    answerer = TASK.answerer(MODEL, tiny_model.tiny_tokenizer())
    windows = [some[0] for some in featurize_examples(EXAMPLES, answerer.tokenizer, answerer.windowing, lambda _: None)]
    results = {result.unique_id: result for result in answerer.raw_results(windows)}
    found = [
        {name: getattr(results[window.unique_id], name).tolist() for name in ("start_logits", "end_logits")}
        for window in windows
    ]
    rows = TASK.model_inputs(EXAMPLES, answerer.tokenizer)

    assert parity.largest_difference(MODEL, rows, found)[0] == pytest.approx(0, abs=1e-5)
    found[1]["end_logits"][2] += 0.25
    difference, name = parity.largest_difference(MODEL, rows, found)
    assert (difference, name) == (pytest.approx(0.25, abs=1e-5), "end_logits")
    found[1]["end_logits"][2] = float("nan")
    assert str(parity.largest_difference(MODEL, rows, found)[0]) == "nan"
