"""Errors as people at a terminal get them: what happened, why, what to do, and no traceback."""

from __future__ import annotations

from typing import IO, Any

import click

from dxp.errors import DxpError, Problem

EXIT_REFUSED = 2


class Refusal(click.ClickException):
    """An error that dxp raised on purpose."""

    exit_code = EXIT_REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        click.secho("Error: ", fg="red", bold=True, nl=False, err=file is None, file=file)
        click.echo(self.message, err=file is None, file=file)


def refusal(error: DxpError) -> Refusal:
    """An error of dxp as the command line shows it."""
    if not isinstance(error, Problem):
        return Refusal(str(error))
    lines = [f"{error.title}.", error.detail]
    for fault in error.errors:
        where = fault.pointer or fault.parameter or ""
        lines.append(f"  {where}: {fault.detail}" if where else f"  {fault.detail}")
    return Refusal("\n".join(lines))
