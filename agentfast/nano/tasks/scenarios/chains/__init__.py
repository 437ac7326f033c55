"""Chains: requests whose later calls need earlier results, composed of references and actions."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.chains import calendar, customers, messages, orders, stock

__all__ = ["calendar", "customers", "messages", "orders", "stock"]
