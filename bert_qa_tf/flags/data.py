"""Defines the flags of auditing, downloading and converting data, and of the demo."""

from __future__ import annotations

from absl import flags

Values = flags.FlagValues


def define_odd_items(values: Values) -> None:
    """Odd input."""
    flags.DEFINE_bool(
        "strict",
        False,
        "Refuse input with anything odd in it, such as an id that is a number or a caption without a time. By default "
        "what can be read without guessing is read, and the rest is counted and shown.",
        flag_values=values,
    )


def define_audit(values: Values) -> None:
    """Audit."""
    flags.DEFINE_multi_string(
        "input_file",
        [],
        "File of questions with answers to check, such as SQuAD-form JSON, or a folder of Parquet files. Repeat the "
        "flag for several.",
        flag_values=values,
    )
    flags.DEFINE_string("output_file", None, "Also write the figures as JSON to this file.", flag_values=values)
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Replace --output_file even if it is not the result of an earlier audit.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_answer_words",
        30,
        "Maximum length, in words, of the spans that are searched for the ceiling: the best score that any single span "
        "of the text can get.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer("show", 3, "How many ids to show for each kind of problem.", lower_bound=0, flag_values=values)
    flags.DEFINE_bool(
        "show_all", False, "Show figures that are 0, too. The JSON always has all of them.", flag_values=values
    )
    flags.DEFINE_float(
        "fail_under_aligned",
        None,
        "Exit with status 1 if a smaller share (0 to 1) of a file's questions has a correct answer offset.",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "fail_under_ceiling_f1",
        None,
        "Exit with status 1 if the ceiling of a file's F1 (0 to 100) is lower than this.",
        lower_bound=0.0,
        upper_bound=100.0,
        flag_values=values,
    )


def define_download(values: Values) -> None:
    """Download."""
    flags.DEFINE_enum(
        "dataset",
        None,
        [
            "spoken_squad",
            "spoken_squad_rows",
            "nmsqa",
            "heysquad",
            "heysquad_test",
            "slue_sqa5_test",
            "squad_v1.1",
            "squad_v2.0",
        ],
        "Data set to download.",
        flag_values=values,
    )
    flags.DEFINE_string("data_dir", "data", "Folder to write to; each data set gets a subfolder.", flag_values=values)
    flags.DEFINE_string(
        "base_url",
        None,
        "Download the files from this address (a mirror, a local server) instead of their public one.",
        flag_values=values,
    )


def define_conversion(values: Values) -> None:
    """Conversion."""
    flags.DEFINE_string(
        "task",
        "question_answering",
        "Task to make records for: question_answering, classification, or package.module:Class for your own task.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "input_file",
        [],
        "File to convert, or a folder of Parquet files with questions. Repeat the flag for several.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output_dir",
        "tfrecords/spoken_squad",
        "Folder to write the record shards, the vocabulary and manifest.json to.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "vocab_file", None, "WordPiece vocabulary to use instead of the encoder's own.", flag_values=values
    )
    flags.DEFINE_bool("overwrite", False, "Replace an existing conversion in --output_dir.", flag_values=values)


def define_demo(values: Values) -> None:
    """Demo."""
    flags.DEFINE_string(
        "output_dir", "runs/demo", "Folder to work in; the files of an earlier demo are replaced.", flag_values=values
    )
