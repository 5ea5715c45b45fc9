"""Writes SQuAD-form files of simulated recognised speech: what `make_spoken` makes, without speaking.

They hold the questions of a file of clean text about what a simulated recogniser heard of its contexts, to be audited,
scored or converted.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import bert_qa_tf
from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.simulated_questions import simulated_examples
from bert_qa_tf.tasks.question_answering.squad_reader import iter_squad, load_squad
from bert_qa_tf.tasks.question_answering.squad_writer import SquadWriter


def write_simulated_squad(
    input_file: files.PathLike, output_file: files.PathLike, simulator: TextSimulator, version: str = "1.1"
) -> Counter[str]:
    """Writes the first hearing of each context, with an article at a time in memory.

    Args:
      input_file: SQuAD-form JSON; may be remote.
      output_file: where to write; may be remote.
      simulator: decides what is heard.
      version: the file's `version`.

    Returns:
      What `simulated_examples` counts. Gold answers that did not come through are written as they were said, at an
      offset that does not fit.

    Raises:
      InputError: the input is not fit.
    """
    counts: Counter[str] = Counter()
    with SquadWriter(str(output_file), version) as writer:
        for example in simulated_examples(iter_squad(input_file), simulator, counts=counts):
            writer.add(example)
    return counts


def simulate_spoken(
    input_file: str, output_file: str, wer: float, seed: int, sentence_stops: bool = True
) -> dict[str, Any]:
    """Writes `output_file` and `<output_file>.report.json`, as `make_spoken` does of what was really spoken.

    Args:
      input_file: SQuAD-form JSON; may be remote.
      output_file: where to write; may be remote.
      wer: word error rate, see `AsrSimulationConfig`.
      seed: decides the errors.
      sentence_stops: whether a full stop ends what is heard of each sentence.

    Returns:
      The report.

    Raises:
      InputError: the input is not fit, or pocketsphinx, whose dictionary is needed, is not installed.
    """
    simulator = TextSimulator(AsrSimulationConfig((wer,), copies=1, sentence_stops=sentence_stops), seed)
    clean = load_squad(input_file)
    counts = write_simulated_squad(input_file, output_file, simulator, clean.version)
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
    report = {
        "input_file": input_file,
        "bert_qa_tf": bert_qa_tf.__version__,
        "simulated_word_error_rate": wer,
        "seed": seed,
        "dictionary_sha256": simulator.dictionary_sha256,
        "table_sha256": simulator.table_sha256,
        "word_error_rate": round(counts["simulated_word_errors"] / words, 4) if words else None,
        "words": words,
        "counts": {name: count for name, count in named.items() if count},
    }
    files.write_json(f"{output_file}.report.json", report)
    return report


def describe(report: Mapping[str, Any]) -> str:
    """The report for a person."""
    rate = "-" if report["word_error_rate"] is None else f"{100 * report['word_error_rate']:.2f} %"
    lines = [f"word error rate {rate} of {report['words']:,} words, simulated"]
    return "\n".join(lines + [f"  {name.replace('_', ' ')}: {count:,}" for name, count in report["counts"].items()])
