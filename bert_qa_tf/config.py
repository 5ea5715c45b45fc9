"""Frozen settings that check themselves, shared by the library and its commands.

What goes in: plain values. What comes out: dataclasses that the rest of the package takes as arguments. Flags are
turned into these by the entry points; nothing here reads a flag, a file or the environment.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, Literal

from bert_qa_tf.errors import InputError

# What `[CLS] question [SEP] context [SEP]` spends beside question and context.
NUM_SPECIAL_TOKENS = 3


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


@dataclasses.dataclass(frozen=True)
class WindowingConfig:
    """How a long context is cut into windows.

    Attributes:
      max_seq_length: the longest window in word pieces, question and special tokens included.
      doc_stride: the step between the starts of two windows, in word pieces (not their overlap).
      max_query_length: questions are cut to this many word pieces.
    """

    max_seq_length: int = 384
    doc_stride: int = 128
    max_query_length: int = 64

    def __post_init__(self) -> None:
        _require(self.max_query_length >= 1, f"max_query_length must be at least 1, got {self.max_query_length}")
        _require(self.doc_stride >= 1, f"doc_stride must be at least 1, got {self.doc_stride}")
        room = self.min_context_room
        _require(
            room >= 1,
            f"max_seq_length={self.max_seq_length} leaves no room for text after a question of "
            f"max_query_length={self.max_query_length} and {NUM_SPECIAL_TOKENS} special tokens",
        )
        # A step larger than the room would skip words between two windows: no window would ever see them.
        _require(
            self.doc_stride <= room,
            f"doc_stride={self.doc_stride} is larger than the room for text: max_seq_length={self.max_seq_length} less "
            f"max_query_length={self.max_query_length} less {NUM_SPECIAL_TOKENS} special tokens is {room}",
        )

    @property
    def min_context_room(self) -> int:
        """Word pieces of context that fit beside the longest question."""
        return self.max_seq_length - self.max_query_length - NUM_SPECIAL_TOKENS


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The architecture of a BERT encoder, as its source states it.

    `hidden_act` is "gelu" (exact, erf) or "gelu_tanh" (the tanh approximation): they differ by more than 1e-4 in the
    output, so it is never guessed. `has_pooler` is false for a source without the layer that makes `pooled_output`.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: Literal["gelu", "gelu_tanh", "relu"] = "gelu"
    layer_norm_epsilon: float = 1e-12
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    has_pooler: bool = True

    def __post_init__(self) -> None:
        for name in ("vocab_size", "hidden_size", "num_layers", "num_attention_heads", "intermediate_size"):
            _require(getattr(self, name) >= 1, f"encoder config: {name} must be at least 1, got {getattr(self, name)}")
        _require(
            self.hidden_size % self.num_attention_heads == 0,
            f"encoder config: hidden_size={self.hidden_size} is no multiple of "
            f"num_attention_heads={self.num_attention_heads}",
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; `EncoderConfig(**d)` gives the same config back."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How start and end logits become an answer (the rules of BERT's `run_squad`).

    Attributes:
      n_best_size: candidates kept per window and per question.
      max_answer_length: longest answer in word pieces.
      version_2_with_negative: whether "" may win (SQuAD 2.0).
      null_score_diff_threshold: "" wins when null score − best non-null score is greater than this.
    """

    n_best_size: int = 20
    max_answer_length: int = 30
    version_2_with_negative: bool = False
    null_score_diff_threshold: float = 0.0

    def __post_init__(self) -> None:
        _require(self.n_best_size >= 1, f"n_best_size must be at least 1, got {self.n_best_size}")
        _require(self.max_answer_length >= 1, f"max_answer_length must be at least 1, got {self.max_answer_length}")


@dataclasses.dataclass(frozen=True)
class CleaningConfig:
    """What is taken out of a transcript before it is asked; see `speech/cleaning.py`.

    Only what shortens names as well ("Duran Duran") is left in by default.

    Attributes:
      speaker_labels: "SPEAKER_00:", "John:", ">>", and a dash where a line begins.
      time_stamps: "[00:12:31]", "(12:31)".
      sound_notes: "[Music]", "(laughter)".
      fillers: "um", "uh", "erm".
      repeats: words and short phrases said twice in a row, but for numbers and spelled letters.
      invisible: soft hyphens and characters of no width.
    """

    speaker_labels: bool = True
    time_stamps: bool = True
    sound_notes: bool = True
    fillers: bool = True
    repeats: bool = False
    invisible: bool = True

    @classmethod
    def of(cls, names: Sequence[str]) -> CleaningConfig:
        """The rules of these names alone; ("all",) or ("none",) for all or none of them.

        Raises:
          InputError: there is no such rule.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in names:
            _require(
                name in known or (name in ("all", "none") and len(names) == 1),
                f"expected all, none or rules of {', '.join(known)} to clean a transcript, got {name!r}",
            )
        return cls(**{name: name in names or "all" in names for name in known})

    @property
    def names(self) -> tuple[str, ...]:
        """The rules that are on."""
        return tuple(name for name, is_on in vars(self).items() if is_on)


@dataclasses.dataclass(frozen=True)
class NoiseConfig:
    """Simulated recognition errors on training text.

    Attributes:
      wer: word error rate, above 0 and at most 0.7, as far as the simulator was fitted; or two, between which each
        paragraph's is drawn.
      copies: so many differently heard copies of each paragraph are made; an epoch of training takes one.
      answers: which questions are kept: those of whose answer something is heard ("aligned"), or only those whose
        answer is heard as it was said ("exact").
    """

    wer: tuple[float, ...] = (0.3,)
    copies: int = 2
    answers: Literal["aligned", "exact"] = "aligned"

    def __post_init__(self) -> None:
        _require(
            len(self.wer) in (1, 2) and all(0.0 < wer <= 0.7 for wer in self.wer) and self.wer[0] <= self.wer[-1],
            f"asr_noise_wer must be a rate above 0 and at most 0.7, or two of them, the lower first, got "
            f"{','.join(map(str, self.wer))}",
        )
        _require(1 <= self.copies <= 255, f"noise_copies must be 1 to 255, got {self.copies}")

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
        _require(self.num_shards >= 1, f"num_shards must be at least 1, got {self.num_shards}")
        _require(self.num_dev_shards >= 1, f"num_dev_shards must be at least 1, got {self.num_dev_shards}")
        _require(0.0 <= self.dev_fraction < 1.0, f"dev_fraction must be in [0, 1), got {self.dev_fraction}")
        _require(
            0.0 <= self.min_aligned_fraction <= 1.0,
            f"min_aligned_fraction must be in [0, 1], got {self.min_aligned_fraction}",
        )


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with a linear warm-up and a linear decay to zero (BERT's recipe).

    Attributes:
      learning_rate: the peak, reached at the end of the warm-up.
      warmup_proportion: share of all steps spent warming up.
      warmup_steps: that many steps instead; None for the share.
      weight_decay_rate: decoupled decay, of everything but biases and layer norms.
      adam_beta_1, adam_beta_2, adam_epsilon: as in Adam.
      clip_norm: largest global gradient norm, after adding up the replicas; 0 for no clipping.
      layerwise_lr_decay: each layer's learning rate is this times that of the layer above it; the head's (and the
        pooler's) is `learning_rate`. 1 for the same rate everywhere.
    """

    learning_rate: float = 3e-5
    warmup_proportion: float = 0.1
    warmup_steps: int | None = None
    weight_decay_rate: float = 0.01
    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_epsilon: float = 1e-6
    clip_norm: float = 1.0
    layerwise_lr_decay: float = 1.0

    def __post_init__(self) -> None:
        _require(self.learning_rate > 0, f"learning_rate must be above 0, got {self.learning_rate}")
        _require(0 <= self.warmup_proportion < 1, f"warmup_proportion must be in [0, 1), got {self.warmup_proportion}")
        _require(
            self.warmup_steps is None or self.warmup_steps >= 0,
            f"warmup_steps must be 0 or more, got {self.warmup_steps}",
        )
        _require(self.clip_norm >= 0, f"clip_norm must be 0 or more, got {self.clip_norm}")
        _require(
            0 < self.layerwise_lr_decay <= 1,
            f"layerwise_lr_decay must be above 0 and at most 1, got {self.layerwise_lr_decay}",
        )


@dataclasses.dataclass(frozen=True)
class RuntimeConfig:
    """Where and in which precision training runs; none of it changes what is computed beyond rounding.

    Attributes:
      distribution_strategy: "one_device", "mirrored" (all GPUs of a machine), "multi_worker_mirrored" (machines named
        by TF_CONFIG) or "tpu".
      mixed_precision: a Keras policy name, or "auto".
      tpu: which TPU: "local", a name or an address.
      all_reduce: how several machines add up their gradients: "ring", "nccl", or TensorFlow's choice.
      jit_compile: compile each replica's loss and gradients with XLA; on a TPU everything is compiled anyway.
      graph_rewrite: let TensorFlow rewrite the graph of a wrapped encoder to bfloat16, on CPUs.
      deterministic: the same bits again from the same command, on one machine and number of threads; slower.
      allow_float32_encoder: train even where a half-precision policy does not reach the encoder's matrix products.
    """

    distribution_strategy: Literal["one_device", "mirrored", "multi_worker_mirrored", "tpu"] = "one_device"
    mixed_precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    tpu: str = "local"
    all_reduce: Literal["auto", "ring", "nccl"] = "auto"
    jit_compile: bool = False
    graph_rewrite: bool = False
    deterministic: bool = False
    allow_float32_encoder: bool = False


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One training, from records to a run directory.

    Attributes:
      train_dir: a conversion.
      model_dir: the run directory.
      encoder_handle: where the encoder comes from.
      encoder_mode: "rebuild" reads its weights into an encoder built here; "wrap" keeps a TF-Hub module as it is.
      init_checkpoint: a run directory to start from, instead of the pretrained weights and a fresh head.
      freeze_layers: 0 trains the whole encoder; N keeps its embeddings and its first N transformer blocks as they
        are; -1 keeps the embeddings alone.
      optimizer: see `OptimizerConfig`.
      runtime: see `RuntimeConfig`.
      decoding: how development questions are answered.
      global_batch_size: windows per optimizer step over all replicas and micro-batches.
      gradient_accumulation_steps: micro-batches that each replica takes one after the other.
      steps_per_loop: at most so many steps, of one bucket, in one call of the device.
      num_train_epochs: passes over the training windows; where these come in copies, each over the next copy.
      max_train_steps: stop after this many steps, and decay the learning rate to there; None for no limit.
      max_train_examples: train on the first so many windows of the shuffled order only, of each copy; None for all.
      length_buckets: at most this many static shapes, chosen for the lengths of the windows; or the lengths themselves,
        ascending.
      early_stopping_patience: stop after so many evaluations without a better score; 0 for never.
      max_hours: stop after so many hours of training, those of earlier processes included; None for no limit.
      profile_steps: first and last step to profile for TensorBoard; None for no profile.
      save_checkpoints_steps: steps between checkpoints.
      keep_checkpoint_max: checkpoints kept.
      log_steps: steps between progress lines.
      eval_batch_size: windows per call on the development split.
      seed: of the head's first weights, the order of the data and dropout.
      overwrite: start anew in a run directory that holds another training.
    """

    train_dir: str
    model_dir: str
    encoder_handle: str
    encoder_mode: Literal["rebuild", "wrap"] = "rebuild"
    init_checkpoint: str | None = None
    freeze_layers: int = 0
    optimizer: OptimizerConfig = OptimizerConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    decoding: DecodingConfig = DecodingConfig()
    global_batch_size: int = 32
    gradient_accumulation_steps: int = 1
    steps_per_loop: int = 1
    num_train_epochs: int = 2
    max_train_steps: int | None = None
    max_train_examples: int | None = None
    length_buckets: int | tuple[int, ...] = 8
    early_stopping_patience: int = 0
    max_hours: float | None = None
    profile_steps: tuple[int, int] | None = None
    save_checkpoints_steps: int = 500
    keep_checkpoint_max: int = 2
    log_steps: int = 50
    eval_batch_size: int = 32
    seed: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in (
            "global_batch_size",
            "gradient_accumulation_steps",
            "steps_per_loop",
            "num_train_epochs",
            "log_steps",
            "eval_batch_size",
            "save_checkpoints_steps",
            "keep_checkpoint_max",
        ):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, got {getattr(self, name)}")
        buckets = self.length_buckets if isinstance(self.length_buckets, tuple) else (self.length_buckets,)
        _require(
            bool(buckets) and buckets[0] >= 1 and all(a < b for a, b in itertools.pairwise(buckets)),
            f"length_buckets must be a number of at least 1, or ascending lengths, got {self.length_buckets}",
        )
        for name in ("max_train_steps", "max_train_examples"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name} must be at least 1, got {value}")
        _require(
            self.early_stopping_patience >= 0,
            f"early_stopping_patience must be 0 or more, got {self.early_stopping_patience}",
        )
        _require(self.max_hours is None or self.max_hours > 0, f"max_hours must be above 0, got {self.max_hours}")
        if self.profile_steps is not None:
            first, last = self.profile_steps
            _require(0 <= first < last, f"profile_steps must be two steps, the later one last, got {first},{last}")
        _require(
            self.freeze_layers >= -1,
            f"freeze_layers must be -1 (the embeddings), 0 (nothing) or a number of blocks, got {self.freeze_layers}",
        )


@dataclasses.dataclass(frozen=True)
class RecognizerConfig:
    """Which recogniser, and how.

    Attributes:
      name: of the recogniser.
      search: how thoroughly pocketsphinx searches.
      whisper_model: of faster_whisper: a name or a folder.
      language: that faster_whisper is to expect.
    """

    name: Literal["pocketsphinx", "faster_whisper"] = "pocketsphinx"
    search: Literal["fast", "full"] = "full"
    whisper_model: str = "base.en"
    language: str = "en"


@dataclasses.dataclass(frozen=True)
class SpokenTextConfig:
    """How a file of something spoken becomes a text to ask about.

    Attributes:
      file_format: of transcripts; None recognises it.
      recording: of transcripts that hold several.
      cleaning: what is taken out of the text.
      recognizer: of recordings.
      num_processes: that recognise; 0 for as many as suit the recogniser.
    """

    file_format: str | None = None
    recording: str | None = None
    cleaning: CleaningConfig = CleaningConfig()
    recognizer: RecognizerConfig = RecognizerConfig()
    num_processes: int = 0


@dataclasses.dataclass(frozen=True)
class HearingConfig:
    """How a text is read aloud and recognised.

    Attributes:
      voice: of flite.
      speech_command: another program to speak with (see `speech.synthesizer.CommandSynthesizer`); None for flite.
      recognizer: see `RecognizerConfig`.
      seed: of the noise.
    """

    voice: str = "slt"
    speech_command: str | None = None
    recognizer: RecognizerConfig = RecognizerConfig(search="fast")
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class SpokenConfig:
    """How a SQuAD-form file becomes a spoken one.

    Attributes:
      hearing: see `HearingConfig`.
      noise_volumes: of the white noise, 0 to 1 of full scale; paragraphs take them in turn.
      unplaced: what becomes of a question none of whose answers was found in the transcript: "drop" leaves it out, for
        training; "keep" keeps every question, with the answer as it was said, for scoring.
      min_confidence: answers whose letters were heard less well than this, 0 to 1, count as lost.
      sentence_stops: whether a full stop ends what was heard of each sentence, as in Spoken-SQuAD.
    """

    hearing: HearingConfig = HearingConfig()
    noise_volumes: tuple[float, ...] = (0.0,)
    unplaced: Literal["drop", "keep"] = "drop"
    min_confidence: float = 0.5
    sentence_stops: bool = True

    def __post_init__(self) -> None:
        _require(bool(self.noise_volumes), "noise_volumes is empty, expected at least one volume")
        for volume in self.noise_volumes:
            _require(0.0 <= volume <= 1.0, f"noise_volume must be between 0 and 1, got {volume}")
        _require(
            0.0 <= self.min_confidence <= 1.0, f"min_confidence must be between 0 and 1, got {self.min_confidence}"
        )
