# syntax=docker/dockerfile:1

# docker build --tag ticket-notes-gateway .
#
# npm of this image installs. The gateway runs on the Node.js that the package `node` brings, as `npm start` does, so
# package-lock.json alone says which one.
FROM node:24-trixie-slim AS dependencies
WORKDIR /app
# This layer is made again only if the dependencies change. No package but `node` may run a script, and the headers of
# Node.js, 67 MB, are for compilers.
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts \
  && npm rebuild node \
  && rm -rf node_modules/node/node_modules/*/include node_modules/node/node_modules/*/share

FROM dependencies AS build
COPY prisma prisma
COPY src src
# V8 keeps compiled sources by the id of the user, so they are made by the id that will run. The gateway may read what
# is made here, and write nothing of it.
RUN chown -R node:node /app
USER node
RUN npm run generate && chmod -R a+rX src/generated node_modules/.cache

FROM debian:trixie-slim
RUN groupadd --gid 1000 gateway \
  && useradd --uid 1000 --gid gateway --home-dir /data --shell /usr/sbin/nologin gateway \
  && install --directory --owner=gateway --group=gateway --mode=0700 /data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json package.json
COPY docs docs
COPY prisma prisma
COPY --from=build /app/src src
COPY --from=build /app/node_modules/.cache node_modules/.cache
ENV PATH=/app/node_modules/.bin:$PATH HOST=0.0.0.0 DATA_DIR=/data
USER 1000:1000
VOLUME /data
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT ?? 4000}/health`).then(({ ok }) => process.exit(ok ? 0 : 1))"]
# Node.js itself is process 1, for npm would not pass SIGTERM on.
CMD ["node", "src/launch.js", "src/main.ts"]
