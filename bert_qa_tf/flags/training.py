"""Defines the flags of training: data, steps, optimizer and hardware."""

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
        "train_dir",
        "tfrecords/spoken_squad",
        "Folder of the training records, as `create_tfrecords` wrote it.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "model_dir",
        None,
        "Run directory, where checkpoints, metrics and the best model are written.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "init_checkpoint",
        None,
        "Start from the weights of another training, including its head: a run directory, whose best weights are used, "
        "or the path of a checkpoint.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "freeze_layers",
        0,
        "Freeze the embeddings and this many of the first transformer blocks. 0: train everything. -1: freeze only the "
        "embeddings.",
        lower_bound=-1,
        flag_values=values,
    )
    flags.DEFINE_bool(
        "overwrite", False, "Start again from the beginning if --model_dir holds a training.", flag_values=values
    )
    flags.DEFINE_integer(
        "global_batch_size", 32, "Examples per optimizer step, over all devices together.", flag_values=values
    )
    flags.DEFINE_integer(
        "gradient_accumulation_steps",
        1,
        "Number of micro-batches into which each device divides its share of a step. More of them need less memory; "
        "--global_batch_size stays the same.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "steps_per_loop",
        1,
        "Maximum number of steps per call of the device; all steps of a call have the same sequence length. More steps "
        "reduce the overhead of a TPU.",
        flag_values=values,
    )
    flags.DEFINE_integer("num_train_epochs", 2, "Number of passes over the training records.", flag_values=values)
    flags.DEFINE_integer(
        "max_train_steps",
        None,
        "Stop after this many steps; the learning rate then decays to 0 over these steps.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_train_examples", None, "Train on only this many records, drawn at random.", flag_values=values
    )
    flags.DEFINE(
        _LengthBuckets(),
        "length_buckets",
        8,
        "Maximum number of different lengths that batches are padded to, which are then chosen to minimise padding; or "
        "the lengths themselves, such as 128,256,384.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "early_stopping_patience",
        0,
        "Stop after this many epochs without a better development score. 0: never.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "max_hours",
        None,
        "Stop, with a checkpoint and an evaluation, after this many hours of training in all, across resumes.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "profile_steps", None, "First and last step to profile for TensorBoard, such as 10,20.", flag_values=values
    )
    flags.DEFINE_integer("save_checkpoints_steps", 500, "Number of steps between two checkpoints.", flag_values=values)
    flags.DEFINE_integer(
        "keep_checkpoint_max", 2, "How many of the latest checkpoints to keep besides the best.", flag_values=values
    )
    flags.DEFINE_integer("log_steps", 50, "Number of steps between two progress lines.", flag_values=values)
    flags.DEFINE_integer("eval_batch_size", 32, "Batch size on the development split.", flag_values=values)
    flags.DEFINE_integer(
        "seed", 0, "Seed of the head's initial weights, the order of the data and dropout.", flag_values=values
    )


def define_optimizer(values: Values) -> None:
    """Optimizer."""
    flags.DEFINE_float("learning_rate", 3e-5, "Peak learning rate.", flag_values=values)
    flags.DEFINE_float(
        "warmup_proportion",
        0.1,
        "Share of all steps (0 to 1) during which the learning rate rises to its peak.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "warmup_steps", None, "Number of warm-up steps, instead of --warmup_proportion.", flag_values=values
    )
    flags.DEFINE_float(
        "weight_decay_rate",
        0.01,
        "Weight decay of AdamW; biases and layer norms are excluded.",
        flag_values=values,
    )
    flags.DEFINE_float("adam_beta_1", 0.9, "Adam's decay rate of the first moment.", flag_values=values)
    flags.DEFINE_float("adam_beta_2", 0.999, "Adam's decay rate of the second moment.", flag_values=values)
    flags.DEFINE_float("adam_epsilon", 1e-6, "Adam's epsilon, which avoids division by 0.", flag_values=values)
    flags.DEFINE_float("clip_norm", 1.0, "Clip the global gradient norm to this; 0: no clipping.", flag_values=values)
    flags.DEFINE_float(
        "layerwise_lr_decay",
        1.0,
        "Factor (above 0, at most 1) by which the learning rate and weight decay shrink from each layer to the one "
        "below it. The head has --learning_rate, the last block this times as much, and the embeddings have the least. "
        "1: the same for all layers.",
        flag_values=values,
    )


def define_runtime(values: Values) -> None:
    """Hardware."""
    flags.DEFINE_enum(
        "distribution_strategy",
        "one_device",
        ["one_device", "mirrored", "multi_worker_mirrored", "tpu"],
        "Train on one device (one_device), all GPUs of this machine (mirrored), the machines named by TF_CONFIG "
        "(multi_worker_mirrored), or a TPU (tpu).",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "mixed_precision",
        "auto",
        ["auto", "float32", "mixed_bfloat16", "mixed_float16"],
        "Precision of the encoder's matrix products; auto chooses half precision if the hardware supports it.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "allow_float32_encoder",
        False,
        "Train even if --mixed_precision has no effect on the encoder's matrix products; precision.json in the run "
        "directory says how many of them it affects.",
        flag_values=values,
    )
    flags.DEFINE_bool("jit_compile", False, "Compile the loss and gradients with XLA.", flag_values=values)
    flags.DEFINE_bool(
        "graph_rewrite",
        False,
        "With --encoder_mode=wrap and --mixed_precision=mixed_bfloat16 on a CPU: let TensorFlow rewrite the graph to "
        "bfloat16 at run time.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "deterministic",
        False,
        "Make training reproducible: the same command on the same machine gives exactly the same weights. Slower.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "all_reduce",
        "auto",
        ["auto", "ring", "nccl"],
        "How several machines sum their gradients: in a ring over the network, with NCCL between GPUs, or as "
        "TensorFlow chooses (auto).",
        flag_values=values,
    )
    flags.DEFINE_string("tpu", "local", "TPU to use: local (on a TPU VM), a name or an address.", flag_values=values)
