"""What is fuzzed of the files that this package writes and reads back: samples, and what reads them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import pathlib
import struct
from collections.abc import Callable

import numpy as np
import readers
import tensorflow as tf
from readers import Target
from tensorflow.core.protobuf import saved_model_pb2

from bert_qa_tf.encoders.sources import bert_config, casing
from bert_qa_tf.encoders.tokenizers import load_saved_tokenizer
from bert_qa_tf.exporting import exported_model, fresh_process, task_file
from bert_qa_tf.records import framing
from bert_qa_tf.records.index import INDEX_DTYPE, read_index
from bert_qa_tf.records.manifest import Manifest, holds_conversion, read_manifest
from bert_qa_tf.records.reader import open_split
from bert_qa_tf.serving import servable
from bert_qa_tf.speech.transcripts.transcript import from_json
from bert_qa_tf.storage import files
from bert_qa_tf.tasks import public_datasets
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.training import checkpoints, reporting, run_directory
from bert_qa_tf.training.state import Progress, ProgressInCheckpoint

_SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "tfrecords" / "sample"


def targets() -> list[Target]:
    """Returns the readers of this package's own files."""
    manifest = (_SAMPLE / "manifest.json").read_bytes()
    vocab = (_SAMPLE / "vocab.txt").read_bytes().splitlines(keepends=True)
    return [
        Target("manifest.json", [manifest], _manifest, 3.0),
        Target("config.json of a run", _configs(), _config, 3.0),
        Target("encoder/config.json", [_ENCODER], _encoder_config, 2.0),
        Target("best.json", [b'{"checkpoint": "model-8", "step": 8, "scores": {"f1": 81.5}}'], _best, 2.0),
        Target("metrics.jsonl", [_METRICS], _metrics, 2.0),
        Target("metrics.json", [b'{"file": "dev.json", "step": 8, "f1": 81.5, "total": 3}'], _scores, 1.0),
        Target("checkpoint (the list)", [_CHECKPOINTS], _latest, 1.0),
        Target("progress in a checkpoint", [json.dumps(dataclasses.asdict(Progress())).encode()], _progress, 1.0),
        Target("indexes of records", _indexes(), _index, 2.0),
        Target("records with a valid checksum", [_example()], _record, 2.0),
        Target("dev.jsonl", [b'{"example_id": "a:1", "text": "good", "label": "1"}\n'], _development, 1.0),
        Target("vocab.txt", [b"".join(vocab[:200])], _vocab, 0.5),
        Target("bert_config.json, config.json", [_BERT_CONFIG], _bert_config, 1.5),
        Target("tokenizer.json, tokenizer_config.json", [_TOKENIZER], _casing, 1.5),
        Target("task.json", [b'{"task": "question_answering"}\n'], _task, 1.0),
        Target("saved_model.pb", [_saved_model()], _saved, 2.0),
        Target("parts of transcriptions", [_PART], _part, 1.5),
        Target("SHA256SUMS.json of data sets", [b'{"dev.json": {"sha256": "00", "bytes": 3}}'], _pins, 1.0),
    ]


_CHECKPOINTS = b'model_checkpoint_path: "ckpt-8"\nall_model_checkpoint_paths: ["ckpt-4", "ckpt-8"]\n'
_ENCODER = json.dumps(
    {"vocab_size": 99, "hidden_size": 8, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    | {"hidden_act": "gelu", "layer_norm_epsilon": 1e-12, "has_pooler": True, "tokenizer": {"do_lower_case": True}}
).encode()
_BERT_CONFIG = json.dumps(
    {"vocab_size": 99, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    | {"hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_dropout_prob": 0.1}
).encode()
_TOKENIZER = json.dumps(
    {"normalizer": {"lowercase": True, "strip_accents": None}, "do_lower_case": True, "strip_accents": None}
).encode()
_METRICS = (
    b'{"kind": "train", "step": 4, "time": 1.5, "loss": 2.5}\n{"kind": "eval", "step": 8, "time": 2, "f1": 80.5}\n'
)
_PART = json.dumps(
    {"text": "call nora", "duration_secs": 2.5, "words": [{"text": "call", "start_secs": 0.5}, {"text": "nora"}]}
).encode()


def _folder(folder: pathlib.Path, name: str, content: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(folder)


def _manifest(content: bytes, folder: pathlib.Path) -> None:
    path = _folder(folder / "records", "manifest.json", content)
    holds_conversion(path)
    manifest = read_manifest(path)
    manifest.to_json()
    manifest.num_records("train")


def _configs() -> list[bytes]:
    settings = {"windowing": {"max_seq_length": 128, "doc_stride": 32, "max_query_length": 24}, "decoding": {}}
    labels = {"max_seq_length": 64, "labels": ["no", "yes"], "class_weights": [1.0, 2.5]}
    return [
        json.dumps({"task": "question_answering", "settings": settings, "train": {"train_dir": "records"}}).encode(),
        json.dumps({"task": "classification", "settings": labels, "train": {"seed": 1}}).encode(),
        json.dumps({"windowing": settings["windowing"], "train": {"decoding": {"n_best_size": 5}}}).encode(),
    ]


def _config(content: bytes, folder: pathlib.Path) -> None:
    run_directory.task_of(_folder(folder / "run", "config.json", content)).settings_json()


def _encoder_config(content: bytes, folder: pathlib.Path) -> None:
    run = _folder(folder / "encoder_run", "encoder/config.json", content)
    _folder(folder / "encoder_run", "encoder/vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    values = files.read_json(f"{run}/encoder/config.json")
    values.pop("tokenizer", None)
    run_directory._encoder_config(run, values)
    run_directory.read_encoder_config(run)


def _best(content: bytes, folder: pathlib.Path) -> None:
    run = _folder(folder / "run", "best/best.json", content)
    run_directory.checkpoint_path(run, "best")
    run_directory.development_scores(run, 8)


def _metrics(content: bytes, folder: pathlib.Path) -> None:
    reporter = reporting.Reporter(_folder(folder / "metrics", "metrics.jsonl", content), 100, 8)
    reporter.evaluation_at(8)
    reporter.close()


def _scores(content: bytes, folder: pathlib.Path) -> None:
    run_directory.test_scores(_folder(folder / "run", "eval/dev/metrics.json", content), 8)


def _latest(content: bytes, folder: pathlib.Path) -> None:
    run = _folder(folder / "list", "checkpoints/checkpoint", content)
    run_directory.checkpoint_path(run, "last")
    checkpoints.put_unreadable_aside(run, lambda line: None)


def _progress(content: bytes, _: pathlib.Path) -> None:
    ProgressInCheckpoint(Progress()).deserialize(content)


# === Records ===


def _indexes() -> list[bytes]:
    file = io.BytesIO()
    rows = [(0, 0, 12, 0, 5), (0, 100, 9, 0, 7), (1, 0, 30, 1, 6)]
    np.save(file, np.array(rows, INDEX_DTYPE))
    wrong = io.BytesIO()
    np.save(wrong, np.arange(9))
    return [file.getvalue(), wrong.getvalue()]


def _index(content: bytes, folder: pathlib.Path) -> None:
    # With the right digest, as a tool that writes both would leave it.
    path = _folder(folder / "index", "train.index.npy", content)
    shards = [{"file": f"{i}", "split": "train", "records": 2 - i, "bytes": 200, "sha256": ""} for i in (0, 1)]
    entry = {"file": "train.index.npy", "split": "train", "sha256": hashlib.sha256(content).hexdigest()}
    read_index(path, _manifest_of(shards, entry, path), "train")


def _manifest_of(shards: list[dict], index: dict, folder: str) -> Manifest:
    value = json.loads((_SAMPLE / "manifest.json").read_bytes())
    pathlib.Path(folder, "manifest.json").write_text(json.dumps({**value, "shards": shards, "indexes": [index]}))
    return read_manifest(folder)


def _example() -> bytes:
    path = str(_SAMPLE / "train-00000-of-00002.tfrecord")
    return next(iter(tf.data.TFRecordDataset(path))).numpy()


def _record(content: bytes, folder: pathlib.Path) -> None:
    frame = struct.pack("<Q", len(content))
    framed = frame + struct.pack("<I", framing._masked(framing.crc32c(frame))) + content
    framed += struct.pack("<I", framing._masked(framing.crc32c(content)))
    path = _folder(folder / "record", "shard", framed)
    index = io.BytesIO()
    length = len(tf.train.Example.FromString(_example()).features.feature["input_word_ids"].int64_list.value)
    np.save(index, np.array([(0, 0, length, 0, 5)], INDEX_DTYPE))
    _folder(folder / "record", "train.index.npy", index.getvalue())
    digest = hashlib.sha256(framed).hexdigest()
    shards = [{"file": "shard", "split": "train", "records": 1, "bytes": len(framed), "sha256": digest}]
    entry = {"file": "train.index.npy", "split": "train", "sha256": hashlib.sha256(index.getvalue()).hexdigest()}
    open_split(path, _manifest_of(shards, entry, path), "train", QA_FEATURES).read(np.array([0]))


def _development(content: bytes, folder: pathlib.Path) -> None:
    list(Classification.iter_development(_folder(folder / "dev", Classification.development_file, content)))


# === Encoders and exports ===


def _vocab(content: bytes, folder: pathlib.Path) -> None:
    load_saved_tokenizer(_folder(folder / "vocab", "vocab.txt", content), {"do_lower_case": True})


def _bert_config(content: bytes, folder: pathlib.Path) -> None:
    path = _folder(folder / "bert", "bert_config.json", content)
    bert_config.read_config(f"{path}/bert_config.json", activations={"gelu": "gelu"}, layer_norm_epsilon=1e-12)


def _casing(content: bytes, folder: pathlib.Path) -> None:
    name = ("tokenizer.json", "tokenizer_config.json")[len(content) % 2]
    for other in (folder / "casing").glob("*"):
        other.unlink()
    casing.find_casing(_folder(folder / "casing", name, content), ["a", "B"])


def _task(content: bytes, folder: pathlib.Path) -> None:
    task_file.task_of_export(_folder(folder / "export", "assets.extra/task.json", content))


def _saved_model() -> bytes:
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    for name in ("question", "context"):
        graph.signature_def["serving_default"].inputs[name].name = f"{name}:0"
        graph.graph_def.node.add(name=name, op="Placeholder")
    return model.SerializeToString(deterministic=True)


def _saved(content: bytes, folder: pathlib.Path) -> None:
    path = _folder(folder / "saved", "saved_model.pb", content)
    readers_of: tuple[Callable[[str], object], ...] = (
        exported_model.signature_inputs,
        fresh_process._ops,
        servable._read_signature_defs,
        task_file.task_of_export,
    )
    refused = None
    for read in readers_of:
        try:
            read(path)
        except readers.ALLOWED as error:
            refused = error
    if refused:
        raise refused


# === Others ===


def _part(content: bytes, folder: pathlib.Path) -> None:
    path = _folder(folder / "part", "part.json", content)
    from_json(files.read_json(f"{path}/part.json"), path).to_json()


def _pins(content: bytes, folder: pathlib.Path) -> None:
    _folder(folder / "pins", public_datasets.CHECKSUMS_FILE, content)
    public_datasets._read_pins(folder / "pins")
