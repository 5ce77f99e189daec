# Two stages. The serving image holds the gateway, ONNX Runtime, numpy and Triton's client; neither Feast nor anything of training.
# Bundles are mounted: docker run -v ./models/bundles:/bundles -e SLUICE_REDIS_URL=redis://… -p 50051:50051 -p 8080:8080 sluice

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/uv.txt requirements/serve.txt requirements/
RUN python -m venv /opt/sluice \
 && python -m pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && uv pip install --no-cache --python /opt/sluice/bin/python --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY gateway gateway
COPY models models
COPY monitoring monitoring
COPY protos protos
COPY routing routing
RUN uv pip install --no-cache --python /opt/sluice/bin/python --no-deps . \
 && mkdir -p /opt/deployments && cd models \
 && for file in */deployment.yaml; do mkdir -p "/opt/deployments/$(dirname "$file")" && cp "$file" "/opt/deployments/$file"; done

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/sluice --create-home sluice
COPY --from=build /opt/sluice /opt/sluice
COPY --from=build /opt/deployments /opt/deployments
ENV PATH=/opt/sluice/bin:$PATH PYTHONUNBUFFERED=1 \
    SLUICE_HOST=0.0.0.0 SLUICE_MODELS=/opt/deployments SLUICE_BUNDLES=/bundles SLUICE_STATE=/var/lib/sluice
USER sluice
EXPOSE 50051 8080 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluice"]
CMD ["serve", "--replay-now"]
