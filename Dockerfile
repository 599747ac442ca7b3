FROM python:3.11.17-slim-trixie AS build

RUN python -m venv /opt/ferry
WORKDIR /src
# Before the code, so that a change of the code does not reinstall the packages.
COPY requirements.txt .
RUN /opt/ferry/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN /opt/ferry/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

# What runs: the installed packages, without the sources and what built them.
FROM python:3.11.17-slim-trixie

RUN useradd --create-home --uid 1000 ferry
WORKDIR /app
COPY --from=build /opt/ferry /opt/ferry
# The second one only if it exists (docs/deploy.md).
COPY LICENSE connections.tom[l] ./
USER ferry
ENV PATH=/opt/ferry/bin:$PATH PYTHONUNBUFFERED=1
# Of `web`. The other processes have their own check: compose.yaml, deploy/kubernetes.
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s --retries=3 CMD ["ferry", "health", "web"]
# The exec form, so that SIGTERM reaches Ferry itself and it shuts down cleanly.
ENTRYPOINT ["ferry"]
CMD ["web"]
