"""One optimizer step over all replicas.

What goes in: a global batch of NumPy arrays. What comes out: the step's loss and gradient norm, still on the device. A
step's loss is Σ weight · loss / Σ weight over the whole global batch, however many replicas share it and however full
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tf_keras

from bert_qa_tf.data.input_pipeline import WEIGHTS
from bert_qa_tf.models import dropout

# Model outputs and a batch → the loss of each example, <float32>[batch].
LossFunction = Callable[[Mapping[str, tf.Tensor], Mapping[str, tf.Tensor]], tf.Tensor]
_TOTAL_WEIGHT = "total_weight"


class TrainStep:
    """Runs the forward and backward pass on every replica and applies one update.

    Args:
      strategy: where the model's variables live.
      model: takes a dict of inputs.
      optimizer: from `optimization.build_optimizer`.
      loss_function: per-example loss.
      input_names: which fields of a batch the model takes.
      seed: of dropout; a step's masks follow from it, the step's number and the replica alone.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        loss_function: LossFunction,
        input_names: tuple[str, ...],
        seed: int = 0,
    ) -> None:
        self._strategy = strategy
        self._model = model
        self._optimizer = optimizer
        self._loss_function = loss_function
        self._input_names = input_names
        self._seed = seed & 0x7FFFFFFF
        dropout.use_seeds(model)
        with strategy.scope():
            # Slot variables are made now, not inside the first traced step, so that a checkpoint can be restored.
            optimizer.build(model.trainable_variables)
        # One graph for each bucket: a batch's shapes are static.
        self._graphs: dict[tuple[tuple[int, ...], ...], tf.types.experimental.ConcreteFunction] = {}

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, tf.Tensor]:
        """Takes one step.

        Args:
          batch: `<dtype>[global_batch, …]` by name, `example_weights` among them.

        Returns:
          `loss` and `gradient_norm` (before clipping), `<float32>[]`.
        """
        inputs = self._distribute(batch)
        return self._graph(batch, inputs)(inputs)

    def trace(self, batch: Mapping[str, np.ndarray]) -> tf.types.experimental.ConcreteFunction:
        """The graph that a call with a batch of these shapes runs; traced if it was not yet, and not run.

        Args:
          batch: as for a call; its values do not matter.
        """
        return self._graph(batch, self._distribute(batch))

    def _distribute(self, batch: Mapping[str, np.ndarray]) -> Mapping[str, tf.Tensor]:
        """Each replica's rows of a batch, and the weight of all of them together."""
        replicas = self._strategy.num_replicas_in_sync
        share = len(batch[WEIGHTS]) // replicas
        total_weight = np.float32(batch[WEIGHTS].sum())

        def share_of(context: tf.distribute.ValueContext) -> dict[str, tf.Tensor]:
            start = context.replica_id_in_sync_group * share
            values = {name: tf.constant(value[start : start + share]) for name, value in batch.items()}
            values[_TOTAL_WEIGHT] = tf.constant(total_weight)
            return values

        return self._strategy.experimental_distribute_values_from_function(share_of)

    def _graph(
        self, batch: Mapping[str, np.ndarray], inputs: Mapping[str, tf.Tensor]
    ) -> tf.types.experimental.ConcreteFunction:
        shapes = tuple(value.shape for value in batch.values())
        if shapes not in self._graphs:
            # Traced on purpose: a tf.function called with ever new shapes would warn of retracing.
            self._graphs[shapes] = tf.function(self._global_step).get_concrete_function(inputs)
        return self._graphs[shapes]

    def _global_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        results = self._strategy.run(self._replica_step, args=(batch,))
        # Every replica holds the same totals after the all-reduce: any one of them will do.
        return {name: self._strategy.experimental_local_results(value)[0] for name, value in results.items()}

    def _replica_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        variables = self._model.trainable_variables
        scaled = isinstance(self._optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        # Told what is trained, the tape does not trace the way back through frozen layers.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            with dropout.seeded(self._dropout_seed()):
                outputs = self._model({name: batch[name] for name in self._input_names}, training=True)
            losses = self._loss_function(outputs, batch)
            # Divided by the weight of the global batch, the replicas' losses and gradients add up to the step's.
            loss = tf.reduce_sum(losses * batch[WEIGHTS]) / batch[_TOTAL_WEIGHT]
            target = self._optimizer.get_scaled_loss(loss) if scaled else loss
        gradients = tape.gradient(target, variables)
        # What the loss does not depend on (the pooler) stays as it is: not even weight decay touches it.
        variables = [v for v, gradient in zip(variables, gradients, strict=True) if gradient is not None]
        gradients = [gradient for gradient in gradients if gradient is not None]
        if scaled:
            gradients = self._optimizer.get_unscaled_gradients(gradients)
        # The embedding's gradient comes as rows, one for each token, equal tokens apart: the norm of that is not the
        # gradient's norm, and clipping by it would depend on how often words repeat.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        loss = context.all_reduce(tf.distribute.ReduceOp.SUM, loss)
        norm = tf.linalg.global_norm(gradients)
        # Clipped in here by the optimizer, so after the replicas were added up.
        self._optimizer.apply_gradients(list(zip(gradients, variables, strict=True)), skip_gradients_aggregation=True)
        return {"loss": loss, "gradient_norm": norm}

    def _dropout_seed(self) -> tf.Tensor:
        """`<int32>[2]`, of this step on this replica."""
        step = tf.cast(self._optimizer.iterations, tf.int32)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.experimental.stateless_fold_in(tf.stack([self._seed, step]), replica, alg="philox")
