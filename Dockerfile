# The worker: `docker build -t profile-service .`
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY contracts ./contracts
COPY service ./service
RUN /venv/bin/pip install --no-cache-dir --no-deps ./contracts .

FROM python:3.13-slim
RUN useradd --system --uid 10001 worker && mkdir /keys && chown worker /keys
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
USER worker
WORKDIR /home
# The exec form, so that SIGTERM reaches the worker.
ENTRYPOINT ["profilectl"]
CMD ["worker"]
