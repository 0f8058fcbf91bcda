"""Signing in never leads to another site."""

import pytest

from alerting.web.auth.redirects import DEFAULT, safe_next


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/console\r\nSet-Cookie: forewarn=planted",
        "javascript:alert(1)",
        "evil.example",
        "/" + "a" * 3000,
        "/控制台",
        "",
        None,
    ],
)
def test_anything_but_a_path_of_this_site_goes_to_the_first_page(target: str | None) -> None:
    assert safe_next(target) == DEFAULT


@pytest.mark.parametrize("target", ["/console/cases/c-1", "/console/queue?severity=critical"])
def test_a_path_of_this_site_is_kept(target: str) -> None:
    assert safe_next(target) == target
