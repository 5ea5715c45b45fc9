"""Trains a model on the records that `create_tfrecords` wrote; run the same command again to resume.

python -m bert_qa_tf.train --flagfile=configs/gpu.flags
python -m bert_qa_tf.train --flagfile=configs/cpu.flags --model_dir=runs/first --learning_rate=5e-5
"""

from __future__ import annotations

import sys

from absl.flags import FlagValues

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.config import OptimizerConfig, RuntimeConfig, TrainConfig
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (
    flags.define_training,
    flags.define_encoder,
    flags.define_encoder_mode,
    flags.define_trust,
    flags.define_optimizer,
    *(flags.option_group(task.title, task.training_config) for task in tasks.all_tasks()),
    flags.define_runtime,
)


def main(values: FlagValues) -> None:
    """Trains a model, and prints where the result is."""
    config = train_config(values)
    from bert_qa_tf.training import loop

    if values.trust:
        from bert_qa_tf.encoders.sources.loader import trust_module

        trust_module(config.encoder_handle)
    result = loop.train(config)
    scores = "  ".join(f"{name} {value:.2f}" for name, value in result.best_scores.items())
    print(f"{config.model_dir}: {result.steps} steps{'; best on the development split: ' + scores if scores else ''}")
    if result.signal is not None:
        sys.exit(128 + result.signal)  # the exit status of a shell for a process that a signal ended


def train_config(values: FlagValues) -> TrainConfig:
    """Makes the training config from the flags.

    Raises:
      InputError: a flag's value is invalid.
    """
    if not values.model_dir:
        raise InputError("--model_dir is missing: where should the run directory be?")
    return TrainConfig(
        optimizer=OptimizerConfig(**_fields(values, OptimizerConfig)),
        runtime=RuntimeConfig(**_fields(values, RuntimeConfig)),
        task_options=flags.given_options(values, *(task.training_config for task in tasks.all_tasks())),
        profile_steps=_profile_steps(values.profile_steps),
        **_fields(values, TrainConfig, leave_out=("optimizer", "runtime", "task_options", "profile_steps")),
    )


def _profile_steps(parts: list[str] | None) -> tuple[int, int] | None:
    if parts is None:
        return None
    try:
        first, last = (int(part) for part in parts)
    except ValueError as error:
        raise InputError(f"--profile_steps={','.join(parts)}: expected two steps, as in 10,20") from error
    return first, last


def _fields(values: FlagValues, config: type, leave_out: tuple[str, ...] = ()) -> dict[str, object]:
    """The values of the flags that have the names of the config's fields."""
    return {name: values[name].value for name in config.__dataclass_fields__ if name not in leave_out}


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
