"""Converts SQuAD-form files to records of windows.

The first pass finds every error that would stop the conversion, and the second makes the records. Both hold one article
in memory at a time. `records.conversion` writes the records.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from absl import logging

from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.errors import InputError
from bert_qa_tf.records import conversion
from bert_qa_tf.records.conversion import Record
from bert_qa_tf.records.dev_split import DevSplit
from bert_qa_tf.records.manifest import Manifest, Source
from bert_qa_tf.storage import digests
from bert_qa_tf.tasks.question_answering.config import ConversionConfig
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.labels import Label, choose_label
from bert_qa_tf.tasks.question_answering.reading.input_formats import iter_examples
from bert_qa_tf.tasks.question_answering.simulated_questions import SIMULATION_COUNTERS, copy_id, simulated_copies
from bert_qa_tf.tasks.question_answering.squad_writer import SquadWriter
from bert_qa_tf.tasks.question_answering.validation import AlignedCount, has_valid_offset
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from bert_qa_tf.text.tokenizer import Tokenizer

NAME = "question_answering"
# The development articles in SQuAD form, written next to the shards.
DEV_FILE = "dev.json"
# Every reason for changing the training data has a counter, which is present even if it is 0.
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
    tokenizer: Tokenizer,
    config: ConversionConfig,
    *,
    overwrite: bool = False,
) -> Manifest:
    """Converts SQuAD-form files to records.

    Args:
      input_files: SQuAD-form JSON; may be remote.
      output_dir: the folder for the conversion; may be remote.
      tokenizer: the tokenizer of the encoder that will be trained.
      config: see `ConversionConfig`.
      overwrite: whether to replace an existing conversion.

    Returns:
      The manifest that was written.

    Raises:
      InputError: a file is refused, a question id occurs twice, no question is left to train on, or something exists at
        `output_dir` already. Nothing is written to `output_dir` in these cases.
    """
    conversion.check_request(input_files, output_dir, overwrite)
    converter = SquadConverter(input_files, tokenizer, config)
    return conversion.convert(NAME, converter, output_dir, tokenizer, config, overwrite=overwrite)


class SquadConverter:
    """The `records.conversion.Converter` of SQuAD-form files.

    Args:
      input_files: SQuAD-form JSON; may be remote.
      tokenizer: the tokenizer of the encoder that will be trained.
      config: see `ConversionConfig`.

    Raises:
      InputError: recognition errors are to be simulated, but pocketsphinx, whose dictionary this needs, is not
        installed.
    """

    table = QA_FEATURES

    def __init__(self, input_files: Sequence[str], tokenizer: Tokenizer, config: ConversionConfig) -> None:
        self._input_files = input_files
        self._tokenizer = tokenizer
        self._config = config
        simulation = config.asr_simulation
        self._simulator = None if simulation is None else TextSimulator(simulation, config.seed)
        self._split = DevSplit(config.dev_fraction, config.seed, logging.warning)
        self._totals: list[int] = []
        self.num_copies = 1 if simulation is None else simulation.num_copies
        names = _COUNTERS if simulation is None else (*_COUNTERS, *SIMULATION_COUNTERS)
        self.counts = collections.Counter(dict.fromkeys(names, 0))

    # === The first pass ===

    def survey(self) -> list[Source]:
        """See `Converter`; also decides the split and counts each file's questions."""
        sources: list[Source] = []
        file_of_id: dict[str, int] = {}
        for index, path in enumerate(self._input_files):
            paragraphs: set[tuple[str, int]] = set()
            total = impossible = aligned = 0
            for example in self._read(path):
                other = file_of_id.setdefault(example.qas_id, index)
                if other != index:
                    raise InputError(
                        f"{path}: question id {example.qas_id!r} is in {self._input_files[other]} too; ids must be "
                        "unique over all input files"
                    )
                paragraphs.add((example.title, example.paragraph_index))
                total += 1
                impossible += example.is_impossible
                aligned += not example.is_impossible and has_valid_offset(example)
            if impossible and not self._config.version_2_with_negative:
                raise InputError(
                    f"{path}: {impossible} of {total} questions have no answer; convert with --version_2_with_negative"
                )
            refused = not _is_aligned(path, AlignedCount(aligned, total - impossible), self._config)
            self._split.add_file(path, paragraphs)
            sources.append(
                Source(os.path.basename(path), digests.sha256_of(path), {"relabel": "find" if refused else "off"})
            )
            self._totals.append(total)
        return sources

    def _read(self, path: str, *, again: bool = False) -> Iterator[SquadExample]:
        return iter_examples(
            path,
            self._config.input_format,
            require_answers=True,
            keep_no_answers=self._config.version_2_with_negative,
            again=again,
        )

    # === The second pass ===

    def records(self, directory: str) -> Iterator[Record]:
        """See `Converter`; writes `dev.json`."""
        path = f"{directory}/{DEV_FILE}"
        with contextlib.ExitStack() as stack:
            dev_file: SquadWriter | None = None
            for input_file, total in zip(self._input_files, self._totals, strict=True):
                examples = conversion.progress(self._read(input_file, again=True), total, input_file, "questions")
                dev_examples: list[SquadExample] = []
                for record in self._records_of(examples, dev_examples):
                    yield record
                    if dev_examples and dev_file is None:
                        version = "v2.0" if self._config.version_2_with_negative else "1.1"
                        dev_file = stack.enter_context(SquadWriter(path, version))
                    for example in dev_examples:
                        dev_file.add(example)
                    dev_examples.clear()

    def _records_of(self, examples: Iterator[SquadExample], dev_examples: list[SquadExample]) -> Iterator[Record]:
        # Windowing reads some examples ahead; the decisions made about them wait here for their windows.
        waiting: collections.deque[_Chosen] = collections.deque()

        def examples_to_window() -> Iterator[SquadExample]:
            chosen = self._chosen(examples, dev_examples)
            for choice in chosen if self._simulator is None else _with_copies(chosen, self._simulator, self.counts):
                waiting.append(choice)
                yield choice.example

        windows_of = featurize_examples(
            examples_to_window(),
            self._tokenizer,
            self._config.windowing,
            choose_answer=lambda _: waiting[0].answer,
            on_cut=lambda *_: self.counts.update(questions_cut=1),
        )
        for windows in windows_of:
            choice = waiting.popleft()
            if choice.answer is not None and not any(window.end_positions for window in windows):
                self.counts["labels_without_tokens"] += 1
            for window in windows:
                if choice.split == "train" and not window.end_positions and not choice.example.is_impossible:
                    self.counts["windows_without_answer"] += 1
                    if self._config.windows_without_answer == "drop":
                        self.counts["windows_without_answer_dropped"] += 1
                        continue
                self.counts["windows" if choice.split == "train" else "dev_windows"] += 1
                unique_id = window.unique_id if choice.copy is None else copy_id(window.unique_id, choice.copy)
                values = vars(window) | {"unique_id": unique_id}
                yield Record(choice.split, window.unique_id, len(window), values, choice.copy or 0)

    def _chosen(self, examples: Iterator[SquadExample], dev_examples: list[SquadExample]) -> Iterator[_Chosen]:
        for example in examples:
            label = choose_label(example)
            split = "dev" if self._split.holds_out(example.title, example.paragraph_index) else "train"
            _count_question(label, example, split, self.counts)
            if split == "dev":
                # dev.json keeps the gold answers as they are, even with wrong offsets, because scoring compares texts.
                dev_examples.append(example)
            if label.answer is not None or example.is_impossible or split == "dev":
                yield _Chosen(example, label.answer, split)

    # === The result ===

    def check(self, records_by_copy: Sequence[int]) -> None:
        """See `Converter`."""
        if not self.counts["windows"]:
            raise InputError(
                f"nothing to train on: of {self.counts['questions']} questions {self.counts['dev_questions']} were set "
                f"aside, and the text holds no answer to {self.counts['questions_without_label_dropped']}"
            )
        if 0 in records_by_copy:
            raise InputError(
                f"nothing to train on in copy {records_by_copy.index(0)} of {len(records_by_copy)}: simulated errors "
                "left no answer in it; use a lower --simulate_wer or more text"
            )

    def settings(self) -> dict[str, Any]:
        """See `Converter`; the settings of windowing, of questions without an answer and of simulated errors."""
        settings: dict[str, Any] = {
            "windowing": dataclasses.asdict(self._config.windowing),
            "version_2_with_negative": self._config.version_2_with_negative,
        }
        if self._simulator is not None:
            settings["asr_simulation"] = {
                **dataclasses.asdict(self._simulator.config),
                "wer": list(self._simulator.config.wer),
                "seed": self._simulator.seed,
                "dictionary_sha256": self._simulator.dictionary_sha256,
                "table_sha256": self._simulator.table_sha256,
            }
        return settings

    def describe(self, manifest: Manifest) -> str:
        """See `Converter`."""
        return describe(manifest)


class _Chosen(NamedTuple):
    """A question to be windowed: its label, its split, and the number of its copy (None for the text itself)."""

    example: SquadExample
    answer: Answer | None
    split: str
    copy: int | None = None


def _is_aligned(path: str, count: AlignedCount, config: ConversionConfig) -> bool:
    """Whether enough of a file's offsets are correct to train on; if not and `relabel` is off, refuses the file."""
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


def _with_copies(
    chosen: Iterator[_Chosen], simulator: TextSimulator, counts: collections.Counter[str]
) -> Iterator[_Chosen]:
    """Replaces training questions by their copies, paragraph by paragraph; development text stays clean."""
    for (split, _), paragraph in itertools.groupby(chosen, key=lambda choice: (choice.split, choice.example.context)):
        if split == "dev":
            yield from paragraph
            continue
        for example, answer, copy in simulated_copies([(c.example, c.answer) for c in paragraph], simulator, counts):
            yield _Chosen(example, answer, split, copy)


def _count_question(label: Label, example: SquadExample, split: str, counts: collections.Counter[str]) -> None:
    counts["questions"] += 1
    counts["answers"] += len(example.answers)
    counts["answers_misaligned"] += label.misaligned
    counts["answers_mended"] += label.mended
    counts["answers_dropped"] += label.dropped
    counts["impossible_questions"] += example.is_impossible
    if label.answer is None and not example.is_impossible and split == "train":
        counts["questions_without_label_dropped"] += 1
        return
    counts[f"{split}_questions"] += 1
    if label.answer is None and not example.is_impossible:
        counts["dev_questions_without_label"] += 1


def describe(manifest: Manifest) -> str:
    """Summarizes a conversion's counts in a few lines for the terminal."""
    counts = manifest.counts
    lines = [
        f"{counts['questions']} questions: {counts['train_questions']} to train on in {counts['windows']} windows, "
        f"{counts['dev_questions']} set aside in {counts['dev_windows']} windows",
    ]
    noted = [name for name in _COUNTERS[_COUNTERS.index("windows_without_answer") :] if counts[name]]
    lines += [f"  {name.replace('_', ' ')}: {counts[name]}" for name in noted if name != "answers"]
    simulation = manifest.settings.get("asr_simulation")
    if simulation is not None:
        kept, dropped = counts["simulated_questions"], counts["simulated_questions_dropped"]
        clean = f"{simulation['clean_copies']} clean and " if simulation["clean_copies"] else ""
        rate = counts["simulated_word_errors"] / counts["simulated_words"]
        lines.append(
            f"  {clean}{simulation['copies']} simulated copies, {rate:.1%} of the words misheard: "
            f"{kept} questions kept, {dropped} whose answer did not come through dropped"
        )
    return "\n".join(lines)
