"""SQuAD-form files to a folder of training records: what `create_tfrecords` does.

What goes in: files, a tokenizer and a `ConversionConfig`. What comes out: shards, `manifest.json`, `vocab.txt` and
`dev.json`, under their final name only when all is written. Two passes over the files: the first finds everything that
would stop the conversion and writes nothing, the second holds one file's text at a time.
"""

from __future__ import annotations

import collections
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from bert_qa_tf import features
from bert_qa_tf.config import ConversionConfig
from bert_qa_tf.data import manifest as manifests
from bert_qa_tf.data import tfrecord
from bert_qa_tf.data.examples import SquadExample
from bert_qa_tf.data.labels import Label, choose_label
from bert_qa_tf.data.splits import DevSplit
from bert_qa_tf.data.squad import read_squad
from bert_qa_tf.data.squad_writer import SquadWriter
from bert_qa_tf.data.validation import aligned_question_count
from bert_qa_tf.data.windowing import featurize_examples
from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenization import BertTokenizer

_T = TypeVar("_T")

LENGTHS_FILE = "{split}.lengths.npy"
_SPLITS = ("train", "dev")
# Every reason that changes what is trained on has its counter, present even when it is 0.
_COUNTERS = (
    "questions",
    "train_questions",
    "dev_questions",
    "windows",
    "dev_windows",
    "windows_without_answer",
    "windows_without_answer_dropped",
    "answers",
    "answers_misaligned",
    "answers_mended",
    "answers_dropped",
    "questions_without_label_dropped",
    "dev_questions_without_label",
    "impossible_questions",
    "questions_cut",
    "labels_without_tokens",
)


def convert(
    input_files: Sequence[str],
    output_dir: str,
    tokenizer: BertTokenizer,
    config: ConversionConfig,
    *,
    overwrite: bool = False,
) -> manifests.Manifest:
    """Converts files to records.

    Args:
      input_files: SQuAD-form JSON; may be remote.
      output_dir: where the conversion goes; may be remote.
      tokenizer: of the encoder that will be trained.
      config: see `ConversionConfig`.
      overwrite: replace a conversion that is there.

    Returns:
      The manifest, as written.

    Raises:
      InputError: a file is refused, a question id occurs twice, or there is something at `output_dir` already. Nothing
        is left at `output_dir` then.
    """
    output_dir = output_dir.rstrip("/")
    _check_target(output_dir, overwrite)
    if not input_files:
        raise InputError("no input file: name at least one with --input_file")
    split, sources = _survey(input_files, config)
    # A fixed name: what a killed conversion left is removed by the next one.
    temporary = f"{output_dir}.incomplete"
    if tf.io.gfile.exists(temporary):
        tf.io.gfile.rmtree(temporary)
    tf.io.gfile.makedirs(temporary)
    try:
        manifest = _write(input_files, temporary, tokenizer, config, split, sources)
        if tf.io.gfile.exists(output_dir):
            tf.io.gfile.rmtree(output_dir)
        tf.io.gfile.rename(temporary, output_dir)
    except InputError:
        tf.io.gfile.rmtree(temporary)
        raise
    return manifest


def _check_target(output_dir: str, overwrite: bool) -> None:
    if not tf.io.gfile.exists(output_dir):
        return
    if not tf.io.gfile.isdir(output_dir):
        raise InputError(f"{output_dir}: is a file, expected a folder to write records to")
    entries = tf.io.gfile.listdir(output_dir)
    if manifests.MANIFEST_FILE in entries and not overwrite:
        raise InputError(f"{output_dir}: holds a conversion already; name another --output_dir, or use --overwrite")
    if entries and manifests.MANIFEST_FILE not in entries:
        raise InputError(f"{output_dir}: not empty and no conversion, so it is left alone; name another --output_dir")


def _survey(input_files: Sequence[str], config: ConversionConfig) -> tuple[DevSplit, tuple[manifests.Source, ...]]:
    """The first pass: refuses what must be refused and decides the split."""
    split = DevSplit(config.dev_fraction, config.seed, logging.warning)
    sources: list[manifests.Source] = []
    file_of_id: dict[str, str] = {}
    for path in input_files:
        examples = read_squad(path, require_answers=True)
        for example in examples:
            if example.qas_id in file_of_id:
                raise InputError(
                    f"{path}: question id {example.qas_id!r} is in {file_of_id[example.qas_id]} too; ids must be "
                    "unique over all input files"
                )
            file_of_id[example.qas_id] = path
        impossible = sum(example.is_impossible for example in examples)
        if impossible and not config.version_2_with_negative:
            raise InputError(
                f"{path}: {impossible} of {len(examples)} questions have no answer; convert with "
                "--version_2_with_negative"
            )
        aligned = aligned_question_count(examples)
        refused = aligned.fraction < config.min_aligned_fraction
        if refused and config.relabel != "find":
            raise InputError(
                f"{path}: refused as training data: only {aligned.aligned} of {aligned.answerable} "
                f"questions ({aligned.fraction:.1%}) have an answer offset that fits the text, at least "
                f"{config.min_aligned_fraction:.0%} must (--min_aligned_fraction); --relabel=find searches the text "
                "for the answers instead"
            )
        split.add_file(path, examples)
        _, sha256 = tfrecord.file_digest(path)
        sources.append(manifests.Source(os.path.basename(path), sha256, "find" if refused else "off"))
    return split, tuple(sources)


def _write(
    input_files: Sequence[str],
    directory: str,
    tokenizer: BertTokenizer,
    config: ConversionConfig,
    split: DevSplit,
    sources: tuple[manifests.Source, ...],
) -> manifests.Manifest:
    """The second pass: everything but the final move."""
    counts: collections.Counter[str] = collections.Counter()
    shards: list[manifests.Shard] = []
    with contextlib.ExitStack() as stack:
        writers = {
            "train": stack.enter_context(tfrecord.ShardWriter(directory, "train", config.num_shards, config.seed)),
            "dev": stack.enter_context(tfrecord.ShardWriter(directory, "dev", config.num_dev_shards, config.seed)),
        }
        dev_file = SquadWriter(f"{directory}/{manifests.DEV_FILE}", "v2.0" if config.version_2_with_negative else "1.1")
        stack.enter_context(dev_file)
        for path in input_files:
            examples = read_squad(path, require_answers=True)
            _convert_file(path, examples, tokenizer, config, split, writers, dev_file, counts)
        histogram: dict[int, int] = {}
        for name in _SPLITS:
            if name == "dev" and not counts["dev_questions"]:
                continue
            written, lengths = writers[name].finish()
            shards += written
            with tf.io.gfile.GFile(f"{directory}/{LENGTHS_FILE.format(split=name)}", "wb") as file:
                np.save(file, lengths)
            if name == "train":
                values, numbers = np.unique(lengths, return_counts=True)
                histogram = dict(zip(values.tolist(), numbers.tolist(), strict=True))
    if not counts["dev_questions"]:
        tf.io.gfile.remove(f"{directory}/{manifests.DEV_FILE}")
    with tf.io.gfile.GFile(f"{directory}/{manifests.VOCAB_FILE}", "wb") as file:
        file.write("".join(f"{piece}\n" for piece in tokenizer.vocab).encode("utf-8"))
    manifest = manifests.Manifest(
        task="qa",
        windowing=config.windowing,
        version_2_with_negative=config.version_2_with_negative,
        seed=config.seed,
        vocab_sha256=tokenizer.vocab_sha256,
        do_lower_case=tokenizer.do_lower_case,
        sources=sources,
        counts={name: counts[name] for name in _COUNTERS},
        length_histogram=histogram,
        shards=tuple(shards),
    )
    with tf.io.gfile.GFile(f"{directory}/{manifests.MANIFEST_FILE}", "wb") as file:
        file.write(manifest.to_json().encode("utf-8"))
    return manifest


def _convert_file(
    path: str,
    examples: list[SquadExample],
    tokenizer: BertTokenizer,
    config: ConversionConfig,
    split: DevSplit,
    writers: dict[str, tfrecord.ShardWriter],
    dev_file: SquadWriter,
    counts: collections.Counter[str],
) -> None:
    kept: list[tuple[SquadExample, Label, str]] = []
    for example in examples:
        label, side = choose_label(example), "dev" if split.holds_out(example) else "train"
        _count_question(label, example, side, counts)
        if side == "dev":
            # The gold answers go into dev.json as they are, placed or not: scoring goes by text.
            dev_file.add(example)
        if label.answer is not None or example.is_impossible or side == "dev":
            kept.append((example, label, side))
    answers = {example.qas_id: label.answer for example, label, _ in kept}
    windows_of = featurize_examples(
        [example for example, _, _ in kept],
        tokenizer,
        config.windowing,
        choose_answer=lambda example: answers[example.qas_id],
        on_cut=lambda _: counts.update(questions_cut=1),
    )
    for (example, label, side), windows in _progress(zip(kept, windows_of, strict=True), len(kept), path):
        if label.answer is not None and not any(window.end_positions for window in windows):
            counts["labels_without_tokens"] += 1
        for window in windows:
            if side == "train" and not window.end_positions and not example.is_impossible:
                counts["windows_without_answer"] += 1
                if config.windows_without_answer == "drop":
                    counts["windows_without_answer_dropped"] += 1
                    continue
            counts["windows" if side == "train" else "dev_windows"] += 1
            with_decoding = side == "dev" or config.keep_decoding_features
            payload = tfrecord.serialize(window, features.QA_FEATURES, with_decoding)
            writers[side].add(window.unique_id, len(window), payload)


def _count_question(label: Label, example: SquadExample, side: str, counts: collections.Counter[str]) -> None:
    counts["questions"] += 1
    counts["answers"] += len(example.answers)
    counts["answers_misaligned"] += label.misaligned
    counts["answers_mended"] += label.mended
    counts["answers_dropped"] += label.dropped
    counts["impossible_questions"] += example.is_impossible
    if label.answer is None and not example.is_impossible and side == "train":
        counts["questions_without_label_dropped"] += 1
        return
    counts[f"{side}_questions"] += 1
    if label.answer is None and not example.is_impossible:
        counts["dev_questions_without_label"] += 1


def _progress(items: Iterator[_T], total: int, path: str) -> Iterator[_T]:
    name = os.path.basename(path)
    if sys.stderr.isatty():
        return iter(tqdm(items, desc=name, total=total, unit=" questions"))
    print(f"{name}: {total} questions", flush=True)
    return items


def describe(manifest: manifests.Manifest) -> str:
    """The figures of a conversion in a few lines, for a person."""
    counts = manifest.counts
    lines = [
        f"{counts['questions']} questions: {counts['train_questions']} to train on in {counts['windows']} windows, "
        f"{counts['dev_questions']} set aside in {counts['dev_windows']} windows",
    ]
    noted = [name for name in _COUNTERS[_COUNTERS.index("windows_without_answer") :] if counts[name]]
    lines += [f"  {name.replace('_', ' ')}: {counts[name]}" for name in noted if name != "answers"]
    return "\n".join(lines)
