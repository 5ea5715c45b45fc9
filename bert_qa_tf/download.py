"""Downloads a public data set by name, resumes interrupted downloads, and checks the SHA-256 of each file.

python -m bert_qa_tf.download --dataset=spoken_squad --data_dir=data
"""

from __future__ import annotations

from absl import flags as absl_flags

from bert_qa_tf import cli, flags
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (flags.define_download,)


def main(values: absl_flags.FlagValues) -> None:
    """Runs the command."""
    from bert_qa_tf.tasks import public_datasets

    if values.dataset is None:
        raise InputError(f"--dataset is missing, expected one of {', '.join(public_datasets.DATASETS)}")
    public_datasets.download_dataset(values.dataset, values.data_dir, base_url=values.base_url)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
