r"""Writes some of the sample's messages as audio files: the speech that `make_spoken` had recognised, by sentence.

    python experiments/sample/sample_clips.py --input_file=runs/sample/written/test.json --noise_volume=0.001 \
      --output_dir=bert_qa_tf/demo_data --message="test message 001"

Ogg Vorbis at 16 kHz, a tenth of the size of plain samples.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import numpy as np
import soundfile

from bert_qa_tf.config import SpeakingConfig
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.speech.spoken_dataset.speak_and_recognize import Listener

# Of 0 to 1: a fifth of what FLAC takes. More of it would cost words that are recognised.
_COMPRESSION = 0.8


def main() -> None:
    """Writes `test_message_001.ogg` for "test message 001"."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input_file", type=pathlib.Path, required=True, help="the written messages")
    parser.add_argument("--noise_volume", type=float, required=True, help="what they were spoken with")
    parser.add_argument("--message", action="append", default=[], help="title of a message; repeat for several")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="where to write")
    values = parser.parse_args()

    listener = Listener(SpeakingConfig())
    articles = json.loads(values.input_file.read_text(encoding="utf-8"))["data"]
    contexts = {article["title"]: article["paragraphs"][0]["context"] for article in articles}
    for title in values.message:
        samples = np.concatenate(list(listener.say(contexts[title], values.noise_volume)))
        path = values.output_dir / f"{title.replace(' ', '_')}.ogg"
        soundfile.write(path, samples, audio.SAMPLE_RATE_HZ, format="OGG", compression_level=_COMPRESSION)
        print(f"{path}: {len(samples) / audio.SAMPLE_RATE_HZ:.1f} s, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
