"""The condition language."""

from dxp.conditions.language import Condition, compile_condition
from dxp.conditions.matching import Finding, Situation, data_matcher
from dxp.conditions.nodes import Event as EventCount
from dxp.conditions.sql import SqlCondition, SqlEvents, SqlSource, data_condition, sql_condition
from dxp.conditions.sql_values import ColumnValue, SqlValue, json_value

__all__ = [
    "ColumnValue",
    "Condition",
    "EventCount",
    "Finding",
    "Situation",
    "SqlCondition",
    "SqlEvents",
    "SqlSource",
    "SqlValue",
    "compile_condition",
    "data_condition",
    "data_matcher",
    "json_value",
    "sql_condition",
]
