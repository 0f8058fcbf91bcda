"""The addresses of a stack as people read them."""

from collections.abc import Iterator, Mapping

from forewarn.local import console_user
from forewarn.local.stack_layout import Layout


def address_rows(urls: Mapping[str, str], layout: Layout) -> Iterator[tuple[str, str]]:
    """What is where, with the files that hold password and key; no secret is among them.

    Args:
        urls: of ``Stack.urls`` or ``StackState.urls``.
        layout: of the same stack.
    """
    for name, url in urls.items():
        if name == "console":
            yield "console", url
            yield "sign in as", f"{console_user.NAME}, password in {layout.password_file}"
        elif name == "decisions":
            yield "decisions for banks", f"{url}, key in {layout.bank_key_file}"
        else:
            process = name.removeprefix("metrics_").replace("_", "-")
            yield f"metrics of {process}", url
