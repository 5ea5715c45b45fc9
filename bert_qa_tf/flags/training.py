"""A training: its data, its steps, its optimizer, its hardware."""

from __future__ import annotations

from absl import flags

Values = flags.FlagValues


class _LengthBuckets(flags.ArgumentParser):
    """A number (`8`), or lengths (`128,256,384`; a single one as `384,`)."""

    syntactic_help = "a number, or lengths separated by commas"

    def parse(self, argument: str | int | tuple[int, ...]) -> int | tuple[int, ...]:
        """The number, or a tuple of the lengths."""
        if not isinstance(argument, str):
            return argument
        try:
            lengths = tuple(int(part) for part in argument.removesuffix(",").split(","))
        except ValueError:
            raise ValueError(f"expected {self.syntactic_help}") from None
        return lengths if "," in argument else lengths[0]


def define_training(values: Values) -> None:
    """Training."""
    flags.DEFINE_string(
        "train_dir", "tfrecords/spoken_squad", "Folder that `create_tfrecords` wrote.", flag_values=values
    )
    flags.DEFINE_string(
        "model_dir", None, "Run directory: checkpoints, metrics and the best model go here.", flag_values=values
    )
    flags.DEFINE_string(
        "init_checkpoint",
        None,
        "Start from this run directory's best weights (or a checkpoint's path), head included.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "freeze_layers",
        0,
        "Keep the embeddings and the first so many transformer blocks as they are. 0: train all; -1: keep the "
        "embeddings only.",
        lower_bound=-1,
        flag_values=values,
    )
    flags.DEFINE_bool("overwrite", False, "Start anew in a --model_dir that holds a training.", flag_values=values)
    flags.DEFINE_integer(
        "global_batch_size", 32, "Windows per optimizer step, over all devices together.", flag_values=values
    )
    flags.DEFINE_integer(
        "gradient_accumulation_steps",
        1,
        "Micro-batches that each device takes one after the other before the weights change: less memory, the same "
        "--global_batch_size.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "steps_per_loop",
        1,
        "At most so many steps in one call of the device, all of one window length. More saves trips to a TPU.",
        flag_values=values,
    )
    flags.DEFINE_integer("num_train_epochs", 2, "Passes over the training windows.", flag_values=values)
    flags.DEFINE_integer(
        "max_train_steps", None, "Stop after this many steps; the learning rate decays to there.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_train_examples", None, "Train on this many windows only, drawn at random.", flag_values=values
    )
    flags.DEFINE(
        _LengthBuckets(),
        "length_buckets",
        8,
        "Windows are padded to one of at most this many lengths, chosen to leave the least padding; or the lengths "
        "themselves: 128,256,384.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "early_stopping_patience",
        0,
        "Stop after so many epochs without a better development score. 0: never.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "max_hours",
        None,
        "Stop, with a checkpoint and an evaluation, after so many hours of training in all.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "profile_steps", None, "First and last step to profile for TensorBoard, as in 10,20.", flag_values=values
    )
    flags.DEFINE_integer("save_checkpoints_steps", 500, "Steps between two checkpoints.", flag_values=values)
    flags.DEFINE_integer("keep_checkpoint_max", 2, "Checkpoints to keep, beside the best.", flag_values=values)
    flags.DEFINE_integer("log_steps", 50, "Steps between two progress lines.", flag_values=values)
    flags.DEFINE_integer("eval_batch_size", 32, "Windows per call on the development split.", flag_values=values)
    flags.DEFINE_integer(
        "seed", 0, "Decides the head's first weights, the order of the data and dropout.", flag_values=values
    )


def define_optimizer(values: Values) -> None:
    """Optimizer."""
    flags.DEFINE_float("learning_rate", 3e-5, "Peak learning rate.", flag_values=values)
    flags.DEFINE_float(
        "warmup_proportion",
        0.1,
        "Share of the steps in which the learning rate rises to its peak.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "warmup_steps", None, "So many steps of warm-up, whatever --warmup_proportion says.", flag_values=values
    )
    flags.DEFINE_float(
        "weight_decay_rate", 0.01, "Decay of weights, not of biases and layer norms.", flag_values=values
    )
    flags.DEFINE_float("adam_beta_1", 0.9, "Adam's decay of the gradient's mean.", flag_values=values)
    flags.DEFINE_float("adam_beta_2", 0.999, "Adam's decay of the gradient's square.", flag_values=values)
    flags.DEFINE_float("adam_epsilon", 1e-6, "Adam's guard against dividing by 0.", flag_values=values)
    flags.DEFINE_float("clip_norm", 1.0, "Largest norm of a step's whole gradient; 0: no limit.", flag_values=values)
    flags.DEFINE_float(
        "layerwise_lr_decay",
        1.0,
        "Learning rate and weight decay of each layer, as a share (above 0, at most 1) of those of the layer above it: "
        "the head has --learning_rate, the last block this times that, the embeddings the least. 1: the same for all.",
        flag_values=values,
    )


def define_runtime(values: Values) -> None:
    """Hardware."""
    flags.DEFINE_enum(
        "distribution_strategy",
        "one_device",
        ["one_device", "mirrored", "multi_worker_mirrored", "tpu"],
        "One device, all GPUs of this machine, the machines named by TF_CONFIG, or a TPU.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "mixed_precision",
        "auto",
        ["auto", "float32", "mixed_bfloat16", "mixed_float16"],
        "Precision of the encoder's matrix products; auto takes half precision where the hardware has it.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "allow_float32_encoder",
        False,
        "Train even where --mixed_precision does not reach the encoder's matrix products; precision.json says how far "
        "it does.",
        flag_values=values,
    )
    flags.DEFINE_bool("jit_compile", False, "Compile each device's loss and gradients with XLA.", flag_values=values)
    flags.DEFINE_bool(
        "graph_rewrite",
        False,
        "With --encoder_mode=wrap and --mixed_precision=mixed_bfloat16 on a CPU: let TensorFlow itself rewrite the "
        "graph to bfloat16 when it runs.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "deterministic",
        False,
        "The same weights to the last bit from the same command on the same machine; slower.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "all_reduce",
        "auto",
        ["auto", "ring", "nccl"],
        "How several machines add up their gradients: over the network in a ring, by NCCL between GPUs, or as "
        "TensorFlow chooses.",
        flag_values=values,
    )
    flags.DEFINE_string("tpu", "local", "Which TPU: local (on a TPU VM), a name or an address.", flag_values=values)
