"""Requests to the message desk."""

from __future__ import annotations

from agentfast.nano.world.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


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


@scenario(
    "messages",
    "chain",
    "[send|write] [a message|a note|a mail] to {name}: {text}",
    "[write to|tell|message|notify] {name}: {text}",
    '[send|write|tell] {name} "{text}"',
    '[send|write] "{text}" to {name}',
    "tell {name} that {text}",
    "let {name} know that {text}",
    "[inform|notify] {name} that {text}",
)
def send_by_name(d: Draw) -> Script:
    name, text = d.customer_name(), d.values.text()
    d.say(name=name, text=text)
    [found] = yield [call("find_customer", name=name)]
    yield [call("send_message", email=found["email"], text=text)]
    return answer("Sent to {}.", found["email"])


@scenario(
    "messages",
    "chain",
    "[send|write] [a message|a note|a mail] to customer {id}: {text}",
    "[write to|tell|message|notify] customer {id}: {text}",
    '[send|write|tell] customer {id} "{text}"',
    "[tell|inform|notify] customer {id} that {text}",
    "let customer {id} know that {text}",
)
def send_by_id(d: Draw) -> Script:
    id_, text = d.customer_id(), d.values.text()
    d.say(id=id_, text=text)
    [found] = yield [call("get_customer", id=id_)]
    yield [call("send_message", email=found["email"], text=text)]
    return answer("Sent to {}.", found["email"])


@scenario(
    "messages",
    "chain",
    "[send|write] [a message|a note|a mail] to {a} and {b}: {text}",
    "[write to|tell|message|notify] {a} and {b}: {text}",
    '[send|write|tell] {a} and {b} "{text}"',
    "[tell|inform|notify] [|both ]{a} and {b} that {text}",
    "let [|both ]{a} and {b} know that {text}",
)
def send_two_by_name(d: Draw) -> Script:
    (a, b), text = d.two(d.customer), d.values.text()
    d.say(a=a.name, b=b.name, text=text)
    first, second = yield [call("find_customer", name=a.name), call("find_customer", name=b.name)]
    yield [
        call("send_message", email=first["email"], text=text),
        call("send_message", email=second["email"], text=text),
    ]
    return answer("Sent to {} and {}.", first["email"], second["email"])


@scenario(
    "messages",
    "chain",
    "[send|write] [a message|a note|a mail] to the [customer|buyer] of order {id}: {text}",
    "[write to|tell|message|notify] the [customer|buyer] of order {id}: {text}",
    '[send|write|tell] the [customer|buyer] of order {id} "{text}"',
    "[tell|inform|notify] the [customer|buyer] of order {id} that {text}",
    "let the [customer|buyer] of order {id} know that {text}",
)
def send_to_buyer(d: Draw) -> Script:
    id_, text = d.order_id(), d.values.text()
    d.say(id=id_, text=text)
    [order] = yield [call("get_order", id=id_)]
    [found] = yield [call("get_customer", id=order["customer"])]
    yield [call("send_message", email=found["email"], text=text)]
    return answer("Sent to {}.", found["email"])


@scenario(
    "messages",
    "chain",
    "[what is|tell me|give me|show me|look up|find] the [email|mail|email address] of the [customer|buyer] of order {id}",
    "[which|what] [email|mail|email address] does the [customer|buyer] of order {id} [have|use]?",
)
def email_of_buyer(d: Draw) -> Script:
    id_ = d.order_id()
    d.say(id=id_)
    [order] = yield [call("get_order", id=id_)]
    [found] = yield [call("get_customer", id=order["customer"])]
    return answer("The email is {}.", found["email"])


@scenario(
    "messages",
    "chain",
    "[list|show|show me|read|find|give me] [the|all] [messages|notes|mails] [to|for] {name}",
    "[which|what] [messages|notes|mails] [are there|do we have|are] [to|for] {name}?",
    "[what|which messages] did we [send|write] to {name}?",
)
def messages_by_name(d: Draw) -> Script:
    recipient = d.note().recipient
    name = next(c.name for c in d.rows.customers if c.email == recipient)
    d.say(name=name)
    [found] = yield [call("find_customer", name=name)]
    [rows] = yield [call("list_messages", email=found["email"])]
    return listing("{}.", [row["text"] for row in rows])


@scenario(
    "messages",
    "chain",
    "[delete|remove|erase|drop] [all|the|all the] [messages|notes|mails] [to|for] {email}",
    "[all|the|all the] [messages|notes|mails] [to|for] {email} can [go|be deleted|be removed].",
)
def delete_all(d: Draw) -> Script:
    email = d.note().recipient
    d.say(email=email)
    [rows] = yield [call("list_messages", email=email)]
    yield [call("delete_message", id=row["id"]) for row in rows]
    return DONE


@scenario(
    "messages",
    "chain",
    "[delete|remove|erase|drop] the [first|oldest] [message|note|mail] [to|for] {name}",
    "the [first|oldest] [message|note|mail] [to|for] {name} can [go|be deleted|be removed].",
)
def delete_first(d: Draw) -> Script:
    recipient = d.note().recipient
    name = next(c.name for c in d.rows.customers if c.email == recipient)
    d.say(name=name)
    [found] = yield [call("find_customer", name=name)]
    [rows] = yield [call("list_messages", email=found["email"])]
    yield [call("delete_message", id=rows[0]["id"])]
    return DONE


@scenario(
    "messages",
    "chain",
    "[send|pass|forward] the [first|oldest] [message|note|mail] [to|for] {email} to {target}",
    "[forward|resend] to {target} the [first|oldest] [message|note|mail] [to|for] {email}",
)
def forward(d: Draw) -> Script:
    email, target = d.note().recipient, d.values.email()
    d.say(email=email, target=target)
    [rows] = yield [call("list_messages", email=email)]
    yield [call("send_message", email=target, text=rows[0]["text"])]
    return answer("Sent to {}.", target)
