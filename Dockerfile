# syntax=docker/dockerfile:1
# One program in a small image, run by a user without rights. It wants a PostgreSQL (DATABASE_URL); compose.yaml has one.

FROM rust:1.94-slim-bookworm AS build
# The allocator and the cryptography have parts in C. Their versions follow the base image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --locked --profile dist --package opencom \
    && cp target/dist/opencom /usr/local/bin/opencom

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin opencom \
    && install --directory --owner=opencom --group=opencom --mode=0700 /data
COPY --from=build /usr/local/bin/opencom /usr/local/bin/opencom
ENV OPENCOM_LISTEN=0.0.0.0:3210 \
    OPENCOM_DATA_DIR=/data \
    OPENCOM_LOG_FORMAT=json
# Uploaded files where there is no bucket, recorded mails where there is no mail server, the master key where none is set.
VOLUME /data
EXPOSE 3210
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["opencom"]
CMD ["serve"]
