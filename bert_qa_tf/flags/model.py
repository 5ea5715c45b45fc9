"""Defines the flags that choose a model, its input and how it is scored."""

from __future__ import annotations

from absl import flags

Values = flags.FlagValues


def define_encoder(values: Values) -> None:
    """Encoder."""
    flags.DEFINE_string(
        "encoder_handle",
        "minilm",
        "Pretrained BERT encoder to load: a name (minilm, bert-tiny, bert-mini, bert-small, bert-medium, "
        "bert-base-uncased, bert-large-uncased, bert-large-wwm-uncased, a keras-nlp preset); the folder of a TF-Hub "
        "module, a Google checkpoint, a keras-nlp preset or safetensors; or an https://, gs:// or kaggle:// address.",
        flag_values=values,
    )


def define_encoder_mode(values: Values) -> None:
    """Encoder mode."""
    flags.DEFINE_enum(
        "encoder_mode",
        "rebuild",
        ["rebuild", "wrap"],
        "How to use the encoder. rebuild: load its weights into an encoder built here, which can run in any precision. "
        "wrap: use a TF-Hub module as it is, in its own precision, for encoders that are not plain BERT.",
        flag_values=values,
    )


def define_casing(values: Values) -> None:
    """Casing."""
    flags.DEFINE_bool(
        "do_lower_case",
        None,
        "Whether the tokenizer lower-cases text and strips accents. Needed only with --vocab_file (default there: yes) "
        "and for an encoder that does not say so itself.",
        flag_values=values,
    )


def define_model_source(values: Values) -> None:
    """Model."""
    flags.DEFINE_multi_string(
        "model_dir",
        [],
        "Trained model to use: the --model_dir of `train`. `evaluate` takes several.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "saved_model",
        [],
        "Exported model to use: the version folder that `export` wrote, or an archive of it, as a .tar.gz file or an "
        "https:// address. Archives are checked and kept in the user's cache. `evaluate` takes several.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size",
        32,
        "Number of windows (question answering) or sentences (classification) per call of the model.",
        lower_bound=1,
        flag_values=values,
    )


def define_trust(values: Values) -> None:
    """Trust."""
    flags.DEFINE_bool(
        "trust",
        False,
        "Load the SavedModel of --saved_model or --encoder_handle even if it reads or writes files, uses the network "
        "or runs other programs. A SavedModel is a program that runs with your rights: use this only if you trust "
        "whoever made it. It is remembered for this model.",
        flag_values=values,
    )


def define_inference(values: Values) -> None:
    """Inference."""
    flags.DEFINE_enum(
        "checkpoint",
        "best",
        ["best", "last"],
        "Which weights of --model_dir to use: those with the best development score, or the last ones.",
        flag_values=values,
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
        "eval_file",
        [],
        "Labelled file to score on, or a folder of Parquet files with questions. Repeat the flag for several.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "task",
        "question_answering",
        "Task of --predictions_file or of a baseline; needed only if no model is given.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "predictions_file",
        None,
        "Questions: score the predictions in this file (JSON: question id to text) instead of a model's.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "Folder to write metrics.json and predictions to; by default `eval/` in the run directory.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Write results into a folder even if the files in it are not results of an earlier evaluation.",
        flag_values=values,
    )


def define_prediction(values: Values) -> None:
    """Prediction."""
    flags.DEFINE_string(
        "input_file",
        None,
        "File of many questions or sentences. Questions: JSON lines with `question`, one of `context`, "
        "`transcript_file` and `audio`, and an optional `id`; or another file of questions that create_tfrecords "
        "reads, with or without answers. Sentences: a file in a form that create_tfrecords reads.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output_file", None, "File to write the answers to, as JSON lines; printed by default.", flag_values=values
    )
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Replace --output_file even if what it holds are not answers that were written earlier.",
        flag_values=values,
    )
