"""The questions that the help and the chat propose: the embedded model answers them, in shops and with seeds of all kinds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agentfast import LocalModel, nano
from agentfast.cli.desk import desk_agent, open_shop
from agentfast.cli.talk.arguments import DESKS, RUN_EPILOG
from agentfast.cli.talk.questions import questions
from agentfast.nano.shop.database import Shop

SHOPS, SEEDS = range(3), range(2)


def listed(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"


def column(shop: Shop, query: str, *values: object) -> list[str]:
    return [str(value) for (value,) in shop.rows(query, *values)]


def expected(shop: Shop, desk: str) -> tuple[str, ...]:
    """The right answers to the desk's questions, from the database."""
    (first, _), (_, second_name) = shop.rows("select id, name from customers order by id limit 2")
    order, other = shop.rows("select id, status, customer_id, product_id from orders order by id limit 2")
    product, stock = shop.rows("select id, stock from products order by id limit 1")[0]
    (title, date), (other_title, _) = shop.rows("select title, date from events order by id limit 2")
    recipient = column(shop, "select recipient from messages order by id limit 1")[0]
    name, email = shop.rows("select name, email from customers where id = ?", first)[0]
    buyer = column(shop, "select email from customers where id = ?", order[2])[0]
    orders = "select id from orders where customer_id = ? order by id limit 3"
    answers: dict[str, Callable[[], tuple[str, ...]]] = {
        "orders": lambda: (
            f"Order {order[0]} is {order[1]}.",
            f"Orders: {listed(column(shop, orders, first))}.",
            f"Orders: {listed(column(shop, orders, order[2]))}.",
            f"Order {order[0]} is {order[1]} and order {other[0]} is {other[1]}.",
        ),
        "stock": lambda: (
            f"Products: {listed(column(shop, 'select id from products where stock < 10 order by stock, id limit 3'))}.",
            f"The stock is {stock}.",
            f"The price is {column(shop, 'select price from products where id = ?', order[3])[0]}.",
            f"The stock is {stock + 5}.",
        ),
        "customers": lambda: (
            f"The email is {email}.",
            f"The city is {column(shop, 'select city from customers where name = ?', second_name)[0]}.",
            f"The email is {buyer}.",
            f"The name is {name}.",
        ),
        "calendar": lambda: (
            f"The date is {date}.",
            f"The person is {column(shop, 'select person from events where title = ?', other_title)[0]}.",
            f"{listed(column(shop, 'select title from events where date = ? order by time, id limit 3', date))}.",
            "Done.",
        ),
        "messages": lambda: (
            f"{listed(column(shop, 'select text from messages where recipient = ? order by id limit 3', recipient))}.",
            f"Sent to {email}.",
            f"Sent to {buyer}.",
        ),
    }
    assert title in " ".join(questions(shop, "calendar"))
    assert str(product) in " ".join(questions(shop, "stock"))
    return answers[desk]()


@pytest.mark.parametrize("desk", DESKS)
async def test_the_embedded_model_answers_every_question_that_is_proposed(desk: str) -> None:
    async def ask(model: LocalModel, number: int, seed: int, place: int) -> tuple[str, str, str]:
        shop = open_shop(number)
        question, right = questions(shop, desk)[place], expected(shop, desk)[place]
        result = await desk_agent(model, shop, desk).run(question, seed=seed)
        return question, result.output, right

    count = len(questions(open_shop(0), desk))
    async with nano.load() as model:
        asked = await asyncio.gather(
            *(ask(model, number, seed, place) for number in SHOPS for seed in SEEDS for place in range(count))
        )
    assert not [told for told in asked if told[1] != told[2]]


def test_the_help_proposes_questions_about_the_shop_that_it_names() -> None:
    known = {question for desk in DESKS for question in questions(open_shop(0), desk)}
    proposed = [
        line.split('"')[1] for line in RUN_EPILOG.splitlines() if '"' in line and "What is new?" not in line
    ]
    assert len(proposed) == 7
    assert set(proposed) <= known
