"""Requests to the customer desk."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


@scenario(
    "customers",
    "single",
    "[what is|tell me|give me|show me|look up|find] the [email|email address|mail] of customer {id}",
    "[what|which] [email|email address|mail] [does|has] customer {id} [have|use]?",
    "[look up|show|find] customer {id} and [tell me|give me|say] the [email|email address]",
)
def email_by_id(d: Draw) -> Script:
    id_ = d.customer_id()
    d.say(id=id_)
    [found] = yield [call("get_customer", id=id_)]
    return answer("The email is {}.", found["email"])


@scenario(
    "customers",
    "single",
    "[which|what] [city|town] [does customer {id} live in|is customer {id} in|is customer {id} from]?",
    "[tell me|give me|show me|look up|find] the [city|town|home town] of customer {id}",
    "where [does customer {id} live|is customer {id} from|is customer {id}|is the home of customer {id}]?",
)
def city_by_id(d: Draw) -> Script:
    id_ = d.customer_id()
    d.say(id=id_)
    [found] = yield [call("get_customer", id=id_)]
    return answer("The city is {}.", found["city"])


@scenario(
    "customers",
    "single",
    "who is customer [|number ]{id}?",
    "[tell me|give me|show me|look up|find] the [name|full name] of customer [|number ]{id}",
    "[what|which] name [does customer {id} have|belongs to customer {id}|is on customer {id}]?",
)
def name_by_id(d: Draw) -> Script:
    id_ = d.customer_id()
    d.say(id=id_)
    [found] = yield [call("get_customer", id=id_)]
    return answer("The name is {}.", found["name"])


@scenario(
    "customers",
    "single",
    "[what is|tell me|give me|show me|look up|find] the [email|email address|mail] of {name}",
    "[what|which] [email|email address|mail] does {name} [have|use]?",
    "[look up|show|find] {name} and [tell me|give me|say] the [email|email address]",
)
def email_by_name(d: Draw) -> Script:
    name = d.customer_name()
    d.say(name=name)
    [found] = yield [call("find_customer", name=name)]
    return answer("The email is {}.", found["email"])


@scenario(
    "customers",
    "single",
    "[which|what] [city|town] [does {name} live in|is {name} in|is {name} from]?",
    "[tell me|give me|show me|look up|find] the [city|town|home town] of {name}",
    "where [does {name} live|is {name} from|is {name}|is the home of {name}]?",
)
def city_by_name(d: Draw) -> Script:
    name = d.customer_name()
    d.say(name=name)
    [found] = yield [call("find_customer", name=name)]
    return answer("The city is {}.", found["city"])


@scenario(
    "customers",
    "single",
    "[tell me|give me|show me|look up|find] the [id|number|customer number|customer id] of {name}",
    "[which|what] [id|number|customer number|customer id] [does {name} have|belongs to {name}|has {name}]?",
)
def id_by_name(d: Draw) -> Script:
    name = d.customer_name()
    d.say(name=name)
    [found] = yield [call("find_customer", name=name)]
    return answer("The id is {}.", found["id"])


@scenario(
    "customers",
    "single",
    "[list|show|show me|name|find|give me] [the|all|our] customers [in|from|of] {city}",
    "who [lives|is at home] in {city}?",
    "[which customers|which of our customers] [live|are] in {city}?",
    "which customers [do we have in|come from|are from] {city}?",
)
def customers_of_city(d: Draw) -> Script:
    city = d.customer().city if d.rng.random() < 0.95 else d.values.city()
    d.say(city=city)
    [found] = yield [call("list_customers", city=city)]
    return listing("{}.", [row["name"] for row in found])


@scenario(
    "customers",
    "single",
    "[add|register|enter|create|sign up] [a customer|a new customer|the customer|the new customer] {name}, {email}, [from|in|of] {city}",
    "[add|register|enter|create|sign up] {name} from {city} [with|, email|, mail] {email}",
    "[new customer|a new customer]: {name}, {email}, {city}.",
    "{name} from {city} is a new customer[,| with] email {email}.",
)
def add_customer(d: Draw) -> Script:
    name, city = d.values.person(), d.values.city()
    email = d.values.email(name if d.rng.random() < 0.5 else None)
    d.say(name=name, city=city, email=email)
    [added] = yield [call("add_customer", name=name, email=email, city=city)]
    return answer("Customer {} is added.", added["id"])


@scenario(
    "customers",
    "single",
    "[change|set|update|switch] the [email|email address|mail] of customer {id} to {email}",
    "customer {id} [has a new email|has a new email address|now uses the email|wants the email]: {email}.",
    "[give|assign] customer {id} the [|new ][email|email address|mail] {email}",
    "[make|use|put] {email} [|as ]the [|new ][email|mail] of customer {id}",
)
def set_email(d: Draw) -> Script:
    id_, email = d.customer_id(), d.values.email()
    d.say(id=id_, email=email)
    yield [call("set_email", id=id_, email=email)]
    return DONE


@scenario(
    "customers",
    "single",
    "[change|set|update|switch] the [city|town|home town] of customer {id} to {city}",
    "customer {id} [moved to|now lives in|moves to|is now in|has moved to] {city}.",
    "[move|relocate|transfer] customer {id} to [|the city ]{city}",
)
def set_city(d: Draw) -> Script:
    id_, city = d.customer_id(), d.values.city()
    d.say(id=id_, city=city)
    yield [call("set_city", id=id_, city=city)]
    return DONE


@scenario(
    "customers",
    "parallel",
    "[what are|tell me|give me|show me|look up|find] the [emails|email addresses|mails] of customers {a} and {b}",
    "[what|which] [emails|email addresses|mails] do customers {a} and {b} [have|use]?",
)
def two_emails(d: Draw) -> Script:
    a, b = d.two(d.customer)
    d.say(a=a.id, b=b.id)
    first, second = yield [call("get_customer", id=a.id), call("get_customer", id=b.id)]
    return answer("The emails are {} and {}.", first["email"], second["email"])


@scenario(
    "customers",
    "parallel",
    "[which|what] [cities|towns] do {a} and {b} [live in|come from]?",
    "[tell me|give me|show me|look up|find] the [cities|towns|home towns] of {a} and {b}",
    "where do {a} and {b} [live|come from]?",
)
def two_cities(d: Draw) -> Script:
    a, b = d.two(d.customer)
    d.say(a=a.name, b=b.name)
    first, second = yield [call("find_customer", name=a.name), call("find_customer", name=b.name)]
    return answer("The cities are {} and {}.", first["city"], second["city"])


@scenario(
    "customers",
    "parallel",
    "[move|relocate|transfer] customers {a} and {b} to {city}",
    "customers {a} and {b} [moved to|now live in|move to|are now in|have moved to] {city}.",
    "[change|set|update|switch] the [city|town|home town] of customers {a} and {b} to {city}",
)
def move_two(d: Draw) -> Script:
    (a, b), city = d.two(d.customer), d.values.city()
    d.say(a=a.id, b=b.id, city=city)
    yield [call("set_city", id=a.id, city=city), call("set_city", id=b.id, city=city)]
    return DONE


@scenario(
    "customers",
    "parallel",
    "customer {id} [moved to|now lives in|moves to|is now in] {city} and [has the email|uses|has the mail] {email}.",
    "[change|set|update|switch] the [city|town] of customer {id} to {city} and the [email|mail|email address] to {email}",
)
def set_city_and_email(d: Draw) -> Script:
    id_, city, email = d.customer_id(), d.values.city(), d.values.email()
    d.say(id=id_, city=city, email=email)
    yield [call("set_city", id=id_, city=city), call("set_email", id=id_, email=email)]
    return DONE
