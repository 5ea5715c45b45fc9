#!/usr/bin/env bash
# Makes a model to distribute: MiniLM trained on the available data, exported with its model card, and packed as an archive
# with checksums.
#
#   BERT_QA_TF_DATA=/path/to/data make release
#
# The data folder holds squad_style/{squad_v1.1_train_slice,new_wiki_v1.0}.json (19,815 questions) and
# spoken_squad/spoken_test-v1.1{,_WER44}.json. One article in twenty is set aside: the weights with the best F1 there are
# the ones released. The recipe is that of configs/cpu.flags, fixed beforehand; the test files are scored once, for the card.
# After an interruption, run the same command again to resume; finished steps are not repeated. It takes an hour and a half
# on two cores.
#
# To train another model the same way, set any of these in the environment:
#
#   ENCODER, FLAGFILE   minilm, configs/cpu.flags
#   TRAIN_FILES         SQuAD-form files, separated by spaces, instead of the two above
#   TEST_FILES          files to score for the card, separated by spaces
#   LICENSE             of the weights, for the card
#   VERSION             of the model, 1
#   MAX_TRAIN_STEPS     stop training after so many steps
#   WORK                where records, run and exports go, and the archive ($WORK/dist); runs/release
#   PYTHON              .venv/bin/python
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON="${PYTHON:-.venv/bin/python}"
DATA="${BERT_QA_TF_DATA:-data}"
ENCODER="${ENCODER:-minilm}"
FLAGFILE="${FLAGFILE:-configs/cpu.flags}"
LICENSE="${LICENSE:-Apache-2.0 (encoder: MiniLM-L6-H384); trained on text under CC BY-SA 4.0}"
VERSION="${VERSION:-1}"
WORK="${WORK:-runs/release}"
read -r -a train_files <<<"${TRAIN_FILES:-$DATA/squad_style/squad_v1.1_train_slice.json $DATA/squad_style/new_wiki_v1.0.json}"
read -r -a test_files <<<"${TEST_FILES:-$DATA/spoken_squad/spoken_test-v1.1.json $DATA/spoken_squad/spoken_test-v1.1_WER44.json}"
archive="$WORK/dist/bert_qa_tf-$(basename "$ENCODER")-$VERSION.tar.gz"

# Known now, not after an hour of training.
for file in "${train_files[@]}" "${test_files[@]}"; do
  [ -r "$file" ] || { echo "error: $file: no such file (BERT_QA_TF_DATA names the folder of the data)" >&2; exit 1; }
done

if [ ! -e "$WORK/records/manifest.json" ]; then
  "$PYTHON" -m bert_qa_tf.create_tfrecords --encoder_handle="$ENCODER" --dev_fraction=0.05 --output_dir="$WORK/records" \
    "${train_files[@]/#/--input_file=}"
fi
"$PYTHON" -m bert_qa_tf.train --flagfile="$FLAGFILE" --encoder_handle="$ENCODER" --train_dir="$WORK/records" \
  --model_dir="$WORK/run" --mixed_precision=mixed_bfloat16 --save_checkpoints_steps=250 \
  ${MAX_TRAIN_STEPS:+"--max_train_steps=$MAX_TRAIN_STEPS"}

for file in "${test_files[@]}"; do
  scored="$WORK/run/eval/$(basename "$file" .json)/metrics.json"
  [ -e "$scored" ] || "$PYTHON" -m bert_qa_tf.evaluate --model_dir="$WORK/run" --eval_file="$file"
done

if [ ! -e "$archive.sha256" ]; then
  rm -rf "$WORK/exports/qa/$VERSION" "$WORK/exports/qa_ids/$VERSION" # of a packing that was cut short
  "$PYTHON" -m bert_qa_tf.export --model_dir="$WORK/run" --export_dir="$WORK/exports" --version="$VERSION" \
    --license="$LICENSE" --archive="$archive"
fi

# The first steps of a user of the archive.
"$PYTHON" -m bert_qa_tf.predict --saved_model="$archive" --question="who called" \
  --context="hi this is nora from the library the book you asked for came in this morning we are open until six"
echo "$archive is ready; its card:"
cat "$WORK/exports/qa/$VERSION/assets.extra/model_card.md"
