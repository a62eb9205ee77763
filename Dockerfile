# The gateway as an image: dist, which holds the packages that it runs on, and nothing else; not root.
# The CA is not for this image's volume: give it certs/server, certs/ca.pem and certs/crl.pem alone.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json tsconfig.json ./
COPY scripts/prepare.mjs scripts/
COPY scripts/bundle scripts/bundle
COPY src src
RUN node scripts/prepare.mjs

FROM node:24-bookworm-slim
# Contained: a path that a role may bind is judged only where a folder of the host is mounted at its own
# path; any other is the image's.
ENV NODE_ENV=production DOCKGATE_CONTAINED=yes DOCKGATE_HOME=/etc/dockgate DOCKGATE_AUDIT=/var/log/dockgate/audit.log \
    DOCKGATE_AUDIT_KEY=/var/log/dockgate/audit-key.pem \
    DOCKGATE_CONTROL=/var/log/dockgate/control.sock DOCKGATE_GRANTS=/var/log/dockgate/grants
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/dist dist
RUN mkdir -p /etc/dockgate /var/log/dockgate && chown 1000:1000 /var/log/dockgate
USER 1000:1000
EXPOSE 2376
VOLUME /var/log/dockgate
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "dist/main.js", "health"]
# Room for what lives as long as a request: the fewer collections, the less CPU.
ENTRYPOINT ["node", "--min-semi-space-size=16", "dist/main.js"]
CMD ["serve"]
