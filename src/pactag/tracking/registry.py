"""Registered models: which version is champion, which was before, and which run trained them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pactag.errors import TrackingError
from pactag.tracking.library import fluent_store, import_mlflow, mlflow_errors, quiet_mlflow, says_nothing_there

if TYPE_CHECKING:
    from mlflow import MlflowClient

REGISTERED_NAME = "pactag"
CHAMPION = "champion"
PREVIOUS = "previous"


@dataclass(frozen=True)
class Registered:
    """A version of a registered model, and the run that trained it."""

    version: str
    run_id: str


class Registry:
    """The model registry of one store."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client = client
        self._uri = uri

    def promote(self, run_id: str, model_id: str, *, name: str = REGISTERED_NAME, tags: Mapping[str, str]) -> tuple[str, str | None]:
        """Register the LoggedModel of a run, move the alias `champion` to it and keep the old one as `previous`.

        :param tags: further tags of the model version.

        Returns the new version and the version that was champion before.
        """
        mlflow = import_mlflow()
        with mlflow_errors(self._uri), fluent_store(mlflow, self._uri):
            before = self.aliased(CHAMPION, name=name)
            with quiet_mlflow():
                registered = mlflow.register_model(f"models:/{model_id}", name, tags={**tags, "run_id": run_id})
            if before is not None and before.version != registered.version:
                self._client.set_registered_model_alias(name, PREVIOUS, before.version)
            self._client.set_registered_model_alias(name, CHAMPION, registered.version)
        return str(registered.version), before.version if before else None

    def rollback(self, *, name: str = REGISTERED_NAME) -> tuple[str, str | None]:
        """Make `previous` the champion again; what was champion becomes `previous`, so that a second call takes the first one back.

        Returns the version that is champion now and the one that was.

        :raises TrackingError: when no version is `previous`.
        """
        previous, champion = self.aliased(PREVIOUS, name=name), self.aliased(CHAMPION, name=name)
        if previous is None:
            fix = "There is one after a second promotion: pactag promote RUN"
            raise TrackingError(f"models:/{name}@{PREVIOUS}", f"is not in this store ({self._uri})", fix)
        with mlflow_errors(self._uri):
            self._client.set_registered_model_alias(name, CHAMPION, previous.version)
            if champion is not None:
                self._client.set_registered_model_alias(name, PREVIOUS, champion.version)
        return previous.version, champion.version if champion else None

    def aliased(self, alias: str, *, name: str = REGISTERED_NAME) -> Registered | None:
        """The version an alias points to, or None.

        :raises TrackingError: when the store cannot be asked, or does not answer.
        """
        mlflow = import_mlflow()
        with mlflow_errors(self._uri):
            try:
                found = self._client.get_model_version_by_alias(name, alias)
            except mlflow.exceptions.MlflowException as error:
                if says_nothing_there(error):
                    return None
                raise
        return Registered(str(found.version), str(found.tags.get("run_id") or found.run_id))
