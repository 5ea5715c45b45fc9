#!/usr/bin/env bash
# Like transfer_cpu.sh, but with the best recipe for recognition errors of `make ablation`: the same questions, steps and
# settings, but only the first epoch is on clean text, and the others are on the text with simulated recognition errors.
#
#   BERT_QA_TF_DATA=/path/to/data experiments/transfer/transfer_noise_cpu.sh
#
# SEEDS="0 1" as there. The test files are scored once, when training is over.
set -euo pipefail
cd "$(dirname "$0")/../.."

export BERT_QA_TF_DATA="${BERT_QA_TF_DATA:-data}"
export WORK="${WORK:-runs/transfer_noise_cpu}"
export RESULTS="${RESULTS:-experiments/transfer/results/transfer_noise_cpu}"
export PYTHON="${PYTHON:-.venv/bin/python}"
# What transfer_cpu.sh takes for two epochs of these questions.
export EPOCHS=3 MAX_TRAIN_STEPS="${MAX_TRAIN_STEPS:-2518}"

if [ ! -e "$WORK/records/manifest.json" ]; then
  "$PYTHON" -m bert_qa_tf.create_tfrecords --encoder_handle=minilm --dev_fraction=0 --output_dir="$WORK/records" \
    --input_file="$BERT_QA_TF_DATA/squad_style/squad_v1.1_train_slice.json" \
    --input_file="$BERT_QA_TF_DATA/squad_style/new_wiki_v1.0.json" \
    --simulate_wer=0.27,0.43 --simulate_clean_copies=1 --simulate_copies=2
fi
exec experiments/transfer/transfer_cpu.sh
