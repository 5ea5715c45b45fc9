r"""Turns recordings into transcripts with word times and confidences.

This needs requirements/speech.txt. After an interruption, run the same command again to resume.

  python -m bert_qa_tf.transcribe --audio=talk.wav
  python -m bert_qa_tf.transcribe --audio=talk.mp3 --output_file=talk.vtt --reference_file=talk.txt
  python -m bert_qa_tf.transcribe --audio=a.wav --audio=b.wav --output_dir=transcripts --output_format=json
"""

from __future__ import annotations

from absl import flags as absl_flags

from bert_qa_tf import cli, flags

FLAG_GROUPS = (flags.define_transcription, flags.define_recognizer, flags.define_odd_items)


def main(values: absl_flags.FlagValues) -> None:
    """Recognises each recording, writes its transcript, and prints its word error rate if a reference is given."""
    from bert_qa_tf.speech.recordings import transcription_job

    transcription_job.run(
        values.audio,
        flags.recognizer_config(values),
        output_file=values.output_file,
        output_dir=values.output_dir,
        output_format=values.output_format,
        reference_files=values.reference_file,
        num_processes=values.num_processes,
        overwrite=values.overwrite,
    )


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
