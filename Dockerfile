FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /app
COPY requirements/run.txt requirements/run.txt
RUN /app/bin/pip install --no-cache-dir --only-binary :all: -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY registry registry
COPY schema schema
COPY loaders loaders
RUN /app/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/registry registry \
    && install --directory --owner=registry --mode=700 /var/lib/registry/data
COPY --from=build /app /app
USER registry
WORKDIR /var/lib/registry
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 REGISTRY_DATA=/var/lib/registry/data
VOLUME /var/lib/registry/data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["registry", "serve", "--host", "0.0.0.0", "--port", "8000"]
