"""The tracking server that deploy/ describes fits the locked client."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]


def _services() -> dict:
    return yaml.safe_load((REPOSITORY / "deploy/compose.yaml").read_text(encoding="utf-8"))["services"]


def test_server_has_the_version_of_the_client():
    locked = re.search(r"^mlflow==(\S+)", (REPOSITORY / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert f"'mlflow=={locked}'" in _services()["mlflow"]["build"]["dockerfile_inline"]


def test_options_of_the_server_are_known_to_mlflow():
    from mlflow.cli import server

    known = {name for parameter in server.params for name in parameter.opts}
    given = {part.partition("=")[0] for part in _services()["mlflow"]["command"] if part.startswith("--")}
    assert given <= known


def test_nothing_is_reached_from_elsewhere():
    services = _services()
    assert services["mlflow"]["ports"] == ["127.0.0.1:5000:5000"]
    assert "ports" not in services["database"]
