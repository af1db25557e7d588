# The worker: `docker build -t profile-service .`
FROM python:3.13-slim AS build
WORKDIR /build
# Of the build lock, setuptools: with it our own two distributions are built, and no index is asked.
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /tools && /tools/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip /venv && /tools/bin/pip --python /venv/bin/python install --no-cache-dir \
        --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY contracts ./contracts
COPY service ./service
COPY asyncapi/index.html ./asyncapi/index.html
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels ./contracts . \
    && /tools/bin/pip --python /venv/bin/python install --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 worker && mkdir /keys && chown worker /keys
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
USER worker
WORKDIR /home
# The exec form, so that SIGTERM reaches the worker.
ENTRYPOINT ["profilectl"]
CMD ["worker"]
