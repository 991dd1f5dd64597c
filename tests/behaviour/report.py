"""What a model is capable of: `python tests/behaviour/report.py [MODEL]`, by default the built-in one."""

from __future__ import annotations

import sys

from capabilities import all_capabilities

from pactag import Tagger


def main() -> None:
    tagger = Tagger.load(sys.argv[1] if len(sys.argv) > 1 else None)
    for capability in all_capabilities():
        outcomes = capability.outcomes(tagger)
        passed = sum(outcome.passed for outcome in outcomes)
        mark = "    " if passed >= capability.required * len(outcomes) else "miss"
        print(f"{passed:3} of {len(outcomes):3} {mark} (mark {capability.required:.0%})  {capability.family}: {capability.name}")
        for outcome in outcomes:
            if not outcome.passed:
                print(f"      {outcome.found}")


if __name__ == "__main__":
    main()
