"""Settings of training: data, steps, optimizer and hardware."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, Literal

from bert_qa_tf.config.checks import require, require_finite, require_seed


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The settings of AdamW with a linear warm-up and a linear decay to zero (BERT's recipe).

    Attributes:
      learning_rate: the peak, reached at the end of the warm-up.
      warmup_proportion: the share of all steps that are warm-up steps.
      warmup_steps: the number of warm-up steps; None to use the share.
      weight_decay_rate: decoupled weight decay of everything except biases and layer norms.
      adam_beta_1, adam_beta_2, adam_epsilon: as in Adam.
      clip_norm: the largest global gradient norm, after the replicas' gradients are summed; 0 for no clipping.
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
        require_finite(self)
        require(self.learning_rate > 0, f"learning_rate must be above 0, got {self.learning_rate}")
        require(0 <= self.warmup_proportion < 1, f"warmup_proportion must be in [0, 1), got {self.warmup_proportion}")
        require(
            self.warmup_steps is None or self.warmup_steps >= 0,
            f"warmup_steps must be 0 or more, got {self.warmup_steps}",
        )
        require(self.weight_decay_rate >= 0, f"weight_decay_rate must be 0 or more, got {self.weight_decay_rate}")
        for name in ("adam_beta_1", "adam_beta_2"):
            require(0 <= getattr(self, name) < 1, f"{name} must be in [0, 1), got {getattr(self, name)}")
        require(self.adam_epsilon > 0, f"adam_epsilon must be above 0, got {self.adam_epsilon}")
        require(self.clip_norm >= 0, f"clip_norm must be 0 or more, got {self.clip_norm}")
        require(
            0 < self.layerwise_lr_decay <= 1,
            f"layerwise_lr_decay must be above 0 and at most 1, got {self.layerwise_lr_decay}",
        )


@dataclasses.dataclass(frozen=True)
class RuntimeConfig:
    """Where and in which precision training runs; these settings change results only by rounding.

    Attributes:
      distribution_strategy: "one_device", "mirrored" (all GPUs of a machine), "multi_worker_mirrored" (machines named
        by TF_CONFIG) or "tpu".
      mixed_precision: a Keras policy name, or "auto".
      tpu: the TPU: "local", a name or an address.
      all_reduce: how several machines sum their gradients: "ring", "nccl", or "auto" for TensorFlow's choice.
      jit_compile: whether to compile each replica's loss and gradients with XLA; on a TPU everything is compiled.
      graph_rewrite: whether TensorFlow rewrites the graph of a wrapped encoder to bfloat16, on CPUs.
      deterministic: whether the same command gives the same bits on one machine with one number of threads; slower.
      allow_float32_encoder: whether to train even if a half-precision policy does not affect the encoder's matrix
        products.
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
    """The settings of one training, from records to a run directory.

    Attributes:
      train_dir: the folder of the conversion.
      model_dir: the run directory.
      encoder_handle: where the encoder comes from.
      encoder_mode: "rebuild" loads its weights into an encoder built here; "wrap" uses a TF-Hub module as it is.
      init_checkpoint: a run directory to start from, instead of the pretrained weights and a new head.
      freeze_layers: 0 trains the whole encoder; N freezes its embeddings and its first N transformer blocks; -1 freezes
        only the embeddings.
      optimizer: see `OptimizerConfig`.
      runtime: see `RuntimeConfig`.
      task_options: option of the task's `training_config` → value, for those that differ from the default.
      global_batch_size: windows per optimizer step over all replicas and micro-batches.
      gradient_accumulation_steps: the number of micro-batches that each replica processes per step.
      steps_per_loop: the most steps, all of one bucket, in one call of the device.
      num_train_epochs: passes over the training windows; if these come in copies, each pass is over the next copy.
      max_train_steps: stop after this many steps, and decay the learning rate to there; None for no limit.
      max_train_examples: train on only this many windows of each copy, the first in shuffled order; None for all.
      length_buckets: the most static shapes, which are chosen for the lengths of the windows; or the lengths
        themselves, ascending.
      early_stopping_patience: stop after this many evaluations without a better score; 0 for never.
      max_hours: stop after this many hours of training, including those of earlier processes; None for no limit.
      profile_steps: first and last step to profile for TensorBoard; None for no profile.
      save_checkpoints_steps: steps between checkpoints.
      keep_checkpoint_max: checkpoints kept.
      log_steps: steps between progress lines.
      eval_batch_size: windows per call on the development split.
      seed: the seed of the head's initial weights, the order of the data and dropout.
      overwrite: whether to start again from the beginning in a run directory that holds another training.
    """

    train_dir: str
    model_dir: str
    encoder_handle: str
    encoder_mode: Literal["rebuild", "wrap"] = "rebuild"
    init_checkpoint: str | None = None
    freeze_layers: int = 0
    optimizer: OptimizerConfig = OptimizerConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    task_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
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
        require_finite(self)
        require_seed(self.seed)
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
            require(getattr(self, name) >= 1, f"{name} must be at least 1, got {getattr(self, name)}")
        buckets = self.length_buckets if isinstance(self.length_buckets, tuple) else (self.length_buckets,)
        require(
            bool(buckets) and buckets[0] >= 1 and all(a < b for a, b in itertools.pairwise(buckets)),
            f"length_buckets must be a number of at least 1, or ascending lengths, got {self.length_buckets}",
        )
        for name in ("max_train_steps", "max_train_examples"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{name} must be at least 1, got {value}")
        require(
            self.early_stopping_patience >= 0,
            f"early_stopping_patience must be 0 or more, got {self.early_stopping_patience}",
        )
        require(self.max_hours is None or self.max_hours > 0, f"max_hours must be above 0, got {self.max_hours}")
        if self.profile_steps is not None:
            first, last = self.profile_steps
            require(0 <= first < last, f"profile_steps must be two steps, the later one last, got {first},{last}")
        require(
            self.freeze_layers >= -1,
            f"freeze_layers must be -1 (the embeddings), 0 (nothing) or a number of blocks, got {self.freeze_layers}",
        )
