# Training on GPUs, as a container that a cloud job can start from; docs/gpu.md has the commands.
#
#   docker build --tag bert_qa_tf .
#   docker run --rm --init --gpus all bert_qa_tf --flagfile=configs/gpu.flags --train_dir=gs://… --model_dir=gs://…
#
# The CUDA libraries are Python wheels, pinned with their hashes: the image needs no CUDA of its own, the host only
# NVIDIA's driver and container toolkit.
#
# A tag can be moved to another image. To be sure of the base image, look its digest up once, and build with it:
#
#   docker buildx imagetools inspect python:3.11-slim-bookworm
#   docker build --build-arg BASE_IMAGE=python:3.11-slim-bookworm@sha256:… --tag bert_qa_tf .
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    # What NVIDIA's container toolkit puts into the container: the driver's libraries, nvidia-smi.
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

# Before the code, so that a change in it does not fetch gigabytes again.
COPY requirements/base.txt requirements/gpu.txt /opt/bert_qa_tf/requirements/
RUN python -m pip install --require-hashes -r /opt/bert_qa_tf/requirements/gpu.txt

COPY setup.py pyproject.toml README.md LICENSE /opt/bert_qa_tf/
COPY bert_qa_tf /opt/bert_qa_tf/bert_qa_tf
# The build backend is among the pinned packages: nothing is fetched here.
RUN python -m pip install --no-deps --no-build-isolation /opt/bert_qa_tf

# Not root. Encoders are cached below this user's home; runs/ and tfrecords/ are where the flagfiles look for them.
RUN useradd --create-home --uid 1000 trainer \
    && mkdir -p /workspace/runs /workspace/tfrecords \
    && chown -R 1000:1000 /workspace
COPY configs /workspace/configs
USER 1000
WORKDIR /workspace

# Exec form: the process itself gets the SIGTERM that announces a preemption.
ENTRYPOINT ["python", "-m", "bert_qa_tf.train"]
CMD ["--help"]
