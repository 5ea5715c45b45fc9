"""Settings of simulated recognition errors."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config.checks import require, require_finite
from bert_qa_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class AsrSimulationConfig:
    """Simulated recognition errors in training text.

    Attributes:
      wer: the word error rate, above 0 and at most 0.7, the range that the simulator was fitted for; or two rates,
        between which the rate of each paragraph is drawn.
      copies: the number of simulated copies of each paragraph, each with other errors; an epoch of training uses one.
      answers: which questions are kept. "aligned": those of whose answer enough is heard. "exact": only those whose
        answer is heard as it was said.
      clean_copies: the number of error-free copies that come before the simulated ones; training begins with them.
      min_confidence: a question is dropped if less than this share (0 to 1) of its answer's letters is heard.
      sentence_stops: whether each simulated sentence ends with a full stop, as in Spoken-SQuAD.
    """

    wer: tuple[float, ...] = option(
        text="Simulate speech recognition errors in the training text. The value is a word error rate, such as 0.3, or "
        "a range from which each paragraph's rate is drawn, such as 0.1,0.4. The rate is that of encyclopedic text: "
        "simpler text gets fewer errors, text with many names gets more, and the summary states the actual rate. "
        "Development data stays clean.",
        flag="simulate_wer",
        expected="a share of the words, as 0.3, or two, as 0.1,0.4",
    )
    copies: int = option(
        2,
        "With --simulate_wer: number of simulated copies of each paragraph, each with other errors; training uses one "
        "copy per epoch.",
        flag="simulate_copies",
    )
    answers: Literal["aligned", "exact"] = option(
        "aligned",
        "With --simulate_wer: label the words that are heard in place of the answer (aligned), or leave out questions "
        "whose answer is not heard as it was said (exact).",
        flag="simulate_answers",
    )
    clean_copies: int = option(
        0,
        "With --simulate_wer: number of error-free copies of the text before the simulated ones, so that training "
        "begins with as many epochs of clean text.",
        flag="simulate_clean_copies",
    )
    min_confidence: float = option(
        0.5,
        "With --simulate_wer: leave out a question if less than this share (0 to 1) of its answer's letters is heard, "
        "as make_spoken does.",
        flag="simulate_min_confidence",
    )
    sentence_stops: bool = option(
        True,
        "With --simulate_wer: put a full stop after each simulated sentence, as in Spoken-SQuAD.",
        flag="simulate_sentence_stops",
    )

    def __post_init__(self) -> None:
        require_finite(self)
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
        """The number of copies, clean and simulated."""
        return self.clean_copies + self.copies

    @property
    def wer_range(self) -> tuple[float, float]:
        """The lowest and the highest word error rate."""
        return self.wer[0], self.wer[-1]
