"""Which model, and how its answers are found and scored."""

from __future__ import annotations

import dataclasses

from absl import flags

from bert_qa_tf.config import DecodingConfig

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
        "saved_model",
        [],
        "SavedModel that `export` wrote: its version folder, or the .tar.gz or https:// address of its archive, which "
        "is checked and kept in the user's cache. `evaluate` takes several.",
        flag_values=values,
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
    flags.DEFINE_bool(
        "word_overlap",
        False,
        "Score beside them what needs no reading: the words nearest to those of the question, by that way of counting "
        "(of some dozens) which is best on the very file.",
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
        "JSON lines with `question` and `context`, `transcript_file` or `audio` (and `id`, if you like), or a "
        "SQuAD-form file that ends in .json.",
        flag_values=values,
    )
    flags.DEFINE_string("output_file", None, "Write answers as JSON lines here, not to the screen.", flag_values=values)


def asked_fields(values: Values) -> dict[str, str | None]:
    """The flags of `define_prediction` as fields of `tasks.question_answering.request.Asked`."""
    names = ("question", "context", "context_file", "input_file", "output_file")
    return {name: values[name].value for name in names}
