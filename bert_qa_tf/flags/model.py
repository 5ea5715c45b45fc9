"""Which model, and how its answers are found and scored."""

from __future__ import annotations

from absl import flags

Values = flags.FlagValues


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


def define_model_source(values: Values) -> None:
    """Model."""
    flags.DEFINE_multi_string(
        "model_dir", [], "Run directory of `train`. `evaluate` takes several.", flag_values=values
    )
    flags.DEFINE_multi_string(
        "saved_model",
        [],
        "SavedModel that `export` wrote: its version folder, or the .tar.gz or https:// address of its archive, which "
        "is checked and kept in the user's cache. `evaluate` takes several.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size", 32, "Sentences, or windows of texts, per call of the model.", lower_bound=1, flag_values=values
    )


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
    flags.DEFINE_multi_string("eval_file", [], "File to score on. Repeat the flag for several.", flag_values=values)
    flags.DEFINE_string(
        "task",
        "question_answering",
        "What --predictions_file or a baseline is for; a model says so itself.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "predictions_file",
        None,
        "Questions: score these predictions (JSON: question id to text) instead of a model's.",
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
    flags.DEFINE_string(
        "input_file",
        None,
        "Many at once. Questions: JSON lines with `question` and `context`, `transcript_file` or `audio` (and `id`, if "
        "you like), or a SQuAD-form file that ends in .json. Sentences: a file as create_tfrecords reads it.",
        flag_values=values,
    )
    flags.DEFINE_string("output_file", None, "Write answers as JSON lines here, not to the screen.", flag_values=values)
