"""Defines the flags of the transcripts and recordings that questions are about."""

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
        "Transcript to search, in the format of a speech recogniser or of captions: JSON of Whisper, Amazon "
        "Transcribe, Google Speech-to-Text, Vosk, Deepgram, AssemblyAI, Azure, `transcribe` and others, WebVTT, SRT, "
        "SBV, TTML, ASS, LRC, tables of segments, CTM, STM, or plain text, each perhaps compressed with gzip. The "
        "answer comes with the time at which it is said, and by whom.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "transcript_format",
        None,
        [
            *("json", "whisper", "aws", "google", "vosk", "huggingface", "watson", "deepgram", "assemblyai"),
            *("speechmatics", "azure", "rev", "nemo", "youtube", "timed_json"),
            *("vtt", "srt", "sbv", "tsv", "ttml", "ass", "lrc", "stamped", "otter", "ctm", "stm", "txt"),
        ],
        "Format of the transcript; by default detected from the file. json is that of `transcribe`, timed_json any "
        "other JSON with a list of words or sentences and their times.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "transcript_encoding",
        None,
        "Encoding of a transcript that is not UTF-8, such as windows-1252 (older subtitles), shift_jis or gb18030; by "
        "default UTF-8, or UTF-16 if the file begins with its byte order mark.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "transcript_recording",
        None,
        "Recording to use if the transcript holds several: waveform or waveform/channel for a CTM file, the address of "
        "the audio for a batch of Google Speech-to-Text, the audio_filepath for a manifest of NeMo.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "clean_transcript",
        ",".join(CleaningConfig().names),
        "What to remove from the transcript before it is searched: all, none, or a comma-separated list of: "
        "speaker_labels (John:), time_stamps ([00:12:31]), sound_notes ([Music]), fillers (um), repeats (the the), "
        "invisible (soft hyphens).",
        flag_values=values,
    )


def timed_text_config(values: Values) -> TimedTextConfig:
    """Makes the config from the flags of `define_transcript`, `define_recording` and `define_recognizer`.

    Raises:
      InputError: --clean_transcript names an unknown rule.
    """
    return TimedTextConfig(
        values.transcript_format,
        values.transcript_recording,
        CleaningConfig.of(tuple(name.strip() for name in values.clean_transcript.split(","))),
        recognizer_config(values),
        values.num_processes,
        values.transcript_encoding,
    )
