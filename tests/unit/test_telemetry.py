"""No library tells its makers of a run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pactag.telemetry import _SWITCHES, switch_off_telemetry


def test_onnx_runtime_starts_no_client_of_its_makers(tmp_path):
    # It keeps a file of its own in the folder for temporary ones where it does.
    environment = {name: value for name, value in os.environ.items() if name not in _SWITCHES} | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import pactag.models.onnx"], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", _SWITCHES)
def test_what_the_user_said_stays(monkeypatch, name: str):
    monkeypatch.setenv(name, "as the user said")
    switch_off_telemetry()
    assert os.environ[name] == "as the user said"
