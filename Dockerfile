# Carillon in an image of its executable and the C library: no shell, no packages, 124 MB.
#
#   docker build -t carillon .
#   docker run -d --name carillon -p 127.0.0.1:6001:6001 -v carillon:/data --ulimit nofile=65536 carillon
#
# docs/deployment.md goes on from here. A test plays these steps in an empty root.

FROM oven/bun:1.4.5-slim AS build
WORKDIR /build
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile --production
COPY tsconfig.json carillon.config.ts ./
COPY src src
COPY plugins plugins
COPY release release
RUN bun release/build.ts /image/usr/local/bin/carillon
# What the executable is linked with. This C library resolves names by itself, and the runtime has certificates.
RUN ldd /image/usr/local/bin/carillon | grep -o '/[^ ]*' | xargs cp -L --parents -t /image
RUN mkdir /data

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
# HOST lets others in, so the published credentials do not exist. What SQLite cannot hold in memory goes to the volume.
# `docker stop` kills after ten seconds: three for the goodbyes leave enough for requests in flight.
ENV HOST=0.0.0.0 \
    PORT=6001 \
    DATABASE_PATH=/data/carillon.sqlite \
    SQLITE_TMPDIR=/data \
    CARILLON_DRAIN_SECONDS=3
EXPOSE 6001
VOLUME ["/data"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/carillon", "ready"]
ENTRYPOINT ["/usr/local/bin/carillon"]
