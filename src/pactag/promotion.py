"""Who is champion: a run is promoted unless it is worse than today's champion, and a promotion can be taken back."""

from __future__ import annotations

from dataclasses import dataclass

from pactag.comparison import Pair, compare, read_runs
from pactag.errors import PactagError, TrackingError
from pactag.tracking import CHAMPION, REGISTERED_NAME, Tracker

# Tags of the registered version.
FORCE_REASON = "force.reason"
FORCE_AGAINST = "force.against"
AGAINST_CHAMPION = "against_champion"


@dataclass(frozen=True)
class Promotion:
    """What a promotion did. `before` is the champion before; `already` says that the run was champion and nothing was done."""

    version: str
    before: str | None
    pair: Pair | None = None
    already: bool = False


def promote(tracker: Tracker, run_id: str, *, force: str | None = None, name: str = REGISTERED_NAME) -> Promotion:
    """Make the model of a run the champion, and keep the champion before it as `previous`.

    :param force: why the run is promoted whatever the comparison says; recorded as a tag of the model version.
    :raises TrackingError: for a run that is not whole or saved no model; and, unless forced, for one that is worse than today's champion
        beyond chance or that cannot be compared with it.
    """
    if force is not None and not force.strip():
        raise PactagError("--force", "gives no reason", "Say in a few words why this run is promoted all the same")
    tracker.model_of(run_id)
    champion = tracker.registry.aliased(CHAMPION, name=name)
    tags = {} if force is None else {FORCE_REASON: force.strip()}
    if champion is None:
        return Promotion(*tracker.promote(run_id, name=name, tags=tags))
    if champion.run_id == run_id:
        return Promotion(champion.version, None, already=True)
    pair, objection = None, None
    try:
        pair = compare(read_runs(tracker, [champion.run_id, run_id])).pairs[0]
    except PactagError as error:
        objection = f"cannot be compared with the champion, version {champion.version} ({'; '.join(map(str, error.problems))})"
    else:
        tags |= {AGAINST_CHAMPION: f"{pair.summary} (version {champion.version})"}
        if pair.worse:
            objection = f"is worse than the champion, version {champion.version} ({pair.summary})"
    if objection and force is None:
        fix = f"See: pactag compare {champion.run_id} {run_id}. To promote it all the same: --force REASON"
        raise TrackingError(f"run {run_id!r}", objection, fix)
    if objection:
        tags |= {FORCE_AGAINST: objection}
    version, before = tracker.promote(run_id, name=name, tags=tags)
    return Promotion(version, before, pair)
