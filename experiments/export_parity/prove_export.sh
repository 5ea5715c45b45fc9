#!/usr/bin/env bash
# Compares a trained model's export with its checkpoint on every question of Spoken-SQuAD's test file, and fuzzes it with ten
# thousand unusual questions. Nothing is chosen by the results.
#
#   BERT_QA_TF_DATA=/path/to/data make prove-export
#
# RUN_DIR (runs/release/run) is the run, SAVED_MODEL (runs/release/exports/qa/1) an export of it; `make release` makes both.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON="${PYTHON:-.venv/bin/python}"
DATA="${BERT_QA_TF_DATA:-data}"
RUN_DIR="${RUN_DIR:-runs/release/run}"
SAVED_MODEL="${SAVED_MODEL:-runs/release/exports/qa/1}"
RESULTS="${RESULTS:-experiments/export_parity/results/export_parity.md}"

{
  echo "# An export and its checkpoint, and ten thousand odd questions"
  echo
  echo "\`make prove-export\` on $(nproc) cores. \`experiments/export_parity/export_parity.py\`:"
  echo
  "$PYTHON" -W ignore::UserWarning experiments/export_parity/export_parity.py --model_dir="$RUN_DIR" --eval_file="$DATA/spoken_squad/spoken_test-v1.1.json"
  echo
  echo "\`experiments/export_parity/fuzz_export.py\`:"
  echo
  "$PYTHON" -W ignore::UserWarning experiments/export_parity/fuzz_export.py "$SAVED_MODEL" | sed 's/^/    /'
} >"${RESULTS%.md}.partial"
mv "${RESULTS%.md}.partial" "$RESULTS"
cat "$RESULTS"
