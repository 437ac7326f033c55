"""Requests to the calendar."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


@scenario(
    "calendar",
    "single",
    "[which|what] [events|meetings|appointments] [are|do we have] on {date}?",
    "[list|show|show me|find|give me|read] [the|all] [events|meetings|appointments] [on|of|for] {date}",
    "what [is on|is planned for|happens on] {date}?",
)
def events_of_day(d: Draw) -> Script:
    date = d.event().date if d.rng.random() < 0.9 else d.date()
    d.say(date=date)
    [rows] = yield [call("list_events", date=date)]
    return listing("{}.", [row["title"] for row in rows])


@scenario(
    "calendar",
    "single",
    "[when|on which day|on what date] is the {title}?",
    "[what is|tell me|give me|show me|look up|find] the [date|day] of the {title}",
)
def date_of_event(d: Draw) -> Script:
    title = d.event_title()
    d.say(title=title)
    [found] = yield [call("find_event", title=title)]
    return answer("The date is {}.", found["date"])


@scenario(
    "calendar",
    "single",
    "[at what time|at which time|at which hour] [is|starts|begins] the {title}?",
    "[what is|tell me|give me|show me|look up|find] the [time|hour|start time] of the {title}",
)
def time_of_event(d: Draw) -> Script:
    title = d.event_title()
    d.say(title=title)
    [found] = yield [call("find_event", title=title)]
    return answer("The time is {}.", found["time"])


@scenario(
    "calendar",
    "single",
    "who [runs|hosts|leads|has|gives] the {title}?",
    "[tell me|give me|show me|look up|find] [who|the person who] [runs|hosts|leads] the {title}",
)
def person_of_event(d: Draw) -> Script:
    title = d.event_title()
    d.say(title=title)
    [found] = yield [call("find_event", title=title)]
    return answer("The person is {}.", found["person"])


@scenario(
    "calendar",
    "single",
    "[what is|tell me|give me|show me|look up|find] the [next|first] [event|meeting|appointment] of {person}",
    "[what|which event|which meeting] [comes next|is next] for {person}?",
    "[what|which event|which meeting] does {person} have next?",
)
def next_of_person(d: Draw) -> Script:
    person = d.event().person if d.rng.random() < 0.95 else d.values.first_name()
    d.say(person=person)
    [found] = yield [call("next_event", person=person)]
    return answer("{}.", found["title"])


@scenario(
    "calendar",
    "single",
    "[when|on which day|on what date] [is|comes] the [next|first] [event|meeting|appointment] of {person}?",
    "[what is|tell me|give me|show me|look up|find] the [date|day] of the [next|first] [event|meeting|appointment] of {person}",
)
def date_of_next(d: Draw) -> Script:
    person = d.event().person
    d.say(person=person)
    [found] = yield [call("next_event", person=person)]
    return answer("The date is {}.", found["date"])


@scenario(
    "calendar",
    "single",
    "[add|enter|create|plan|schedule] [a|the] {title} [with|for] {person} on {date} at {time}",
    "[add|enter|create|plan|schedule] [a|the] {title} on {date} at {time} [with|for] {person}",
    "on {date} at {time}, {person} [has|holds|runs|gives] [a|the] {title}.",
    "{person} [has|holds|runs|gives] [a|the] {title} at {time} on {date}.",
)
def add_event(d: Draw) -> Script:
    title, date, time, person = d.values.title(), d.date(), d.time(), d.values.first_name()
    d.say(title=title, date=date, time=time, person=person)
    [added] = yield [call("add_event", title=title, date=date, time=time, person=person)]
    return answer("Event {} is added.", added["id"])


@scenario(
    "calendar",
    "single",
    "[move|shift|postpone|put|reschedule] event {id} to {date} at {time}",
    "[move|shift|postpone|put|reschedule] event {id} to {time} on {date}",
    "event {id} [is|takes place|starts|happens] [|now ]on {date} at {time}.",
)
def move_event(d: Draw) -> Script:
    id_, date, time = d.event_id(), d.date(), d.time()
    d.say(id=id_, date=date, time=time)
    yield [call("move_event", id=id_, date=date, time=time)]
    return DONE


@scenario(
    "calendar",
    "single",
    "[cancel|delete|remove|drop|call off] event [|number ]{id}",
    "event [|number ]{id} [is cancelled|is off|is called off|will not happen|does not take place].",
)
def cancel_event(d: Draw) -> Script:
    id_ = d.event_id()
    d.say(id=id_)
    yield [call("cancel_event", id=id_)]
    return DONE


@scenario(
    "calendar",
    "parallel",
    "[which|what] [events|meetings|appointments] [are|do we have] on {a} and {b}?",
    "[list|show|show me|find|give me|read] [the|all] [events|meetings|appointments] [on|of|for] {a} and {b}",
    "what [is on|is planned for|happens on] {a} and {b}?",
)
def events_of_two_days(d: Draw) -> Script:
    a, b = d.event().date, d.event().date
    while b == a:
        b = d.date()
    d.say(a=a, b=b)
    first, second = yield [call("list_events", date=a), call("list_events", date=b)]
    return listing("{}.", [row["title"] for row in first + second])


@scenario(
    "calendar",
    "parallel",
    "[when|on which days|on what dates] are the {a} and the {b}?",
    "[what are|tell me|give me|show me|look up|find] the [dates|days] of the {a} and the {b}",
)
def two_dates(d: Draw) -> Script:
    a, b = d.two(d.event)
    d.say(a=a.title, b=b.title)
    first, second = yield [call("find_event", title=a.title), call("find_event", title=b.title)]
    return answer("The dates are {} and {}.", first["date"], second["date"])


@scenario(
    "calendar",
    "parallel",
    "[cancel|delete|remove|drop|call off] [|both ]events {a} and {b}",
    "events {a} and {b} [are cancelled|are off|are called off|will not happen|do not take place].",
)
def cancel_two(d: Draw) -> Script:
    a, b = d.two(d.event)
    d.say(a=a.id, b=b.id)
    yield [call("cancel_event", id=a.id), call("cancel_event", id=b.id)]
    return DONE


@scenario(
    "calendar",
    "parallel",
    "[cancel|delete|remove|drop] event {a} and [move|shift|postpone|put|reschedule] [|event ]{b} to {date} at {time}",
    "event {a} is [cancelled|off] and event {b} is on {date} at {time}.",
)
def cancel_and_move(d: Draw) -> Script:
    (a, b), date, time = d.two(d.event), d.date(), d.time()
    d.say(a=a.id, b=b.id, date=date, time=time)
    yield [call("cancel_event", id=a.id), call("move_event", id=b.id, date=date, time=time)]
    return DONE
