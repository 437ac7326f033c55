"""Chains of the message desk."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, each_once, listing
from agentfast.nano.tasks.scenarios.chains.compose import Find, chains
from agentfast.nano.tasks.scenarios.chains.references import (
    buyer,
    customer_by_id,
    customer_by_name,
    first_note,
    first_note_by_id,
    first_note_by_name,
    first_note_of_buyer,
    first_of_city,
    order_by_id,
)

CUSTOMERS = (customer_by_id, customer_by_name, buyer, first_of_city)
NOTES = (first_note, first_note_by_name, first_note_by_id, first_note_of_buyer)


@chains(
    "messages",
    "[what is|tell me|give me|show me|look up|find] the [email|mail|email address] of {0}",
    "[which|what] [email|mail|email address] does {0} [have|use]?",
    turns="",
    needs=[("email", (buyer, first_of_city))],
)
def email(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The email is {}.", row["email"])


@chains(
    "messages",
    "[send|write] [a message|a note|a mail] to {0}: {text}",
    "[write to|tell|message|notify] {0}: {text}",
    '[send|write|tell] {0} "{text}"',
    '[send|write] "{text}" to {0}',
    "[tell|inform|notify] {0} that {text}",
    "let {0} know that {text}",
    turns="send_message(email:0)",
    needs=[("email", CUSTOMERS)],
)
def send(d: Draw, find: Find) -> Script:
    text = d.values.text()
    d.say(text=text)
    [row] = yield from find()
    yield [call("send_message", email=row["email"], text=text)]
    return answer("Sent to {}.", row["email"])


@chains(
    "messages",
    "[send|write] [a message|a note|a mail] to {0} and {1}: {text}",
    "[write to|tell|message|notify] {0} and {1}: {text}",
    '[send|write|tell] {0} and {1} "{text}"',
    "[tell|inform|notify] [|both ]{0} and {1} that {text}",
    "let [|both ]{0} and {1} know that {text}",
    turns="send_message(email:0)+send_message(email:1)",
    needs=[("email", CUSTOMERS), ("email", CUSTOMERS)],
)
def send_two(d: Draw, find: Find) -> Script:
    text = d.values.text()
    d.say(text=text)
    rows = yield from find()
    emails = each_once(rows, "email")
    yield [call("send_message", email=email, text=text) for email in emails]
    return listing("Sent to {}.", emails)


@chains(
    "messages",
    "[list|show|show me|read|find|give me] [the|all] [messages|notes|mails] [to|for] {0}",
    "[which|what] [messages|notes|mails] [are there|do we have|are] [to|for] {0}?",
    "[what|which messages] did we [send|write] to {0}?",
    turns="list_messages(email:0)",
    needs=[("email", CUSTOMERS)],
)
def messages(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [rows] = yield [call("list_messages", email=row["email"])]
    return listing("{}.", [note["text"] for note in rows])


@chains(
    "messages",
    "[delete|remove|erase|drop] [all|the|all the] [messages|notes|mails] [to|for] {email}",
    "[all|the|all the] [messages|notes|mails] [to|for] {email} can [go|be deleted|be removed].",
    turns="list_messages > delete_message(id)",
    needs=[],
)
def delete_all(d: Draw, find: Find) -> Script:
    email = d.note().recipient
    d.say(email=email)
    [rows] = yield [call("list_messages", email=email)]
    yield [call("delete_message", id=row["id"]) for row in rows]
    return DONE


@chains(
    "messages",
    "[delete|remove|erase|drop] {0}",
    "{0} can [go|be deleted|be removed].",
    "[throw away|get rid of] {0}",
    turns="delete_message(id:0)",
    needs=[("id", NOTES)],
)
def delete_first(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    yield [call("delete_message", id=row["id"])]
    return DONE


@chains(
    "messages",
    "[send|pass|forward] {0} to {email}",
    "[forward|resend|pass] to {email} {0}",
    turns="send_message(text:0)",
    needs=[("text", NOTES)],
)
def forward(d: Draw, find: Find) -> Script:
    email = d.values.email()
    d.say(email=email)
    [row] = yield from find()
    yield [call("send_message", email=email, text=row["text"])]
    return answer("Sent to {}.", email)


@chains(
    "messages",
    "[send|pass|forward] {0} to {1}",
    "[forward|resend|pass] to {1} {0}",
    turns="send_message(email:1,text:0)",
    needs=[("text", NOTES), ("email", CUSTOMERS)],
)
def forward_to_customer(d: Draw, find: Find) -> Script:
    note, row = yield from find()
    yield [call("send_message", email=row["email"], text=note["text"])]
    return answer("Sent to {}.", row["email"])


@chains(
    "messages",
    "[send|pass|forward] {0} to {email} and [delete|remove|drop] it",
    "[forward|pass] to {email} and then [delete|remove] {0}",
    turns="delete_message(id:0)+send_message(text:0)",
    needs=[("text", NOTES)],
)
def move_note(d: Draw, find: Find) -> Script:
    email = d.values.email()
    d.say(email=email)
    [row] = yield from find()
    yield [call("send_message", email=email, text=row["text"]), call("delete_message", id=row["id"])]
    return answer("Sent to {}.", email)


@chains(
    "messages",
    "[delete|remove|erase|drop] {0} and [write to|tell|message|notify] {1}: {text}",
    "[clear|get rid of] {0}, then [write to|tell|message|notify] {1}: {text}",
    turns="delete_message(id:0)+send_message(email:1)",
    needs=[("id", NOTES), ("email", CUSTOMERS)],
)
def delete_and_tell(d: Draw, find: Find) -> Script:
    text = d.values.text()
    d.say(text=text)
    note, row = yield from find()
    yield [call("delete_message", id=note["id"]), call("send_message", email=row["email"], text=text)]
    return answer("Sent to {}.", row["email"])


@chains(
    "messages",
    "[delete|remove|erase|drop] {0} and {1}",
    "{0} and {1} can [go|be deleted|be removed].",
    "[throw away|get rid of] [|both ]{0} and {1}",
    turns="delete_message(id:0)+delete_message(id:1)",
    needs=[("id", NOTES), ("id", NOTES)],
)
def delete_two(d: Draw, find: Find) -> Script:
    rows = yield from find()
    ids = each_once(rows, "id")
    yield [call("delete_message", id=id_) for id_ in ids]
    return DONE


@chains(
    "messages",
    "[send|pass|forward] {0} to {1} and [delete|remove|drop] it",
    "[forward|pass] to {1} and then [delete|remove] {0}",
    turns="delete_message(id:0)+send_message(email:1,text:0)",
    needs=[("text", NOTES), ("email", CUSTOMERS)],
)
def move_note_to_customer(d: Draw, find: Find) -> Script:
    note, row = yield from find()
    yield [
        call("send_message", email=row["email"], text=note["text"]),
        call("delete_message", id=note["id"]),
    ]
    return answer("Sent to {}.", row["email"])


@chains(
    "messages",
    "[write to|tell|message|notify] {0}: {a}, and [|also ]{1}: {b}",
    '[send|write|tell] {0} "{a}" and {1} "{b}"',
    "[tell|inform|notify] {0} that {a} and [|also ]{1} that {b}",
    "let {0} know that {a} and {1} that {b}",
    turns="send_message(email:0)+send_message(email:1)",
    needs=[("email", CUSTOMERS), ("email", (customer_by_id, customer_by_name, buyer))],
)
def tell_two(d: Draw, find: Find) -> Script:
    texts = d.values.text(), d.values.text()
    d.say(a=texts[0], b=texts[1])
    rows = yield from find()
    emails = [row["email"] for row in rows]
    yield [call("send_message", email=email, text=text) for email, text in zip(emails, texts, strict=True)]
    return listing("Sent to {}.", emails)


@chains(
    "messages",
    "[send|write|pass|tell] the [email|mail|email address] of {1} to {0}",
    "{0} [needs|wants|asks for] the [email|mail|email address] of {1}.",
    turns="send_message(email:0,text:1)",
    needs=[("email", CUSTOMERS), ("email", CUSTOMERS)],
)
def send_email_of(d: Draw, find: Find) -> Script:
    who, other = yield from find()
    yield [call("send_message", email=who["email"], text=other["email"])]
    return answer("Sent to {}.", who["email"])


@chains(
    "messages",
    "[send|write|pass] the [city|town] of {0} to {email}",
    "{email} [needs|wants|asks for] the [city|town] of {0}.",
    turns="send_message(text:0)",
    needs=[("city", (customer_by_id, customer_by_name, buyer))],
)
def send_city_of(d: Draw, find: Find) -> Script:
    email = d.values.email()
    d.say(email=email)
    [row] = yield from find()
    yield [call("send_message", email=email, text=row["city"])]
    return answer("Sent to {}.", email)


@chains(
    "messages",
    "[send|pass|forward] {0} to {1} and {2}",
    "[forward|resend|pass] to {1} and {2} {0}",
    turns="send_message(email:1,text:0)+send_message(email:2,text:0)",
    needs=[
        ("text", (first_note, first_note_by_name, first_note_by_id)),
        ("email", (customer_by_id, customer_by_name)),
        ("email", (customer_by_id, customer_by_name)),
    ],
)
def forward_to_two(d: Draw, find: Find) -> Script:
    note, *rows = yield from find()
    emails = each_once(rows, "email")
    yield [call("send_message", email=email, text=note["text"]) for email in emails]
    return listing("Sent to {}.", emails)


@chains(
    "messages",
    "[send|pass|forward] {0} to {email} and [write to|tell|message|notify] {1}: {text}",
    "[forward|pass] to {email} {0}, then [write to|tell|message|notify] {1}: {text}",
    turns="send_message(email:1)+send_message(text:0)",
    needs=[("text", NOTES), ("email", CUSTOMERS)],
)
def forward_and_tell(d: Draw, find: Find) -> Script:
    email, text = d.values.email(), d.values.text()
    d.say(email=email, text=text)
    note, row = yield from find()
    yield [
        call("send_message", email=email, text=note["text"]),
        call("send_message", email=row["email"], text=text),
    ]
    return listing("Sent to {}.", [email, row["email"]])


@chains(
    "messages",
    "[send|write|pass] the [name|full name] of {0} to {email}",
    "{email} [needs|wants|asks for] the [name|full name] of {0}.",
    "[write to|tell|message] {email} the [name|full name] of {0}",
    turns="send_message(text:0)",
    needs=[("name", (customer_by_id, buyer, first_of_city))],
    tested=False,
)
def send_name_of(d: Draw, find: Find) -> Script:
    email = d.values.email()
    d.say(email=email)
    [row] = yield from find()
    yield [call("send_message", email=email, text=row["name"])]
    return answer("Sent to {}.", email)


@chains(
    "messages",
    "[send|write|pass|tell] the [name|full name] of {1} to {0}",
    "{0} [needs|wants|asks for] the [name|full name] of {1}.",
    "let {0} [know|have] the [name|full name] of {1}",
    turns="send_message(email:0,text:1)",
    needs=[("email", CUSTOMERS), ("name", (customer_by_id, buyer, first_of_city))],
    tested=False,
)
def tell_name_of(d: Draw, find: Find) -> Script:
    who, other = yield from find()
    yield [call("send_message", email=who["email"], text=other["name"])]
    return answer("Sent to {}.", who["email"])


@chains(
    "messages",
    "[send|write|pass|tell] the [city|town] of {1} to {0}",
    "{0} [needs|wants|asks for] the [city|town] of {1}.",
    "let {0} [know|have] the [city|town] of {1}",
    turns="send_message(email:0,text:1)",
    needs=[("email", CUSTOMERS), ("city", (customer_by_id, customer_by_name, buyer))],
    tested=False,
)
def tell_city_of(d: Draw, find: Find) -> Script:
    who, other = yield from find()
    yield [call("send_message", email=who["email"], text=other["city"])]
    return answer("Sent to {}.", who["email"])


@chains(
    "messages",
    "[send|write|pass|tell] the [status|state] of {1} to {0}",
    "{0} [needs|wants|asks for] the [status|state] of {1}.",
    "let {0} [know|have] the [status|state] of {1}",
    turns="send_message(email:0,text:1)",
    needs=[("email", CUSTOMERS), ("status", (order_by_id,))],
    tested=False,
)
def tell_status_of(d: Draw, find: Find) -> Script:
    who, order = yield from find()
    yield [call("send_message", email=who["email"], text=order["status"])]
    return answer("Sent to {}.", who["email"])


@chains(
    "messages",
    "[send|write|pass|tell] the [date|day] of {1} to {0}",
    "{0} [needs|wants|asks for] the [date|day] of {1}.",
    "let {0} [know|have] the [date|day] of {1}",
    turns="send_message(email:0,text:1)",
    needs=[("email", CUSTOMERS), ("date", (order_by_id,))],
    tested=False,
)
def tell_date_of(d: Draw, find: Find) -> Script:
    who, order = yield from find()
    yield [call("send_message", email=who["email"], text=order["date"])]
    return answer("Sent to {}.", who["email"])


@chains(
    "messages",
    "[tell|inform|notify] the [customer|buyer] of order {order} [of its|about its] [status|state]",
    "[send|write] the [customer|buyer] of order {order} its [status|state]",
    "the [customer|buyer] of order {order} [wants|needs|asks for] its [status|state].",
    turns="get_order > get_customer(id) > send_message(email,text)",
    needs=[],
    tested=False,
)
def tell_status_to_buyer(d: Draw, find: Find) -> Script:
    id_ = d.order_id()
    d.say(order=id_)
    [order] = yield [call("get_order", id=id_)]
    [customer] = yield [call("get_customer", id=order["customer"])]
    yield [call("send_message", email=customer["email"], text=order["status"])]
    return answer("Sent to {}.", customer["email"])


@chains(
    "messages",
    "[send|pass|forward] [all|the|all the] [messages|notes|mails] [of|to|for] {owner} to {email}",
    "[forward|resend|pass] to {email} [all|the|all the] [messages|notes|mails] [of|to|for] {owner}",
    turns="list_messages > send_message(text)",
    needs=[],
    tested=False,
)
def forward_all(d: Draw, find: Find) -> Script:
    owner, email = d.note().recipient, d.values.email()
    d.say(owner=owner, email=email)
    [rows] = yield [call("list_messages", email=owner)]
    yield [call("send_message", email=email, text=row["text"]) for row in rows]
    return answer("Sent to {}.", email)
