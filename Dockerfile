# SPDX-License-Identifier: MIT
# The orchestrator's base image: mcpinit as PID 1, mcpctl (with its doctor), and the docker program for `launch = cli`.
#   docker build -t mcpinit .
#   FROM mcpinit … CMD ["dotnet", "Orchestrator.App.dll"]      as the base of your own
# There is no USER: the entrypoint needs root for a moment, to find the socket's group. mcpinit and COMMAND run as mcp.
ARG BASE=debian:bookworm-slim
# Where the docker program comes from: any image that has /usr/local/bin/docker.
ARG DOCKER_CLI=docker:28-cli

FROM ${DOCKER_CLI} AS cli

FROM ${BASE} AS build
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends \
      gcc libc6-dev make pkg-config libcurl4-openssl-dev libcjson-dev libinih-dev libssl-dev \
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
 && apt-get install -y -q --no-install-recommends libcurl4 libcjson1 libinih1 libssl3 ca-certificates \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
# 1001: the number that other images of MCP servers and orchestrators have. A new volume at /run/mcp gets this owner.
RUN groupadd -g 1001 mcp \
 && useradd -u 1001 -g mcp -m -s /usr/sbin/nologin mcp \
 && install -d -o mcp -g mcp /run/mcp /run/mcpinit /var/lib/mcpinit
COPY --from=build /out/ /
COPY entrypoint /usr/local/bin/entrypoint
HEALTHCHECK --interval=30s --timeout=5s --start-period=5m CMD ["mcpctl", "healthy"]
ENTRYPOINT ["/usr/local/bin/entrypoint"]
