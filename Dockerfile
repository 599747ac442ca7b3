FROM python:3.11-slim

RUN useradd --create-home --uid 1000 ferry
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir -r requirements.txt
USER ferry
ENV PYTHONUNBUFFERED=1
# The exec form: SIGTERM reaches Ferry itself, which ends in order.
ENTRYPOINT ["ferry"]
CMD ["web"]
