"""Every absl flag of the project, each defined once, in groups that the commands pick from.

What goes in: an absl `FlagValues`. What comes out: the same, with a group's flags defined in it. The first line of each
function's docstring is the group's heading in `--help`. Only entry points import this module.
"""

from __future__ import annotations

import dataclasses

from absl import flags

from bert_qa_tf.config import DecodingConfig

Values = flags.FlagValues


def define_audit(values: Values) -> None:
    """Audit."""
    flags.DEFINE_multi_string(
        "input_file", [], "SQuAD-form JSON to check. Repeat the flag for several files.", flag_values=values
    )
    flags.DEFINE_string("output_file", None, "Also write the figures as JSON to this file.", flag_values=values)
    flags.DEFINE_integer(
        "max_answer_words",
        30,
        "Longest span, in words, that the ceiling may choose.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer("show", 3, "How many ids to show of each kind of problem.", lower_bound=0, flag_values=values)
    flags.DEFINE_float(
        "fail_under_aligned",
        None,
        "Exit with status 1 when a smaller share (0 to 1) of a file's questions has an answer offset that fits.",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "fail_under_ceiling_f1",
        None,
        "Exit with status 1 when no span could reach this F1 (0 to 100) on a file.",
        lower_bound=0.0,
        upper_bound=100.0,
        flag_values=values,
    )


def define_download(values: Values) -> None:
    """Download."""
    flags.DEFINE_enum(
        "dataset", None, ["spoken_squad", "squad_v1.1", "squad_v2.0"], "Which public data set.", flag_values=values
    )
    flags.DEFINE_string("data_dir", "data", "Folder to write to; a folder per data set is made.", flag_values=values)
    flags.DEFINE_string(
        "base_url",
        None,
        "Take the files from this address (a mirror, a local server) instead of their public home.",
        flag_values=values,
    )


def define_windowing(values: Values) -> None:
    """Windows."""
    flags.DEFINE_integer(
        "max_seq_length",
        384,
        "Longest window in word pieces: question, text and special tokens together.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "doc_stride", 128, "Word pieces from the start of one window to the start of the next.", flag_values=values
    )
    flags.DEFINE_integer("max_query_length", 64, "Questions are cut to this many word pieces.", flag_values=values)


def define_conversion(values: Values) -> None:
    """Conversion."""
    flags.DEFINE_enum("task", "qa", ["qa"], "What the records are for: qa is question answering.", flag_values=values)
    flags.DEFINE_multi_string(
        "input_file", [], "SQuAD-form JSON to convert. Repeat the flag for several files.", flag_values=values
    )
    flags.DEFINE_string(
        "output_dir",
        "tfrecords/spoken_squad",
        "Folder for the shards, the vocabulary and manifest.json.",
        flag_values=values,
    )
    flags.DEFINE_string("vocab_file", None, "WordPiece vocabulary, instead of the encoder's own.", flag_values=values)
    flags.DEFINE_bool("overwrite", False, "Replace the conversion in --output_dir.", flag_values=values)
    flags.DEFINE_integer("num_shards", 8, "Training shards to write.", flag_values=values)
    flags.DEFINE_float(
        "dev_fraction",
        0.1,
        "Share of the articles kept out of training, to measure progress on.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "min_aligned_fraction",
        0.9,
        "Refuse a file in which a smaller share of the questions has an answer offset that fits its text.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "relabel",
        "off",
        ["off", "find"],
        "find: accept a file with bad offsets and search the text for its answers.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "windows_without_answer",
        "cls",
        ["cls", "drop"],
        "Training windows that do not hold the answer: point them at [CLS], or leave them out.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "version_2_with_negative",
        False,
        "The data has questions without an answer (SQuAD 2.0).",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "keep_decoding_features",
        False,
        "Store text offsets in training records too, for your own tools.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seed", 0, "Decides which articles are set aside and the order of the records.", flag_values=values
    )


def define_encoder(values: Values) -> None:
    """Encoder."""
    flags.DEFINE_string(
        "encoder_handle",
        "minilm",
        "Where the BERT encoder comes from: a name (minilm, bert-tiny, bert-mini, bert-small, bert-medium, "
        "bert-base-uncased, bert-large-uncased, bert-large-wwm-uncased, a keras-nlp preset); the folder of a TF-Hub "
        "module, a Google checkpoint, a keras-nlp preset or safetensors; an https://, gs:// or kaggle:// address.",
        flag_values=values,
    )


def define_encoder_mode(values: Values) -> None:
    """Encoder mode."""
    flags.DEFINE_enum(
        "encoder_mode",
        "rebuild",
        ["rebuild", "wrap"],
        "rebuild: read the encoder's weights into one built here, in any precision. wrap: keep a TF-Hub module that is "
        "no plain BERT as it is, in its own precision.",
        flag_values=values,
    )


def define_casing(values: Values) -> None:
    """Casing."""
    flags.DEFINE_bool(
        "do_lower_case",
        None,
        "Whether text is lower-cased and stripped of accents: for a vocabulary file (yes by default), and for an "
        "encoder that does not state it.",
        flag_values=values,
    )


def define_decoding(values: Values) -> None:
    """Finding answers."""
    _define_decoding(values, DecodingConfig(), "")


def define_decoding_overrides(values: Values) -> None:
    """Finding answers (as trained where not given; an exported model has its own)."""
    _define_decoding(values, None, " As trained by default.")


def _define_decoding(values: Values, defaults: DecodingConfig | None, note: str) -> None:
    texts = {
        "n_best_size": "Candidate answers kept per window and question.",
        "max_answer_length": "Longest answer in word pieces.",
    }
    for name, text in texts.items():
        flags.DEFINE_integer(name, defaults and getattr(defaults, name), f"{text}{note}", flag_values=values)
    flags.DEFINE_float(
        "null_score_diff_threshold",
        defaults and defaults.null_score_diff_threshold,
        f"SQuAD 2.0: answer nothing when the null score exceeds the best answer's score by more than this.{note}",
        flag_values=values,
    )


def override_decoding(values: Values, trained: DecodingConfig) -> DecodingConfig:
    """The trained decoding with what the flags of `define_decoding_overrides` say instead.

    Raises:
      InputError: a value makes no sense.
    """
    names = ("n_best_size", "max_answer_length", "null_score_diff_threshold")
    given = {name: values[name].value for name in names if values[name].value is not None}
    return dataclasses.replace(trained, **given)


def define_model_source(values: Values) -> None:
    """Model."""
    flags.DEFINE_multi_string(
        "model_dir", [], "Run directory of `train`. `evaluate` takes several.", flag_values=values
    )
    flags.DEFINE_multi_string(
        "saved_model", [], "SavedModel that `export` wrote (the version folder).", flag_values=values
    )
    flags.DEFINE_integer("batch_size", 32, "Windows per call of the model.", lower_bound=1, flag_values=values)


def define_inference(values: Values) -> None:
    """Inference."""
    flags.DEFINE_enum(
        "checkpoint", "best", ["best", "last"], "Which weights of --model_dir to use.", flag_values=values
    )
    flags.DEFINE_enum(
        "inference_dtype",
        "float32",
        ["float32", "bfloat16", "float16"],
        "Precision of the encoder's matrix products.",
        flag_values=values,
    )


def define_evaluation(values: Values) -> None:
    """Evaluation."""
    flags.DEFINE_multi_string(
        "eval_file", [], "SQuAD-form JSON to score on. Repeat the flag for several files.", flag_values=values
    )
    flags.DEFINE_string(
        "predictions_file",
        None,
        "Score these predictions (JSON: question id to text) instead of a model's.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "Folder for metrics.json and predictions; `eval/` of the run directory by default.",
        flag_values=values,
    )


def define_prediction(values: Values) -> None:
    """Prediction."""
    flags.DEFINE_string("question", None, "One question.", flag_values=values)
    flags.DEFINE_string("context", None, "The transcript to search, as a string.", flag_values=values)
    flags.DEFINE_string("context_file", None, "The transcript to search, a UTF-8 text file.", flag_values=values)
    flags.DEFINE_string(
        "input_file",
        None,
        "JSON lines with `question` and `context` (and `id`, if you like), or a SQuAD-form file that ends in .json.",
        flag_values=values,
    )
    flags.DEFINE_string("output_file", None, "Write answers as JSON lines here, not to the screen.", flag_values=values)


def define_client(values: Values) -> None:
    """Server."""
    flags.DEFINE_string(
        "server",
        "localhost:8501",
        "host:port or http://… for REST, grpc://host:port for gRPC; https:// and grpcs:// over TLS.",
        flag_values=values,
    )
    flags.DEFINE_string("model_name", "qa", "The model's name on the server.", flag_values=values)
    flags.DEFINE_integer(
        "model_version", None, "Which version to ask; the latest by default.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_string("model_version_label", None, "Which version, by its label: stable.", flag_values=values)
    flags.DEFINE_integer("batch_size", 32, "Questions in one request, at most.", lower_bound=1, flag_values=values)
    flags.DEFINE_float("timeout_secs", 30.0, "How long one attempt may take.", flag_values=values)
    flags.DEFINE_float(
        "deadline_secs", 120.0, "How long all attempts of one request may take together.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_attempts", 4, "How often to try where the server is away, full or slow.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_multi_string(
        "header",
        [],
        "'Name: value' to send with every request, as HTTP header or gRPC metadata. Repeat the flag for several. A "
        "secret is better kept in a flagfile: others may see the command line.",
        flag_values=values,
    )
    for name, text in (
        ("ca_file", "PEM certificates to trust instead of the system's."),
        ("client_cert_file", "PEM certificate to show to the server."),
        ("client_key_file", "PEM private key of --client_cert_file."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)


def define_export(values: Values) -> None:
    """Export."""
    flags.DEFINE_enum(
        "what",
        "qa",
        ["qa", "encoder"],
        "qa: a trained model that takes text and gives answers. encoder: the encoder alone, as a TF-Hub module, of "
        "--model_dir or, without one, of --encoder_handle.",
        flag_values=values,
    )
    flags.DEFINE_string("model_dir", None, "Run directory of `train` to export from.", flag_values=values)
    flags.DEFINE_string(
        "export_dir",
        "exports",
        "Folder for qa/<version> and qa_ids/<version>, or for encoder/<version>.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "version", None, "Version number; one more than the highest there by default.", flag_values=values
    )
    flags.DEFINE_string(
        "license", "not stated", "Licence of the weights, for the model card of the export.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_windows_per_call",
        32,
        "Windows of a long text that go through the model at a time.",
        lower_bound=1,
        flag_values=values,
    )


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


def define_demo(values: Values) -> None:
    """Demo."""
    flags.DEFINE_string(
        "output_dir", "runs/demo", "Folder to work in; an earlier demo's is replaced.", flag_values=values
    )


def define_serve(values: Values) -> None:
    """Serving."""
    flags.DEFINE_string("saved_model", None, "SavedModel that `export` wrote (the version folder).", flag_values=values)
    flags.DEFINE_string(
        "tf_serving",
        None,
        "Instead of --saved_model: host:port of a TF Serving's REST port. The page asks it, and so do requests below "
        "/v1.",
        flag_values=values,
    )
    flags.DEFINE_string("model_name", "qa", "The model's name in paths: /v1/models/<name>.", flag_values=values)
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "Address to listen on: this machine only by default. 0.0.0.0 lets everybody in who can reach it, unasked.",
        flag_values=values,
    )
    flags.DEFINE_integer("port", 8501, "Port to listen on; 0 for any free one.", flag_values=values)
    flags.DEFINE_integer(
        "max_body_bytes", 16 * 2**20, "Refuse a request whose body is larger than this.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_batch_size", 64, "Refuse a request with more questions than this (rows, of token ids).", flag_values=values
    )
    flags.DEFINE_integer(
        "max_context_chars", 1_000_000, "Refuse a request with a longer text than this.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_concurrent_calls",
        None,
        "Requests worked on at the same time: 2 for a model in this process, 32 for --tf_serving by default.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_waiting", 64, "Requests that may wait for their turn; more are refused.", flag_values=values
    )
    flags.DEFINE_integer(
        "grace_secs", 30, "After SIGTERM or Ctrl-C, wait so long for requests in flight.", flag_values=values
    )
    flags.DEFINE_float(
        "timeout_secs", 60.0, "How long to wait for --tf_serving to answer.", lower_bound=0.001, flag_values=values
    )
