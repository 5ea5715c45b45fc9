"""AdamW with BERT's warm-up, decay and no-decay list.

What goes in: an `OptimizerConfig` and the number of steps. What comes out: a Keras optimizer. Adding up the replicas'
gradients, and everything else of a step, is in `step.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from bert_qa_tf.config import OptimizerConfig
from bert_qa_tf.training import partial

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


@tf_keras.saving.register_keras_serializable(package="bert_qa_tf")
class LayerwiseAdamW(tf_keras.optimizers.AdamW):
    """AdamW whose learning rate, and with it the decoupled weight decay, shrinks from the head down to the embeddings.

    With L blocks: head and pooler take the learning rate itself, block i (from 0) takes it times decay^(L − i), the
    embeddings times decay^(L + 1). The method is ELECTRA's (arXiv:2003.10555); in its code every exponent but the
    head's is one higher. Gradients are clipped before that, all by the same factor.

    Args:
      learning_rate: a number or a schedule.
      layerwise_lr_decay: above 0, at most 1.
      **kwargs: passed to AdamW.
    """

    # What the learning rate is multiplied by while one variable is updated; 1 for anybody else who asks for it.
    _share = 1.0

    def __init__(self, learning_rate: Any = 0.001, layerwise_lr_decay: float = 1.0, **kwargs: Any) -> None:
        kwargs.setdefault("name", "LayerwiseAdamW")
        super().__init__(learning_rate, **kwargs)
        self.layerwise_lr_decay = layerwise_lr_decay
        # Not for checkpoints: it follows from the variables.
        self._shares: dict[str, float] = self._no_dependency({})

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Makes the slots of the variables that will be trained, and finds the layer of each."""
        if not self._shares:
            # By key: on a second replica a variable has another name. What is frozen is missing here, but the top block
            # only where no block is left.
            numbers = {self._var_key(variable): partial.layer_number(variable.name) for variable in var_list}
            above = 1 + max((number for number in numbers.values() if number is not None), default=0)
            self._shares.update(
                (key, 1.0 if number is None else self.layerwise_lr_decay ** (above - number))
                for key, number in numbers.items()
            )
        super().build(var_list)

    @tf_keras.optimizers.AdamW.learning_rate.getter
    def learning_rate(self) -> tf.Variable | tf.Tensor:
        """The learning rate, `<float32>[]`; within an update, that of the variable's layer."""
        rate = super().learning_rate
        return rate if self._share == 1.0 else rate * self._share

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Updates one variable: weight decay, then Adam, both with the learning rate of its layer."""
        self._share = self._shares[self._var_key(variable)]
        try:
            if self.weight_decay and self._use_weight_decay(variable):
                variable.assign_sub(variable * self.weight_decay * self.learning_rate)
            super().update_step(gradient, variable)
        finally:
            self._share = 1.0

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        # AdamW would decay all variables here, with one learning rate; `update_step` does it instead.
        del variables

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "layerwise_lr_decay": self.layerwise_lr_decay}


def build_optimizer(config: OptimizerConfig, total_steps: int, policy: str) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer; call it inside the strategy's scope.

    Args:
      config: its settings.
      total_steps: optimizer steps of the whole training.
      policy: the Keras policy; under `mixed_float16` the loss is scaled dynamically, or small gradients become 0.
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
        # XLA for the update alone fails where variables are mirrored, and gains nothing on a CPU.
        jit_compile=False,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
    if policy == "mixed_float16":
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer
