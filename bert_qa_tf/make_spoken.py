r"""Makes a spoken data set: reads contexts aloud with white noise, recognises them and finds the answers again.

This needs flite and requirements/speech.txt. After an interruption, run the same command again to resume; the output is
the same, byte for byte.

  python -m bert_qa_tf.make_spoken --input_file=train.json --output_file=spoken_train.json \
    --noise_volume=0.01 --noise_volume=0.02
  python -m bert_qa_tf.make_spoken --input_file=dev.json --output_file=spoken_dev.json \
    --noise_volume=0.01 --unplaced=keep
  python -m bert_qa_tf.make_spoken --input_file=dev.json --output_file=simulated_dev.json --simulate_wer=0.3
"""

from __future__ import annotations

from absl import flags as absl_flags

from bert_qa_tf import cli, flags
from bert_qa_tf.config import SpeakingConfig, SpokenDatasetConfig
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (flags.define_spoken, flags.define_fast_recognizer, flags.define_odd_items)
# Flags that have no effect if errors are simulated, and so are refused.
_OF_SPEECH = (
    "noise_volume",
    "min_confidence",
    "voice",
    "speech_command",
    "num_processes",
    "keep_parts",
    "recognizer",
    "search",
    "whisper_model",
    "language",
)


def main(values: absl_flags.FlagValues) -> None:
    """Makes the file, and prints how many of its answers were found."""
    for name in ("input_file", "output_file"):
        if not values[name].value:
            raise InputError(f"--{name} is missing")
    if values.simulate_wer is not None:
        _simulate(values)
        return
    config = SpokenDatasetConfig(
        speaking=SpeakingConfig(values.voice, values.speech_command, flags.recognizer_config(values), values.seed),
        noise_volumes=tuple(values.noise_volume),
        unplaced=values.unplaced,
        min_confidence=values.min_confidence,
        sentence_stops=values.sentence_stops,
    )
    from bert_qa_tf.speech import processes
    from bert_qa_tf.speech.spoken_dataset import files

    report = files.make_spoken(
        values.input_file,
        values.output_file,
        config,
        num_processes=values.num_processes or processes.available_cores(),
        keep_parts=values.keep_parts,
        overwrite=values.overwrite,
    )
    _tell(values, files.describe(report))


def _simulate(values: absl_flags.FlagValues) -> None:
    given = [f"--{name}" for name in _OF_SPEECH if values[name].present]
    if values["unplaced"].present and values.unplaced != "keep":
        given.append(f"--unplaced={values.unplaced}")
    if given:
        raise InputError(f"with --simulate_wer nothing is spoken or recognised: leave out {', '.join(given)}")
    if not 0 < values.simulate_wer <= 0.7:
        raise InputError(f"--simulate_wer must be above 0 and at most 0.7, got {values.simulate_wer:g}")
    from bert_qa_tf.speech.spoken_dataset import simulated_squad

    report = simulated_squad.simulate_spoken(
        values.input_file,
        values.output_file,
        values.simulate_wer,
        values.seed,
        values.sentence_stops,
        overwrite=values.overwrite,
    )
    _tell(values, simulated_squad.describe(report))


def _tell(values: absl_flags.FlagValues, report: str) -> None:
    print(report)
    print(f"wrote {values.output_file} and {values.output_file}.report.json")


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
