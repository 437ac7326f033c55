"""The shop's database and its tools."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.nano.shop.database import STATUSES, TABLES, Customer, Shop
from agentfast.nano.shop.desks import DESKS, definitions, shop_tools
from agentfast.nano.shop.splits import split_of
from agentfast.nano.shop.tools import READS, ShopTools, functions_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import play
from agentfast.nano.tasks.scenarios import SCENARIOS, Draw, Rows, Scenario


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.generate(random.Random(0), "train")


@pytest.fixture
def own() -> Shop:
    return Shop.generate(random.Random(1), "train")


def test_a_generated_shop_holds_rows_of_every_table(shop: Shop) -> None:
    state = shop.state()
    assert {table: len(rows) for table, rows in state.items() if rows} == {
        "customers": 30,
        "products": pytest.approx(20, abs=2),
        "orders": 60,
        "events": pytest.approx(15, abs=2),
        "messages": pytest.approx(12, abs=1),
    }


def test_orders_point_to_customers_and_products_and_ids_are_of_the_split(shop: Shop) -> None:
    state = shop.state()
    for row in state["orders"].values():
        assert row[1] in state["customers"]
        assert row[2] in state["products"]
        assert row[4] in STATUSES
    assert all(split_of(str(id_)) == "train" for rows in state.values() for id_ in rows)


@given(st.permutations(range(6)))
def test_new_rows_get_the_same_ids_in_any_order(order: list[int]) -> None:
    rows = [("a@mail.com", f"text {number}") for number in range(6)]
    plain, shuffled = Shop(), Shop()
    expected = [plain.insert("messages", *row) for row in rows]
    got = {number: shuffled.insert("messages", *rows[number]) for number in order}
    assert [got[number] for number in range(6)] == expected
    plain.close()
    shuffled.close()


def test_a_rollback_undoes_everything_and_may_be_nested(own: Shop) -> None:
    before = own.state()
    with own.rollback():
        own.insert("messages", "a@mail.com", "one")
        middle = own.state()
        with own.rollback():
            own.change("delete from customers")
        assert own.state() == middle
    assert own.state() == before


def test_a_rollback_undoes_what_was_done_before_an_exception(own: Shop) -> None:
    before = own.state()

    def fail() -> None:
        with own.rollback():
            own.change("delete from orders")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert own.state() == before


def test_a_copy_is_independent(own: Shop) -> None:
    copy = own.copy()
    assert copy.state() == own.state()
    copy.change("delete from events")
    assert own.state()["events"]


def test_a_shop_in_a_file_is_there_again(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.db")
    first = Shop.generate(random.Random(2), "test", path=path)
    state = first.state()
    first.close()
    second = Shop(path, "test")
    assert second.state() == state
    second.close()


def test_threads_may_share_a_shop(own: Shop) -> None:
    tools = ShopTools(own)
    product = Rows(own).products[0]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tools.add_stock, [product.id] * 200, [1] * 200))
    assert tools.get_product(product.id)["stock"] == product.stock + 200


def test_the_tools_read_and_change_rows(own: Shop) -> None:
    tools = ShopTools(own)
    customer: Customer = Rows(own).customers[0]
    assert tools.find_customer(customer.name)["id"] == customer.id
    assert tools.set_city(customer.id, "Velton") == {"ok": True}
    assert tools.get_customer(customer.id)["city"] == "Velton"
    assert tools.list_customers("Velton") == [{"id": customer.id, "name": customer.name}]


def test_what_does_not_exist_is_an_error_in_a_sentence(shop: Shop) -> None:
    tools = ShopTools(shop)
    assert tools.get_order(1) == {"error": "There is no order 1."}
    assert tools.set_price(1, 2.5) == {"error": "There is no product 1."}
    assert tools.find_event("Nothing talk") == {"error": "There is no event Nothing talk."}
    assert tools.create_order(1, 1, 1, "2025-01-01") == {"error": "There is no customer 1."}


def test_lists_have_three_rows_at_most(shop: Shop) -> None:
    assert len(ShopTools(shop).low_stock(10**6)) == 3


def test_tools_that_read_change_nothing(own: Shop) -> None:
    before = own.state()
    rng = random.Random(3)
    for scenario in SCENARIOS:
        with own.rollback():
            solution = play(scenario.script(draw_from(own, rng)), functions_of(own))
            if all(call.name in READS for call in solution.calls):
                assert own.state() == before


def draw_from(shop: Shop, rng: random.Random) -> Draw:
    return Draw(rng, "train", Rows(shop), Values(rng, "train"))


def test_every_tool_is_declared_with_a_closed_schema_and_a_sentence(shop: Shop) -> None:
    assert {tool.name for tool in shop_tools(shop)} == set(definitions())
    for definition in definitions().values():
        jsonschema.Draft202012Validator.check_schema(dict(definition.parameters))
        assert definition.parameters["additionalProperties"] is False
        assert definition.description.endswith(".")


def test_every_tool_is_used_by_some_request() -> None:
    shop = Shop.generate(random.Random(4), "train")
    rng, used = random.Random(5), set[str]()
    for scenario in SCENARIOS:
        with shop.rollback():
            solution = play(scenario.script(draw_from(shop, rng)), functions_of(shop))
            used |= {call.name for call in solution.calls}
    assert used == set(definitions())


FAMILIES: dict[str, list[Scenario]] = {}
for made in SCENARIOS:
    FAMILIES.setdefault(f"{made.desk}-{made.family or made.name}", []).append(made)


@pytest.mark.parametrize("family", FAMILIES)
def test_scenarios_can_be_played_with_the_tools_of_their_desk(family: str, shop: Shop) -> None:
    for scenario in FAMILIES[family]:
        check_calls(scenario, shop)


def check_calls(scenario: Scenario, shop: Shop) -> None:
    """It calls the tools of its desk, and not too many of them."""
    rng, functions = random.Random(6), functions_of(shop)
    sizes: list[int] = []
    for _ in range(20):
        with shop.rollback():
            solution = play(scenario.script(draw_from(shop, rng)), functions)
        assert {call.name for call in solution.calls} <= set(DESKS[scenario.desk].tools)
        sizes.append(len(solution.calls))
        assert solution.answer.text
    low, high = {"single": (1, 1), "parallel": (2, 3), "chain": (2, 6)}.get(scenario.kind, (0, 0))
    assert low <= max(sizes) <= high, scenario.name


def test_a_table_has_few_columns_and_all_are_known(shop: Shop) -> None:
    assert set(shop.state()) == set(TABLES)
