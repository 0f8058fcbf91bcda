"""``forewarn alerting user ...``: people who sign in to the console with a password."""

import secrets
import sys
from typing import Annotated

import typer

from alerting.access import Scope
from alerting.access.users import UserFile
from forewarn.errors import ConfigurationError
from forewarn.platform.settings import load
from forewarn.platform.settings.access_settings import AccessSettings

app = typer.Typer(no_args_is_help=True, help="People who sign in to the console with a password.")


@app.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Sign-in name: small letters, digits, dots, dashes.")],
    role: Annotated[list[str], typer.Option(help="Role; repeat for several.")],
    tenant: Annotated[
        list[str], typer.Option(help="Tenant whose cases the person sees; * for all.")
    ],
    district: Annotated[
        list[str],
        typer.Option(help="District whose cases the person sees; 4304* for a prefix; * for all."),
    ],
    display_name: Annotated[str, typer.Option(help="Name shown to colleagues.")] = "",
    password_stdin: Annotated[
        bool, typer.Option(help="Read the password from standard input instead of making one up.")
    ] = False,
    replace: Annotated[
        bool, typer.Option(help="Give an existing person a new password, role and scope.")
    ] = False,
) -> None:
    """Add a person who may sign in; print the password if the command made it up."""
    settings = load(AccessSettings)
    path = settings.users_file
    if "users_file" not in settings.model_fields_set and not path.exists():
        raise ConfigurationError(
            f"There is no user file {path.absolute()}, and no setting names another one.",
            hint="Set FOREWARN_ACCESS_USERS_FILE to the file that the service reads; a stack on this"
            " machine has it in its file stack.env (`set -a; . .forewarn/stack.env`).",
        )
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"The folder {path.parent} of the user file does not exist.",
            hint="Set FOREWARN_ACCESS_USERS_FILE to the file that the service reads.",
        )
    users = UserFile(path)
    before = users.known(name)
    if before is not None and not replace:
        disabled = " and is disabled" if before.disabled else ""
        raise ConfigurationError(
            f"{name} exists already{disabled}.",
            hint="Give --replace for a new password, role and scope.",
        )
    is_new = not path.exists()
    password = sys.stdin.readline().strip() if password_stdin else secrets.token_urlsafe(12)
    users.save(
        name,
        password,
        display_name=display_name or (before.display_name if before else ""),
        roles=role,
        tenants=tenant,
        districts=district,
    )
    if is_new:
        typer.echo(f"Created the user file {path.resolve()}.", err=True)
    if not password_stdin:
        # The label goes to standard error, so that a script reads the password alone.
        typer.echo(f"The password of {name}, shown only now:", err=True)
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
    """Remove a person and end their open sessions."""
    if not UserFile(load(AccessSettings).users_file).remove(name):
        typer.echo(f"{name} does not exist.", err=True)
        raise typer.Exit(1)
