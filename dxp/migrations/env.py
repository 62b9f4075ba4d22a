"""Alembic's environment, for one owner at a time; `dxp.db.migrate` runs it inside a transaction."""

from __future__ import annotations

from alembic import context

from dxp.db.comparison import comparison_options
from dxp.db.owners import Owner

attributes = context.config.attributes
owner: Owner = attributes["owner"]

context.configure(
    connection=attributes["connection"],
    version_table=owner.version_table,
    on_version_apply=attributes["report"],
    # The transaction is begun and ended outside, so that an owner's steps hold or fall together.
    transactional_ddl=True,
    **comparison_options(attributes["connection"], owner, attributes["owners"]),
)
with context.begin_transaction():
    context.run_migrations()
