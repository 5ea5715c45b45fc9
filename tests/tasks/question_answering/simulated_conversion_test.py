"""Records of text with recognition errors, from the real recogniser's words."""

import json
import os
import pathlib

import numpy as np
import pytest

from bert_qa_tf.asr_simulation.error_table import load_table
from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import Manifest, read_manifest
from bert_qa_tf.records.reader import Columns, RecordReader, open_split
from bert_qa_tf.tasks.question_answering import conversion
from bert_qa_tf.tasks.question_answering.config import ConversionConfig, WindowingConfig
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.simulated_questions import copy_id
from bert_qa_tf.tasks.question_answering.windowing import window_id
from bert_qa_tf.text.tokenization import BertTokenizer
from tests.testing import MESSAGES, TINY_VOCAB

pytest.importorskip("pocketsphinx", reason="pip install -r requirements/speech.txt")

CLEAN = ConversionConfig(
    windowing=WindowingConfig(384, 128, 64), num_shards=2, dev_fraction=0.2, keep_decoding_features=True
)
SIMULATED = ConversionConfig(**{**vars(CLEAN), "asr_simulation": AsrSimulationConfig((0.1, 0.5), copies=3), "seed": 4})


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    return BertTokenizer(TINY_VOCAB, do_lower_case=True)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory, tokenizer) -> tuple[pathlib.Path, Manifest]:
    folder = tmp_path_factory.mktemp("simulated") / "records"
    return folder, conversion.convert([MESSAGES], str(folder), tokenizer, SIMULATED)


def _records(folder: pathlib.Path) -> RecordReader:
    return open_split(str(folder), read_manifest(str(folder)), "train", QA_FEATURES, with_decoding=True)


def _columns(folder: pathlib.Path) -> Columns:
    records = _records(folder)
    return records.read(np.arange(len(records)))


def test_the_manifest_says_how_the_errors_were_simulated_and_what_it_cost(simulated):
    folder, manifest = simulated
    assert manifest == read_manifest(str(folder))
    value = json.loads((folder / "manifest.json").read_text())["settings"]["asr_simulation"]
    records = manifest.records_by_copy
    assert len(value.pop("dictionary_sha256")) == 64
    assert value.pop("table_sha256") == load_table().sha256
    expected = {"wer": [0.1, 0.5], "copies": 3, "answers": "aligned", "seed": 4}
    assert value == {**expected, "clean_copies": 0, "min_confidence": 0.5, "sentence_stops": True}
    counts = manifest.counts
    assert sum(records) == counts["windows"] == manifest.num_records("train")
    assert counts["simulated_questions"] + counts["simulated_questions_dropped"] == 3 * counts["train_questions"]
    assert 0.1 < counts["simulated_word_errors"] / counts["simulated_words"] < 0.6


def test_a_record_says_by_the_index_beside_it_which_copy_it_is(simulated):
    folder, manifest = simulated
    copies, columns = _records(folder).copies, _columns(folder)
    assert np.bincount(copies).tolist() == list(manifest.records_by_copy)
    names = [
        window_id(*name) for name in zip(columns.scalars["qas_id"], columns.scalars["doc_span_index"], strict=True)
    ]
    expected = [copy_id(name, int(copy)) for name, copy in zip(names, copies, strict=True)]
    assert columns.scalars["unique_id"].tolist() == expected
    # Copies of a window stand side by side, so that the first so many of each are about the same questions.
    for copy in range(3):
        assert [name for name, c in zip(names, copies, strict=True) if c == copy] == [
            name for name in dict.fromkeys(names) if (name, copy) in set(zip(names, copies.tolist(), strict=True))
        ]


def test_labels_point_at_what_is_heard_in_the_answers_place(simulated):
    folder, manifest = simulated
    columns, copies = _columns(folder), _records(folder).copies
    simulator = TextSimulator(SIMULATED.asr_simulation, SIMULATED.seed)
    examples = {example.qas_id: example for example in read_squad(MESSAGES)}
    found = set()
    for i, qas_id in enumerate(columns.scalars["qas_id"]):
        if not columns.scalars["end_positions"][i]:
            continue  # a window beside the answer
        context = simulator.hear(examples[qas_id].context, int(copies[i]))
        tokens = slice(columns.offsets[i], columns.offsets[i + 1])
        start = columns.flat["token_start_chars"][tokens][columns.scalars["start_positions"][i]]
        end = columns.flat["token_end_chars"][tokens][columns.scalars["end_positions"][i]]
        answer = examples[qas_id].answers[0]
        assert context.text[start:end] == context.place(answer.start_char, answer.end_char).text
        found.add((qas_id, int(copies[i])))
    assert len(found) == manifest.counts["simulated_questions"]


def test_what_is_set_aside_stays_clean(simulated, tmp_path, tokenizer):
    folder, _ = simulated
    seeded = ConversionConfig(**{**vars(CLEAN), "seed": 4})
    conversion.convert([MESSAGES], str(tmp_path / "clean"), tokenizer, seeded)
    for name in ("dev.json", "dev-00000-of-00001.tfrecord", "dev.index.npy"):
        assert (folder / name).read_bytes() == (tmp_path / "clean" / name).read_bytes()


def test_the_same_input_and_seed_give_the_same_bytes_and_another_seed_others(simulated, tmp_path, tokenizer):
    folder, manifest = simulated
    conversion.convert([MESSAGES], str(tmp_path / "again"), tokenizer, SIMULATED)
    assert sorted(os.listdir(folder)) == sorted(os.listdir(tmp_path / "again"))
    for name in os.listdir(folder):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    other = ConversionConfig(**{**vars(SIMULATED), "seed": 5})
    other_manifest = conversion.convert([MESSAGES], str(tmp_path / "other"), tokenizer, other)
    assert other_manifest.counts["simulated_word_errors"] != manifest.counts["simulated_word_errors"]


def test_a_conversion_without_simulation_knows_nothing_of_it(tmp_path, tokenizer):
    manifest = conversion.convert([MESSAGES], str(tmp_path / "clean"), tokenizer, CLEAN)
    assert "asr_simulation" not in manifest.settings
    assert "asr_simulation" not in (tmp_path / "clean" / "manifest.json").read_text()
    assert not _records(tmp_path / "clean").copies.any()


def test_a_simulation_that_leaves_a_copy_without_questions_is_refused(tmp_path, tokenizer):
    document = {"title": "a", "paragraphs": [{"context": "She saw Xochitl.", "qas": [
        {"id": "1", "question": "whom?", "answers": [{"text": "Xochitl", "answer_start": 8}]}]}]}  # fmt: skip
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": "1.1", "data": [document]}))
    config = ConversionConfig(dev_fraction=0.0, asr_simulation=AsrSimulationConfig((0.2,), copies=2, answers="exact"))
    with pytest.raises(InputError, match="nothing to train on"):
        conversion.convert([str(path)], str(tmp_path / "out"), tokenizer, config)
    assert not (tmp_path / "out").exists()
