"""The examples: what they print is right."""

from __future__ import annotations

import re
import sys

from bench.first_hour.items import expect, expect_words, item
from bench.first_hour.programs import ROOT, Ran, environment, run


def example(name: str) -> Ran:
    """An example as a user runs it."""
    ran = run([sys.executable, str(ROOT / "examples" / f"{name}.py")], environment())
    expect(ran.code == 0, ran)
    return ran


@item
def fan_out() -> None:
    """examples/fan_out.py reads the number of every one of its invoices."""
    lines = [line for line in example("fan_out").output.splitlines() if "Invoice(" in line]
    expect(len(lines) == 8, lines)
    wrong: list[str] = []
    for line in lines:
        asked, found = re.findall(r"invoice\D{1,9}(\d+)", line, re.IGNORECASE)[:2]
        wrong += [line] if asked != found else []
    expect(not wrong, f"{len(wrong)} of {len(lines)} wrong: {wrong[:2]}")


@item
def extraction() -> None:
    """examples/extraction.py reads the invoice that it shows."""
    output = example("extraction").output
    letter = next((line for line in output.splitlines() if re.search(r"nvoice \d", line)), "")
    found = next((line for line in output.splitlines() if "Invoice(" in line), "")
    expect(letter and found, output)
    number, total = re.findall(r"\d+(?:\.\d+)?", letter)[:2]
    texts = re.findall(r"'(.*?)'", found)
    expect(number in found and total in found and all(text in letter for text in texts), output)


@item
def constrained_text() -> None:
    """examples/constrained_text.py says what its tool gave: order 1042 is shipped."""
    output = example("constrained_text").output
    lines = output.splitlines()
    expect(lines[0] == "Order 1042 is shipped." and "shipped" in lines[1] and "1042" in lines[2], lines)
    expect("No tool" not in output, lines)


@item
def first_agent_and_own_tools() -> None:
    """examples/first_agent.py and examples/your_own_tools.py answer with what their tools gave."""
    expect_words(example("first_agent").output, "Order 1042 is shipped.")
    expect_words(example("your_own_tools").output, '{"temperature":21}', "is 21")
