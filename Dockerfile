# syntax=docker/dockerfile:1
# STELLA with its embedded engine. Nothing is fetched when it starts; everything it writes goes to /data.
#
#   docker build -t stella .
#   docker run --read-only --tmpfs /tmp -v stella-data:/data --env-file .env -p 127.0.0.1:3001:3001 stella
#
# Behind a proxy or with an index of your own: --build-arg HTTPS_PROXY=…, --build-arg PIP_INDEX_URL=… (pip's own names).

# The libraries of the voices: with them here, `stella models pull` below need not bring its own espeak-ng.
FROM python:3.11-slim-bookworm AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends libflite1 libespeak-ng1 \
 && rm -rf /var/lib/apt/lists/*

FROM base AS build
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/stella/venv
WORKDIR /build
COPY constraints.txt deploy/constraints-postgres.txt ./
# By hash, wheels only: a file that is not the one that was looked at stops the build.
RUN /opt/stella/venv/bin/python -m pip install --require-hashes --no-deps --only-binary :all: \
        -r constraints.txt -r constraints-postgres.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN /opt/stella/venv/bin/python -m pip install --no-deps --no-build-isolation --no-index .
RUN STELLA_MODELS_DIR=/opt/stella/models /opt/stella/venv/bin/stella models pull

FROM base
# 10001 is nobody's number on the host; a volume that is mounted at /data must belong to it.
RUN groupadd --system --gid 10001 stella \
 && useradd --system --uid 10001 --gid stella --home-dir /data --shell /usr/sbin/nologin stella \
 && install -d -o stella -g stella -m 0700 /data
COPY --from=build /opt/stella /opt/stella
ENV PATH=/opt/stella/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    STELLA_DATA_DIR=/data \
    STELLA_MODELS_DIR=/opt/stella/models
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 3001
# Alive, not ready: a server that drains answers its last calls and must not be killed for it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; e = os.environ.get; u.urlopen('http://127.0.0.1:%s/healthz' % (e('STELLA_SERVER_PORT') or e('PORT') or 3001), timeout=4)"]
# A first SIGTERM drains: give `docker stop` more time than STELLA_DRAIN_SECONDS (compose.yaml does).
STOPSIGNAL SIGTERM
ENTRYPOINT ["stella"]
CMD ["serve"]
