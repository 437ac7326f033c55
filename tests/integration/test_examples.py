"""Every example prints right values on the embedded model; README's runs in a process of its own, as a user runs it."""

from __future__ import annotations

import re
import runpy
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agentfast import Agent
from tests.support.servers.openai_server import Server, call, reply, turn

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LETTERS = [
    ("Lisbon", 4711, 249.5, date(2027, 3, 14)),
    ("Bergen", 1024, 80.0, date(2027, 1, 31)),
    ("Porto", 3391, 1200.0, date(2027, 2, 11)),
    ("Ghent", 2207, 64.9, date(2027, 4, 2)),
    ("Turin", 8120, 310.0, date(2027, 1, 9)),
    ("Malmo", 5566, 17.5, date(2027, 5, 23)),
    ("Basel", 6075, 999.0, date(2027, 2, 28)),
    ("Krakow", 9483, 450.5, date(2027, 6, 17)),
]
PRINTED = {
    "constrained_text": [
        "Order 1042 is shipped.",
        "Order 1042 is shipped.",
        "'I look up order 1042.' get_order({'id': 1042})",
        "'Order 1042 is shipped.'",
    ],
    "mcp_tools": [
        "tools: get_temperature, reserve_room",
        "> What is the temperature of Lisbon?",
        """  {"temperature":21}""",
        "  The temperature is 21.",
        "> What is the temperature of Atlantis?",
        """  {"error":"There is no city Atlantis."}""",
        "  There is no city Atlantis.",
        "> Reserve a room with nights 3",
        """  {"price":240}""",
        "  Done.",
    ],
    "first_agent": [
        """get_order({'id': 1042}) -> {"id":1042,"status":"shipped"}""",
        "Order 1042 is shipped.",
        "N tokens in N denoising steps",
        """get_order({'id': 1099}) -> {"error":"There is no order 1099."}""",
        "There is no order 1099.",
        "N tokens in N denoising steps",
    ],
    "extraction": [
        "Lisbon sent invoice 4711 over 249.5, due on 2027-03-14.",
        "Invoice(invoice=4711, total=249.5, due=datetime.date(2027, 3, 14))",
        "due in 72 days of the year",
    ],
    "fan_out": [
        *(
            f"{f'{company} sent invoice {number} over {total:g}, due on {due}.':55} "
            f"Invoice(invoice={number}, total={total}, due={due!r})"
            for company, number, total, due in LETTERS
        ),
        "8 of 8 letters in N s, 3371.40 in all",
    ],
    "approval": [
        "> Reserve a room with nights 2",
        """  came back {"price":160}""",
        "  Done.",
        "> Reserve a room with nights 9",
        "  waits for approval: reserve_room {'nights': 9}",
        """  came back {"price":240}""",
        "  Done.",
    ],
    "sub_agents": [
        'the desk says: "Order 1042 is shipped."',
        'the desk says: "Order 1043 is paid."',
        "One is shipped, the other is paid.",
        "6 of 10 requests, 6 steps in all",
    ],
    "durable": [
        "the first process ended by signal 9, the run was interrupted: True",
        "The report has three pages.",
        "4 turns of the model in all",
    ],
    "streaming_server": [
        """tool_finished {"id":1042,"status":"shipped"}""",
        "text_delta Order 1042 is shipped.",
    ],
    "your_own_tools": [
        "> What is the temperature of Lisbon?",
        "  asks for get_temperature {'city': 'Lisbon'}",
        """  came back {"temperature":21}""",
        "  The temperature is 21.",
        "> What is the temperature of Atlantis?",
        "  asks for get_temperature {'city': 'Atlantis'}",
        """  came back {"error":"There is no city Atlantis."} as an error""",
        "  There is no city Atlantis.",
        "> Reserve a room with nights 3",
        "  asks for reserve_room {'nights': 3}",
        """  came back {"price":240}""",
        "  Done.",
    ],
}
MEASURED = re.compile(r"\d+(?= tokens in)|\d+(?= denoising steps)|(?<= in )[\d.]+(?= s,)")


@pytest.mark.parametrize("shift", [0, 1, 1000])
@pytest.mark.parametrize("example", sorted(PRINTED))
def test_the_example_prints_what_is_right_whatever_the_seed(
    example: str, shift: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new_run: Any = vars(Agent)["_new_run"]

    def shifted(
        self: Agent[Any, Any], prompt: str, history: Any, seed: int | None, *rest: Any, **more: int
    ) -> Any:
        own = more.pop("default_seed", 0) if seed is None else seed
        return new_run(self, prompt, history, own + shift, *rest)

    monkeypatch.setattr(Agent, "_new_run", shifted)
    runpy.run_path(str(EXAMPLES / f"{example}.py"), run_name="__main__")
    out, err = capsys.readouterr()
    assert err == ""
    assert MEASURED.sub("N", out).splitlines() == PRINTED[example]


def test_the_example_of_a_real_model_asks_the_server_that_it_is_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server()
    server.replies += [
        reply(turn({"tool_calls": [call('{"city":"Lisbon"}', "get_weather")]}, "tool_calls")),
        reply(turn({"content": '{"coat":false,"reason":"It is dry and 21 degrees."}'})),
    ]
    try:
        monkeypatch.setattr(sys, "argv", ["real_model.py", server.url, "some-model"])
        runpy.run_path(str(EXAMPLES / "real_model.py"), run_name="__main__")
    finally:
        server.close()
    assert capsys.readouterr().out.splitlines() == [
        "get_weather({'city': 'Lisbon'})",
        "Advice(coat=False, reason='It is dry and 21 degrees.')",
    ]
    assert [asked["model"] for asked in server.asked] == ["some-model"] * 2


def test_every_example_has_a_test() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*PRINTED, "real_model"}
