"""Writes SQuAD-form files of simulated recognised speech: what `make_spoken` makes, without speaking.

They hold the questions of a file of clean text about what a simulated recogniser heard of its contexts, to be audited,
scored or converted.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, BinaryIO

import bert_qa_tf
from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.speech.spoken_dataset import report_file
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.tasks.question_answering.reading.squad_reader import SquadFile, iter_squad, load_squad
from bert_qa_tf.tasks.question_answering.simulated_questions import simulated_examples
from bert_qa_tf.tasks.question_answering.squad_writer import SquadWriter


def write_simulated_squad(
    input_file: files.PathLike,
    output_file: files.PathLike | BinaryIO,
    simulator: TextSimulator,
    version: str = "1.1",
    *,
    again: bool = False,
) -> Counter[str]:
    """Writes the first hearing of each context, with an article at a time in memory.

    Args:
      input_file: SQuAD-form JSON; may be remote.
      output_file: where to write, which may be remote; or a file that is open for writing.
      simulator: decides what is heard.
      version: the file's `version`.
      again: whether the input was read before, so that nothing odd in it is counted twice.

    Returns:
      What `simulated_examples` counts. Gold answers that did not come through are written as they were said, at an
      offset that does not fit.

    Raises:
      InputError: the input is not fit.
    """
    counts: Counter[str] = Counter()
    file = str(output_file) if isinstance(output_file, str | os.PathLike) else output_file
    with SquadWriter(file, version) as writer:
        for example in simulated_examples(iter_squad(input_file, again=again), simulator, counts=counts):
            writer.add(example)
    return counts


def simulate_spoken(
    input_file: str, output_file: str, wer: float, seed: int, sentence_stops: bool = True, *, overwrite: bool = False
) -> dict[str, Any]:
    """Writes `output_file` and `<output_file>.report.json`, as `make_spoken` does of what was really spoken.

    Args:
      input_file: SQuAD-form JSON; may be remote.
      output_file: where to write; may be remote.
      wer: word error rate, see `AsrSimulationConfig`.
      seed: decides the errors.
      sentence_stops: whether a full stop ends what is heard of each sentence.
      overwrite: whether to replace files there that were made in another way.

    Returns:
      The report.

    Raises:
      InputError: the input is not fit, or pocketsphinx, whose dictionary is needed, is not installed; or the output is
        the input or must not be replaced.
    """
    report_file.check_outputs(input_file, output_file, overwrite)
    simulator = TextSimulator(AsrSimulationConfig((wer,), copies=1, sentence_stops=sentence_stops), seed)
    clean = load_squad(input_file)
    with atomic_files.replacing_together(report_file.path_of(output_file), output_file) as (beside, file):
        counts = write_simulated_squad(input_file, file, simulator, clean.version, again=True)
        report = {
            "input_file": input_file,
            "bert_qa_tf": bert_qa_tf.__version__,
            "simulated_word_error_rate": wer,
            "seed": seed,
            "dictionary_sha256": simulator.dictionary_sha256,
            "table_sha256": simulator.table_sha256,
            **_figures(clean, counts),
        }
        beside.write(atomic_files.json_bytes(report))
    return report


def _figures(clean: SquadFile, counts: Mapping[str, int]) -> dict[str, Any]:
    """Returns what the report says of the questions and words."""
    num_asked = sum(1 for _ in itertools.groupby(clean.examples, key=lambda e: (e.title, e.paragraph_index, e.context)))
    answers = {kind: counts[f"simulated_answers_{kind}"] for kind in ("exact", "aligned", "lost")}
    named = {
        "paragraphs": clean.num_paragraphs,
        "paragraphs_without_questions_left_out": clean.num_paragraphs - num_asked,
        "questions": counts["simulated_questions"],
        "answers": sum(answers.values()) + counts["answers_misaligned"],
        **{f"answers_{kind}": count for kind, count in answers.items()},
        "answers_whose_offset_does_not_fit": counts["answers_misaligned"],
        "plausible_answers_left_out": sum(len(example.plausible_answers) for example in clean.examples),
    }
    words = counts["simulated_words"]
    return {
        "word_error_rate": round(counts["simulated_word_errors"] / words, 4) if words else None,
        "words": words,
        "counts": {name: count for name, count in named.items() if count},
    }


def describe(report: Mapping[str, Any]) -> str:
    """The report for a person."""
    rate = "-" if report["word_error_rate"] is None else f"{100 * report['word_error_rate']:.2f} %"
    lines = [f"word error rate {rate} of {report['words']:,} words, simulated"]
    return "\n".join(lines + [f"  {name.replace('_', ' ')}: {count:,}" for name, count in report["counts"].items()])
