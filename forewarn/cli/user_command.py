"""``forewarn alerting user ...``: people who sign in to the console with a password."""

import secrets
import sys
from typing import Annotated

import typer

from alerting.access import Scope
from alerting.access.users import UserFile
from forewarn.platform.settings import load
from forewarn.platform.settings.access_settings import AccessSettings

app = typer.Typer(no_args_is_help=True, help="People who sign in to the console with a password.")


@app.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Sign-in name: small letters, digits, dots, dashes.")],
    role: Annotated[list[str], typer.Option(help="Role; repeat for several.")],
    display_name: Annotated[str, typer.Option(help="Name shown to colleagues.")] = "",
    tenant: Annotated[list[str] | None, typer.Option(help="Tenant; * for all.")] = None,
    district: Annotated[
        list[str] | None, typer.Option(help="District; 4304* for all that begin so; * for all.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option(help="Read the password from standard input instead of making one up.")
    ] = False,
) -> None:
    """Add somebody, or give them a new password and role; prints a password that it made up."""
    password = sys.stdin.readline().strip() if password_stdin else secrets.token_urlsafe(12)
    users = UserFile(load(AccessSettings).users_file)
    users.save(
        name,
        password,
        display_name=display_name,
        roles=role,
        tenants=tenant or ["*"],
        districts=district or ["*"],
    )
    if not password_stdin:
        typer.echo(password)


@app.command("list")
def list_users() -> None:
    """List who may sign in, with their roles and scope."""
    for user in UserFile(load(AccessSettings).users_file).all():
        scope: Scope = user.grants.scope
        tenants, districts = scope.lists()
        roles = ",".join(sorted(user.grants.roles))
        typer.echo(
            f"{user.name}\t{roles}\ttenants={','.join(tenants)}\tdistricts={','.join(districts)}"
        )


@app.command("remove")
def remove_user(name: Annotated[str, typer.Argument(help="Sign-in name.")]) -> None:
    """Remove somebody; their open sessions end with it."""
    if not UserFile(load(AccessSettings).users_file).remove(name):
        typer.echo(f"There is no {name}.", err=True)
        raise typer.Exit(1)
