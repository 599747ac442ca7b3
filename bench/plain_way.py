"""The plain way to do what Ferry does, as one would write it in an afternoon: Flask, and an RQ job for each change.

It is served by gunicorn (gunicorn_conf.py) and uses nothing of Ferry.
"""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify, request
from redis import Redis
from rq import Queue

from bench.plain_job import deliver

NAME = "plain"

app = Flask(__name__)
_queue = Queue(NAME, connection=Redis.from_url(os.environ["REDIS_URL"]))


def change_membership() -> tuple[Response, int]:
    """`POST /v1/mparticle`: enqueue a job for each change."""
    if request.headers.get("Authorization") != f"Token {os.environ['TOKEN']}":
        return jsonify(error="wrong token"), 401
    message = request.get_json()
    for profile in message["user_profiles"]:
        for audience in profile["audiences"]:
            _queue.enqueue(deliver, profile["user_identities"], audience)
    return jsonify(type="audience_membership_change_response", id=message["id"]), 202


app.add_url_rule("/v1/mparticle", view_func=change_membership, methods=["POST"])
