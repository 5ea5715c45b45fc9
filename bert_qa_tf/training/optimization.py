"""Builds the optimizer: AdamW with BERT's warm-up, linear decay and exclusions from weight decay.

`step.py` sums the gradients of the replicas and does the rest of a training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from bert_qa_tf.config import OptimizerConfig
from bert_qa_tf.training import partial

# BERT applies no weight decay to biases and layer norms (google-research/bert, optimization.py).
NO_DECAY = ("layer_norm", "LayerNorm", "bias")


class WarmupLinearDecay(tf_keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to its peak during the warm-up and then falls linearly to 0 at the last step.

    The schedule reaches the peak, as in the PyTorch recipes that most results are reported with. BERT's own schedule
    decays from step 0 on and so never quite reaches it.

    Args:
      learning_rate: the peak.
      warmup_steps: the number of steps before the peak.
      total_steps: the number of steps until the learning rate is 0.
    """

    def __init__(self, learning_rate: float, warmup_steps: int, total_steps: int) -> None:
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """Returns the learning rate, `<float32>[]`, for optimizer step `step`, counted from 0."""
        step = tf.cast(step, tf.float32)
        rising = step / max(self.warmup_steps, 1)
        falling = (self.total_steps - step) / max(self.total_steps - self.warmup_steps, 1)
        return self.learning_rate * tf.maximum(tf.minimum(rising, falling) if self.warmup_steps else falling, 0.0)

    def get_config(self) -> dict[str, float | int]:
        """Returns the constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


@tf_keras.saving.register_keras_serializable(package="bert_qa_tf")
class LayerwiseAdamW(tf_keras.optimizers.AdamW):
    """AdamW with a learning rate that decreases from the head down to the embeddings (layer-wise decay).

    With L blocks, the head and the pooler have the full learning rate, block i (counted from 0) has it times
    decay^(L − i), and the embeddings have it times decay^(L + 1). The decoupled weight decay is scaled in the same way.
    The method is ELECTRA's (arXiv:2003.10555); in its code every exponent but the head's is one higher. Before this,
    gradients are clipped, all by the same factor.

    Args:
      learning_rate: a number or a schedule.
      layerwise_lr_decay: the decay from one layer to the next; above 0, at most 1.
      **kwargs: passed to AdamW.
    """

    # The factor of the learning rate while a variable is updated; 1 outside of updates.
    _share = 1.0

    def __init__(self, learning_rate: Any = 0.001, layerwise_lr_decay: float = 1.0, **kwargs: Any) -> None:
        kwargs.setdefault("name", "LayerwiseAdamW")
        super().__init__(learning_rate, **kwargs)
        self.layerwise_lr_decay = layerwise_lr_decay
        # Not stored in checkpoints, because it is computed from the variables.
        self._shares: dict[str, float] = self._no_dependency({})

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Creates the slots of the trained variables and finds the layer of each variable."""
        if not self._shares:
            # Variables are looked up by key, because a variable has another name on a second replica. Frozen variables
            # are missing here. The lowest blocks are frozen first, so the top block is missing only if all blocks are.
            numbers = {self._var_key(variable): partial.layer_number(variable.name) for variable in var_list}
            above = 1 + max((number for number in numbers.values() if number is not None), default=0)
            self._shares.update(
                (key, 1.0 if number is None else self.layerwise_lr_decay ** (above - number))
                for key, number in numbers.items()
            )
        super().build(var_list)

    @tf_keras.optimizers.AdamW.learning_rate.getter
    def learning_rate(self) -> tf.Variable | tf.Tensor:
        """The learning rate, `<float32>[]`; during an update, the learning rate of the variable's layer."""
        rate = super().learning_rate
        return rate if self._share == 1.0 else rate * self._share

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Updates one variable with weight decay and then Adam, both with the learning rate of its layer."""
        self._share = self._shares[self._var_key(variable)]
        try:
            if self.weight_decay and self._use_weight_decay(variable):
                variable.assign_sub(variable * self.weight_decay * self.learning_rate)
            super().update_step(gradient, variable)
        finally:
            self._share = 1.0

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        # AdamW would decay all variables here with the same learning rate; `update_step` does it instead.
        del variables

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "layerwise_lr_decay": self.layerwise_lr_decay}


def build_optimizer(config: OptimizerConfig, total_steps: int, policy: str) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer; call it inside the strategy's scope.

    Args:
      config: the optimizer's settings.
      total_steps: the number of optimizer steps of the whole training.
      policy: the Keras policy. Under `mixed_float16` the loss is scaled dynamically, so that small gradients do not
        become 0.
    """
    warmup_steps = config.warmup_steps
    if warmup_steps is None:
        warmup_steps = round(total_steps * config.warmup_proportion)
    schedule = WarmupLinearDecay(config.learning_rate, min(warmup_steps, total_steps), total_steps)
    kind, arguments = tf_keras.optimizers.AdamW, {}
    if config.layerwise_lr_decay != 1.0:
        kind, arguments = LayerwiseAdamW, {"layerwise_lr_decay": config.layerwise_lr_decay}
    optimizer = kind(
        schedule,
        **arguments,
        weight_decay=config.weight_decay_rate,
        beta_1=config.adam_beta_1,
        beta_2=config.adam_beta_2,
        epsilon=config.adam_epsilon,
        global_clipnorm=config.clip_norm or None,
        # Compiling only the update with XLA fails for mirrored variables, and is no faster on a CPU.
        jit_compile=False,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
    if policy == "mixed_float16":
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer
