"""What a person sees of a training, and what it leaves for tools: progress lines and `metrics.jsonl`.

What goes in: a step's figures. What comes out: a progress bar where a person watches, a line each time otherwise, and
one JSON object a line in the run directory. TensorBoard events are written by orbit.
"""

from __future__ import annotations

import json
import sys
import time

import tensorflow as tf
from tqdm import tqdm

METRICS_FILE = "metrics.jsonl"


class Reporter:
    """Reports on one training.

    Args:
      model_dir: the run directory.
      total_steps: of the whole training.
      start_step: the step it goes on from; later lines of an earlier, killed process are taken out of the file.
    """

    def __init__(self, model_dir: str, total_steps: int, start_step: int) -> None:
        self._path = f"{model_dir}/{METRICS_FILE}"
        self._total_steps = total_steps
        self._lines = [line for line in self._read() if line["step"] <= start_step]
        self._write()
        # Kept, since what standard output is may be changed around the loop that calls this.
        self._output = sys.stdout
        watched = sys.stderr.isatty()
        self._bar = tqdm(total=total_steps, initial=start_step, unit="step") if watched else None

    def evaluated_at(self, step: int) -> bool:
        """Whether the file already holds an evaluation at this step."""
        return any(line["step"] == step and line["kind"] == "eval" for line in self._lines)

    def train(self, step: int, figures: dict[str, float], seconds_per_step: float) -> None:
        """Takes the figures of the steps since the last call."""
        self._append("train", step, figures)
        left = _duration((self._total_steps - step) * seconds_per_step)
        shown = (
            f"loss {figures['loss']:.4f}  learning rate {figures['learning_rate']:.2e}  "
            f"{figures['windows_per_second']:.1f} windows/s"
        )
        if self._bar is not None:
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update(step - self._bar.n)
        else:
            print(f"step {step}/{self._total_steps}  {shown}  {left} left", file=self._output, flush=True)

    def evaluation(self, step: int, epoch: int, figures: dict[str, float], is_best: bool) -> None:
        """Takes the development scores after an epoch."""
        self._append("eval", step, {**figures, "epoch": epoch})
        shown = "  ".join(f"{name} {value:.2f}" for name, value in figures.items())
        self.note(f"epoch {epoch}, development split: {shown}{'  (best so far)' if is_best else ''}")

    def note(self, line: str) -> None:
        """Prints a line without breaking the bar."""
        if self._bar is not None:
            self._bar.write(line, file=self._output)
        else:
            print(line, file=self._output, flush=True)

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()

    def _append(self, kind: str, step: int, figures: dict[str, float]) -> None:
        line = {"kind": kind, "step": step, "time": round(time.time(), 1), **figures}
        self._lines.append(line)
        with tf.io.gfile.GFile(self._path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def _read(self) -> list[dict]:
        if not tf.io.gfile.exists(self._path):
            return []
        lines = []
        with tf.io.gfile.GFile(self._path, "r") as file:
            for text in file.read().splitlines():
                try:
                    line = json.loads(text)
                    line["step"], line["kind"]
                except (json.JSONDecodeError, KeyError, TypeError):
                    break  # the line that a killed process was writing; the steps after it are run again
                lines.append(line)
        return lines

    def _write(self) -> None:
        with tf.io.gfile.GFile(f"{self._path}.tmp", "w") as file:
            file.write("".join(json.dumps(line) + "\n" for line in self._lines))
        tf.io.gfile.rename(f"{self._path}.tmp", self._path, overwrite=True)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
