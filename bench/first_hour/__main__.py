"""The first hour of a new user: does what is promised happen, on the real thing?

Each item is a sentence of behaviour and a function that finds out if it is so, through the public interface: programs in
processes of their own with an empty home, servers on this machine, the embedded model, the command at a terminal. The
starts compile all kernels several times, so all of it takes some ten minutes; nothing is asserted of times but that none is
endless. The table goes to standard error: item, what was seen if it failed, seconds. `python -m bench.first_hour`; the last
line is JSON: the counts, the items that failed, and what the starts took.
"""

from __future__ import annotations

import argparse
import json
import sys

from bench.first_hour import command, examples, histories, losing, raw_inputs, schemas, servers, starting
from bench.first_hour.items import Item, Outcome, items_of, report, run_item

SUBJECTS = (starting, losing, histories, raw_inputs, schemas, servers, command, examples)


def chosen(words: str) -> list[tuple[str, Item]]:
    """Subject and item of those whose subject, name or title has these words."""
    items = [(module.__name__.rpartition(".")[2], item) for module in SUBJECTS for item in items_of(module)]
    return [
        (subject, item)
        for subject, item in items
        if words.lower() in f"{subject}.{item.check.__name__} {item.title}".lower()
    ]


def show(outcome: Outcome) -> None:
    """One line of the table, and another with what was seen."""
    figures = "".join(f", {name} {value:,.2f}" for name, value in outcome.figures.items())
    state = "ok" if outcome.seen is None else "FAILED"
    print(f"{state:6} {outcome.item.title}  ({outcome.seconds:.1f} s{figures})", file=sys.stderr)
    if outcome.seen is not None:
        print(f"       {outcome.seen}", file=sys.stderr, flush=True)


def main() -> int:
    """Run the items."""
    parser = argparse.ArgumentParser(description="The first hour of a new user; see the module.")
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="of subject.name or title")
    parser.add_argument("--list", action="store_true", help="print the items and do nothing")
    options = parser.parse_args()
    items = chosen(options.only)
    if options.list:
        for subject, item in items:
            print(f"{subject}.{item.check.__name__}: {item.title}")
        return 0
    if not items:
        parser.error(f"no item has {options.only!r}; --list shows them")
    outcomes: list[Outcome] = []
    subject_before = ""
    for subject, item in items:
        if subject != subject_before:
            print(f"{subject}", file=sys.stderr, flush=True)
            subject_before = subject
        outcomes.append(run_item(item))
        show(outcomes[-1])
    result = report(outcomes)
    print(json.dumps(result))
    return int(result["items"] != result["passed"])


if __name__ == "__main__":
    sys.exit(main())
