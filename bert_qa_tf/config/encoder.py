"""Settings of an encoder's architecture."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from bert_qa_tf.config.checks import require, require_finite


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
        require_finite(self)
        for name in ("vocab_size", "hidden_size", "num_layers", "num_attention_heads", "intermediate_size"):
            require(getattr(self, name) >= 1, f"encoder config: {name} must be at least 1, got {getattr(self, name)}")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            f"encoder config: hidden_size={self.hidden_size} is no multiple of "
            f"num_attention_heads={self.num_attention_heads}",
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; `EncoderConfig(**d)` gives the same config back."""
        return dataclasses.asdict(self)
