"""``forewarn evidence ...``: check the evidence pack of a case, and make one."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from alerting.access import EVERYTHING, Principal
from alerting.cases.playbooks.playbook_file import PlaybookSource
from alerting.cases.unmasking_log import UnmaskingLog
from alerting.evidence.evidence_check import MAX_BYTES, check_file, claim_of
from alerting.evidence.evidence_file import digest_over
from alerting.evidence.evidence_service import EvidenceRequest, EvidenceService, log_fault
from alerting.web.console.evidence_words import evidence_words
from alerting.web.console.translations import HTML_LANG, translator
from forewarn.cli.alerting_command import migrated_database, running_user
from forewarn.errors import ConfigurationError
from forewarn.platform.clock import system_clock
from forewarn.platform.settings import load_alerting
from forewarn.platform.words import Language

app = typer.Typer(no_args_is_help=True, help="Check and make evidence packs of cases.")


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="The file of the pack.")],
    expect_root: Annotated[
        str, typer.Option(help="The root that the file has to name, from another source.")
    ] = "",
    against_log: Annotated[
        bool, typer.Option(help="Also check against the audit log of the settings' database.")
    ] = False,
) -> None:
    """Check the checksums of a pack and the proof of its audit lines; status 1 if any does not hold."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigurationError(
                f"{file} is too large for a pack.", hint="Name the file of an evidence pack."
            )
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}.", hint="Name the file of an evidence pack."
        ) from None
    held = True
    for check in check_file(content, expect_root=expect_root):
        typer.echo(f"{'holds' if check.holds else 'FAILS'}: {check.name} ({check.found})")
        held = held and check.holds
    if against_log:
        claim = claim_of(content)
        fault = (
            log_fault(migrated_database(), claim, digest_over(content))
            if claim
            else "no audit lines"
        )
        typer.echo(
            f"{'FAILS' if fault else 'holds'}: the audit log ({fault or 'it names this file'})"
        )
        held = held and fault is None
    if not held:
        raise typer.Exit(1)


@app.command("export")
def export(
    case: Annotated[str, typer.Argument(help="The case.")],
    out: Annotated[Path, typer.Option(help="The file to write, which must not exist.")],
    reason: Annotated[str, typer.Option(help="Why the pack is made, for the history of the case.")],
    clear: Annotated[bool, typer.Option(help="Numbers, accounts and names in clear.")] = False,
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Make the pack of a case, however long the audit log is."""
    if language not in HTML_LANG:
        raise ConfigurationError(f"{language} is not a language of the pack.", hint="Say zh or en.")
    chosen: Language = "en" if language == "en" else "zh"
    settings = load_alerting()
    who = Principal(
        f"cli:{running_user()}", "cli", frozenset({"supervisor"}), EVERYTHING, "internal"
    )
    zone = ZoneInfo(settings.options.console.timezone)
    db = migrated_database()
    content = EvidenceService(db, system_clock, zone, UnmaskingLog(db, system_clock)).export(
        case,
        who,
        EvidenceRequest(reason, clear),
        evidence_words(translator(chosen), zone, PlaybookSource(settings.playbooks_file).current),
        max_lines=2**62,
    )
    try:
        with out.open("xb") as stream:
            out.chmod(0o600)
            stream.write(content)
    except OSError as error:
        raise ConfigurationError(
            f"{out} cannot be written: {error.strerror}.", hint="Name a file that does not exist."
        ) from None
    typer.echo(f"{out}: {len(content)} bytes, sha256 {digest_over(content)}")
