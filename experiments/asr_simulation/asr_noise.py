r"""Compares simulated recognition errors with real ones by word error rate, best F1 of any span and surviving answers.

    python experiments/asr_simulation/asr_noise.py --clean_file=clean_dev.json \
      --rates_of=spoken_train.json.report.json spoken_dev.0.json spoken_dev.0.01.json

The inputs are a SQuAD-form file and the output of `make_spoken --unplaced=keep` for it, none of which was used for
fitting. The simulator makes errors in the same paragraphs. So does a baseline that replaces as many words as are really
misheard by random ones. Each result is audited like the real one. The simulator runs at two rates: the one that other
articles have at that volume of noise (rates are those of average text; harder text has more errors, both simulated and
real), and the one that these paragraphs have. The script prints Markdown.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bert_qa_tf.asr_simulation.error_table import load_table
from bert_qa_tf.asr_simulation.recognizer_vocabulary import RecognizerVocabulary, load_vocabulary
from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.asr_simulation.simulator import AsrSimulator, HeardWord
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.tasks.question_answering.ceiling import span_ceiling
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.simulated_questions import simulated_examples
from bert_qa_tf.tasks.question_answering.validation import answer_survived
from bert_qa_tf.text.verbalization import VerbalizedWord

_RESAMPLES = 1000


class RandomSwaps(AsrSimulator):
    """Replaces the given share of words by random words of the vocabulary."""

    def __init__(self, vocabulary: RecognizerVocabulary) -> None:
        super().__init__(vocabulary, load_table())
        self._words = vocabulary.written

    def hear(self, words: Sequence[VerbalizedWord], wer: float, generator: np.random.Generator) -> list[HeardWord]:
        """See `AsrSimulator`."""
        swapped = generator.random(len(words)) < wer
        others = generator.integers(0, len(self._words), len(words))
        return [
            HeardWord(self._words[other] if swap else word.text, word.start_char, word.end_char)
            for word, swap, other in zip(words, swapped, others, strict=True)
        ]


@dataclasses.dataclass(frozen=True)
class Figures:
    """The figures that are compared: the rate, 0 to 1, and the others, 0 to 100."""

    wer: float
    ceiling_f1: float
    survived: float


def audit(examples: Sequence[SquadExample], wer: float) -> Figures:
    """Computes the figures of questions about contexts with errors."""
    return Figures(wer, span_ceiling(examples).mean_f1, 100.0 * float(answer_survived(examples).mean()))


def simulate(examples: Sequence[SquadExample], make: Callable[[int], TextSimulator], seeds: int) -> Figures:
    """Computes the mean figures over several simulations."""
    figures = []
    for seed in range(seeds):
        counts: collections.Counter[str] = collections.Counter()
        simulated = list(simulated_examples(examples, make(seed), counts=counts))
        figures.append(audit(simulated, counts["simulated_word_errors"] / counts["simulated_words"]))
    return Figures(*np.mean([dataclasses.astuple(figure) for figure in figures], axis=0).tolist())


def real_error_rate(path: pathlib.Path, ids: set[str]) -> float:
    """The real word error rate of the paragraphs that have one of the questions."""
    errors = words = 0.0
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            if any(qa["id"] in ids for qa in paragraph["qas"]):
                said = sum(len(sentence["reference"].split()) for sentence in paragraph["sentences"])
                errors, words = errors + said * (paragraph["word_error_rate"] or 0.0), words + said
    return errors / words


def interval(values: np.ndarray, groups: Sequence[str]) -> str:
    """The 95 % interval of the mean when whole paragraphs are resampled."""
    names, numbers = np.unique(np.array(groups), return_inverse=True)
    sums, counts = np.bincount(numbers, values), np.bincount(numbers)
    drawn = np.random.default_rng(0).integers(0, len(names), (_RESAMPLES, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return f"{low:.1f}–{high:.1f}"


def rates_by_volume(reports: Sequence[pathlib.Path]) -> dict[float, float]:
    """The word error rate of other articles at each volume of noise."""
    rates = {}
    for report in reports:
        found = json.loads(report.read_text(encoding="utf-8"))["word_error_rate_by_noise_volume"]
        rates.update({float(volume): rate for volume, rate in found.items()})
    return rates


def noise_volume(path: pathlib.Path) -> float:
    """The volume of noise in a spoken file."""
    return json.loads(path.read_text(encoding="utf-8"))["data"][0]["paragraphs"][0]["noise_volume"]


def rows(
    path: pathlib.Path, clean_file: str, rates: dict[float, float], vocabulary: RecognizerVocabulary, seeds: int
) -> Iterator[str]:
    """The table's rows for one file."""
    real = {example.qas_id: example for example in read_squad(str(path))}
    clean = [example for example in read_squad(clean_file) if example.qas_id in real]
    real_examples = [real[example.qas_id] for example in clean]
    asked = real_error_rate(path, set(real))
    simulator, swaps = AsrSimulator(vocabulary, load_table()), RandomSwaps(vocabulary)
    elsewhere = rates[noise_volume(path)]
    hearings = (
        (f"simulated, asked for {elsewhere:.1%}, the rate of other articles", simulator, elsewhere),
        (f"simulated, asked for {asked:.1%}", simulator, asked),
        ("random swaps", swaps, asked),
    )
    target = audit(real_examples, asked)
    contexts = [example.context for example in real_examples]
    f1 = interval(100 * span_ceiling(real_examples).f1, contexts)
    survived = interval(100.0 * answer_survived(real_examples), contexts)
    name = f"`{path.name}`, {len(clean)} questions, {len(set(contexts))} paragraphs"
    yield f"| {name} | real | {asked:.1%} | {target.ceiling_f1:.1f} ({f1}) | {target.survived:.1f} ({survived}) |"
    for kind, recognizer, wer in hearings:
        config = AsrSimulationConfig((wer,), copies=1)
        got = simulate(clean, lambda seed, c=config, r=recognizer: TextSimulator(c, seed, r), seeds)
        apart = Figures(got.wer / asked - 1, got.ceiling_f1 - target.ceiling_f1, got.survived - target.survived)
        yield (
            f"| | {kind} | {got.wer:.1%} ({apart.wer:+.0%}) | {got.ceiling_f1:.1f} ({apart.ceiling_f1:+.1f}) | "
            f"{got.survived:.1f} ({apart.survived:+.1f}) |"
        )


def main() -> None:
    """Compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="made of the clean file")
    parser.add_argument("--clean_file", required=True, help="SQuAD-form JSON")
    parser.add_argument(
        "--rates_of",
        action="append",
        type=pathlib.Path,
        required=True,
        metavar="REPORT",
        help="the report beside what make_spoken made of other articles; repeat for several",
    )
    parser.add_argument("--seeds", type=int, default=5, help="hearings of each paragraph; their mean is shown")
    values = parser.parse_args()
    rates = rates_by_volume(values.rates_of)
    if missing := [str(path) for path in values.files if noise_volume(path) not in rates]:
        parser.error(f"--rates_of: no rate at the volume of noise of {', '.join(missing)}, only at {sorted(rates)}")
    vocabulary = load_vocabulary()
    print("| | errors | WER | best F1 of any span | answers that survive, % |\n|---|---|---:|---:|---:|")
    begin = time.process_time()
    for path in values.files:
        for row in rows(path, values.clean_file, rates, vocabulary, values.seeds):
            print(row, flush=True)
    print(f"\nFitted on: {json.dumps(load_table().fitted_on)}\n{time.process_time() - begin:.0f} s of one core.")


if __name__ == "__main__":
    main()
