"""Defines the flags of recognising speech and of making spoken data."""

from __future__ import annotations

import dataclasses

from absl import flags

from bert_qa_tf.config import RecognizerConfig

Values = flags.FlagValues


def define_spoken(values: Values) -> None:
    """Spoken data."""
    flags.DEFINE_string(
        "input_file", None, "SQuAD-form JSON; its contexts are read aloud and recognised.", flag_values=values
    )
    flags.DEFINE_string(
        "output_file",
        None,
        "SQuAD-form JSON to write, with the recognised text as contexts. A report is written next to it. Until the "
        "file is complete, a folder OUTPUT_FILE.parts holds the work so far; run the same command again to resume.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Replace --output_file even if no report next to it says that this command made it.",
        flag_values=values,
    )
    flags.DEFINE_multi_float(
        "noise_volume",
        [0.0],
        "Volume of the white noise that is mixed in, 0 to 1 of full scale (as in sox). If the flag is repeated, "
        "successive paragraphs take the volumes in turn.",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "unplaced",
        "drop",
        ["drop", "keep"],
        "What to do with a question whose answer is not found in the transcript. drop: leave the question out; for "
        "training. keep: keep it, with the answer that was really said; for scoring.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "min_confidence",
        0.5,
        "If an answer is not found word for word, accept the words that were heard in its place if at least this share "
        "(0 to 1) of its letters is right.",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_bool(
        "sentence_stops",
        True,
        "Put a full stop after each recognised sentence, as in Spoken-SQuAD.",
        flag_values=values,
    )
    flags.DEFINE_string("voice", "slt", "Voice of flite (`flite -lv` lists the voices).", flag_values=values)
    flags.DEFINE_string(
        "speech_command",
        None,
        "Speech synthesis program to use instead of flite, such as 'espeak-ng -w {audio} {text}'.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_processes",
        0,
        "Number of processes for synthesis and recognition; 0 for one per core.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer("seed", 0, "Seed of the white noise or of the simulated errors.", flag_values=values)
    flags.DEFINE_float(
        "simulate_wer",
        None,
        "Simulate recognition errors instead of synthesising and recognising speech. The value is the word error rate "
        "on encyclopedic text, above 0 and at most 0.7, such as 0.3; simpler text gets fewer errors. Every question is "
        "kept, as with --unplaced=keep. Only pocketsphinx's dictionary is needed, and the flags of speech and "
        "recognition cannot be combined with this one.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "keep_parts",
        False,
        "Keep OUTPUT_FILE.parts, so that the same texts need not be recognised again to try other settings of how "
        "answers are found.",
        flag_values=values,
    )


def define_transcription(values: Values) -> None:
    """Recordings and transcripts."""
    flags.DEFINE_multi_string(
        "audio",
        [],
        "Recording to transcribe: WAV, FLAC, Ogg, MP3; also M4A, WebM and others if ffmpeg is installed. Repeat the "
        "flag for several recordings.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output_file", None, "File for the transcript of one recording; printed by default.", flag_values=values
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "Folder for the transcripts of several recordings, which are named after the recordings. Recordings whose "
        "transcript is already there are left out.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Recognise recordings again whose transcript is already there, and replace it.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "output_format",
        None,
        ["json", "txt", "vtt", "srt"],
        "Format of the transcripts: json has word times and confidences; vtt and srt are captions. By default the "
        "extension of --output_file decides.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "reference_file",
        [],
        "File with the text that was really said, to compute the word error rate: plain text, captions, or another "
        "transcript that `predict --transcript_file` takes. One for each --audio, in the same order.",
        flag_values=values,
    )
    _define_listening_processes(values)


def define_recording(values: Values) -> None:
    """Recording."""
    flags.DEFINE_string(
        "audio",
        None,
        "Recording to search: WAV, FLAC, Ogg, MP3; also M4A, WebM and others if ffmpeg is installed. It is "
        "recognised on this machine, and the answer comes with the time at which it is said. For several questions "
        "about one recording, run `transcribe` once and pass its output as --transcript_file.",
        flag_values=values,
    )
    _define_listening_processes(values)


def _define_listening_processes(values: Values) -> None:
    flags.DEFINE_integer(
        "num_processes",
        0,
        "Number of processes for recognition; 0 for one per core (for faster_whisper: one in all).",
        lower_bound=0,
        flag_values=values,
    )


def define_recognizer(values: Values) -> None:
    """Recogniser."""
    _define_recognizer(values, search="full")
    _define_stops(values)


def define_fast_recognizer(values: Values) -> None:
    """Recogniser."""
    _define_recognizer(values, search="fast")


def _define_recognizer(values: Values, search: str) -> None:
    flags.DEFINE_enum(
        "recognizer",
        "pocketsphinx",
        ["pocketsphinx", "faster_whisper"],
        "Speech recogniser. pocketsphinx comes with an English model. faster_whisper makes far fewer errors; it needs "
        "`pip install faster-whisper` and a model.",
        flag_values=values,
    )
    _define_recognizer_settings(values, search)


def define_served_recognizer(values: Values) -> None:
    """Recordings."""
    flags.DEFINE_enum(
        "recognizer",
        "auto",
        ["auto", "none", "pocketsphinx", "faster_whisper"],
        "Speech recogniser for recordings that the web page sends (POST /transcribe). auto: pocketsphinx, if it is "
        "installed and only this machine can reach the server. none: recordings are only played, and never leave the "
        "browser. faster_whisper makes far fewer errors; it needs `pip install faster-whisper` and a model.",
        flag_values=values,
    )
    _define_recognizer_settings(values, "full")
    _define_stops(values)
    flags.DEFINE_integer(
        "max_audio_bytes", 256 * 2**20, "Refuse recordings whose file is larger than this.", flag_values=values
    )
    flags.DEFINE_integer("max_audio_secs", 7200, "Refuse recordings that are longer than this.", flag_values=values)
    flags.DEFINE_integer(
        "max_recordings",
        1,
        "Maximum number of recordings that are recognised at the same time; further ones are refused.",
        flag_values=values,
    )


def _define_recognizer_settings(values: Values, search: str) -> None:
    flags.DEFINE_enum(
        "search",
        search,
        ["fast", "full"],
        "How thoroughly pocketsphinx searches: full takes two to three times as long and makes slightly fewer errors.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "whisper_model",
        "base.en",
        "Model of faster_whisper: the name of one of its models, or a folder.",
        flag_values=values,
    )
    flags.DEFINE_string("language", "en", "Language of the speech, for faster_whisper.", flag_values=values)


def _define_stops(values: Values) -> None:
    flags.DEFINE_float(
        "stop_pause_secs",
        RecognizerConfig.stop_pause_secs,
        "Insert a full stop where the speaker pauses for at least this many seconds, because pocketsphinx writes none "
        "and training data has them. 0 for no full stops.",
        lower_bound=0.0,
        flag_values=values,
    )


def recognizer_config(values: Values) -> RecognizerConfig:
    """Makes the recogniser's config from the flags of one of the functions above; "auto" means pocketsphinx."""
    name = "pocketsphinx" if values.recognizer == "auto" else values.recognizer
    config = RecognizerConfig(name, values.search, values.whisper_model, values.language)
    if "stop_pause_secs" not in values:  # make_spoken knows where sentences end
        return config
    return dataclasses.replace(config, stop_pause_secs=values.stop_pause_secs)
