"""What libraries would tell their makers of a run is switched off."""

from __future__ import annotations

import os

_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Since 1.32 ONNX Runtime has a client for it on Linux, too, which starts when the library is imported.
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


def switch_off_telemetry() -> None:
    """Libraries that are imported from here on report nothing to anybody, unless the user said otherwise in the environment."""
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)
