"""The development score of a tiny model, against the straightforward way with everything in memory."""

import json
import pathlib

import numpy as np
import pytest
import tf_keras

from bert_qa_tf.encoders.sources.loader import build_pretrained_encoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import Manifest, read_manifest
from bert_qa_tf.records.reader import open_split
from bert_qa_tf.tasks.question_answering import conversion, development, metrics
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import (
    ConversionConfig,
    DecodingConfig,
    QuestionAnsweringConfig,
    WindowingConfig,
)
from bert_qa_tf.tasks.question_answering.decoding import decode_all
from bert_qa_tf.tasks.question_answering.development import DevelopmentScorer, windows_from_columns
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.text.tokenization import BertTokenizer
from tests.testing import MESSAGES, TINY_VOCAB, tiny_pretrained

# Narrow, so that a question has several windows.
WINDOWING = WindowingConfig(96, 32, 32)
TOKENIZER = BertTokenizer(TINY_VOCAB, do_lower_case=True)


def _convert(folder: pathlib.Path, source: str, version_2: bool) -> Manifest:
    config = ConversionConfig(
        windowing=WINDOWING, num_shards=2, num_dev_shards=3, dev_fraction=0.5, version_2_with_negative=version_2
    )
    return conversion.convert([source], str(folder), TOKENIZER, config)


def _scorer(folder: pathlib.Path, manifest: Manifest, decoding: DecodingConfig) -> DevelopmentScorer:
    return DevelopmentScorer(str(folder), manifest, TOKENIZER, QuestionAnsweringConfig(WINDOWING, decoding), 8)


def _with_unanswerable_questions(path: pathlib.Path) -> str:
    document = json.loads(pathlib.Path(MESSAGES).read_text(encoding="utf-8"))
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            paragraph["qas"][0] |= {"answers": [], "is_impossible": True}
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def model():
    tf_keras.utils.set_random_seed(1)
    return build_span_model(build_pretrained_encoder(tiny_pretrained()))


@pytest.mark.parametrize("version_2", [False, True])
@pytest.mark.parametrize("group", [1, 60, 1024])
def test_scores_are_those_of_all_questions_at_once(model, tmp_path, monkeypatch, group, version_2):
    source = _with_unanswerable_questions(tmp_path / "v2.json") if version_2 else MESSAGES
    manifest = _convert(tmp_path / "records", source, version_2)
    decoding = DecodingConfig(version_2_with_negative=version_2)
    answerer = QuestionAnswerer(model, TOKENIZER, QuestionAnsweringConfig(WINDOWING, decoding), batch_size=8)

    # The straightforward way.
    records = open_split(str(tmp_path / "records"), manifest, "dev", QA_FEATURES, with_decoding=True)
    windows = windows_from_columns(records.read(np.arange(len(records))))
    examples = read_squad(str(tmp_path / "records" / "dev.json"))
    results = {result.unique_id: result for result in answerer.raw_results(windows)}
    answers = decode_all(examples, windows, results.values(), decoding).predictions
    expected = metrics.score(examples, answers, version_2=version_2)
    assert len(windows) > 2 * len(examples) > 20
    assert 0 < expected.f1 < 100
    losses = []
    for window in windows:
        for logits, position in (
            (results[window.unique_id].start_logits, window.start_positions),
            (results[window.unique_id].end_logits, window.end_positions),
        ):
            losses.append(np.log(np.exp(logits.astype(np.float64)).sum()) - logits[position])

    monkeypatch.setattr(development, "_WINDOWS_PER_GROUP", group)
    scores = _scorer(tmp_path / "records", manifest, decoding)(model)
    assert (scores["exact_match"], scores["f1"]) == (expected.exact_match, expected.f1)
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-6)


def test_no_more_windows_are_run_at_a_time_than_a_group_has(model, tmp_path, monkeypatch):
    manifest = _convert(tmp_path / "records", MESSAGES, version_2=False)
    sizes, raw_results = [], QuestionAnswerer.raw_results

    def counted(self, windows):
        sizes.append(len(windows))
        return raw_results(self, windows)

    monkeypatch.setattr(QuestionAnswerer, "raw_results", counted)
    monkeypatch.setattr(development, "_WINDOWS_PER_GROUP", 60)
    _scorer(tmp_path / "records", manifest, DecodingConfig())(model)
    assert sum(sizes) == manifest.num_records("dev")
    assert max(sizes) <= 60
    assert len(sizes) < len(read_squad(str(tmp_path / "records" / "dev.json")))


def test_questions_and_windows_that_do_not_belong_together_are_refused(tmp_path):
    manifest = _convert(tmp_path, MESSAGES, version_2=False)
    path = tmp_path / "dev.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    questions = document["data"][0]["paragraphs"][0]["qas"]
    removed = questions.pop()
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=r"dev\.json: \d+ of \d+ windows .* are of questions that are not here"):
        _scorer(tmp_path, manifest, DecodingConfig())
    questions.append(removed | {"id": "another"})
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=r"dev\.json: question 'another' has no window in the records; convert again"):
        _scorer(tmp_path, manifest, DecodingConfig())


def test_a_missing_file_of_questions_is_named_before_any_training(tmp_path):
    _convert(tmp_path, MESSAGES, version_2=False)
    (tmp_path / "dev.json").unlink()
    with pytest.raises(InputError, match=r"dev\.json: cannot read this file"):
        _scorer(tmp_path, read_manifest(str(tmp_path)), DecodingConfig())
