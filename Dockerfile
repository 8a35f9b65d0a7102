# The server alone. How to run it: docker-compose.yml and Documentation/operations.md.
FROM python:3.11.14-slim-bookworm AS build
COPY requirements.txt .
# pip itself stays out of what runs.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --no-deps --requirement requirements.txt

FROM python:3.11.14-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    APP_ENV=production \
    HOST=0.0.0.0 \
    PORT=5000 \
    DATA_DIR=/data
RUN install --directory --owner 10001 --group 10001 --mode 700 /data
COPY --from=build /venv /venv
WORKDIR /srv/charla
COPY app.py wsgi.py gunicorn.conf.py ./
COPY controllers controllers
COPY routes routes
COPY services services
# What the `type` of every problem document leads to.
COPY Documentation/errors.md Documentation/errors.md
USER 10001:10001
# Ends of answers wait here while the database is away: the volume must outlive the container.
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/health'); sys.exit(c.getresponse().status != 200)"]
# It becomes gunicorn's master (exec), which gets the container's signals itself.
CMD ["python", "app.py"]
