"""The records kept in `tfrecords/sample` are what the command in its manifest's place makes today, to the byte."""

import importlib.resources

from bert_qa_tf import cli, create_tfrecords
from tests.testing import REPOSITORY, minilm_folder

SAMPLE = REPOSITORY / "tfrecords" / "sample"


def test_converting_the_development_messages_again_gives_the_committed_sample(tmp_path):
    messages = importlib.resources.files("bert_qa_tf.demo_data") / "dev.json"
    vocab = minilm_folder() / "vocab.txt"
    argv = [f"--input_file={messages}", f"--output_dir={tmp_path / 'sample'}", "--num_shards=2", "--dev_fraction=0.2"]
    status = cli.call(create_tfrecords.main, "", create_tfrecords.FLAG_GROUPS, [*argv, f"--vocab_file={vocab}"])
    assert status == 0
    names = sorted(path.name for path in SAMPLE.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "sample").iterdir())
    for name in names:
        assert (SAMPLE / name).read_bytes() == (tmp_path / "sample" / name).read_bytes(), name
