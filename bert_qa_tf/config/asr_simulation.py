"""Settings of simulated recognition errors."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config.checks import require


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

    wer: tuple[float, ...] = (0.3,)
    copies: int = 2
    answers: Literal["aligned", "exact"] = "aligned"
    clean_copies: int = 0
    min_confidence: float = 0.5
    sentence_stops: bool = True

    def __post_init__(self) -> None:
        require(
            len(self.wer) in (1, 2) and all(0.0 < wer <= 0.7 for wer in self.wer) and self.wer[0] <= self.wer[-1],
            f"asr_noise_wer must be a rate above 0 and at most 0.7, or two of them, the lower first, got "
            f"{','.join(map(str, self.wer))}",
        )
        require(1 <= self.copies <= 255, f"noise_copies must be 1 to 255, got {self.copies}")
        require(
            0 <= self.clean_copies <= 255 - self.copies,
            f"noise_clean_copies must be 0 to {255 - self.copies} beside {self.copies} simulated ones, got "
            f"{self.clean_copies}",
        )
        require(0.0 <= self.min_confidence <= 1.0, f"noise_min_confidence must be in [0, 1], got {self.min_confidence}")

    @property
    def num_copies(self) -> int:
        """Clean and simulated ones."""
        return self.clean_copies + self.copies

    @property
    def wer_range(self) -> tuple[float, float]:
        """The lowest and the highest word error rate."""
        return self.wer[0], self.wer[-1]
