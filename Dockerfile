# syntax=docker/dockerfile:1
# Convene as an image: the one binary, the certificates of the authorities, and nothing else. Keys never
# belong in it; settings come from the environment when it runs. docs/operate.md says how.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) --tag convene .
#   docker run --rm convene keys

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
# The modules change less often than the code, and are fetched again only when they do.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/convene ./cmd/convene

FROM scratch
LABEL org.opencontainers.image.title="Convene" \
      org.opencontainers.image.licenses="Apache-2.0"
# For TLS to PostgreSQL, Redis and the outside. The table of time zones is in the binary.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/convene /convene
COPY --from=build /src/LICENSE /src/NOTICE /
# Nobody in particular: what needs no file needs no owner.
USER 65532:65532
ENV ADDR=:8080 CONVENE_ENV=production
EXPOSE 8080
# Whether the process answers, and not whether it is ready: that it is not while PostgreSQL is away is no
# reason to start it again. Load balancers ask /readyz.
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["/convene", "healthcheck"]
# It drains on SIGTERM, within 10 seconds beyond CONVENE_DRAIN_DELAY.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/convene"]
CMD ["serve"]
