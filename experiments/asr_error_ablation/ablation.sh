#!/usr/bin/env bash
# Compares training data for transcripts: clean text, simulated recognition errors, really spoken text, both, or clean text
# followed by simulated errors. MiniLM is trained on the same 4,000 questions in each form, for the same steps, with two
# seeds, and scored on spoken development data of other articles.
#
#   BERT_QA_TF_DATA=/path/to/data make ablation
#
# Speaks the data first where that has not been done (experiments/spoken_data/spoken_data.sh, SPOKEN_DIR). The recipe is that of
# configs/cpu.flags, 500 steps of 16 windows, in bfloat16; the last weights are scored. Of the spoken training data, questions
# whose answer was not heard are left out, so the others are seen slightly more often. After an interruption, run the same
# command again to resume.
set -euo pipefail
cd "$(dirname "$0")/../.."

export PYTHON="${PYTHON:-.venv/bin/python}"
export SPOKEN_DIR="${SPOKEN_DIR:-runs/spoken}"
WORK="${WORK:-runs/ablation}"
RESULTS="${RESULTS:-experiments/asr_error_ablation/results}"
STEPS="${STEPS:-500}"
arms=(clean simulated spoken clean_then_simulated both)
eval_names=(spoken_dev.0 spoken_dev.0.01 clean_dev)
experiments/spoken_data/spoken_data.sh
mkdir -p "$WORK"

# As many simulated errors as there really are: from the rate without noise on the recording to that with it.
wer="$("$PYTHON" - "$SPOKEN_DIR/spoken_train.json.report.json" <<'EOF'
import json, sys
print(",".join(f"{rate:.2f}" for rate in sorted(json.load(open(sys.argv[1]))["word_error_rate_by_noise_volume"].values())))
EOF
)"
convert() { # arm, file, flags
  if [ ! -e "$WORK/records.$1/manifest.json" ]; then
    "$PYTHON" -m bert_qa_tf.create_tfrecords --encoder_handle=minilm --dev_fraction=0 --output_dir="$WORK/records.$1" \
      --input_file="$2" "${@:3}"
  fi
}
convert clean "$SPOKEN_DIR/clean_train.json"
convert simulated "$SPOKEN_DIR/clean_train.json" --simulate_wer="$wer" --simulate_copies=2
convert clean_then_simulated "$SPOKEN_DIR/clean_train.json" --simulate_wer="$wer" --simulate_copies=2 --simulate_clean_copies=1
convert spoken "$SPOKEN_DIR/spoken_train.json"
if [ ! -e "$WORK/records.both/manifest.json" ]; then
  "$PYTHON" experiments/asr_error_ablation/hear_again.py --clean_file="$SPOKEN_DIR/clean_train.json" --simulate_wer="$wer" \
    "$SPOKEN_DIR/spoken_train.json" "$WORK/both.json"
  convert both "$WORK/both.json"
fi

# One core each, so that neither waits for the other.
train() {
  for arm in "${arms[@]}"; do
    eval_files=()
    for name in "${eval_names[@]}"; do
      [ -e "$WORK/$arm.seed$1/eval/$name/metrics.json" ] || eval_files+=("--eval_file=$SPOKEN_DIR/$name.json")
    done
    if [ "${#eval_files[@]}" = 0 ]; then continue; fi
    "${pin[@]}" "$PYTHON" -m bert_qa_tf.train --flagfile=configs/cpu.flags --train_dir="$WORK/records.$arm" \
      --model_dir="$WORK/$arm.seed$1" --seed="$1" --mixed_precision=mixed_bfloat16 --num_train_epochs=5 \
      --max_train_steps="$STEPS" --save_checkpoints_steps=100
    "${pin[@]}" "$PYTHON" -m bert_qa_tf.evaluate --checkpoint=last --model_dir="$WORK/$arm.seed$1" "${eval_files[@]}"
  done
}
pids=()
for seed in 0 1; do
  pin=(); if command -v taskset >/dev/null; then pin=(taskset -c "$seed"); fi
  train "$seed" >>"$WORK/seed$seed.log" 2>&1 &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

mkdir -p "$RESULTS"
for arm in "${arms[@]}"; do
  cp "$WORK/records.$arm/manifest.json" "$RESULTS/$arm.manifest.json"
  for seed in 0 1; do
    mkdir -p "$RESULTS/$arm.seed$seed"
    cp "$WORK/$arm.seed$seed/config.json" "$RESULTS/$arm.seed$seed/"
    for file in "${eval_names[@]}"; do
      cp "$WORK/$arm.seed$seed/eval/$file/metrics.json" "$RESULTS/$arm.seed$seed/$file.metrics.json"
    done
  done
done
"$PYTHON" experiments/asr_error_ablation/summarize_ablation.py --spoken_dir="$SPOKEN_DIR" "$WORK" | tee "$RESULTS/table.md"
