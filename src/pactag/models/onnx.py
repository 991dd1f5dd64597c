"""Exported models: ONNX Runtime and a tokenizer. No torch here, and nothing else that is slow to import."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime

from pactag.errors import ModelFolderError
from pactag.model_folder import FIRST_STAGE, PACKED_WEIGHTS, TOKENIZER, Manifest
from pactag.models.first_stage import SETTLED, FirstStage
from pactag.models.packed import read_packed
from pactag.models.tokens import Batch, SentenceTokenizer, batches
from pactag.sentences import SentenceInput

INPUTS = ("ids", "attention", "pool")
OUTPUT = "logits"
# An output of networks that compute in 8 bits: whether this processor adds up such products without overflow.
EXACT = "exact_products"
_SMALLEST = {name: np.ones((1, 2), dtype=np.int64) for name in INPUTS}


class OnnxClassifier:
    """Predicts with an exported network.

    Sentences share a batch with sentences of exactly the same number of tokens only. Nothing is padded then, and as exported networks
    treat every row of a matrix by itself, a sentence gets the same logits, bit for bit, in whatever company it comes. Such batches are
    small, so that each thread takes whole ones: quicker than all threads on one, but for a sentence that comes alone.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        tokenizer: SentenceTokenizer,
        labels: int,
        first_stage: FirstStage | None = None,
        *,
        threads: int = 1,
    ) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._labels = labels
        self._threads = threads
        self.first_stage = first_stage

    @classmethod
    def load(cls, folder: Path, manifest: Manifest, *, weights: str) -> Self:
        """Read the exported network `weights` of a folder that has been checked.

        It runs on as many threads as the environment variable OMP_NUM_THREADS says, by default on all cores.

        :raises ModelFolderError: when the file is no network that this ONNX Runtime can run, or one that this processor computes wrongly.
        """
        if manifest.tokens is None:
            raise ModelFolderError(str(folder), "says nothing of tokens, which an exported model needs", "Restore the whole folder")
        path = folder / weights
        try:
            session = _packed_session(path) if weights == PACKED_WEIGHTS else _session(str(path), _options())
        except _UNUSABLE as error:
            found = f"ONNX Runtime {onnxruntime.__version__} cannot load it ({str(error).splitlines()[0][:200]})"
            raise ModelFolderError(str(path), found, "Export the model again, or update onnxruntime") from None
        if EXACT in {output.name for output in session.get_outputs()} and not session.run([EXACT], _SMALLEST)[0].all():
            fix = "Name another form that the folder holds, such as --backend int8, or export one: pactag export --only int8"
            raise ModelFolderError(str(path), "computes in 8 bits, which overflow on this processor", fix)
        first_stage = FirstStage.load(folder / FIRST_STAGE) if FIRST_STAGE in manifest.files else None
        tokenizer = SentenceTokenizer.from_file(folder / TOKENIZER, manifest.tokens)
        return cls(session, tokenizer, len(manifest.labels), first_stage, threads=_threads())

    def predict_logits(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """See `SentenceScorer.predict_logits`."""
        result = np.full((len(inputs), self._labels), SETTLED, dtype=np.float32)
        stage = self.first_stage
        open_still = np.array([i for i, item in enumerate(inputs) if stage is None or not stage.settles(item.text)], dtype=int)
        encoded = self._tokenizer.encode([inputs[i] for i in open_still])
        # The longest first, so that no thread is left alone with one of them at the end.
        found = list(batches(encoded, self._tokenizer.settings.pad_id, same_length=True))[::-1]
        for (positions, _), logits in zip(found, self._run_all([batch for _, batch in found]), strict=True):
            result[open_still[positions]] = logits
        return result

    def _run_all(self, found: Sequence[Batch]) -> list[np.ndarray]:
        workers = min(self._threads, len(found))
        if workers < 2:
            return [self._run(batch) for batch in found]
        # Threads of its own for every call: none has to outlive a fork of the process.
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(self._run, found))

    def _run(self, batch: Batch) -> np.ndarray:
        arrays = (batch.ids, batch.attention, batch.pool)
        logits: np.ndarray = self._session.run([OUTPUT], dict(zip(INPUTS, arrays, strict=True)))[0]
        return logits


def _session(network: str | bytes, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def _packed_session(path: Path) -> onnxruntime.InferenceSession:
    """The network of a packed file, with its tables unpacked."""
    network, tables = read_packed(path)
    names: list[str] = []
    values: list[onnxruntime.OrtValue] = []
    for name, table, taken in tables:
        names.extend(f"{name}{part}" for part in taken)
        values.extend(onnxruntime.OrtValue.ortvalue_from_numpy(table.part(part)) for part in taken)
    options = _options()
    options.add_external_initializers(names, values)
    return _session(network, options)


_ERRORS = onnxruntime.capi.onnxruntime_pybind11_state
_UNUSABLE = (
    *(_ERRORS.Fail, _ERRORS.InvalidArgument, _ERRORS.InvalidGraph, _ERRORS.InvalidProtobuf),
    *(_ERRORS.NotImplemented, _ERRORS.RuntimeException),
)


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Beyond this level ONNX Runtime joins the sum of two layers and its normalisation, which takes longer than the two apart.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = 1
    return options


def _threads() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    # The cores that this process may use, where the system tells; they may be fewer than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
