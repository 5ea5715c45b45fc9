"""Settings of an encoder's architecture."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from bert_qa_tf.config.checks import require, require_finite

# Far beyond any BERT: a damaged file must not take all memory, or hours.
_MAX_LAYERS = 1_000
_MAX_PARAMETERS = 10**10


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
        require(
            self.num_layers <= _MAX_LAYERS and self.num_parameters <= _MAX_PARAMETERS,
            f"encoder config: {self.num_layers:,} layers with {self.num_parameters:,} parameters, expected at most "
            f"{_MAX_LAYERS:,} with {_MAX_PARAMETERS:,}",
        )
        for name in ("vocab_size", "hidden_size", "num_layers", "num_attention_heads", "intermediate_size"):
            require(getattr(self, name) >= 1, f"encoder config: {name} must be at least 1, got {getattr(self, name)}")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            f"encoder config: hidden_size={self.hidden_size} is no multiple of "
            f"num_attention_heads={self.num_attention_heads}",
        )

    @property
    def num_parameters(self) -> int:
        """The number of parameters in matrices and tables, which are nearly all."""
        tables = self.vocab_size + self.max_position_embeddings + self.type_vocab_size
        layer = 4 * self.hidden_size**2 + 2 * self.hidden_size * self.intermediate_size
        return tables * self.hidden_size + self.num_layers * layer

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; `EncoderConfig(**d)` gives the same config back."""
        return dataclasses.asdict(self)
