"""Renders templates with the context that every page has."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Request, Response, Security
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from alerting.access import AccessControl, Caller, Principal
from alerting.access.masking import mask_account, mask_name, mask_phone
from alerting.web.auth.route_access import access_of, caller
from alerting.web.console import formats
from alerting.web.console.console_options import ConsoleOptions
from alerting.web.console.translations import HTML_LANG, choose_language, translator
from alerting.web.service_container import Services
from forewarn.platform import money
from forewarn.platform.words import Language, Translator, reason_text, span

Theme = Literal["auto", "light", "dark"]
SingleKeys = Literal["on", "off"]
LANGUAGE_COOKIE = "forewarn_language"
THEME_COOKIE = "forewarn_theme"
KEYS_COOKIE = "forewarn_keys"
STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The templates, with escaping on; a missing value is an error."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        static=static_url,
        money=money.exact,
        mask_phone=mask_phone,
        mask_account=mask_account,
        mask_name=mask_name,
        iso=formats.iso,
    )
    return env


@cache
def static_url(name: str) -> str:
    """The address of a static file with its fingerprint, so that browsers may cache it without end."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/console/static/{name}?v={digest}"


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One request: the person, the language, the theme and the services."""

    request: Request
    access: AccessControl
    services: Services
    options: ConsoleOptions
    t: Translator
    theme: Theme
    caller: Caller | None
    now_ms: int

    @property
    def who(self) -> Principal:
        """The principal of a page that needs one."""
        if self.caller is None:
            raise LookupError("this page is shown without signing in")
        return self.caller.principal

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        toast: str | None = None,
        undo: str | None = None,
        **values: object,
    ) -> HTMLResponse:
        """Render a template with the context of the page.

        Args:
            toast: a short message shown over the page and read out by screen readers.
            undo: the path of a request that takes the step of the message back.
        """
        html = environment().get_template(template).render(self._context(), **values)
        headers = {"Vary": "HX-Request, Cookie, Accept-Language"}
        if toast:
            # JSON escapes line breaks and everything beyond ASCII: nothing can end the header.
            message: dict[str, object] = {"value": toast}
            if undo:
                message["undo"] = {"path": undo, "label": self.t("action.undo")}
            headers["HX-Trigger"] = json.dumps({"toast": message})
        return HTMLResponse(html, status_code=status, headers=headers)

    def go(self, path: str) -> Response:
        """Go to another page, for a request of the browser or of htmx."""
        if self.is_fragment:
            here = urlsplit(self.request.headers.get("hx-current-url", "")).path
            if here == urlsplit(path).path:  # a browser does not reload for a fragment alone
                return Response(status_code=204, headers={"HX-Refresh": "true"})
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, status_code=303)

    def _context(self) -> dict[str, object]:
        zone = self.services.zone
        session = self.caller.session if self.caller else None
        return {
            "t": self.t,
            "lang": HTML_LANG[self.t.language],
            "language": self.t.language,
            "theme": self.theme,
            "single_keys": "off" if self.request.cookies.get(KEYS_COOKIE) == "off" else "on",
            "who": self.caller.principal if self.caller else None,
            "csrf_token": session.csrf_token if session else "",
            "path": self.request.url.path,
            "now_ms": self.now_ms,
            "zone": zone.key,
            "own_currency": self.options.currency,
            "reason_text": lambda reason, currency: reason_text(
                reason.code, reason.value, currency, self.t
            ),
            "clock_time": lambda at_ms: formats.clock_time(at_ms, zone),
            "day_and_time": lambda at_ms: formats.day_and_time(at_ms, zone),
            "span": lambda milliseconds: span(milliseconds, self.t),
            "short_money": lambda amount_minor, currency=self.options.currency: money.compact(
                amount_minor, currency, self.t.language
            ),
        }


def page_of(request: Request, found: Caller | None) -> ConsolePage:
    """The page of a request, signed in or not."""
    services: Services = request.app.state.services
    options: ConsoleOptions = request.app.state.console_options
    chosen = request.cookies.get(THEME_COOKIE)
    theme: Theme = "light" if chosen == "light" else "dark" if chosen == "dark" else "auto"
    language: Language = choose_language(
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("accept-language", ""),
        options.language,
    )
    return ConsolePage(
        request=request,
        access=access_of(request),
        services=services,
        options=options,
        t=translator(language),
        theme=theme,
        caller=found,
        now_ms=services.clock(),
    )


async def signed_in(request: Request, found: Annotated[Caller, Security(caller)]) -> ConsolePage:
    """Dependency: a page that needs a signed-in person."""
    return page_of(request, found)


async def anyone(request: Request) -> ConsolePage:
    """Dependency: a page shown without signing in."""
    return page_of(request, None)
