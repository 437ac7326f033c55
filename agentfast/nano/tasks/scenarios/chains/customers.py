"""Chains of the customer desk."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, each_once, listing
from agentfast.nano.tasks.scenarios.chains.compose import Find, chains
from agentfast.nano.tasks.scenarios.chains.references import (
    buyer,
    customer_by_id,
    customer_by_name,
    first_of_buyers_city,
    first_of_city,
    first_of_same_city,
    first_of_same_city_by_id,
)

LISTED = (first_of_city, first_of_same_city, first_of_same_city_by_id, first_of_buyers_city)
NAMED = (customer_by_name, buyer, *LISTED)
CUSTOMERS = (customer_by_id, *NAMED)
KNOWN = (customer_by_id, customer_by_name, buyer)


@chains(
    "customers",
    "[what is|tell me|give me|show me|find] the [email|email address|mail] of {0}",
    "[which|what] [email|email address|mail] does {0} [have|use]?",
    turns="",
    needs=[("email", (buyer, *LISTED))],
)
def email(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The email is {}.", row["email"])


@chains(
    "customers",
    "[change|set|update|switch] the [email|email address|mail] of {0} to {email}",
    "{0} [has a new email|has a new email address|now uses the email|wants the email]: {email}.",
    "[give|assign] {0} the [|new ][email|email address|mail] {email}",
    "[make|use|put] {email} [|as ]the [|new ][email|mail] of {0}",
    turns="set_email(id:0)",
    needs=[("id", NAMED)],
)
def set_email(d: Draw, find: Find) -> Script:
    email = d.values.email()
    d.say(email=email)
    [row] = yield from find()
    yield [call("set_email", id=row["id"], email=email)]
    return DONE


@chains(
    "customers",
    "[change|set|update|switch] the [city|town|home town] of {0} to {city}",
    "{0} [moved to|now lives in|moves to|is now in|has moved to] {city}.",
    "[move|relocate|transfer] {0} to [|the city ]{city}",
    turns="set_city(id:0)",
    needs=[("id", NAMED)],
)
def set_city(d: Draw, find: Find) -> Script:
    city = d.values.city()
    d.say(city=city)
    [row] = yield from find()
    yield [call("set_city", id=row["id"], city=city)]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] {0} to the [city|town] of {1}",
    "{0} [moved to|now lives in|moves to] the [city|town] of {1}.",
    "{0} [moved|moves|wants to move] to where {1} lives.",
    turns="set_city(city:1,id:0)",
    needs=[("id", CUSTOMERS), ("city", KNOWN)],
)
def move_to_other(d: Draw, find: Find) -> Script:
    who, other = yield from find()
    yield [call("set_city", id=who["id"], city=other["city"])]
    return DONE


@chains(
    "customers",
    "[give|assign] {0} the [email|email address|mail] of {1}",
    "{0} [uses|wants to use|has] the [|same ][email|email address|mail] of {1}.",
    "[change|set|update|switch] the [email|mail] of {0} to that of {1}",
    turns="set_email(email:1,id:0)",
    needs=[("id", CUSTOMERS), ("email", (*KNOWN, first_of_city))],
)
def share_email(d: Draw, find: Find) -> Script:
    who, other = yield from find()
    yield [call("set_email", id=who["id"], email=other["email"])]
    return DONE


@chains(
    "customers",
    "[list|show|show me|name|find|give me] [the|all|our] customers [in|from] the [city|town] of {0}",
    "who [lives|is at home] in the [same city as|same town as|city of|town of] {0}?",
    "which customers [live|are] in the [same city as|same town as|city of|town of] {0}?",
    turns="list_customers(city:0)",
    needs=[("city", KNOWN)],
)
def neighbours(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [rows] = yield [call("list_customers", city=row["city"])]
    return listing("{}.", [row["name"] for row in rows])


@chains(
    "customers",
    "[add|register|enter|create] {person}, {email}, [in|from] the [city|town] of {0}",
    "[new customer|a new customer]: {person}, {email}, [same city as|lives with] {0}.",
    "{person} is a new customer [from|in] the [city|town] of {0}, [email|mail] {email}.",
    turns="add_customer(city:0)",
    needs=[("city", KNOWN)],
)
def add_beside(d: Draw, find: Find) -> Script:
    person = d.values.person()
    email = d.values.email(person)
    d.say(person=person, email=email)
    [row] = yield from find()
    [added] = yield [call("add_customer", name=person, email=email, city=row["city"])]
    return answer("Customer {} is added.", added["id"])


@chains(
    "customers",
    "[move|relocate|transfer] {0} to {city} and [change|set] [the|its] [email|mail] to {email}",
    "{0} [moved to|now lives in] {city} and [uses|has] the [email|mail] {email}.",
    turns="set_city(id:0)+set_email(id:0)",
    needs=[("id", NAMED)],
)
def set_both(d: Draw, find: Find) -> Script:
    city, email = d.values.city(), d.values.email()
    d.say(city=city, email=email)
    [row] = yield from find()
    yield [call("set_city", id=row["id"], city=city), call("set_email", id=row["id"], email=email)]
    return DONE


@chains(
    "customers",
    "[what is|tell me|give me|show me|find] the [city|town|home town] of {0}",
    "[which|what] [city|town] does {0} live in?",
    "where does {0} live?",
    turns="",
    needs=[("city", (buyer,))],
)
def city(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The city is {}.", row["city"])


@chains(
    "customers",
    "[move|relocate|transfer] {0} and {1} to {city}",
    "{0} and {1} [moved to|now live in|move to|are now in|have moved to] {city}.",
    "[change|set|update|switch] the [city|town] of {0} and {1} to {city}",
    turns="set_city(id:0)+set_city(id:1)",
    needs=[("id", NAMED), ("id", (customer_by_name, buyer, first_of_city))],
)
def move_two(d: Draw, find: Find) -> Script:
    city = d.values.city()
    d.say(city=city)
    rows = yield from find()
    ids = each_once(rows, "id")
    yield [call("set_city", id=id_, city=city) for id_ in ids]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] {0} to the [city|town] of {1} and [change|set] [the|its] [email|mail] to {email}",
    "{0} [moved to|now lives in] the [city|town] of {1} and [uses|has] the [email|mail] {email}.",
    turns="set_city(city:1,id:0)+set_email(id:0)",
    needs=[("id", CUSTOMERS), ("city", KNOWN)],
)
def move_and_set_email(d: Draw, find: Find) -> Script:
    email = d.values.email()
    d.say(email=email)
    who, other = yield from find()
    yield [call("set_city", id=who["id"], city=other["city"]), call("set_email", id=who["id"], email=email)]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] [all|the|all our] customers [in|from|of] {town} to {city}",
    "[all|the|all our] customers [in|from|of] {town} [moved to|now live in|move to] {city}.",
    turns="list_customers > set_city(id)",
    needs=[],
)
def move_all(d: Draw, find: Find) -> Script:
    town, city = d.customer().city, d.values.city()
    d.say(town=town, city=city)
    [rows] = yield [call("list_customers", city=town)]
    yield [call("set_city", id=row["id"], city=city) for row in rows]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] [all|the|all our] customers [in|from|of] the [city|town] of {0} to {city}",
    "[all|the|all our] customers [in|from|of] the [city|town] of {0} [moved to|now live in|move to] {city}.",
    turns="list_customers(city:0) > set_city(id)",
    needs=[("city", (customer_by_id, customer_by_name))],
)
def move_neighbours(d: Draw, find: Find) -> Script:
    city = d.values.city()
    d.say(city=city)
    [row] = yield from find()
    [rows] = yield [call("list_customers", city=row["city"])]
    yield [call("set_city", id=other["id"], city=city) for other in rows]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] {0} and {1} to the [city|town] of {2}",
    "{0} and {1} [moved to|now live in|move to] the [city|town] of {2}.",
    "{0} and {1} [moved|move|want to move|are moving] to where {2} lives.",
    "[change|set|update|switch] the [city|town] of {0} and {1} to that of {2}",
    turns="set_city(city:2,id:0)+set_city(city:2,id:1)",
    needs=[("id", CUSTOMERS), ("id", (customer_by_id, customer_by_name, buyer)), ("city", KNOWN)],
)
def move_two_to_other(d: Draw, find: Find) -> Script:
    *rows, other = yield from find()
    yield [call("set_city", id=id_, city=other["city"]) for id_ in each_once(rows, "id")]
    return DONE


@chains(
    "customers",
    "[add|register|enter|create] {person}, [in|from] the [city|town] of {0}, with the [email|mail] of {1}",
    "[new customer|a new customer]: {person}, [same city as|lives with] {0}, [same email as|shares the mail of] {1}.",
    turns="add_customer(city:0,email:1)",
    needs=[("city", KNOWN), ("email", (*KNOWN, first_of_city))],
)
def add_like_two(d: Draw, find: Find) -> Script:
    person = d.values.person()
    d.say(person=person)
    home, mail = yield from find()
    [added] = yield [call("add_customer", name=person, email=mail["email"], city=home["city"])]
    return answer("Customer {} is added.", added["id"])


@chains(
    "customers",
    "[add|register|enter|create] {person}, [in|from] {city}, with the [email|mail] of {0}",
    "{person} is a new customer [from|in] {city}, [same email as|shares the mail of] {0}.",
    turns="add_customer(email:0)",
    needs=[("email", (*KNOWN, *LISTED))],
)
def add_with_email(d: Draw, find: Find) -> Script:
    person, city = d.values.person(), d.values.city()
    d.say(person=person, city=city)
    [row] = yield from find()
    [added] = yield [call("add_customer", name=person, email=row["email"], city=city)]
    return answer("Customer {} is added.", added["id"])


@chains(
    "customers",
    "[give|assign] {0} the [email|email address|mail] of {1} and [move|relocate|transfer] it to {city}",
    "{0} [uses|has] the [email|mail] of {1} and [moved to|now lives in] {city}.",
    turns="set_city(id:0)+set_email(email:1,id:0)",
    needs=[("id", CUSTOMERS), ("email", (*KNOWN, first_of_city))],
)
def share_email_and_move(d: Draw, find: Find) -> Script:
    city = d.values.city()
    d.say(city=city)
    who, other = yield from find()
    yield [call("set_email", id=who["id"], email=other["email"]), call("set_city", id=who["id"], city=city)]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] {0} to the [city|town] of {1} and [give|assign] it the [email|mail] of {1}",
    "{0} [moved to|now lives in] the [city|town] of {1} and [uses|has] its [email|mail].",
    "{0} [gets|takes over] [city and email|town and mail] of {1}.",
    turns="set_city(city:1,id:0)+set_email(email:1,id:0)",
    needs=[("id", CUSTOMERS), ("email", KNOWN)],
)
def copy_both(d: Draw, find: Find) -> Script:
    who, other = yield from find()
    yield [
        call("set_city", id=who["id"], city=other["city"]),
        call("set_email", id=who["id"], email=other["email"]),
    ]
    return DONE


@chains(
    "customers",
    "[swap|exchange] the [cities|towns] of {0} and {1}",
    "{0} and {1} [swap|swapped|exchange|exchanged] [cities|towns|homes].",
    turns="set_city(city:0,id:1)+set_city(city:1,id:0)",
    needs=[("city", KNOWN), ("city", KNOWN)],
)
def swap_cities(d: Draw, find: Find) -> Script:
    first, second = yield from find()
    yield [
        call("set_city", id=first["id"], city=second["city"]),
        call("set_city", id=second["id"], city=first["city"]),
    ]
    return DONE


@chains(
    "customers",
    "[move|relocate|transfer] {0} to {city} and [change|set|update] the [email|mail] of {1} to {email}",
    "{0} [moved to|now lives in] {city} and {1} [uses|has] the [email|mail] {email}.",
    turns="set_city(id:0)+set_email(id:1)",
    needs=[("id", CUSTOMERS), ("id", CUSTOMERS)],
)
def move_one_set_email_of_other(d: Draw, find: Find) -> Script:
    city, email = d.values.city(), d.values.email()
    d.say(city=city, email=email)
    moved, other = yield from find()
    yield [call("set_city", id=moved["id"], city=city), call("set_email", id=other["id"], email=email)]
    return DONE
