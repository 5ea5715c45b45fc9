"""SQuAD-form files of simulated recognised speech: the data set that `make_spoken` would make, without speaking.

What goes in: a SQuAD-form file of clean text. What comes out: the same questions about contexts as a recogniser would
have heard them, to be audited, scored or converted. The noise itself is `noise`'s.
"""

from __future__ import annotations

from collections import Counter

from bert_qa_tf.data import files
from bert_qa_tf.data.noise import NoiseMaker, noisy_examples
from bert_qa_tf.data.squad import iter_squad
from bert_qa_tf.data.squad_writer import SquadWriter


def write_noisy_squad(
    input_file: files.PathLike, output_file: files.PathLike, maker: NoiseMaker, version: str = "1.1"
) -> Counter[str]:
    """Writes the first hearing of each context, with an article at a time in memory.

    Args:
      input_file: SQuAD-form JSON; may be remote.
      output_file: where to write; may be remote.
      maker: of the noise.
      version: the file's `version`.

    Returns:
      What `noise.noisy_examples` counts. Gold answers that did not come through are written as they were said, at an
      offset that does not fit.

    Raises:
      InputError: the input is not fit.
    """
    counts: Counter[str] = Counter()
    with SquadWriter(str(output_file), version) as writer:
        for example in noisy_examples(iter_squad(input_file), maker, counts=counts):
            writer.add(example)
    return counts
