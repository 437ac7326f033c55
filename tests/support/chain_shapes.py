"""The shape of a solution's calls: names, and the arguments that come from earlier results."""

from __future__ import annotations

import json

from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.task import mentions


def shape_of(solution: Solution, request: str) -> str:
    """The calls of each turn, with the arguments that stand in an earlier result and not in the request."""
    turns: list[str] = []
    seen = ""
    for turn in solution.turns:
        fed: dict[str, set[str]] = {}
        for call in turn.calls:
            names = {
                name
                for name, value in call.arguments.items()
                if mentions(seen, str(value)) and not mentions(request, str(value))
            }
            fed.setdefault(call.name, set()).update(names)
        turns.append("+".join(sorted(f"{name}({','.join(sorted(args))})" for name, args in fed.items())))
        seen += json.dumps(turn.results)
    return " > ".join(turns).replace("()", "")
