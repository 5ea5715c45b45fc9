#!/usr/bin/env bash
# Makes spoken data for choosing recipes, from a slice of SQuAD's training file: clean text is read aloud by flite with noise and
# recognised by pocketsphinx. Some 1,600 paragraphs are spoken, which took an hour and a half beside other work. After an
# interruption, run the same command again to resume.
#
#   BERT_QA_TF_DATA=/path/to/data make spoken-data
#
# In SPOKEN_DIR (runs/spoken): clean_train.json, 4,000 questions, and spoken_train.json, whose paragraphs are heard without
# and with noise in turn, those questions left out whose answer is not heard; of other articles clean_dev.json, 1,000
# questions, and spoken_dev.<volume of the noise>.json at three levels, all questions kept. Of the training articles'
# paragraphs every fourth is also heard at the level between (spoken_train_quarter.0.003.json), for the rate it has there.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON="${PYTHON:-.venv/bin/python}"
DATA="${BERT_QA_TF_DATA:-data}"
SPOKEN_DIR="${SPOKEN_DIR:-runs/spoken}"

if [ ! -e "$SPOKEN_DIR/clean_train_quarter.json" ]; then
  "$PYTHON" experiments/spoken_data/spoken_split.py --output_dir="$SPOKEN_DIR" "$DATA/squad_style/squad_v1.1_train_slice.json"
fi

speak() { # input, output, flags
  if [ ! -e "$SPOKEN_DIR/$2" ]; then
    "$PYTHON" -m bert_qa_tf.make_spoken --input_file="$SPOKEN_DIR/$1" --output_file="$SPOKEN_DIR/$2" "${@:3}"
  fi
}
for volume in 0 0.003 0.01; do
  speak clean_dev.json "spoken_dev.$volume.json" --noise_volume="$volume" --unplaced=keep
done
speak clean_train.json spoken_train.json --noise_volume=0 --noise_volume=0.01
speak clean_train_quarter.json spoken_train_quarter.0.003.json --noise_volume=0.003 --unplaced=keep
