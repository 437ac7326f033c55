"""`agentfast runs` and `agentfast resume`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import datetime
from typing import Any

from agentfast.agent.calls.approval import Decision
from agentfast.agent.run.saved import RunPausedError
from agentfast.cli.process.exits import Exit
from agentfast.cli.talk.agent_file import load_agent
from agentfast.observe.journal.journal import Journal
from agentfast.observe.journal.store import Record, RunRow


def runs_command(options: argparse.Namespace) -> Exit:
    """List the runs, or show one."""
    journal = Journal(options.journal)
    if options.run_id is None:
        rows = journal.runs(options.limit)
        for row in rows:
            print(json.dumps(_row_json(row)) if options.json else _row_line(row))
        if not rows and not options.json:
            print(f"{options.journal} holds no runs")
        return Exit.OK
    row = journal.run(options.run_id)
    if not options.json:
        print(_row_line(row))
    for record in journal.records(row.run_id):
        body = json.loads(record.body)
        shown: Any = {"kind": record.kind, "at": record.at, **body}
        print(json.dumps(shown, ensure_ascii=False) if options.json else _record_line(record, body))
    return Exit.OK


def resume_command(options: argparse.Namespace) -> Exit:
    """Go on with a run, and print its answer."""
    agent = load_agent(options.agent)
    journal = Journal(options.journal)
    decisions: dict[str, Decision | bool] = dict.fromkeys(options.approve, True)
    for text in options.deny:
        call_id, _, reason = text.partition("=")
        decisions[call_id] = Decision(approved=False, reason=reason)
    try:
        result = asyncio.run(journal.resume(options.run_id, agent, decisions))
    except RunPausedError as paused:
        for request in paused.requests:
            arguments = json.dumps(request.call.arguments, ensure_ascii=False)
            why = {
                "tool": "its tool requires approval",
                "doubt": "its confidence is low",
                "interrupted": "it had begun, and may have taken effect",
            }[request.reason]
            print(
                f"{request.call.id}: {request.call.name} {arguments} waits for a decision: {why}",
                file=sys.stderr,
            )
        return Exit.WAITING
    print(result.output)
    return Exit.OK


def _status(row: RunRow) -> str:
    return "interrupted" if row.is_interrupted else row.status


def _row_json(row: RunRow) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "agent": row.agent,
        "parent_id": row.parent_id,
        "status": _status(row),
        "started": row.started,
        "changed": row.changed,
        "prompt": row.prompt,
    }


def _row_line(row: RunRow) -> str:
    started = datetime.fromtimestamp(row.started).isoformat(" ", "seconds")
    prompt = " ".join(row.prompt.split())
    return f"{row.run_id}  {_status(row):11}  {started}  {prompt[:60]}"


def _record_line(record: Record, body: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(record.at).time().isoformat("milliseconds")
    match record.kind:
        case "turn":
            message = body["message"]
            calls = [
                f"{call['name']}({json.dumps(call['arguments'])}) {call['id']}" for call in message["calls"]
            ]
            said = "; ".join(calls) or message["text"]
        case "tool finished":
            said = f"{body['call']} {body['name']}: {body['content']}"
        case "started" | "resumed" | "step":
            said = ""
        case _:
            said = " ".join(f"{key}={value}" for key, value in body.items())
    return f"  {at}  {record.kind:13} {said[:160]}".rstrip()
