"""Measures the share of a training step's matrix products that runs in each dtype.

The census of a traced step is written to `precision.json`. Training is refused if half precision is requested and the
encoder does not use it: a Keras policy applies to layers that are built under it, but not to the inside of a
SavedModel. `graph_products.py` finds and counts the products.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files
from bert_qa_tf.training.graph_products import Product, find_products

PRECISION_FILE = "precision.json"
# The minimum share of the encoder's FLOPs that must run in a requested half precision.
REQUIRED_SHARE = 0.95
HALF = ("bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class Census:
    """The matrix products of a training step.

    Attributes:
      policy: the Keras policy that the model was built under.
      products: all matrix products.
    """

    policy: str
    products: Sequence[Product]

    @property
    def encoder_half_share(self) -> float:
        """The share of the encoder's FLOPs, forward and backward, that runs in half precision; 0 to 1."""
        encoder = [product for product in self.products if product.part == "encoder"]
        half = sum(product.flops for product in encoder if product.dtype in HALF)
        return half / max(sum(product.flops for product in encoder), 1)

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of `precision.json`: count, FLOPs and share of FLOPs by part, direction and dtype.

        Each share refers to the FLOPs of its group.
        """
        groups = {
            part: {
                "forward": [p for p in self.products if p.part == part and not p.backward],
                "backward": [p for p in self.products if p.part == part and p.backward],
                "all": [p for p in self.products if p.part == part],
            }
            for part in ("encoder", "head")
        }
        return {
            "mixed_precision": self.policy,
            "encoder_half_share": self.encoder_half_share,
            "all": _by_dtype(self.products),
            **{
                part: {direction: _by_dtype(products) for direction, products in directions.items()}
                for part, directions in groups.items()
            },
        }

    def summary(self) -> str:
        """Returns a summary in one line."""
        encoder = [product for product in self.products if product.part == "encoder"]
        half = sum(product.dtype in HALF for product in encoder)
        if not half and self.policy == "float32":
            return f"all {len(encoder)} matrix products of the encoder are in float32, as asked"
        return (
            f"{self.encoder_half_share:.1%} of the encoder's FLOPs ({half} of its {len(encoder)} matrix products) are "
            "in half precision"
        )


def take_census(function: tf.types.experimental.ConcreteFunction, policy: str, model: tf_keras.Model) -> Census:
    """Counts the matrix products of a traced step.

    Args:
      function: the traced step, from `TrainStep.trace`.
      policy: the Keras policy that `model` was built under.
      model: the trained model; its encoder is the layer named "encoder".

    Raises:
      InputError: a product cannot be counted; see `find_products`.
    """
    return Census(policy, tuple(find_products(function, encoder="encoder", model=model.name)))


def check_census(census: Census, *, allow_float32_encoder: bool) -> None:
    """Checks that the encoder computes in the requested half precision.

    Args:
      census: the census of a step.
      allow_float32_encoder: whether to accept an encoder that does not.

    Raises:
      InputError: the encoder does not, and that is not allowed.
    """
    if allow_float32_encoder or census.policy == "float32" or census.encoder_half_share >= REQUIRED_SHARE:
        return
    raise InputError(
        f"mixed_precision={census.policy} does not reach the encoder: {census.summary()}, expected at least "
        f"{REQUIRED_SHARE:.0%}; use --encoder_mode=rebuild, or for bfloat16 on a CPU --graph_rewrite, or train in "
        "float32 with --mixed_precision=float32, or with the products as they are with --allow_float32_encoder"
    )


def write_census(model_dir: str, census: Census, shape: Mapping[str, int], *, graph_rewrite: bool = False) -> None:
    """Writes `precision.json` into a run directory.

    Args:
      model_dir: the run directory; may be remote.
      census: the census of a step.
      shape: the shape of the batch of that step, `global_batch_size` and `seq_length`.
      graph_rewrite: whether TensorFlow rewrites the graph to bfloat16 before it runs.
    """
    value = {**census.to_dict(), "counted_at": dict(shape), "rewritten_to_bfloat16": graph_rewrite}
    atomic_files.write_json(f"{model_dir}/{PRECISION_FILE}", value)


def _by_dtype(products: Sequence[Product]) -> dict[str, dict[str, float]]:
    total = sum(product.flops for product in products)
    figures = {}
    for dtype in sorted({product.dtype for product in products}):
        same = [product.flops for product in products if product.dtype == dtype]
        figures[dtype] = {"products": len(same), "flops": sum(same), "share": sum(same) / total if total else 0.0}
    return figures
