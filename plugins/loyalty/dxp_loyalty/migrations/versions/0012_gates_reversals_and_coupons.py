"""Gates, wallets and kinds of rewards; redemptions taken back in part; batches of coupon codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision: str | None = "0011"

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_WHEN = sa.DateTime(timezone=True)
_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_VERSION = "loyalty_reward_version"
_VERSION_BEFORE = {
    "kind": "kind IN ('product', 'discount_code')",
    "limit_window": "limit_window IN ('ever', 'year', 'month', 'day')",
    "cost": "cost > 0",
    "per_member": "per_member > 0",
}
_VERSION_AFTER = {
    "limit_window": "limit_window IN ('lifetime', 'year', 'month', 'week', 'day')",
    "cost": "cost >= 0",
    "per_member": "per_member > 0",
}
_HOLD = "loyalty_hold"
_HOLD_BEFORE = {
    "state": "state IN ('open', 'captured', 'voided')",
    "amount": "amount > 0 OR (amount = 0 AND grant_id IS NOT NULL)",
}
_HOLD_AFTER = {
    "state": "state IN ('open', 'captured', 'voided', 'reversed')",
    "amount": "amount >= 0",
    "reversed": "0 <= reversed AND reversed <= amount",
}
_GIVEN_BACK = (
    "UPDATE loyalty_hold SET reversed = (SELECT COALESCE(SUM(entry.amount), 0) "
    "FROM loyalty_entry AS entry WHERE entry.account_id = loyalty_hold.account_id "
    "AND entry.reverses = loyalty_hold.entry_seq) WHERE entry_seq IS NOT NULL"
)
"""Returned orders gave points of redemptions back before these were counted."""


def upgrade() -> None:
    op.add_column("loyalty_reward", sa.Column("wallet", sa.String(length=40), nullable=True))
    op.add_column(_VERSION, sa.Column("gate", _JSON, server_default="{}", nullable=False))
    op.add_column(_HOLD, sa.Column("fulfilment", _JSON, server_default="{}", nullable=False))
    op.add_column(_HOLD, sa.Column("reversed", sa.BigInteger(), server_default="0", nullable=False))
    _check(_VERSION, _VERSION_BEFORE, {}, kind=40)
    op.execute(
        "UPDATE loyalty_reward_version SET limit_window = 'lifetime' WHERE limit_window = 'ever'"
    )
    _check(_VERSION, {}, _VERSION_AFTER, unset=("gate",))
    op.execute(_GIVEN_BACK)
    _check(_HOLD, _HOLD_BEFORE, _HOLD_AFTER, unset=("fulfilment", "reversed"))
    _rename_windows("ever", "lifetime")
    _batches()
    _replace_codes(_new_codes, _NEW_ROWS)
    _uses()


def downgrade() -> None:
    op.drop_table("loyalty_coupon_use")
    _replace_codes(_old_codes, _OLD_ROWS)
    op.drop_table("loyalty_coupon_batch")
    _rename_windows("lifetime", "ever")
    # What has no words in the older tables comes as near as it can.
    op.execute("UPDATE loyalty_hold SET state = 'voided' WHERE state = 'reversed'")
    op.execute("DELETE FROM loyalty_hold WHERE amount = 0 AND grant_id IS NULL")
    _check(_HOLD, _HOLD_AFTER, _HOLD_BEFORE)
    _check(_VERSION, _VERSION_AFTER, {})
    op.execute(
        "UPDATE loyalty_reward_version SET limit_window = CASE limit_window "
        "WHEN 'lifetime' THEN 'ever' WHEN 'week' THEN 'day' ELSE limit_window END, "
        "kind = CASE WHEN kind = 'discount_code' THEN kind ELSE 'product' END, "
        "cost = CASE WHEN cost = 0 THEN 1 ELSE cost END"
    )
    _check(_VERSION, {}, _VERSION_BEFORE, kind=20)
    for table, column in ((_HOLD, "reversed"), (_HOLD, "fulfilment"), (_VERSION, "gate")):
        op.drop_column(table, column)
    op.drop_column("loyalty_reward", "wallet")


def _rename_windows(before: str, after: str) -> None:
    for table in (_HOLD, "loyalty_reward_counter"):
        named = sa.table(table, sa.column("window_key", sa.String()))
        op.execute(named.update().where(named.c.window_key == before).values(window_key=after))


def _check(
    table: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    kind: int | None = None,
    unset: tuple[str, ...] = (),
) -> None:
    """Put other checks on a table.

    Args:
        kind: new length of the column `kind`.
        unset: columns whose default was for the rows that were there.
    """
    with op.batch_alter_table(table) as batch_op:
        for name in before:
            batch_op.drop_constraint(batch_op.f(f"ck_{table}_{name}"), type_="check")
        for name, rule in after.items():
            batch_op.create_check_constraint(batch_op.f(f"ck_{table}_{name}"), rule)
        if kind is not None:
            batch_op.alter_column("kind", type_=sa.String(length=kind), existing_nullable=False)
        for column in unset:
            batch_op.alter_column(column, server_default=None, existing_nullable=False)


def _batches() -> None:
    op.create_table(
        "loyalty_coupon_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("alphabet", sa.String(length=20), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("benefit", _JSON, nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("valid_from", _WHEN, nullable=True),
        sa.Column("valid_until", _WHEN, nullable=True),
        sa.Column("delivered_at", _WHEN, nullable=True),
        sa.Column("delivered_by", sa.String(length=80), nullable=True),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "origin IN ('generated', 'imported')", name=op.f("ck_loyalty_coupon_batch_origin")
        ),
        sa.CheckConstraint(
            "purpose IN ('download', 'rewards')", name=op.f("ck_loyalty_coupon_batch_purpose")
        ),
        sa.CheckConstraint(
            "state IN ('making', 'ready', 'withdrawn')",
            name=op.f("ck_loyalty_coupon_batch_state"),
        ),
        sa.CheckConstraint(
            "made >= 0 AND wanted >= made", name=op.f("ck_loyalty_coupon_batch_made")
        ),
        sa.CheckConstraint("max_uses > 0", name=op.f("ck_loyalty_coupon_batch_max_uses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_coupon_batch")),
        sa.UniqueConstraint("key", name=op.f("uq_loyalty_coupon_batch_key")),
    )


def _new_codes() -> None:
    op.create_table(
        "loyalty_coupon_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("redemption_id", sa.Uuid(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("valid_until", _WHEN, nullable=True),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.CheckConstraint(
            "state IN ('free', 'issued', 'void')", name=op.f("ck_loyalty_coupon_code_state")
        ),
        sa.CheckConstraint(
            "0 <= uses AND uses <= max_uses", name=op.f("ck_loyalty_coupon_code_uses")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["loyalty_coupon_batch.id"],
            name=op.f("fk_loyalty_coupon_code_batch_id_loyalty_coupon_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_coupon_code_subject_id_dxp_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["redemption_id"],
            ["loyalty_hold.id"],
            name=op.f("fk_loyalty_coupon_code_redemption_id_loyalty_hold"),
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_loyalty_coupon_code")),
        sa.UniqueConstraint("redemption_id", name=op.f("uq_loyalty_coupon_code_redemption_id")),
    )
    op.create_index(op.f("ix_loyalty_coupon_code_batch_id"), "loyalty_coupon_code", ["batch_id"])
    for name, columns, where in (
        ("free", ["batch_id", "number"], "state = 'free'"),
        ("member", ["subject_id"], "subject_id IS NOT NULL"),
    ):
        op.create_index(
            f"ix_loyalty_coupon_code_{name}",
            "loyalty_coupon_code",
            columns,
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )


_NEW_ROWS = (
    "INSERT INTO loyalty_coupon_code (code_hash, state, subject_id, redemption_id, uses, "
    "max_uses, created_at) SELECT old.code_hash, CASE old.state WHEN 'used' THEN 'issued' "
    "ELSE old.state END, account.subject_id, old.redemption_id, "
    "CASE old.state WHEN 'used' THEN 1 ELSE 0 END, 1, old.created_at "
    "FROM loyalty_coupon_old AS old JOIN loyalty_account AS account ON account.id = old.account_id"
)
_OLD_ROWS = (
    "INSERT INTO loyalty_coupon_code (code_hash, state, account_id, redemption_id, created_at) "
    "SELECT old.code_hash, CASE WHEN old.uses > 0 THEN 'used' ELSE old.state END, "
    "hold.account_id, old.redemption_id, old.created_at FROM loyalty_coupon_old AS old "
    "JOIN loyalty_hold AS hold ON hold.id = old.redemption_id WHERE old.state <> 'free' "
    "AND (hold.amount > 0 OR hold.grant_id IS NOT NULL)"
)


def _old_codes() -> None:
    op.create_table(
        "loyalty_coupon_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", _WHEN, nullable=False),
        sa.CheckConstraint(
            "state IN ('issued', 'used', 'void')", name=op.f("ck_loyalty_coupon_code_state")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name=op.f("fk_loyalty_coupon_code_account_id_loyalty_account"),
        ),
        sa.ForeignKeyConstraint(
            ["redemption_id"],
            ["loyalty_hold.id"],
            name=op.f("fk_loyalty_coupon_code_redemption_id_loyalty_hold"),
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_loyalty_coupon_code")),
        sa.UniqueConstraint("redemption_id", name=op.f("uq_loyalty_coupon_code_redemption_id")),
    )
    op.create_index(
        op.f("ix_loyalty_coupon_code_account_id"), "loyalty_coupon_code", ["account_id"]
    )


def _replace_codes(create: Callable[[], None], fill: str) -> None:
    """Make the table anew: nearly every column changes."""
    op.execute("CREATE TABLE loyalty_coupon_old AS SELECT * FROM loyalty_coupon_code")
    op.drop_table("loyalty_coupon_code")
    create()
    op.execute(fill)
    op.drop_table("loyalty_coupon_old")


def _uses() -> None:
    op.create_table(
        "loyalty_coupon_use",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("ref", sa.String(length=100), nullable=True),
        sa.Column("used_at", _WHEN, nullable=False),
        sa.Column("rolled_back_at", _WHEN, nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_hash"],
            ["loyalty_coupon_code.code_hash"],
            name=op.f("fk_loyalty_coupon_use_code_hash_loyalty_coupon_code"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["dxp_subject.id"],
            name=op.f("fk_loyalty_coupon_use_subject_id_dxp_subject"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_coupon_use")),
    )
    active = sa.text("rolled_back_at IS NULL")
    op.create_index(
        "uq_loyalty_coupon_use_ref",
        "loyalty_coupon_use",
        ["code_hash", "ref"],
        unique=True,
        postgresql_where=active,
        sqlite_where=active,
    )
    op.create_index(op.f("ix_loyalty_coupon_use_subject_id"), "loyalty_coupon_use", ["subject_id"])
