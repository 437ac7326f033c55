"""Ways to speak of an event."""

from __future__ import annotations

from collections.abc import Callable

from agentfast.nano.shop.database import Event
from agentfast.nano.tasks.scenarios.base import Draw, call
from agentfast.nano.tasks.scenarios.chains.references.base import Path, path_of, reference, say


def _first(d: Draw, **fields: str) -> Event:
    """The first event with those fields, as the tools sort them."""
    found = [e for e in d.rows.events if all(getattr(e, name) == value for name, value in fields.items())]
    return min(found, key=lambda event: (event.date, event.time, event.id))


def _drawn(d: Draw, wanted: Callable[[Event], bool]) -> Event:
    """An event that leads to another one, as long as there is one."""
    return d.rng.choice([event for event in d.rows.events if wanted(event)] or d.rows.events)


@reference("event", "event {event}")
def event_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.event_id()
    say(d, suffix, event=id_)
    return path_of({"id": id_})


@reference("event", "the {title}", "find_event", "id date time person")
def event_by_title(d: Draw, suffix: str) -> Path:
    title = d.event_title()
    say(d, suffix, title=title)
    return path_of({}, lambda _: call("find_event", title=title))


@reference(
    "event", "the [next|first] [event|meeting|appointment] of {host}", "next_event", "id title date time"
)
def next_of_person(d: Draw, suffix: str) -> Path:
    person = d.event().person
    say(d, suffix, host=person)
    return path_of({}, lambda _: call("next_event", person=person))


@reference("event", "the first [event|meeting|appointment] [on|of] {day}", "list_events", "id title time")
def first_of_day(d: Draw, suffix: str) -> Path:
    date = d.event().date
    say(d, suffix, day=date)
    return path_of({}, lambda _: call("list_events", date=date))


@reference(
    "event",
    "the [next|first] [event|meeting|appointment] of the [host|person] of the {title}",
    "find_event > next_event(person)",
    "id title date time",
)
def next_of_same_host(d: Draw, suffix: str) -> Path:
    title = _drawn(d, lambda event: event != _first(d, person=event.person)).title
    say(d, suffix, title=title)
    return path_of(
        {},
        lambda _: call("find_event", title=title),
        lambda found: call("next_event", person=found["person"]),
    )


@reference(
    "event",
    "the first [event|meeting|appointment] on the [day|date] of the {title}",
    "find_event > list_events(date)",
    "id title time",
)
def first_beside(d: Draw, suffix: str) -> Path:
    title = _drawn(d, lambda event: event != _first(d, date=event.date)).title
    say(d, suffix, title=title)
    return path_of(
        {},
        lambda _: call("find_event", title=title),
        lambda found: call("list_events", date=found["date"]),
    )


@reference(
    "event",
    "the first [event|meeting|appointment] on the [day|date] of the next [event|meeting] of {host}",
    "next_event > list_events(date)",
    "id title time",
)
def first_beside_next(d: Draw, suffix: str) -> Path:

    def leads_on(event: Event) -> bool:
        coming = _first(d, person=event.person)
        return coming != _first(d, date=coming.date)

    person = _drawn(d, leads_on).person
    say(d, suffix, host=person)
    return path_of(
        {},
        lambda _: call("next_event", person=person),
        lambda found: call("list_events", date=found["date"]),
    )


@reference(
    "event",
    "the [next|first] [event|meeting|appointment] of the [host|person] of the first [event|meeting] [on|of] {day}",
    "list_events > find_event(title) > next_event(person)",
    "id title date time",
)
def next_of_first_host(d: Draw, suffix: str) -> Path:

    def leads_on(event: Event) -> bool:
        first = _first(d, date=event.date)
        return first != _first(d, person=first.person)

    date = _drawn(d, leads_on).date
    say(d, suffix, day=date)
    return path_of(
        {},
        lambda _: call("list_events", date=date),
        lambda found: call("find_event", title=found["title"]),
        lambda found: call("next_event", person=found["person"]),
    )


@reference(
    "event",
    "the first [event|meeting] on the [day|date] of the next [event|meeting] of the [host|person] of the {title}",
    "find_event > next_event(person) > list_events(date)",
    "id title time",
)
def first_beside_next_of_host(d: Draw, suffix: str) -> Path:

    def leads_on(event: Event) -> bool:
        coming = _first(d, person=event.person)
        return event != coming != _first(d, date=coming.date)

    title = _drawn(d, leads_on).title
    say(d, suffix, title=title)
    return path_of(
        {},
        lambda _: call("find_event", title=title),
        lambda found: call("next_event", person=found["person"]),
        lambda found: call("list_events", date=found["date"]),
    )
