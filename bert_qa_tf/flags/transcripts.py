"""Flags of the transcripts and recordings that questions are about."""

from __future__ import annotations

from absl import flags

from bert_qa_tf.config import CleaningConfig, TimedTextConfig
from bert_qa_tf.flags.speech import recognizer_config

Values = flags.FlagValues


def define_transcript(values: Values) -> None:
    """Transcripts with times."""
    flags.DEFINE_string(
        "transcript_file",
        None,
        "The transcript to search, as a speech recogniser or a captioner wrote it: JSON of Whisper, Amazon Transcribe, "
        "Google Speech-to-Text or ours, WebVTT, SRT, CTM, or text. The answer comes with the seconds in which it is "
        "said.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "transcript_format",
        None,
        ["json", "whisper", "aws", "google", "vtt", "srt", "ctm", "txt"],
        "Its format (json is ours); recognised from the file by default.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "transcript_recording",
        None,
        "Which recording, where a CTM file (waveform, or waveform/channel) or a batch of Google's (address of the "
        "audio) holds several.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "clean_transcript",
        ",".join(CleaningConfig().names),
        "What is taken out of the transcript before it is searched: all, none, or these, with commas between them: "
        "speaker_labels (John:), time_stamps ([00:12:31]), sound_notes ([Music]), fillers (um), repeats (the the), "
        "invisible (soft hyphens).",
        flag_values=values,
    )


def timed_text_config(values: Values) -> TimedTextConfig:
    """What the flags of `define_transcript`, `define_recording` and `define_recognizer` say.

    Raises:
      InputError: --clean_transcript names no rule that there is.
    """
    return TimedTextConfig(
        values.transcript_format,
        values.transcript_recording,
        CleaningConfig.of(tuple(name.strip() for name in values.clean_transcript.split(","))),
        recognizer_config(values),
        values.num_processes,
    )
