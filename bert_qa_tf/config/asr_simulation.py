"""Settings of simulated recognition errors."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config.checks import require
from bert_qa_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class AsrSimulationConfig:
    """Simulated recognition errors in training text.

    Attributes:
      wer: word error rate, above 0 and at most 0.7, as far as the simulator was fitted; or two, between which each
        paragraph's is drawn.
      copies: number of simulated copies of each paragraph, each with other errors; an epoch of training takes one.
      answers: which questions are kept. "aligned": those of whose answer enough is heard. "exact": only those whose
        answer is heard as it was said.
      clean_copies: so many copies of the text as it is written come before the simulated ones; training begins with
        them.
      min_confidence: questions of whose answer less than this share of the letters is heard, 0 to 1, are dropped.
      sentence_stops: whether a full stop ends what is heard of each sentence, as in Spoken-SQuAD.
    """

    wer: tuple[float, ...] = option(
        text="Put the errors of a speech recogniser into the training text: the share of wrong words, as 0.3; or a "
        "lowest and a highest share that each paragraph's is drawn between, as 0.1,0.4. It is that of encyclopedic "
        "text: with plainer words fewer are wrong, with more names more; the summary says how many. What is set aside "
        "stays clean.",
        flag="simulate_wer",
        expected="a share of the words, as 0.3, or two, as 0.1,0.4",
    )
    copies: int = option(
        2,
        "With --simulate_wer: simulate each paragraph so many times, each time with other errors; training takes one "
        "copy an epoch.",
        flag="simulate_copies",
    )
    answers: Literal["aligned", "exact"] = option(
        "aligned",
        "With --simulate_wer: label what is heard in the answer's place (aligned), or leave out questions whose answer "
        "is not heard as it was said (exact).",
        flag="simulate_answers",
    )
    clean_copies: int = option(
        0,
        "With --simulate_wer: so many copies of the text as it is written come before the simulated ones, so that "
        "training begins with as many epochs of clean text.",
        flag="simulate_clean_copies",
    )
    min_confidence: float = option(
        0.5,
        "With --simulate_wer: leave out questions of whose answer less than this share (0 to 1) of the letters is "
        "heard, as make_spoken does.",
        flag="simulate_min_confidence",
    )
    sentence_stops: bool = option(
        True,
        "With --simulate_wer: end what is heard of each sentence with a full stop, as Spoken-SQuAD does.",
        flag="simulate_sentence_stops",
    )

    def __post_init__(self) -> None:
        require(
            len(self.wer) in (1, 2) and all(0.0 < wer <= 0.7 for wer in self.wer) and self.wer[0] <= self.wer[-1],
            f"simulate_wer must be a rate above 0 and at most 0.7, or two of them, the lower first, got "
            f"{','.join(map(str, self.wer))}",
        )
        require(1 <= self.copies <= 255, f"simulate_copies must be 1 to 255, got {self.copies}")
        require(
            0 <= self.clean_copies <= 255 - self.copies,
            f"simulate_clean_copies must be 0 to {255 - self.copies} beside {self.copies} simulated ones, got "
            f"{self.clean_copies}",
        )
        require(
            0.0 <= self.min_confidence <= 1.0, f"simulate_min_confidence must be in [0, 1], got {self.min_confidence}"
        )

    @property
    def num_copies(self) -> int:
        """Clean and simulated ones."""
        return self.clean_copies + self.copies

    @property
    def wer_range(self) -> tuple[float, float]:
        """The lowest and the highest word error rate."""
        return self.wer[0], self.wer[-1]
