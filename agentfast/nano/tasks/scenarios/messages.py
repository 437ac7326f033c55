"""Requests to the message desk."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


@scenario(
    "messages",
    "single",
    "[send|write] [a message|a note|a mail] to {email}: {text}",
    "[write to|tell|message|notify] {email}: {text}",
    '[send|write|tell] {email} "{text}"',
    '[send|write] "{text}" to {email}',
    "tell {email} that {text}",
    "let {email} know that {text}",
    "[inform|notify] {email} that {text}",
)
def send(d: Draw) -> Script:
    email, text = d.values.email(), d.values.text()
    d.say(email=email, text=text)
    yield [call("send_message", email=email, text=text)]
    return answer("Sent to {}.", email)


@scenario(
    "messages",
    "single",
    "[list|show|show me|read|find|give me] [the|all] [messages|notes|mails] [to|for] {email}",
    "[which|what] [messages|notes|mails] [are there|do we have|are] [to|for] {email}?",
    "[what|which messages] did we [send|write] to {email}?",
)
def messages_to(d: Draw) -> Script:
    email = d.note().recipient if d.rng.random() < 0.9 else d.values.email()
    d.say(email=email)
    [rows] = yield [call("list_messages", email=email)]
    return listing("{}.", [row["text"] for row in rows])


@scenario(
    "messages",
    "single",
    "[delete|remove|erase|drop] [message|note|mail|the message] [|number ]{id}",
    "[message|note|mail] [|number ]{id} can [go|be deleted|be removed].",
    "[throw away|get rid of] [message|note|mail] [|number ]{id}",
)
def delete(d: Draw) -> Script:
    id_ = d.note().id if d.rng.random() < 0.95 else d.values.number(1000, 9999)
    d.say(id=id_)
    yield [call("delete_message", id=id_)]
    return DONE


@scenario(
    "messages",
    "parallel",
    "[send|write] [a message|a note|a mail] to {a} and {b}: {text}",
    "[write to|tell|message|notify] {a} and {b}: {text}",
    '[send|write|tell] {a} and {b} "{text}"',
    "[tell|inform|notify] [|both ]{a} and {b} that {text}",
    "let [|both ]{a} and {b} know that {text}",
)
def send_two(d: Draw) -> Script:
    a, b, text = d.values.email(), d.values.email(), d.values.text()
    d.say(a=a, b=b, text=text)
    yield [call("send_message", email=a, text=text), call("send_message", email=b, text=text)]
    return answer("Sent to {} and {}.", a, b)


@scenario(
    "messages",
    "parallel",
    "[delete|remove|erase|drop] [messages|notes|mails|the messages] {a} and {b}",
    "[messages|notes|mails] {a} and {b} can [go|be deleted|be removed].",
    "[throw away|get rid of] [messages|notes|mails] {a} and {b}",
)
def delete_two(d: Draw) -> Script:
    a, b = d.two(d.note)
    d.say(a=a.id, b=b.id)
    yield [call("delete_message", id=a.id), call("delete_message", id=b.id)]
    return DONE


@scenario(
    "messages",
    "parallel",
    "[delete|remove|erase|drop] [message|note|mail] {id} and [write|tell|send] {email}: {text}",
    '[delete|remove|erase|drop] [message|note|mail] {id} and [write|tell|send] {email} "{text}"',
)
def delete_and_send(d: Draw) -> Script:
    note, email, text = d.note(), d.values.email(), d.values.text()
    d.say(id=note.id, email=email, text=text)
    yield [call("delete_message", id=note.id), call("send_message", email=email, text=text)]
    return DONE
