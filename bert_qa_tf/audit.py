"""Checks SQuAD-form JSON for problems before it is used for training.

The audit says whether a file is fit for training, and shows what is wrong or odd about it: wrong answer offsets,
repeated ids, fields of another type, questions that cannot be read, answers that speech recognition lost. It computes
the best score that any span of the text could get (the ceiling).

  python -m bert_qa_tf.audit --input_file=train.json --input_file=test.json --output_file=audit.json
"""

from __future__ import annotations

from absl import flags as absl_flags

from bert_qa_tf import cli, flags
from bert_qa_tf.tasks.question_answering.config import ReferenceConfig

FLAG_GROUPS = (flags.define_audit, flags.option_group("Input", ReferenceConfig), flags.define_odd_items)


def main(values: absl_flags.FlagValues) -> None:
    """Runs the command."""
    from bert_qa_tf.tasks.question_answering import audit_report

    audit_report.run_audit(
        values.input_file,
        output_file=values.output_file,
        overwrite=values.overwrite,
        max_answer_words=values.max_answer_words,
        show=values.show,
        show_all=values.show_all,
        fail_under_aligned=values.fail_under_aligned,
        fail_under_ceiling_f1=values.fail_under_ceiling_f1,
        strict=values.strict,
        input_format=values.input_format,
    )


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
