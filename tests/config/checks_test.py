import dataclasses

import pytest

from bert_qa_tf.config import EncoderConfig, OptimizerConfig, RecordsConfig, SpeakingConfig, TrainConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.config import DecodingConfig

_FLOATS = [field.name for field in dataclasses.fields(OptimizerConfig) if field.type == "float"]


@pytest.mark.parametrize("name", _FLOATS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_optimizer_takes_only_numbers(name, value):
    with pytest.raises(InputError, match=f"{name} must be a finite number, got {value}"):
        OptimizerConfig(**{name: value})


@pytest.mark.parametrize(
    "make",
    [
        lambda: TrainConfig("a", "b", "c", max_hours=float("inf")),
        lambda: RecordsConfig(dev_fraction=float("nan")),
        lambda: DecodingConfig(null_score_diff_threshold=float("nan")),
        lambda: EncoderConfig(9, 8, 1, 2, 8, layer_norm_epsilon=float("nan")),
        lambda: OptimizerConfig(adam_beta_1=1.0),
        lambda: OptimizerConfig(adam_epsilon=0.0),
        lambda: OptimizerConfig(weight_decay_rate=-0.1),
    ],
)
def test_other_settings_that_mean_nothing_are_refused(make):
    with pytest.raises(InputError, match="must be"):
        make()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused(seed):
    for make in (lambda seed: TrainConfig("a", "b", "c", seed=seed), RecordsConfig, SpeakingConfig):
        with pytest.raises(InputError, match=f"seed must be 0 to 4294967295, got {seed}"):
            make(seed=seed)
