#!/usr/bin/env bash
# Trains MiniLM on clean question answering data and scores it on Spoken-SQuAD's test files: a transfer result, on a CPU,
# in bfloat16, with two seeds. Took 97 minutes beside other work, one seed on each of two cores.
#
#   BERT_QA_TF_DATA=/path/to/data experiments/transfer/transfer_cpu.sh
#
# The data folder holds squad_style/{squad_v1.1_train_slice,new_wiki_v1.0}.json (19,815 questions) and
# spoken_squad/spoken_test-v1.1{,_WER44}.json. No article is set aside: the recipe is fixed beforehand (batch 16, peak 1e-4,
# warm-up over a tenth, two epochs), nothing is chosen by looking at a score, and the last weights are scored.
# SEEDS="0 1" are trained at the same time, each on a core of its own; a single one takes all cores.
set -euo pipefail
cd "$(dirname "$0")/../.."

DATA="${BERT_QA_TF_DATA:-data}"
WORK="${WORK:-runs/transfer_cpu}"
RESULTS="${RESULTS:-experiments/transfer/results/transfer_cpu}"
PYTHON="${PYTHON:-.venv/bin/python}"
read -r -a seeds <<<"${SEEDS:-0 1}"
mkdir -p "$WORK"

if [ ! -e "$WORK/records/manifest.json" ]; then
  "$PYTHON" -m bert_qa_tf.create_tfrecords --encoder_handle=minilm --dev_fraction=0 --output_dir="$WORK/records" \
    --input_file="$DATA/squad_style/squad_v1.1_train_slice.json" \
    --input_file="$DATA/squad_style/new_wiki_v1.0.json"
fi

# Each seed has its own core, so that neither waits for the other. After an interruption, run the same command to resume.
pids=()
for number in "${!seeds[@]}"; do
  seed="${seeds[number]}"
  pin=(); if [ "${#seeds[@]}" -gt 1 ] && command -v taskset >/dev/null; then pin=(taskset -c "$number"); fi
  "${pin[@]}" "$PYTHON" -m bert_qa_tf.train --flagfile=configs/cpu.flags --train_dir="$WORK/records" \
    --model_dir="$WORK/seed$seed" --seed="$seed" --mixed_precision=mixed_bfloat16 --save_checkpoints_steps=250 \
    --num_train_epochs="${EPOCHS:-2}" ${MAX_TRAIN_STEPS:+"--max_train_steps=$MAX_TRAIN_STEPS"} \
    >"$WORK/seed$seed.log" 2>&1 &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

"$PYTHON" -m bert_qa_tf.evaluate --checkpoint=last "${seeds[@]/#/--model_dir=$WORK/seed}" \
  --eval_file="$DATA/spoken_squad/spoken_test-v1.1.json" --eval_file="$DATA/spoken_squad/spoken_test-v1.1_WER44.json"

for seed in "${seeds[@]}"; do
  mkdir -p "$RESULTS/seed$seed"
  cp "$WORK/seed$seed/config.json" "$WORK/seed$seed/metrics.jsonl" "$RESULTS/seed$seed/"
  for file in spoken_test-v1.1 spoken_test-v1.1_WER44; do
    cp "$WORK/seed$seed/eval/$file/metrics.json" "$RESULTS/seed$seed/$file.metrics.json"
  done
done
echo "wrote $RESULTS"
