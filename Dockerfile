# SPDX-License-Identifier: MIT
# The orchestrator's base image: mcpinit as PID 1, mcpctl (with its doctor), and the docker program for `launch = cli`.
#   docker build -t mcpinit .
#   FROM mcpinit … CMD ["dotnet", "Orchestrator.App.dll"]      as the base of your own
ARG BASE=debian:bookworm-slim
# Where the docker program comes from: any image that has /usr/local/bin/docker.
ARG DOCKER_CLI=docker:28-cli

FROM ${DOCKER_CLI} AS cli

FROM ${BASE} AS build
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends \
      gcc libc6-dev make pkg-config libcurl4-openssl-dev libcjson-dev libinih-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" programs BUILD=/tmp/build && make install BUILD=/tmp/build DESTDIR=/out
COPY --from=cli /usr/local/bin/docker /out/usr/local/bin/docker
# no: smaller by 40 MB; servers are launched over the Engine API, which is the default, or as processes.
ARG WITH_DOCKER_CLI=yes
RUN [ "$WITH_DOCKER_CLI" = yes ] || rm /out/usr/local/bin/docker

FROM ${BASE}
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends libcurl4 libcjson1 libinih1 ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
COPY entrypoint /usr/local/bin/entrypoint
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["mcpctl", "healthy"]
ENTRYPOINT ["/usr/local/bin/entrypoint"]
