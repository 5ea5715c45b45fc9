"""Paragraphs as a recogniser would have heard them, their answers carried along.

What goes in: examples of clean text and an `AsrSimulationConfig`. What comes out: the same questions about a noisy
context, each answer placed there and told how it came through:

    clean   … beat the Carolina Panthers 24–10 to earn …       "Carolina Panthers"
    exact   … beat the carolina panthers twenty four to ten …  carolina panthers
    aligned … beat the caroline a panthers twenty for to ten … caroline a panthers   (what stands at its place)
    lost    … beat the twenty four to ten …                    nothing stands there

Noise is a function of the text, the seed and the copy's number alone: it does not matter which process makes it. The
errors themselves are `asr_simulation.simulator`'s.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.error_table import load_table
from bert_qa_tf.asr_simulation.recognizer_vocabulary import load_vocabulary
from bert_qa_tf.asr_simulation.simulator import AsrSimulator, HeardWord
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.text.normalization import normalized_tokens
from bert_qa_tf.text.verbalization import SpokenWord, spoken_sentences
from bert_qa_tf.text.word_alignment import similarity

Outcome = Literal["exact", "aligned", "lost"]
# What a conversion counts, over all copies.
NOISE_COUNTERS = (
    "noisy_words",
    "noisy_word_errors",
    "noisy_questions",
    "noisy_answers_exact",
    "noisy_answers_aligned",
    "noisy_answers_lost",
    "noisy_questions_dropped",
)


class CarriedAnswer(NamedTuple):
    """What became of an answer.

    Attributes:
      outcome: "exact" where the words that were said are heard at its place (as scoring compares them), "aligned" where
        other words are, "lost" where none is, or where none of it is ever said.
      answer: what is heard at its place; its offset fits. None where it is lost.
      spoken: its words as they are said: what a perfect recogniser would have made of it.
    """

    outcome: Outcome
    answer: Answer | None
    spoken: str

    @property
    def confidence(self) -> float:
        """The share of the letters said that is heard at its place, 0 to 1; 1 where it is exact."""
        if self.outcome != "aligned":
            return float(self.outcome == "exact")
        return similarity(self.spoken.split(), self.answer.text.replace(".", "").split())


@dataclasses.dataclass(frozen=True)
class NoisyContext:
    """One hearing of a context.

    Attributes:
      spoken: the words that were said, placed in the clean context.
      heard: the words that were heard, placed there, too.
      stops: numbers of the heard words that have a full stop behind them.
    """

    spoken: Sequence[SpokenWord]
    heard: Sequence[HeardWord]
    stops: frozenset[int] = frozenset()

    @functools.cached_property
    def written(self) -> Sequence[str]:
        """The heard words, each with its full stop."""
        return [f"{word.text}." if number in self.stops else word.text for number, word in enumerate(self.heard)]

    @property
    def text(self) -> str:
        """The heard words with single spaces between them."""
        return " ".join(self.written)

    def carry(self, answer: Answer) -> CarriedAnswer:
        """Places an answer of the clean context, whose offset fits, in this one."""
        said = [word.text for word in self.spoken if _touches(word, answer)]
        places = [index for index, word in enumerate(self.heard) if _touches(word, answer)]
        spoken = " ".join(said)
        if not said or not places:
            return CarriedAnswer("lost", None, spoken)
        first, last = places[0], places[-1]
        start_char = sum(len(word) + 1 for word in self.written[:first])
        text = " ".join([*self.written[first:last], self.heard[last].text])
        is_exact = normalized_tokens(text) == normalized_tokens(spoken)
        return CarriedAnswer("exact" if is_exact else "aligned", Answer(text, start_char), spoken)

    @property
    def word_errors(self) -> int:
        """Substitutions, deletions and insertions between what was said and what was heard."""
        return _edit_distance([word.text for word in self.spoken], [word.text for word in self.heard])


class NoiseMaker:
    """Makes noisy contexts; the recogniser's vocabulary is read when the first is asked for.

    Args:
      config: how much noise, and how many copies.
      seed: decides the noise, with the text and the copy's number.
      noise: a simulated recogniser; None for the one that comes with the package.

    Raises:
      InputError: pocketsphinx, whose dictionary is needed, is not installed.
    """

    def __init__(self, config: AsrSimulationConfig, seed: int, noise: AsrSimulator | None = None) -> None:
        self.config = config
        self.seed = seed
        self.noise = AsrSimulator(load_vocabulary(), load_table()) if noise is None else noise

    @property
    def dictionary_sha256(self) -> str:
        """Of the recogniser's pronunciation dictionary."""
        return self.noise.dictionary_sha256

    @property
    def table_sha256(self) -> str:
        """Of the table of recognition errors."""
        return self.noise.table_sha256

    def hear(self, context: str, copy: int) -> NoisyContext:
        """A context as copy number `copy` has it; its word error rate is drawn between those of the config."""
        digest = hashlib.blake2b(f"{self.seed}\0{copy}\0{context}".encode("utf-8", "surrogatepass"), digest_size=16)
        generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest.digest(), "little")))
        low, high = self.config.wer_range
        wer = low + (high - low) * generator.random()
        spoken, heard, stops = [], [], set()
        for sentence in spoken_sentences(context):
            spoken += sentence.words
            words = self.noise.hear(sentence.words, wer, generator)
            heard += words
            if words and self.config.sentence_stops:
                stops.add(len(heard) - 1)
        return NoisyContext(spoken, heard, frozenset(stops))


class NoisyQuestion(NamedTuple):
    """A question to train on about one hearing of its paragraph.

    Attributes:
      example: the question with the noisy context; it has no gold answers.
      answer: its label; None for a question that has none.
      copy: the number of the copy, from 0; the clean ones come first.
    """

    example: SquadExample
    answer: Answer | None
    copy: int


def noisy_copies(
    questions: Sequence[tuple[SquadExample, Answer | None]], maker: NoiseMaker, counts: Counter[str]
) -> Iterator[NoisyQuestion]:
    """All copies of a paragraph, with those of its questions that can still be trained on.

    Args:
      questions: about one context; the answers' offsets fit it, None for a question without an answer.
      maker: of the noise.
      counts: `NOISE_COUNTERS` are added to.

    Yields:
      The questions of the first copy, then those of the next.
    """
    clean_copies = maker.config.clean_copies
    min_confidence = 1.0 if maker.config.answers == "exact" else maker.config.min_confidence
    for copy in range(clean_copies):
        for example, answer in questions:
            yield NoisyQuestion(dataclasses.replace(example, answers=()), answer, copy)
    for hearing in range(maker.config.copies):
        noisy = maker.hear(questions[0][0].context, hearing)
        counts["noisy_words"] += len(noisy.spoken)
        counts["noisy_word_errors"] += noisy.word_errors
        for example, answer in questions:
            label = None
            if answer is not None:
                carried = noisy.carry(answer)
                label = carried.answer
                counts[f"noisy_answers_{carried.outcome}"] += 1
                if label is None or carried.confidence < min_confidence:
                    counts["noisy_questions_dropped"] += 1
                    continue
            counts["noisy_questions"] += 1
            heard = dataclasses.replace(example, context=noisy.text, answers=())
            yield NoisyQuestion(heard, label, clean_copies + hearing)


def copy_id(unique_id: int, copy: int) -> int:
    """A signed 64-bit fingerprint of a copy of a window, given that of the window."""
    digest = hashlib.blake2b(f"{unique_id}\0{copy}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def noisy_examples(
    examples: Iterable[SquadExample], maker: NoiseMaker, copy: int = 0, counts: Counter[str] | None = None
) -> Iterator[SquadExample]:
    """Questions about noisy contexts, to be audited and scored like a data set of recognised speech.

    Args:
      examples: of clean text.
      maker: of the noise.
      copy: which hearing.
      counts: words, errors and answers are added to those of `NOISE_COUNTERS`.

    Yields:
      The same questions. A gold answer that came through is what is heard; one that did not keeps the words that were
      said, at an offset that does not fit: −1, or where something else is heard. An answer whose offset does not fit
      the clean text is kept as it is, at −1.
    """
    counts = Counter() if counts is None else counts
    clean, noisy = None, None
    for example in examples:
        if clean is not example.context:
            clean, noisy = example.context, maker.hear(example.context, copy)
            counts["noisy_words"] += len(noisy.spoken)
            counts["noisy_word_errors"] += noisy.word_errors
        answers = tuple(_gold(answer, example, noisy, counts) for answer in example.answers)
        yield dataclasses.replace(example, context=noisy.text, answers=answers, plausible_answers=())
        counts["noisy_questions"] += 1


def _gold(answer: Answer, example: SquadExample, noisy: NoisyContext, counts: Counter[str]) -> Answer:
    if not answer.fits(example.context):
        counts["answers_misaligned"] += 1
        return Answer(answer.text, -1)
    carried = noisy.carry(answer)
    counts[f"noisy_answers_{carried.outcome}"] += 1
    if carried.outcome == "exact":
        return carried.answer
    return Answer(carried.spoken or answer.text, -1 if carried.answer is None else carried.answer.start_char)


def _touches(word: SpokenWord | HeardWord, answer: Answer) -> bool:
    return word.start_char < answer.end_char and word.end_char > answer.start_char


def _edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(word, len(codes)) for word in other], np.int64)
    gaps = np.arange(len(other) + 1)
    row = gaps
    for word in one:
        best = row + 1
        np.minimum(best[1:], row[:-1] + (numbers != codes.get(word, -1)), out=best[1:])
        row = np.minimum.accumulate(best - gaps) + gaps  # gaps on the other side, in one sweep
    return int(row[-1])
