"""What becomes of a SQuAD-form file on its way to records."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config.checks import require
from bert_qa_tf.config.windowing import WindowingConfig


@dataclasses.dataclass(frozen=True)
class NoiseConfig:
    """Simulated recognition errors on training text.

    Attributes:
      wer: word error rate, above 0 and at most 0.7, as far as the simulator was fitted; or two, between which each
        paragraph's is drawn.
      copies: so many differently heard copies of each paragraph are made; an epoch of training takes one.
      answers: which questions are kept: those of whose answer enough is heard ("aligned"), or only those whose answer
        is heard as it was said ("exact").
      clean_copies: so many copies of the text as it is written come before the heard ones: training begins with them.
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
            f"noise_clean_copies must be 0 to {255 - self.copies} beside {self.copies} noisy ones, got "
            f"{self.clean_copies}",
        )

        require(0.0 <= self.min_confidence <= 1.0, f"noise_min_confidence must be in [0, 1], got {self.min_confidence}")

    @property
    def num_copies(self) -> int:
        """Clean and heard ones."""
        return self.clean_copies + self.copies

    @property
    def wer_range(self) -> tuple[float, float]:
        """The lowest and the highest word error rate."""
        return self.wer[0], self.wer[-1]


@dataclasses.dataclass(frozen=True)
class ConversionConfig:
    """Everything that decides the bytes of a conversion.

    Attributes:
      windowing: see `WindowingConfig`.
      num_shards: training shards.
      num_dev_shards: development shards.
      dev_fraction: share of the articles set aside for development, 0 for none.
      min_aligned_fraction: a file with a smaller share of questions whose answer offset fits is refused.
      relabel: "off", or "find" to search for the answers of a file that would be refused.
      windows_without_answer: label them `[CLS]` ("cls") or leave them out of training ("drop").
      version_2_with_negative: whether questions may have no answer.
      keep_decoding_features: store in training records, too, what only decoding needs.
      noise: recognition errors on training text; None for clean text.
      seed: decides the development articles, the order of the records and the noise.
    """

    windowing: WindowingConfig = WindowingConfig()
    num_shards: int = 8
    num_dev_shards: int = 1
    dev_fraction: float = 0.1
    min_aligned_fraction: float = 0.9
    relabel: Literal["off", "find"] = "off"
    windows_without_answer: Literal["cls", "drop"] = "cls"
    version_2_with_negative: bool = False
    keep_decoding_features: bool = False
    noise: NoiseConfig | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require(self.num_shards >= 1, f"num_shards must be at least 1, got {self.num_shards}")
        require(self.num_dev_shards >= 1, f"num_dev_shards must be at least 1, got {self.num_dev_shards}")
        require(0.0 <= self.dev_fraction < 1.0, f"dev_fraction must be in [0, 1), got {self.dev_fraction}")
        require(
            0.0 <= self.min_aligned_fraction <= 1.0,
            f"min_aligned_fraction must be in [0, 1], got {self.min_aligned_fraction}",
        )
