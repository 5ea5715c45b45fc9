"""SQuAD-form files to a folder of training records: what `create_tfrecords` does.

What goes in: files, a tokenizer and a `ConversionConfig`. What comes out: shards, `manifest.json`, `vocab.txt` and
`dev.json`, under their final name only when all is written. Two passes over the files: the first finds everything that
would stop the conversion and writes nothing, the second makes the records. Both hold one article at a time.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from bert_qa_tf.config import ConversionConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.records import manifest as manifests
from bert_qa_tf.records import shards as tfrecord
from bert_qa_tf.records.dev_split import DevSplit
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.examples import Answer, InputFeatures, SquadExample
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.labels import Label, choose_label
from bert_qa_tf.tasks.question_answering.simulated_questions import NOISE_COUNTERS, NoiseMaker, copy_id, noisy_copies
from bert_qa_tf.tasks.question_answering.squad_reader import iter_squad
from bert_qa_tf.tasks.question_answering.squad_writer import SquadWriter
from bert_qa_tf.tasks.question_answering.validation import AlignedCount, has_valid_offset
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
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
      InputError: a file is refused, a question id occurs twice, no question is left to train on, or there is something
        at `output_dir` already. Nothing is written at `output_dir` then.
    """
    check_request(input_files, output_dir, overwrite)
    noise = None if config.noise is None else NoiseMaker(config.noise, config.seed)
    output_dir = output_dir.rstrip("/") if files.is_remote(output_dir) else os.path.abspath(output_dir)
    split, sources, totals = _survey(input_files, config)
    # A fixed name: what a killed conversion left is removed by the next one.
    temporary = f"{output_dir}.incomplete"
    if tf.io.gfile.exists(temporary):
        tf.io.gfile.rmtree(temporary)
    tf.io.gfile.makedirs(temporary)
    try:
        manifest = _write(input_files, temporary, tokenizer, config, noise, split, sources, totals)
    except Exception:
        tf.io.gfile.rmtree(temporary)  # a full disk gets its space back
        raise
    if tf.io.gfile.exists(output_dir):
        if tf.io.gfile.exists(f"{output_dir}/{manifests.MANIFEST_FILE}"):
            # The first to go: what a kill leaves here must not look whole.
            tf.io.gfile.remove(f"{output_dir}/{manifests.MANIFEST_FILE}")
        tf.io.gfile.rmtree(output_dir)
    tf.io.gfile.rename(temporary, output_dir)
    return manifest


def check_request(input_files: Sequence[str], output_dir: str, overwrite: bool) -> None:
    """Finds what is wrong before anything is read: an encoder may take minutes to be downloaded.

    Raises:
      InputError: no input file is named, or `output_dir` cannot be written to or replaced.
    """
    if not input_files:
        raise InputError("no input file: name at least one with --input_file")
    if not output_dir:
        raise InputError("--output_dir is empty: where should the records go?")
    if not tf.io.gfile.exists(output_dir):
        return
    if not tf.io.gfile.isdir(output_dir):
        raise InputError(f"{output_dir}: is a file, expected a folder to write records to")
    holds_conversion = manifests.holds_conversion(output_dir)
    if holds_conversion and not overwrite:
        raise InputError(f"{output_dir}: holds a conversion already; name another --output_dir, or use --overwrite")
    if tf.io.gfile.listdir(output_dir) and not holds_conversion:
        raise InputError(f"{output_dir}: not empty and no conversion, so it is left alone; name another --output_dir")


def _survey(
    input_files: Sequence[str], config: ConversionConfig
) -> tuple[DevSplit, tuple[manifests.Source, ...], list[int]]:
    """The first pass: refuses what must be refused, decides the split, counts each file's questions."""
    split = DevSplit(config.dev_fraction, config.seed, logging.warning)
    sources: list[manifests.Source] = []
    totals: list[int] = []
    file_of_id: dict[str, int] = {}
    for index, path in enumerate(input_files):
        paragraphs: set[tuple[str, int]] = set()
        total = impossible = aligned = 0
        for example in iter_squad(path, require_answers=True):
            other = file_of_id.setdefault(example.qas_id, index)
            if other != index:
                raise InputError(
                    f"{path}: question id {example.qas_id!r} is in {input_files[other]} too; ids must be unique over "
                    "all input files"
                )
            paragraphs.add((example.title, example.paragraph_index))
            total += 1
            impossible += example.is_impossible
            aligned += not example.is_impossible and has_valid_offset(example)
        if impossible and not config.version_2_with_negative:
            raise InputError(
                f"{path}: {impossible} of {total} questions have no answer; convert with --version_2_with_negative"
            )
        refused = not _is_aligned(path, AlignedCount(aligned, total - impossible), config)
        split.add_file(path, paragraphs)
        _, sha256 = tfrecord.file_digest(path)
        sources.append(manifests.Source(os.path.basename(path), sha256, "find" if refused else "off"))
        totals.append(total)
    return split, tuple(sources), totals


def _is_aligned(path: str, count: AlignedCount, config: ConversionConfig) -> bool:
    """Whether a file's offsets are good enough to train on; refuses it where they are not and must be."""
    if count.fraction >= config.min_aligned_fraction:
        return True
    if config.relabel == "find":
        return False
    raise InputError(
        f"{path}: refused as training data: only {count.aligned} of {count.answerable} questions "
        f"({count.fraction:.1%}) have an answer offset that fits the text, at least "
        f"{config.min_aligned_fraction:.0%} must (--min_aligned_fraction); --relabel=find searches the text for the "
        "answers instead"
    )


def _write(
    input_files: Sequence[str],
    directory: str,
    tokenizer: BertTokenizer,
    config: ConversionConfig,
    noise: NoiseMaker | None,
    split: DevSplit,
    sources: tuple[manifests.Source, ...],
    totals: Sequence[int],
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
        for path, total in zip(input_files, totals, strict=True):
            _convert_file(path, total, tokenizer, config, noise, split, writers, dev_file, counts)
        if not counts["windows"]:
            raise InputError(
                f"nothing to train on: of {counts['questions']} questions {counts['dev_questions']} were set aside, "
                f"and the text holds no answer to {counts['questions_without_label_dropped']}"
            )
        histogram: dict[int, int] = {}
        records: list[int] = []
        for name in _SPLITS:
            if name == "dev" and not counts["dev_questions"]:
                continue
            written, lengths, copies = writers[name].finish()
            shards += written
            with tf.io.gfile.GFile(f"{directory}/{LENGTHS_FILE.format(split=name)}", "wb") as file:
                np.save(file, lengths)
            if name == "train":
                values, numbers = np.unique(lengths, return_counts=True)
                histogram = dict(zip(values.tolist(), numbers.tolist(), strict=True))
                if noise is not None:
                    records = np.bincount(copies, minlength=noise.config.num_copies).tolist()
                    _check_copies(records)
                    with tf.io.gfile.GFile(f"{directory}/{tfrecord.COPIES_FILE}", "wb") as file:
                        np.save(file, copies)
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
        counts={name: counts[name] for name in (_COUNTERS if noise is None else (*_COUNTERS, *NOISE_COUNTERS))},
        length_histogram=histogram,
        shards=tuple(shards),
        noise=None if noise is None else _noise_of(noise, records),
    )
    with tf.io.gfile.GFile(f"{directory}/{manifests.MANIFEST_FILE}", "wb") as file:
        file.write(manifest.to_json().encode("utf-8"))
    return manifest


def _check_copies(records: Sequence[int]) -> None:
    if 0 in records:
        raise InputError(
            f"nothing to train on in copy {records.index(0)} of {len(records)}: noise left no answer in it; use a "
            "lower --asr_noise_wer or more text"
        )


def _noise_of(noise: NoiseMaker, records: Sequence[int]) -> manifests.Noise:
    return manifests.Noise(
        wer=noise.config.wer,
        copies=noise.config.copies,
        clean_copies=noise.config.clean_copies,
        answers=noise.config.answers,
        min_confidence=noise.config.min_confidence,
        sentence_stops=noise.config.sentence_stops,
        seed=noise.seed,
        dictionary_sha256=noise.dictionary_sha256,
        table_sha256=noise.table_sha256,
        records=tuple(records),
    )


class _Chosen(NamedTuple):
    """A question whose windows are wanted: its label, its split, and which noisy copy it is about (None: the text)."""

    example: SquadExample
    answer: Answer | None
    side: str
    copy: int | None = None


def _convert_file(
    path: str,
    total: int,
    tokenizer: BertTokenizer,
    config: ConversionConfig,
    noise: NoiseMaker | None,
    split: DevSplit,
    writers: dict[str, tfrecord.ShardWriter],
    dev_file: SquadWriter,
    counts: collections.Counter[str],
) -> None:
    # Windowing reads some examples ahead: what was decided about them waits here for their windows.
    waiting: collections.deque[_Chosen] = collections.deque()

    def chosen() -> Iterator[_Chosen]:
        for example in _progress(iter_squad(path, require_answers=True), total, path):
            label, side = (
                choose_label(example),
                "dev" if split.holds_out(example.title, example.paragraph_index) else "train",
            )
            _count_question(label, example, side, counts)
            if side == "dev":
                # The gold answers go into dev.json as they are, placed or not: scoring goes by text.
                dev_file.add(example)
            if label.answer is not None or example.is_impossible or side == "dev":
                yield _Chosen(example, label.answer, side)

    def examples_to_window() -> Iterator[SquadExample]:
        for choice in chosen() if noise is None else _with_noise(chosen(), noise, counts):
            waiting.append(choice)
            yield choice.example

    windows_of = featurize_examples(
        examples_to_window(),
        tokenizer,
        config.windowing,
        choose_answer=lambda _: waiting[0].answer,
        on_cut=lambda _: counts.update(questions_cut=1),
    )
    for windows in windows_of:
        choice = waiting.popleft()
        if choice.answer is not None and not any(window.end_positions for window in windows):
            counts["labels_without_tokens"] += 1
        for window in windows:
            if choice.side == "train" and not window.end_positions and not choice.example.is_impossible:
                counts["windows_without_answer"] += 1
                if config.windows_without_answer == "drop":
                    counts["windows_without_answer_dropped"] += 1
                    continue
            counts["windows" if choice.side == "train" else "dev_windows"] += 1
            _add_window(window, choice, config, writers[choice.side])


def _with_noise(chosen: Iterator[_Chosen], noise: NoiseMaker, counts: collections.Counter[str]) -> Iterator[_Chosen]:
    """Puts noisy copies in the place of training questions, paragraph by paragraph; development text stays clean."""
    for (side, _), paragraph in itertools.groupby(chosen, key=lambda choice: (choice.side, choice.example.context)):
        if side == "dev":
            yield from paragraph
            continue
        for example, answer, copy in noisy_copies([(c.example, c.answer) for c in paragraph], noise, counts):
            yield _Chosen(example, answer, side, copy)


def _add_window(window: InputFeatures, choice: _Chosen, config: ConversionConfig, writer: tfrecord.ShardWriter) -> None:
    place = window.unique_id
    if choice.copy is not None:
        window = dataclasses.replace(window, unique_id=copy_id(place, choice.copy))
    with_decoding = choice.side == "dev" or config.keep_decoding_features
    payload = tfrecord.serialize(vars(window), QA_FEATURES, with_decoding)
    writer.add(place, len(window), payload, choice.copy or 0)


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
    if manifest.noise is not None:
        kept, dropped = counts["noisy_questions"], counts["noisy_questions_dropped"]
        clean = f"{manifest.noise.clean_copies} clean and " if manifest.noise.clean_copies else ""
        rate = counts["noisy_word_errors"] / counts["noisy_words"]
        lines.append(
            f"  {clean}{manifest.noise.copies} noisy copies, {rate:.1%} of the words misheard: {kept} questions kept, "
            f"{dropped} whose answer did not come through dropped"
        )
    return "\n".join(lines)
