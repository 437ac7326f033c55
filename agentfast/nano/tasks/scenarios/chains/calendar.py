"""Chains of the calendar."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, each_once, listing
from agentfast.nano.tasks.scenarios.chains.compose import Find, chains
from agentfast.nano.tasks.scenarios.chains.references import (
    event_by_id,
    event_by_title,
    first_beside,
    first_beside_next,
    first_beside_next_of_host,
    first_of_day,
    next_of_first_host,
    next_of_person,
    next_of_same_host,
)

ALONE = (event_by_title, next_of_person, first_of_day, next_of_same_host, first_beside)
FOUND = (*ALONE, first_beside_next, next_of_first_host, first_beside_next_of_host)
DATED = (event_by_title, next_of_person, next_of_same_host, next_of_first_host)
LISTED = (first_of_day, first_beside, first_beside_next, first_beside_next_of_host)


@chains(
    "calendar",
    "who [runs|hosts|leads|has|gives] {0}?",
    "[tell me|give me|show me|look up|find] [who|the person who] [runs|hosts|leads] {0}",
    turns="",
    needs=[("person", LISTED)],
)
def person(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The person is {}.", row["person"])


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} to {date} at {time}",
    "[move|shift|postpone|put|reschedule] {0} to {time} on {date}",
    "{0} [is|takes place|starts|happens] [|now ]on {date} at {time}.",
    turns="move_event(id:0)",
    needs=[("id", FOUND)],
)
def move(d: Draw, find: Find) -> Script:
    date, time = d.date(), d.time()
    d.say(date=date, time=time)
    [row] = yield from find()
    yield [call("move_event", id=row["id"], date=date, time=time)]
    return DONE


@chains(
    "calendar",
    "[cancel|delete|remove|drop|call off] {0}",
    "{0} [is cancelled|is off|is called off|will not happen|does not take place].",
    "we [cancel|call off|drop] {0}.",
    turns="cancel_event(id:0)",
    needs=[("id", FOUND)],
)
def cancel(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    yield [call("cancel_event", id=row["id"])]
    return DONE


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} to {date}, [same time|at the same time|keep the time]",
    "[change|set] the [date|day] of {0} to {date} [but|and] [keep the time|leave the time]",
    "{0} is on {date} [at the same time|at its usual time].",
    turns="move_event(id:0,time:0)",
    needs=[("time", FOUND)],
)
def move_same_time(d: Draw, find: Find) -> Script:
    date = d.date()
    d.say(date=date)
    [row] = yield from find()
    yield [call("move_event", id=row["id"], date=date, time=row["time"])]
    return DONE


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} to {time}, [same day|on the same day|keep the day]",
    "[change|set] the [time|hour] of {0} to {time} [but|and] [keep the day|leave the date]",
    "{0} is at {time} [on the same day|on its usual day].",
    turns="move_event(date:0,id:0)",
    needs=[("date", DATED)],
)
def move_same_day(d: Draw, find: Find) -> Script:
    time = d.time()
    d.say(time=time)
    [row] = yield from find()
    yield [call("move_event", id=row["id"], date=row["date"], time=time)]
    return DONE


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} to the [day|date] of {1} at {time}",
    "{0} [is|takes place|starts|happens] on the [day|date] of {1} at {time}.",
    turns="move_event(date:1,id:0)",
    needs=[("id", (event_by_id, *FOUND)), ("date", DATED)],
)
def move_to_other_day(d: Draw, find: Find) -> Script:
    time = d.time()
    d.say(time=time)
    what, other = yield from find()
    yield [call("move_event", id=what["id"], date=other["date"], time=time)]
    return DONE


@chains(
    "calendar",
    "[cancel|delete|remove|drop|call off] [all|the|all the] [events|meetings|appointments] [on|of] {date}",
    "[all|the|all the] [events|meetings|appointments] [on|of] {date} are [cancelled|off|called off].",
    turns="list_events > cancel_event(id)",
    needs=[],
)
def cancel_day(d: Draw, find: Find) -> Script:
    date = d.event().date
    d.say(date=date)
    [rows] = yield [call("list_events", date=date)]
    yield [call("cancel_event", id=row["id"]) for row in rows]
    return DONE


@chains(
    "calendar",
    "[which|what] [events|meetings|appointments] are on the [day|date] of {0}?",
    "[list|show|show me|find|give me] [the|all] [events|meetings|appointments] on the [day|date] of {0}",
    "what [is on|is planned for|happens on] the [day|date] of {0}?",
    turns="list_events(date:0)",
    needs=[("date", DATED)],
)
def events_beside(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [rows] = yield [call("list_events", date=row["date"])]
    return listing("{}.", [row["title"] for row in rows])


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} [with|for] {person} at {time} on the [day|date] of {0}",
    "{person} [has|holds|runs] [a|the] {title} at {time} on the [day|date] of {0}.",
    turns="add_event(date:0)",
    needs=[("date", DATED)],
)
def add_same_day(d: Draw, find: Find) -> Script:
    title, time, person = d.values.title(), d.time(), d.values.first_name()
    d.say(title=title, time=time, person=person)
    [row] = yield from find()
    [added] = yield [call("add_event", title=title, date=row["date"], time=time, person=person)]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} on {date} at {time} with the [host|person] of {0}",
    "the [host|person] of {0} [has|holds|runs|gives] [a|the] {title} on {date} at {time}.",
    turns="add_event(person:0)",
    needs=[("person", (event_by_title, *LISTED))],
)
def add_same_person(d: Draw, find: Find) -> Script:
    title, date, time = d.values.title(), d.date(), d.time()
    d.say(title=title, date=date, time=time)
    [row] = yield from find()
    [added] = yield [call("add_event", title=title, date=date, time=time, person=row["person"])]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} at {time} on the [day|date] of {0} with its [host|person]",
    "[plan|add|schedule|enter] [a|the] {title} with the [host|person] of {0}, same day, at {time}",
    turns="add_event(date:0,person:0)",
    needs=[("person", (event_by_title, first_beside, first_beside_next))],
)
def add_beside(d: Draw, find: Find) -> Script:
    title, time = d.values.title(), d.time()
    d.say(title=title, time=time)
    [row] = yield from find()
    [added] = yield [call("add_event", title=title, date=row["date"], time=time, person=row["person"])]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[what is|tell me|give me|show me|look up|find] the [next|first] [event|meeting] of the [host|person] of {0}",
    "[what|which event|which meeting] does the [host|person] of {0} have next?",
    turns="next_event(person:0)",
    needs=[("person", (event_by_title, *LISTED))],
)
def next_of_host(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [found] = yield [call("next_event", person=row["person"])]
    return answer("{}.", found["title"])


@chains(
    "calendar",
    "[cancel|delete|remove|drop] the [next|first] [event|meeting] of the [host|person] of {0}",
    "the [next|first] [event|meeting] of the [host|person] of {0} [is cancelled|is off|will not happen].",
    turns="next_event(person:0) > cancel_event(id)",
    needs=[("person", (event_by_title, *LISTED))],
)
def cancel_next_of_host(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [found] = yield [call("next_event", person=row["person"])]
    yield [call("cancel_event", id=found["id"])]
    return DONE


@chains(
    "calendar",
    "[cancel|delete|remove|drop|call off] {0} and {1}",
    "{0} and {1} [are cancelled|are off|are called off|will not happen].",
    "we [cancel|call off|drop] [|both ]{0} and {1}.",
    turns="cancel_event(id:0)+cancel_event(id:1)",
    needs=[("id", ALONE), ("id", ALONE)],
)
def cancel_two(d: Draw, find: Find) -> Script:
    rows = yield from find()
    ids = each_once(rows, "id")
    yield [call("cancel_event", id=id_) for id_ in ids]
    return DONE


@chains(
    "calendar",
    "[cancel|delete|remove|drop|call off] {0} and [move|shift|postpone|put] {1} to {date} at {time}",
    "{0} [is cancelled|is off|will not happen] and {1} [is|takes place] on {date} at {time}.",
    turns="cancel_event(id:0)+move_event(id:1)",
    needs=[("id", (event_by_id, *ALONE)), ("id", (event_by_id, *ALONE))],
)
def cancel_one_move_other(d: Draw, find: Find) -> Script:
    date, time = d.date(), d.time()
    d.say(date=date, time=time)
    dropped, moved = yield from find()
    if dropped["id"] == moved["id"]:
        yield [call("cancel_event", id=dropped["id"])]
        return DONE
    yield [call("cancel_event", id=dropped["id"]), call("move_event", id=moved["id"], date=date, time=time)]
    return DONE


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} at {time} on the [day|date] of {0} with the [host|person] of {1}",
    "the [host|person] of {1} [has|holds|runs] [a|the] {title} at {time} on the [day|date] of {0}.",
    turns="add_event(date:0,person:1)",
    needs=[("date", DATED), ("person", (event_by_title, *LISTED))],
)
def add_like_two(d: Draw, find: Find) -> Script:
    title, time = d.values.title(), d.time()
    d.say(title=title, time=time)
    first, second = yield from find()
    arguments = {"title": title, "date": first["date"], "time": time, "person": second["person"]}
    [added] = yield [call("add_event", **arguments)]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} and {1} to {date} at {time}",
    "{0} and {1} [are|take place|start|happen] [|now ]on {date} at {time}.",
    "[move|shift|postpone|put] [|both ]{0} and {1} to {time} on {date}",
    turns="move_event(id:0)+move_event(id:1)",
    needs=[("id", (event_by_id, *ALONE)), ("id", ALONE)],
)
def move_two(d: Draw, find: Find) -> Script:
    date, time = d.date(), d.time()
    d.say(date=date, time=time)
    rows = yield from find()
    yield [call("move_event", id=id_, date=date, time=time) for id_ in each_once(rows, "id")]
    return DONE


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} to {date} at the [time|hour] of {1}",
    "{0} [is|takes place|starts|happens] on {date} at the [time|hour] of {1}.",
    turns="move_event(id:0,time:1)",
    needs=[("id", (event_by_id, *ALONE)), ("time", ALONE)],
)
def move_to_other_time(d: Draw, find: Find) -> Script:
    date = d.date()
    d.say(date=date)
    what, other = yield from find()
    yield [call("move_event", id=what["id"], date=date, time=other["time"])]
    return DONE


@chains(
    "calendar",
    "[move|shift|postpone|put|reschedule] {0} to the [day and time|date and time|date and hour] of {1}",
    "{0} [is|takes place|starts|happens] [on the same day and at the same time as|at the same date and time as] {1}.",
    turns="move_event(date:1,id:0,time:1)",
    needs=[("id", (event_by_id, *ALONE)), ("date", DATED)],
)
def move_beside(d: Draw, find: Find) -> Script:
    what, other = yield from find()
    yield [call("move_event", id=what["id"], date=other["date"], time=other["time"])]
    return DONE


@chains(
    "calendar",
    "[cancel|delete|remove|drop|call off] [all|the|all the] [events|meetings] on the [day|date] of {0}",
    "[all|the|all the] [events|meetings] on the [day|date] of {0} are [cancelled|off|called off].",
    turns="list_events(date:0) > cancel_event(id)",
    needs=[("date", (event_by_title, next_of_person, next_of_same_host))],
)
def cancel_day_of(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [rows] = yield [call("list_events", date=row["date"])]
    yield [call("cancel_event", id=event["id"]) for event in rows]
    return DONE


@chains(
    "calendar",
    "[move|shift|postpone|put] [all|the|all the] [events|meetings] [on|of] {day} to {date}, [same time|keep the time]",
    "[all|the|all the] [events|meetings] [on|of] {day} are on {date} [at the same time|at their usual time].",
    turns="list_events > move_event(id,time)",
    needs=[],
)
def move_day(d: Draw, find: Find) -> Script:
    day, date = d.event().date, d.date()
    d.say(day=day, date=date)
    [rows] = yield [call("list_events", date=day)]
    yield [call("move_event", id=row["id"], date=date, time=row["time"]) for row in rows]
    return DONE


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} [with|for] {person} on {date} at the [time|hour] of {0}",
    "{person} [has|holds|runs] [a|the] {title} on {date} at the [time|hour] of {0}.",
    turns="add_event(time:0)",
    needs=[("time", FOUND)],
)
def add_same_time(d: Draw, find: Find) -> Script:
    title, date, person = d.values.title(), d.date(), d.values.first_name()
    d.say(title=title, date=date, person=person)
    [row] = yield from find()
    [added] = yield [call("add_event", title=title, date=date, time=row["time"], person=person)]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} [with|for] {person} at the [day and time|date and hour] of {0}",
    "{person} [has|holds|runs] [a|the] {title} at the same [day and time|date and hour] as {0}.",
    turns="add_event(date:0,time:0)",
    needs=[("date", DATED)],
)
def add_same_day_and_time(d: Draw, find: Find) -> Script:
    title, person = d.values.title(), d.values.first_name()
    d.say(title=title, person=person)
    [row] = yield from find()
    [added] = yield [call("add_event", title=title, date=row["date"], time=row["time"], person=person)]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[plan|add|schedule|enter] [a|the] {title} on {date} at the [time|hour] of {0} with the [host|person] of {1}",
    "the [host|person] of {1} [has|holds|runs] [a|the] {title} on {date} at the [time|hour] of {0}.",
    turns="add_event(person:1,time:0)",
    needs=[("time", ALONE), ("person", (event_by_title, *LISTED))],
)
def add_time_and_person(d: Draw, find: Find) -> Script:
    title, date = d.values.title(), d.date()
    d.say(title=title, date=date)
    first, second = yield from find()
    arguments = {"title": title, "date": date, "time": first["time"], "person": second["person"]}
    [added] = yield [call("add_event", **arguments)]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[cancel|delete|remove|drop] {0} and [plan|add|schedule] [a|the] {title} [with|for] {person} at {time} [that|the same] day",
    "{0} [is cancelled|is off], {person} [has|holds|runs] [a|the] {title} at {time} [on that day|the same day].",
    turns="add_event(date:0)+cancel_event(id:0)",
    needs=[("date", DATED)],
)
def replace(d: Draw, find: Find) -> Script:
    title, time, person = d.values.title(), d.time(), d.values.first_name()
    d.say(title=title, time=time, person=person)
    [row] = yield from find()
    [_, added] = yield [
        call("cancel_event", id=row["id"]),
        call("add_event", title=title, date=row["date"], time=time, person=person),
    ]
    return answer("Event {} is added.", added["id"])


@chains(
    "calendar",
    "[cancel|delete|remove|drop] {0} and [move|shift|postpone|put] {1} to its [day|date] at {time}",
    "{0} [is cancelled|is off] and {1} [is|takes place] on that [day|date] at {time}.",
    turns="cancel_event(id:0)+move_event(date:0,id:1)",
    needs=[("date", DATED), ("id", (event_by_id, *ALONE))],
)
def cancel_and_move_there(d: Draw, find: Find) -> Script:
    time = d.time()
    d.say(time=time)
    dropped, moved = yield from find()
    if dropped["id"] == moved["id"]:
        yield [call("cancel_event", id=dropped["id"])]
        return DONE
    yield [
        call("cancel_event", id=dropped["id"]),
        call("move_event", id=moved["id"], date=dropped["date"], time=time),
    ]
    return DONE
