"""The report beside a spoken data set, which also tells that the data set was made and is no source of others."""

from __future__ import annotations

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, outputs

# Every report has both, whether the errors were heard or simulated.
_KEYS = {"input_file", "word_error_rate"}


def path_of(output_file: str) -> str:
    """Returns the path of the report on a data set.

    It is put in place before the data set: if the process is killed in between, the same command may go on.
    """
    return f"{output_file}.report.json"


def check_outputs(input_file: str, output_file: str, overwrite: bool) -> None:
    """Checks that a data set and its report may be written.

    Args:
      input_file: the data set that it is made of.
      output_file: the data set to write.
      overwrite: whether to replace files that were made in another way.

    Raises:
      InputError: the input would be replaced, or another file that was made in another way.
    """
    made = _is_report(path_of(output_file))
    for path in (output_file, path_of(output_file)):
        outputs.check_file(path, [input_file], overwrite=overwrite or made)


def _is_report(path: str) -> bool:
    try:
        return files.exists(path) and files.read_json(path).keys() >= _KEYS
    except InputError:
        return False
