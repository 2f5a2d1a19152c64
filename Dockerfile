# The server and the runner in one small image: no shell is needed, no git, no root.
# A build without a network of registries sets the two images: --build-arg BUILDER=… --build-arg RUNTIME=…
ARG BUILDER=docker.io/library/rust:1.95.0-slim-bookworm
ARG RUNTIME=docker.io/library/debian:12.12-slim

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# The registry and the objects stay in the builder's cache; the two programs leave it. Nothing else
# of the workspace is built: the tests' world is a dev-dependency.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin selfheal --bin selfheal-runner \
    && install -D --target-directory=/out target/release/selfheal target/release/selfheal-runner \
    && install -d --owner=10001 --group=10001 --mode=0700 /out/data

FROM ${RUNTIME}
LABEL org.opencontainers.image.title="selfheal" \
      org.opencontainers.image.description="A GitHub App that heals failing CI" \
      org.opencontainers.image.source="https://github.com/selfheal/selfheal" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# The certificates change more often than the image: the newest ones are wanted, not a pinned version.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/selfheal /out/selfheal-runner /usr/local/bin/
# An empty volume takes its owner from here.
COPY --from=build --chown=10001:10001 /out/data /data

# A number, so that a platform that demands a non-root user can see that it is one.
USER 10001:10001
ENV SELFHEAL_LISTEN=0.0.0.0:8080 \
    SELFHEAL_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# SIGTERM: the server stops taking work, finishes what is under way, and leaves the rest in its store.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["selfheal", "healthcheck"]
ENTRYPOINT ["selfheal"]
CMD ["serve"]
