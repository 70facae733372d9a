FROM debian:trixie-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends docker-compose \
  && rm -rf /var/lib/apt/lists/*
CMD ["docker-compose", "--file", "/project/packaging/compose/compose.yaml", "--env-file", "/settings", "config", "--format", "json"]
