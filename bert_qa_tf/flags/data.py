"""What goes into records: auditing, downloading, converting; and the demo."""

from __future__ import annotations

from absl import flags

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


def define_conversion(values: Values) -> None:
    """Conversion."""
    flags.DEFINE_string(
        "task",
        "question_answering",
        "What the records are for: question_answering, classification, or package.module:Class of a task of your own.",
        flag_values=values,
    )
    flags.DEFINE_multi_string("input_file", [], "File to convert. Repeat the flag for several.", flag_values=values)
    flags.DEFINE_string(
        "output_dir",
        "tfrecords/spoken_squad",
        "Folder for the shards, the vocabulary and manifest.json.",
        flag_values=values,
    )
    flags.DEFINE_string("vocab_file", None, "WordPiece vocabulary, instead of the encoder's own.", flag_values=values)
    flags.DEFINE_bool("overwrite", False, "Replace the conversion in --output_dir.", flag_values=values)


def define_demo(values: Values) -> None:
    """Demo."""
    flags.DEFINE_string(
        "output_dir", "runs/demo", "Folder to work in; an earlier demo's is replaced.", flag_values=values
    )
