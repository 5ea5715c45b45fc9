"""Runs one optimizer step over all replicas, or several steps in one call of the device.

The input is global batches of NumPy arrays, and the results are each step's loss and gradient norm, still on the
device. A step's loss is Σ weight · loss / Σ weight over the whole global batch, for any number of replicas and
micro-batches, and also for a batch with filler rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders import dropout
from bert_qa_tf.records.batches import WEIGHTS

# Maps model outputs and a batch to the loss of each example, <float32>[batch].
LossFunction = Callable[[Mapping[str, tf.Tensor], Mapping[str, tf.Tensor]], tf.Tensor]
# Values that are added to each batch, one number for all its rows.
_TOTAL_WEIGHT, _STEP, _STOP = "total_weight", "step", "stop"
_SCALARS = (_TOTAL_WEIGHT, _STEP, _STOP)


@dataclasses.dataclass(frozen=True)
class StepOptions:
    """How a step is computed. Except for `seed`, the options change results only by rounding.

    Attributes:
      seed: the seed of dropout. A step's masks depend only on it, the step's number, the replica and the micro-batch.
      accumulation_steps: the number of micro-batches that each replica's rows are split into and that run in sequence.
      steps_per_call: the largest number of steps in one call of the device.
      jit_compile: whether to compile each replica's loss and gradients with XLA. (On a TPU the whole step is always
        compiled.)
    """

    seed: int = 0
    accumulation_steps: int = 1
    steps_per_call: int = 1
    jit_compile: bool = False


class TrainStep:
    """Runs the forward and backward pass on every replica and applies one update.

    Args:
      strategy: the strategy that holds the model's variables.
      model: a model that takes a dict of inputs.
      optimizer: the optimizer, from `optimization.build_optimizer`.
      loss_function: computes the loss of each example.
      input_names: the fields of a batch that the model takes.
      options: see `StepOptions`.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        loss_function: LossFunction,
        input_names: tuple[str, ...],
        options: StepOptions = StepOptions(),
    ) -> None:
        self._strategy = strategy
        self._model = model
        self._optimizer = optimizer
        self._loss_function = loss_function
        self._input_names = input_names
        self._options = options
        self._scaled = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        dropout.use_seeds(model)
        with strategy.scope():
            # Slot variables are created now and not in the first traced step, so that a checkpoint can be restored.
            optimizer.build(model.trainable_variables)
        # There is one graph for each bucket, because the shapes of a batch are static.
        self._graphs: dict[tuple[tuple[int, ...], ...], tf.types.experimental.ConcreteFunction] = {}

    def __call__(
        self, batches: Sequence[Mapping[str, np.ndarray]], first_step: int, *, stop: bool = False
    ) -> dict[str, tf.Tensor]:
        """Takes one step for each batch.

        Args:
          batches: at most `steps_per_call` batches with the same shapes: `<dtype>[global_batch, …]` by name, including
            `example_weights`.
          first_step: the number of the first of these steps, counted from 0.
          stop: whether this process was asked to stop.

        Returns:
          `loss` and `gradient_norm` (before clipping), `<float32>[len(batches)]`; `stop`, the number of replicas whose
          process was asked to stop, so that all processes know; and with a scaled loss, `loss_scale` after each step.
        """
        inputs = self._distribute(batches, first_step, stop)
        outputs = self._graph(batches[0], inputs)(inputs, tf.constant(len(batches)))
        return {name: value[: len(batches)] for name, value in outputs.items()}

    def trace(self, batch: Mapping[str, np.ndarray]) -> tf.types.experimental.ConcreteFunction:
        """Returns the graph for batches of these shapes, traced if necessary but not run.

        Args:
          batch: a batch as for a call; its values do not matter.
        """
        return self._graph(batch, self._distribute([batch], 0, stop=False))

    @property
    def graphs(self) -> int:
        """The number of traced graphs, one for each shape of batch."""
        return len(self._graphs)

    def _distribute(
        self, batches: Sequence[Mapping[str, np.ndarray]], first_step: int, stop: bool
    ) -> Mapping[str, tf.Tensor]:
        """Distributes each replica's rows and the values of the whole batch, `[steps_per_call, …]` by name."""
        share = len(batches[0][WEIGHTS]) // self._strategy.num_replicas_in_sync
        # Missing batches are filled up to get a static shape; their steps are never run.
        batches = [*batches, *batches[:1] * (self._options.steps_per_call - len(batches))]
        stacked = {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}
        count = len(batches)
        scalars = {
            _TOTAL_WEIGHT: stacked[WEIGHTS].sum(axis=1),
            _STEP: np.arange(first_step, first_step + count, dtype=np.int32),
            _STOP: np.full(count, float(stop), np.float32),
        }

        def share_of(context: tf.distribute.ValueContext) -> dict[str, tf.Tensor]:
            start = context.replica_id_in_sync_group * share
            rows = {name: tf.constant(value[:, start : start + share]) for name, value in stacked.items()}
            return {**rows, **{name: tf.constant(value) for name, value in scalars.items()}}

        return self._strategy.experimental_distribute_values_from_function(share_of)

    def _graph(
        self, batch: Mapping[str, np.ndarray], inputs: Mapping[str, tf.Tensor]
    ) -> tf.types.experimental.ConcreteFunction:
        shapes = tuple(value.shape for value in batch.values())
        if shapes not in self._graphs:
            # Traced explicitly, because a tf.function that is called with ever new shapes warns about retracing.
            function = tf.function(self._steps, autograph=False)
            self._graphs[shapes] = function.get_concrete_function(inputs, tf.TensorSpec([], tf.int32))
        return self._graphs[shapes]

    def _steps(self, batches: Mapping[str, tf.Tensor], count: tf.Tensor) -> dict[str, tf.Tensor]:
        """Runs `count` steps in a loop outside of the replicas, where every strategy can sum their gradients."""
        if self._options.steps_per_call == 1:
            return {name: value[None] for name, value in self._global_step(batches, 0).items()}
        names = ["loss", "gradient_norm", _STOP, *(["loss_scale"] if self._scaled else [])]
        figures = [tf.TensorArray(tf.float32, self._options.steps_per_call, element_shape=[]) for _ in names]

        def body(i: tf.Tensor, figures: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
            values = self._global_step(batches, i)
            return i + 1, [array.write(i, values[name]) for name, array in zip(names, figures, strict=True)]

        _, figures = tf.while_loop(lambda i, _: i < count, body, (0, figures), parallel_iterations=1)
        return {name: array.stack() for name, array in zip(names, figures, strict=True)}

    def _global_step(self, batches: Mapping[str, tf.Tensor], index: tf.Tensor | int) -> dict[str, tf.Tensor]:
        results = self._strategy.run(self._replica_step, args=(batches, index))
        # Every replica has the same totals after the all-reduce, so those of the first one are used.
        return {name: self._strategy.experimental_local_results(value)[0] for name, value in results.items()}

    def _replica_step(self, batches: Mapping[str, tf.Tensor], index: tf.Tensor | int) -> dict[str, tf.Tensor]:
        batch = {name: value[index] for name, value in batches.items()}
        compute = self._loss_and_gradients
        if self._options.jit_compile:
            # Each replica compiles its own function, because XLA cannot compile the all-reduce.
            compute = tf.function(compute, jit_compile=True, autograph=False)
        loss, gradients = compute(batch, self._dropout_seed(batch[_STEP]))
        # Variables that the loss does not depend on (the pooler) are not changed, not even by weight decay.
        pairs = zip(gradients, self._model.trainable_variables, strict=True)
        gradients, variables = zip(*(pair for pair in pairs if pair[0] is not None), strict=True)
        if self._scaled:
            gradients = self._optimizer.get_unscaled_gradients(gradients)
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
        loss, stop = tf.unstack(context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stack([loss, batch[_STOP]])))
        figures = {"loss": loss, "gradient_norm": tf.linalg.global_norm(gradients), _STOP: stop}
        # The optimizer clips the gradients here, after those of the replicas have been summed.
        self._optimizer.apply_gradients(list(zip(gradients, variables, strict=True)), skip_gradients_aggregation=True)
        if self._scaled:
            figures["loss_scale"] = tf.cast(self._optimizer.loss_scale, tf.float32)
        return figures

    def _loss_and_gradients(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor | None]]:
        """Returns one replica's part of the step's loss, and the gradients of the (scaled) loss."""
        parts = self._options.accumulation_steps
        if parts == 1:
            return self._micro_step(batch, seed)
        split = {
            name: tf.reshape(value, [parts, value.shape[0] // parts, *value.shape[1:]])
            for name, value in batch.items()
            if name not in _SCALARS
        }
        variables = self._model.trainable_variables
        connected: list[bool] = []

        def body(
            i: tf.Tensor, loss: tf.Tensor, totals: list[tf.Tensor]
        ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
            rows = {name: value[i] for name, value in split.items()} | {name: batch[name] for name in _SCALARS}
            part_loss, gradients = self._micro_step(rows, tf.random.experimental.stateless_fold_in(seed, i, "philox"))
            connected[:] = [gradient is not None for gradient in gradients]
            pairs = zip(totals, gradients, strict=True)
            return i + 1, loss + part_loss, [t if gradient is None else t + gradient for t, gradient in pairs]

        zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
        # Micro-batches run in sequence, so that only the activations of one are in memory.
        _, loss, totals = tf.while_loop(
            lambda i, *_: i < parts, body, (0, tf.constant(0.0), zeros), parallel_iterations=1, maximum_iterations=parts
        )
        return loss, [total if is_connected else None for total, is_connected in zip(totals, connected, strict=True)]

    def _micro_step(self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor | None]]:
        variables = self._model.trainable_variables
        # The tape watches only trained variables, so that there is no backward pass through frozen layers.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            with dropout.seeded(seed):
                outputs = self._model({name: batch[name] for name in self._input_names}, training=True)
            losses = self._loss_function(outputs, batch)
            # Divided by the weight of the global batch, the losses and gradients of all parts sum to those of the step.
            loss = tf.reduce_sum(losses * batch[WEIGHTS]) / batch[_TOTAL_WEIGHT]
            target = self._optimizer.get_scaled_loss(loss) if self._scaled else loss
        gradients = tape.gradient(target, variables)
        # The embeddings' gradient is sparse, with a separate row for each occurrence of a token. The norm of these rows
        # is not the gradient's norm, and clipping by it would depend on how often words repeat.
        return loss, [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]

    def _dropout_seed(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the dropout seed of this step on this replica, `<int32>[2]`."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([self._options.seed & 0x7FFFFFFF, step])
        return tf.random.experimental.stateless_fold_in(seed, replica, "philox")
