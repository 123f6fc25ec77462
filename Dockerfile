# A worker. The claude binary comes with the install (its npm package is a development dependency); it is not part of this repository.
FROM node:22-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends git ca-certificates procps && rm -rf /var/lib/apt/lists/*
WORKDIR /hearth
COPY . .
RUN npx --yes "$(node -p "require('./package.json').packageManager")" install --frozen-lockfile && node scripts/build.mjs && chown -R node /hearth
ENV HEARTH_HOME=/hearth/home
USER node
CMD ["node", "packages/worker/dist/main.js"]
