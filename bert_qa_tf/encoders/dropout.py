"""Makes dropout a pure function of a seed that the training step gives, so that there is no random state to save.

A step that is run again has the same masks, so a resumed training continues exactly where it stopped. It also does a
third of the work of Keras' own dropout, which draws a float for each unit where two random bytes are enough.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf
import tf_keras

# Two bytes for each unit: a rate is met to within 1 / 131,072.
_LEVELS = 1 << 16
# A thread for each replica: MirroredStrategy traces them side by side.
_current = threading.local()


@contextlib.contextmanager
def seeded(seed: tf.Tensor) -> Iterator[None]:
    """Within it, every layer that `use_seeds` prepared draws from `seed` alone.

    Args:
      seed: `<int32>[2]`, another one for each step, replica and micro-batch.
    """
    before = getattr(_current, "seed", None)
    _current.seed = seed
    try:
        yield
    finally:
        _current.seed = before


def use_seeds(model: tf_keras.Model) -> int:
    """Lets a model's dropout layers follow `seeded`; outside of it they stay Keras' own.

    Args:
      model: is changed in place.

    Returns:
      How many layers there are.
    """
    # In the order of the attributes that lead to them, which is the same in every process; names are counted up.
    layers = [layer for layer in model.submodules if isinstance(layer, tf_keras.layers.Dropout)]
    for number, layer in enumerate(layers):
        if not isinstance(layer._random_generator, _SeededGenerator):
            layer._random_generator = _SeededGenerator(layer._random_generator, number)
    return len(layers)


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Sets units to zero with probability `rate` and scales the others by 1 / (1 − rate) (arXiv:1207.0580).

    Args:
      x: `<float>[…]`.
      rate: in [0, 1); rounded to a multiple of 1 / 65,536, and scaled by what it was rounded to.
      seed: `<int32>[2]`; equal seeds and shapes give equal masks.

    Returns:
      The same shape and dtype.
    """
    dropped = min(round(rate * _LEVELS), _LEVELS - 1)
    if not dropped:
        return tf.identity(x)
    units = tf.size(x)
    # Philox, by name: what `auto_select` chooses depends on the device.
    words = tf.random.stateless_uniform([(units + 1) // 2], seed, None, None, tf.uint32, alg="philox")
    bits = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:units], tf.shape(x))
    keep = tf.cast(bits >= tf.constant(dropped, tf.uint16), x.dtype)
    return x * (keep * tf.constant(_LEVELS / (_LEVELS - dropped), x.dtype))


class _SeededGenerator(tf.Module):
    """Stands in for a Keras layer's random generator; a module, since Keras saves it as one.

    Args:
      original: is asked where no seed is given, as in a notebook's `model.fit`.
      number: the layer's, so that no two layers draw the same mask.
    """

    def __init__(self, original: tf_keras.backend.RandomGenerator, number: int) -> None:
        super().__init__()
        self._original = original
        self._number = number

    def dropout(self, inputs: tf.Tensor, rate: float, noise_shape: tf.Tensor | None = None) -> tf.Tensor:
        """What `tf_keras.layers.Dropout` calls."""
        seed = getattr(_current, "seed", None)
        if seed is None or noise_shape is not None:
            return self._original.dropout(inputs, rate, noise_shape=noise_shape)
        return dropout(inputs, rate, tf.random.experimental.stateless_fold_in(seed, self._number, alg="philox"))

    @property
    def _rng_type(self) -> str:
        """Which a layer puts into its config."""
        return self._original._rng_type

    def _maybe_init(self) -> None:
        """Which a layer calls when it is built."""
        self._original._maybe_init()
