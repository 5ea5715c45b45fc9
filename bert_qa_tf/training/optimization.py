"""AdamW with BERT's warm-up, decay and no-decay list.

What goes in: an `OptimizerConfig` and the number of steps. What comes out: a Keras optimizer. Adding up the replicas'
gradients, and everything else of a step, is in `step.py`.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from bert_qa_tf.config import OptimizerConfig

# BERT decays neither biases nor layer norms (google-research/bert, optimization.py).
NO_DECAY = ("layer_norm", "LayerNorm", "bias")


class WarmupLinearDecay(tf_keras.optimizers.schedules.LearningRateSchedule):
    """0 → peak over the warm-up, then peak → 0 at the last step, both linear.

    The peak is reached, as in the PyTorch recipes that most results are reported with; BERT's own schedule decays from
    step 0 on and so never quite gets there.

    Args:
      learning_rate: the peak.
      warmup_steps: steps before it.
      total_steps: steps until 0.
    """

    def __init__(self, learning_rate: float, warmup_steps: int, total_steps: int) -> None:
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """The learning rate, `<float32>[]`, for optimizer step `step`, counted from 0."""
        step = tf.cast(step, tf.float32)
        rising = step / max(self.warmup_steps, 1)
        falling = (self.total_steps - step) / max(self.total_steps - self.warmup_steps, 1)
        return self.learning_rate * tf.maximum(tf.minimum(rising, falling) if self.warmup_steps else falling, 0.0)

    def get_config(self) -> dict[str, float | int]:
        """The constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


def build_optimizer(config: OptimizerConfig, total_steps: int, policy: str) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer; call it inside the strategy's scope.

    Args:
      config: its settings.
      total_steps: optimizer steps of the whole training.
      policy: the Keras policy; under `mixed_float16` the loss is scaled dynamically, or small gradients become 0.
    """
    schedule = WarmupLinearDecay(config.learning_rate, round(total_steps * config.warmup_proportion), total_steps)
    optimizer = tf_keras.optimizers.AdamW(
        schedule,
        weight_decay=config.weight_decay_rate,
        beta_1=config.adam_beta_1,
        beta_2=config.adam_beta_2,
        epsilon=config.adam_epsilon,
        global_clipnorm=config.clip_norm or None,
        # XLA for the update alone fails where variables are mirrored, and gains nothing on a CPU.
        jit_compile=False,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
    if policy == "mixed_float16":
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer
