#!/usr/bin/env bash
# Measures what half precision costs in F1: MiniLM is trained in float32 and in bfloat16 on the same 4,000 questions, two
# seeds each, and scored on 2,000 questions of other articles.
#
#   BERT_QA_TF_DATA=/path/to/data experiments/precision_f1/precision_f1.sh
#
# The data folder holds squad_style/squad_v1.1_train_slice.json. The recipe is that of configs/cpu.flags for all four; the last
# weights are scored, by an evaluation that computes in float32. After an interruption, run the same command again to resume.
set -euo pipefail
cd "$(dirname "$0")/../.."

DATA="${BERT_QA_TF_DATA:-data}"
WORK="${WORK:-runs/precision_f1}"
RESULTS="${RESULTS:-experiments/precision_f1/results}"
PYTHON="${PYTHON:-.venv/bin/python}"
mkdir -p "$WORK"

if [ ! -e "$WORK/records/manifest.json" ]; then
  "$PYTHON" experiments/precision_f1/split_by_article.py --train=4000 --dev=2000 --output_dir="$WORK" \
    "$DATA/squad_style/squad_v1.1_train_slice.json"
  "$PYTHON" -m bert_qa_tf.create_tfrecords --encoder_handle=minilm --dev_fraction=0 --output_dir="$WORK/records" \
    --input_file="$WORK/train.json"
fi

# One core each, so that neither waits for the other.
train() {
  for policy in float32 mixed_bfloat16; do
    "${pin[@]}" "$PYTHON" -m bert_qa_tf.train --flagfile=configs/cpu.flags --train_dir="$WORK/records" \
      --model_dir="$WORK/$policy.seed$1" --seed="$1" --mixed_precision="$policy" --save_checkpoints_steps=100
  done
}
pids=()
for seed in 0 1; do
  pin=(); if command -v taskset >/dev/null; then pin=(taskset -c "$seed"); fi
  train "$seed" >>"$WORK/seed$seed.log" 2>&1 &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

runs=(); for policy in float32 mixed_bfloat16; do for seed in 0 1; do runs+=("$policy.seed$seed"); done; done
"$PYTHON" -m bert_qa_tf.evaluate --checkpoint=last --eval_file="$WORK/dev.json" "${runs[@]/#/--model_dir=$WORK/}"

for run in "${runs[@]}"; do
  mkdir -p "$RESULTS/$run"
  cp "$WORK/$run/config.json" "$WORK/$run/precision.json" "$WORK/$run/metrics.jsonl" "$RESULTS/$run/"
  cp "$WORK/$run/eval/dev/metrics.json" "$RESULTS/$run/dev.metrics.json"
done
"$PYTHON" experiments/precision_f1/summarize_precision.py "$RESULTS"
