"""Sound: recognising it, and making spoken data."""

from __future__ import annotations

import dataclasses

from absl import flags

from bert_qa_tf.config import RecognizerConfig

Values = flags.FlagValues


def define_spoken(values: Values) -> None:
    """Spoken data."""
    flags.DEFINE_string("input_file", None, "SQuAD-form JSON whose contexts are read aloud.", flag_values=values)
    flags.DEFINE_string(
        "output_file",
        None,
        "Where to write the spoken SQuAD-form JSON; a report is written beside it, and until it is whole a folder "
        "OUTPUT_FILE.parts, from which the same command goes on.",
        flag_values=values,
    )
    flags.DEFINE_multi_float(
        "noise_volume",
        [0.0],
        "Volume of the white noise mixed in, from 0 to 1 of full scale (sox's scale). Given several times, the "
        "paragraphs take the volumes in turn.",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "unplaced",
        "drop",
        ["drop", "keep"],
        "What becomes of a question whose answer was not found in the transcript. drop: left out, for training. keep: "
        "every question stays, and an answer that was misheard is what was really said, for scoring.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "min_confidence",
        0.5,
        "An answer that is not found word by word is placed where other words were heard instead of it, if at least "
        "this share (0 to 1) of its letters is right.",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_bool(
        "sentence_stops",
        True,
        "End what was heard of each sentence with a full stop, as Spoken-SQuAD does.",
        flag_values=values,
    )
    flags.DEFINE_string("voice", "slt", "Voice of flite (flite -lv lists them).", flag_values=values)
    flags.DEFINE_string(
        "speech_command",
        None,
        "Another program to speak with instead of flite, such as 'espeak-ng -w {audio} {text}'.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_processes",
        0,
        "Processes that speak and listen; 0 for one on each core.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer("seed", 0, "Of the white noise, or of the simulated errors.", flag_values=values)
    flags.DEFINE_float(
        "simulate_wer",
        None,
        "Speak and listen to nothing: put in the errors that a recogniser would make, at this share of the words of "
        "encyclopedic text (fewer where words are plainer), as 0.3 (above 0, at most 0.7). Every question stays, as "
        "with --unplaced=keep. Needs only pocketsphinx's dictionary; flags of speech and recognition have no meaning "
        "then.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "keep_parts",
        False,
        "Leave OUTPUT_FILE.parts in place: the same texts need not be heard again for other settings of answers.",
        flag_values=values,
    )


def define_transcription(values: Values) -> None:
    """Recordings and transcripts."""
    flags.DEFINE_multi_string(
        "audio",
        [],
        "Recording: WAV, FLAC, Ogg, MP3, or anything that ffmpeg reads where it is installed. Repeat the flag for "
        "several.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output_file", None, "Where to write the transcript of one recording; printed without it.", flag_values=values
    )
    flags.DEFINE_string(
        "output_dir", None, "Folder for the transcripts of several recordings, named after them.", flag_values=values
    )
    flags.DEFINE_enum(
        "output_format",
        None,
        ["json", "txt", "vtt", "srt"],
        "json has word times and confidences; vtt and srt are captions. By default, by the ending of --output_file.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "reference_file",
        [],
        "Text that was really said, to count word errors. One for each --audio, in the same order.",
        flag_values=values,
    )
    _define_listening_processes(values)


def define_recording(values: Values) -> None:
    """Recording."""
    flags.DEFINE_string(
        "audio",
        None,
        "A recording to search: WAV, FLAC, Ogg, MP3, or anything that ffmpeg reads where it is installed. It is "
        "recognised on this machine, and the answer comes with the seconds in which it is said. To ask it more than "
        "once, `transcribe` it and give --transcript_file.",
        flag_values=values,
    )
    _define_listening_processes(values)


def _define_listening_processes(values: Values) -> None:
    flags.DEFINE_integer(
        "num_processes",
        0,
        "Processes that listen; 0 for one on each core (faster_whisper: one).",
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
        "pocketsphinx has its English model with it. faster_whisper makes far fewer errors, and needs "
        "pip install faster-whisper and a model.",
        flag_values=values,
    )
    _define_recognizer_settings(values, search)


def define_served_recognizer(values: Values) -> None:
    """Recordings."""
    flags.DEFINE_enum(
        "recognizer",
        "auto",
        ["auto", "none", "pocketsphinx", "faster_whisper"],
        "What recognises the recordings that the page sends (POST /transcribe). auto: pocketsphinx, where it is "
        "installed and only this machine can reach the server. none: they are played, and never leave the browser. "
        "faster_whisper makes far fewer errors, and needs pip install faster-whisper and a model.",
        flag_values=values,
    )
    _define_recognizer_settings(values, "full")
    _define_stops(values)
    flags.DEFINE_integer(
        "max_audio_bytes", 256 * 2**20, "Refuse a recording whose file is larger than this.", flag_values=values
    )
    flags.DEFINE_integer("max_audio_secs", 7200, "Refuse a recording that is longer than this.", flag_values=values)
    flags.DEFINE_integer(
        "max_recordings", 1, "Recordings that are recognised at the same time; more are refused.", flag_values=values
    )


def _define_recognizer_settings(values: Values, search: str) -> None:
    flags.DEFINE_enum(
        "search",
        search,
        ["fast", "full"],
        "How thoroughly pocketsphinx searches: full takes twice to three times as long for slightly fewer errors.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "whisper_model", "base.en", "Model of faster_whisper: a name that it knows, or a folder.", flag_values=values
    )
    flags.DEFINE_string("language", "en", "Language that faster_whisper is to expect.", flag_values=values)


def _define_stops(values: Values) -> None:
    flags.DEFINE_float(
        "stop_pause_secs",
        RecognizerConfig.stop_pause_secs,
        "pocketsphinx writes no full stops; one is put in where the speaker pauses for so many seconds, since training "
        "data has them. 0 for none.",
        lower_bound=0.0,
        flag_values=values,
    )


def recognizer_config(values: Values) -> RecognizerConfig:
    """The recogniser that the flags of one of the functions above name; for "auto", pocketsphinx."""
    name = "pocketsphinx" if values.recognizer == "auto" else values.recognizer
    config = RecognizerConfig(name, values.search, values.whisper_model, values.language)
    if "stop_pause_secs" not in values:  # make_spoken knows where sentences end
        return config
    return dataclasses.replace(config, stop_pause_secs=values.stop_pause_secs)
