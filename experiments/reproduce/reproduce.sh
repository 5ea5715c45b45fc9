#!/usr/bin/env bash
# BERT-base on Spoken-SQuAD, from the download to a table of scores beside the published ones. Made for one GPU.
#
#   make reproduce
#
# Trains on every question of spoken_train-v1.1.json (no article is set aside) by the recipe of configs/gpu.flags, which is
# fixed beforehand: nothing is chosen by looking at a score. The last weights are scored once on each of the three test
# files. After an interruption, run the same command again to resume; finished steps are not repeated.
#
# To try the steps elsewhere, set any of these in the environment:
#
#   ENCODER          any --encoder_handle; bert-base-uncased by default
#   FLAGFILE         configs/gpu.flags by default
#   MAX_TRAIN_STEPS  stop training after so many steps
#   SEED             0 by default
#   DATA_DIR         a folder that already holds the files, so that nothing is downloaded
#   TRAIN_FILE       spoken_train-v1.1.json of the data folder by default; a path where it lies elsewhere
#   TEST_FILES       the test files to score, separated by spaces; the three of the data folder by default
#   BASE_URL         download from this address instead of the data set's public home
#   TRAIN_FLAGS      more flags for `train`, separated by spaces
#   WORK, RESULTS    where records and run go (runs/reproduce/<encoder>), and the table ($WORK/results)
#   PYTHON           .venv/bin/python by default
#
# For example, ten steps of the small encoder on a CPU:
#
#   ENCODER=minilm FLAGFILE=configs/cpu.flags MAX_TRAIN_STEPS=10 make reproduce
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON="${PYTHON:-.venv/bin/python}"
ENCODER="${ENCODER:-bert-base-uncased}"
FLAGFILE="${FLAGFILE:-configs/gpu.flags}"
SEED="${SEED:-0}"
MAX_TRAIN_STEPS="${MAX_TRAIN_STEPS:-}"
# A short trial never stands in the way of the real run: it has a folder of its own.
WORK="${WORK:-runs/reproduce/$(basename "$ENCODER")${MAX_TRAIN_STEPS:+.$MAX_TRAIN_STEPS-steps}}"
RESULTS="${RESULTS:-$WORK/results}"

fail() {
  echo "error: $*" >&2
  exit 1
}

if [ -z "${DATA_DIR:-}" ]; then
  "$PYTHON" -m bert_qa_tf.download --dataset=spoken_squad ${BASE_URL:+"--base_url=$BASE_URL"}
  DATA_DIR=data/spoken_squad
fi
TRAIN_FILE="${TRAIN_FILE:-$DATA_DIR/spoken_train-v1.1.json}"
tests=("$DATA_DIR/spoken_test-v1.1.json" "$DATA_DIR/spoken_test-v1.1_WER44.json" "$DATA_DIR/spoken_test-v1.1_WER54.json")
if [ -n "${TEST_FILES:-}" ]; then read -r -a tests <<<"$TEST_FILES"; fi
# Known now, not after hours of training.
for file in "$TRAIN_FILE" "${tests[@]}"; do [ -r "$file" ] || fail "$file: no such file"; done

if [ ! -e "$WORK/records/manifest.json" ]; then
  "$PYTHON" -m bert_qa_tf.create_tfrecords --input_file="$TRAIN_FILE" --encoder_handle="$ENCODER" --dev_fraction=0 \
    --output_dir="$WORK/records"
fi
# Records of another file would train without a word.
digest=$("$PYTHON" -c 'import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], "rb"), "sha256").hexdigest())' "$TRAIN_FILE")
grep -q "$digest" "$WORK/records/manifest.json" || fail "$WORK/records: made from another file than $TRAIN_FILE; remove $WORK"

read -r -a more <<<"${TRAIN_FLAGS:-}"
"$PYTHON" -m bert_qa_tf.train --flagfile="$FLAGFILE" --train_dir="$WORK/records" --encoder_handle="$ENCODER" \
  --model_dir="$WORK/run" --seed="$SEED" ${MAX_TRAIN_STEPS:+"--max_train_steps=$MAX_TRAIN_STEPS"} ${more[@]+"${more[@]}"}

mkdir -p "$RESULTS"
unscored=()
for file in "${tests[@]}"; do
  # predictions.json is written after metrics.json: with it, the file's scores are whole.
  [ -e "$WORK/run/eval/$(basename "$file" .json)/predictions.json" ] || unscored+=("--eval_file=$file")
done
if [ ${#unscored[@]} -gt 0 ]; then
  "$PYTHON" -m bert_qa_tf.evaluate --checkpoint=last --model_dir="$WORK/run" "${unscored[@]}"
fi

cp "$WORK/run/config.json" "$WORK/run/metrics.jsonl" "$WORK/run/precision.json" "$RESULTS/"
for file in "${tests[@]}"; do
  name=$(basename "$file" .json)
  cp "$WORK/run/eval/$name/metrics.json" "$RESULTS/$name.metrics.json"
done
"$PYTHON" experiments/reproduce/summarize_reproduce.py "$RESULTS"
