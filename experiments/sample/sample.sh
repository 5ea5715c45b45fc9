#!/usr/bin/env bash
# Makes the committed sample from its patterns: messages are written, read aloud by flite with white noise, and recognised
# by pocketsphinx. Some are kept as audio, and records are made of the development messages.
#
#   make sample
#
# After an interruption, run the same command again to resume. Set in the environment:
#
#   WORK     folder for files that are not committed (runs/sample)
#   PYTHON   .venv/bin/python by default
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON="${PYTHON:-.venv/bin/python}"
WORK="${WORK:-runs/sample}"
DATA=bert_qa_tf/demo_data
NOISE_VOLUME=0.001
CLIPS=("test message 003" "test message 020")

"$PYTHON" experiments/sample/sample_messages.py --output_dir="$WORK/written"
for split in dev train test; do
  # As in Spoken-SQuAD, a question stays only where its answer is in the transcript. To train on, most of its letters do.
  if [ "$split" = train ]; then confidence=0.5; else confidence=1; fi
  echo "$split:"
  "$PYTHON" -m bert_qa_tf.make_spoken --input_file="$WORK/written/$split.json" --output_file="$WORK/$split.json" \
    --noise_volume="$NOISE_VOLUME" --unplaced=drop --min_confidence="$confidence" --keep_parts
  cp "$WORK/$split.json" "$DATA/$split.json"
done

rm -f "$DATA"/*.ogg
"$PYTHON" experiments/sample/sample_clips.py --input_file="$WORK/written/test.json" --noise_volume="$NOISE_VOLUME" \
  --output_dir="$DATA" "${CLIPS[@]/#/--message=}"
"$PYTHON" -m bert_qa_tf.create_tfrecords --input_file="$DATA/dev.json" --encoder_handle=minilm --num_shards=2 \
  --dev_fraction=0.2 --output_dir=tfrecords/sample --overwrite
