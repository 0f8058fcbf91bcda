"""Takes the pictures of the console that the documentation shows: ``make screenshots``.

Needs Chromium, and a font with Chinese (``fonts-noto-cjk``).
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, StorageState, expect

from alerting.access.users import UserFile
from alerting.bootstrap.background_tasks import timer_worker
from alerting.bootstrap.service_layer import build_services
from alerting.db import Database, migrate
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import Clock
from tests.alerting.options import options
from tests.alerting.web.console import (
    live,
    pictured,
    pictured_orders,
    pictured_rotas,
    pictured_webhooks,
)
from tests.alerting.web.console.conftest import (
    CHEAP,
    PASSWORD,
    access_of,
    application,
    fill_in_sign_in,
)

FOLDER = Path("docs/screenshots")


@dataclass(frozen=True)
class Picture:
    """One page as one person sees it; width and height in pixels."""

    name: str
    who: str
    path: str
    width: int
    height: int
    language: str = "en"
    scheme: str = "light"


_SIGNED_IN: dict[str, StorageState] = {}
"""The cookies of who has signed in: the clock stands still, so the limit of sign-ins would not pass."""


def pictures(case_id: str, order_id: str) -> list[Picture]:
    """All that the documentation shows."""
    return [
        Picture("queue", "li", "queue", 1280, 800),
        Picture("case", "wang", f"cases/{case_id}", 1280, 1240),
        Picture("supervision-dark", "wang", "supervision", 1280, 1000, scheme="dark"),
        Picture("report-dark-zh", "wang", "report", 1280, 940, "zh", "dark"),
        Picture("queue-phone-zh", "li", "queue", 390, 844, "zh"),
        Picture("bulk", "wang", "bulk", 1280, 900),
        Picture("playbook", "wang", f"cases/{case_id}", 1280, 1900),
        Picture("rotas-zh", "wang", "rotas", 1280, 900, "zh"),
        Picture("orders", "wang", "orders", 1280, 700),
        Picture("order", "wang", f"orders/{order_id}", 1280, 860),
        Picture("order-dark-zh", "wang", f"orders/{order_id}", 1280, 860, "zh", "dark"),
        Picture("money", "wang", f"cases/{case_id}/money", 1280, 760),
        Picture("money-dark-zh", "wang", f"cases/{case_id}/money", 1280, 760, "zh", "dark"),
        Picture("figures", "wang", "figures?by=typology", 1280, 900),
        Picture(
            "figures-dark-zh", "wang", "figures?by=severity&period=month", 1280, 600, "zh", "dark"
        ),
        Picture("clues", "wang", "clues", 1280, 700),
        Picture("return-visits-dark", "wang", "return-visits", 1280, 700, scheme="dark"),
        Picture("webhooks", "wang", "webhooks", 1280, 560),
        Picture("webhooks-dark-zh", "wang", "webhooks", 1280, 560, "zh", "dark"),
        Picture("patrol-phone-dark-zh", "wang", "patrol", 390, 844, "zh", "dark"),
    ]


def series(chromium: Chromium, address: str, case_id: str) -> dict[str, bytes]:
    """One case from the page that reaches its holder to the closed case, by name."""
    context, page = _signed_in(
        chromium, address, Picture("series", "wang", f"cases/{case_id}", 1080, 640)
    )
    shots = {"case-1-page": page.screenshot()}
    page.keyboard.press("t")
    expect(page.locator("#casehead")).to_contain_text("In contact")
    shots["case-2-reached"] = page.screenshot()
    page.get_by_label("Dissuaded").check()
    page.locator("#closing textarea").fill("Her daughter is with her. She keeps the money.")
    page.locator("#outcome").scroll_into_view_if_needed()
    shots["case-3-outcome"] = page.screenshot()
    page.get_by_role("button", name="Close the case").click()
    expect(page.locator("#outcome strong")).to_have_text("Dissuaded")
    page.evaluate("scrollTo(0, 0)")
    shots["case-4-closed"] = page.screenshot()
    context.close()
    return {name: _packed(shot) for name, shot in shots.items()}


def take(chromium: Chromium, address: str, picture: Picture) -> bytes:
    """The picture as a PNG."""
    context, page = _signed_in(chromium, address, picture)
    shot = page.screenshot()
    context.close()
    return _packed(shot)


def printed(chromium: Chromium, address: str) -> bytes:
    """The page of figures as it is printed on A4 across, its first sheet without margins of 12 mm."""
    context, page = _signed_in(
        chromium, address, Picture("figures-a4", "wang", "figures?by=typology", 1032, 703)
    )
    page.emulate_media(media="print", color_scheme="light")
    shot = page.screenshot()
    context.close()
    return _packed(shot)


def _signed_in(chromium: Chromium, address: str, picture: Picture) -> tuple[BrowserContext, Page]:
    context = chromium.new_context(
        base_url=address,
        locale={"en": "en-GB", "zh": "zh-CN"}[picture.language],
        color_scheme="dark" if picture.scheme == "dark" else "light",
        reduced_motion="reduce",
        viewport={"width": picture.width, "height": picture.height},
        storage_state=_SIGNED_IN.get(picture.who),
    )
    page = context.new_page()
    page.clock.set_fixed_time(pictured.NOON_MS)  # no countdown ticks while pictures are taken
    if picture.who in _SIGNED_IN:
        page.goto(f"/console/{picture.path}")
        return context, page
    page.goto(f"/console/sign-in?next=/console/{picture.path}")
    fill_in_sign_in(page, picture.who)
    page.wait_for_url(lambda url: "sign-in" not in url)
    _SIGNED_IN[picture.who] = context.storage_state()
    return context, page


def _packed(shot: bytes) -> bytes:
    """A PNG of 256 colours, a third of the size of a full one."""
    packed = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(256).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def main(names: Sequence[str]) -> int:
    """Write every picture again, or those of these names."""
    path = live.chromium_path()
    if path is None:
        print("There is no Chromium: apt-get install chromium fonts-noto-cjk", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/pictures.db")
        migrate.upgrade(database)
        clock = Clock(pictured.NOON_MS)
        settings = AlertingSettings(
            database_url=database.url,
            options=options(
                gateways={
                    "sms_url": "http://sms.invalid",
                    "bank_url": "http://bank.invalid",
                    "operator_url": "http://operator.invalid",
                }
            ),
            bank_secret="never used: nothing is sent",
            operator_secret="never used either",
        )
        services = build_services(
            settings, database, clock, Pseudonymiser(b"a key that only pictures use")
        )
        timers = timer_worker(settings, services)
        case_id = pictured.settle(services, clock, timers)
        pictured_rotas.plan(services)
        order_id = pictured_orders.fill(services, case_id)
        pictured_webhooks.fill(services, case_id)
        users = Path(folder) / "users.json"
        for name, (label, role) in pictured.PEOPLE.items():
            UserFile(users, hasher=CHEAP).save(
                name, PASSWORD, display_name=label, roles=[role], tenants=["default"], districts=["4304*"]
            )  # fmt: skip
        app = application(services, access_of(services, clock, users))
        with live.chromium(path) as chromium, live.serving(app) as address:
            for picture in pictures(case_id, order_id):
                if names and picture.name not in names:
                    continue
                file = FOLDER / f"{picture.name}.png"
                file.write_bytes(take(chromium, address, picture))
                print(file)
            if not names or "figures-a4" in names:
                (FOLDER / "figures-a4.png").write_bytes(printed(chromium, address))
                print(FOLDER / "figures-a4.png")
            for name, shot in ({} if names else series(chromium, address, case_id)).items():
                (FOLDER / f"{name}.png").write_bytes(shot)
                print(FOLDER / f"{name}.png")
        timers.close()
        database.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
